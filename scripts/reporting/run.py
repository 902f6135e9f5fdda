"""A run folder as written by its steps. Missing parts are empty."""
import functools
import json
import pathlib
import re

from .refusal import refuse

F1 = 13  # its index among the metrics of scores.json
CHOICE = ("select", "samples", "utility", "expectation")  # the fields that distinguish the rules of a system


def read_json(path):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        refuse(f"{path} must be JSON, but is not: {error}")


def read_settings(text):
    """{"data.domain": "food"} from a config.yaml of the programs: nested names, one-line lists, comments."""
    settings, above = {}, []
    for line in text.splitlines():
        match = re.match(r"( *)([\w-]+):(?: +(.*?))?(?:  #.*)?$", line)
        if match:
            depth, name, value = len(match[1]) // 2, match[2], match[3]
            above = [*above[:depth], name]
            if value and not value.startswith("#"):
                settings[".".join(above)] = value.strip('"')
    return settings


def is_void(old, resume):
    """Whether the resumed training is that of the old record and repeats its step."""
    same = old["job"] == resume["job"] and old["group"] in resume.get("groups", [old["group"]])
    return same and old["step"] > resume["resumed_at"]


def read_records(path):
    """The records of metrics.jsonl without those invalidated by a resume."""
    records = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if "resumed_at" in record:
            records = [old for old in records if not is_void(old, record)]
        else:
            records.append(record)
    return records


def label(record):
    """What is trained: the name of an expert, or the job of a router or control."""
    job = record["job"]
    return record["group"] + job.removeprefix("train").replace("_", " ") if job.startswith("train") else job


def rule_of(figures):
    """What chose: `vote`, `expected_utility mean`, `baseline`; empty without candidates."""
    if figures.get("baseline"):
        return "baseline"
    return " ".join(figures[member] for member in ("select", "utility") if member in figures)


def choice_of(figures):
    """`vote of 4 candidates`; empty of one without candidates."""
    return f"{rule_of(figures)} of {figures['samples']} candidates" if "select" in figures and "samples" in figures else ""


def named(name, figures):
    """`dynamic (vote, n=4)`, as the programs' warnings name a result."""
    system = figures.get("system", name)
    return f"{system} ({rule_of(figures)}, n={figures['samples']})" if choice_of(figures) else system


class Run:
    def __init__(self, folder):
        """Of a run's folder, or of RUN/evaluations/NAME."""
        own = folder.parent.name == "evaluations" and (folder.parents[1] / "steps").exists()
        self.folder = folder.parents[1] if own else folder
        self.own_settings = folder / "config.yaml"
        self.name = self.folder.resolve().name + (f", {folder.name}" if own else "")
        self.metrics = sorted(self.folder.glob("steps/*/metrics.jsonl"))
        evaluations = [self.folder / "steps/evaluate", *sorted(self.folder.glob("steps/evaluate-*"))]
        if own:
            evaluations = [(folder / "results.json").resolve().parent]
        self.evaluation = next((one for one in evaluations if (one / "results.json").exists()), None)

    def __bool__(self):
        """Whether there is anything to show."""
        return bool(self.metrics or self.evaluation)

    def text(self, name):
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def evaluated(self, name):
        return read_json(self.evaluation / name) if self.evaluation else {}

    @property
    def settings_text(self):
        """Of an evaluation with a name its own, where it has them."""
        return (self.own_settings.read_text() if self.own_settings.exists() else "") or self.text("config.yaml")

    @functools.cached_property
    def settings(self):
        return read_settings(self.settings_text)

    @functools.cached_property
    def results(self):
        return self.evaluated("results.json")

    @functools.cached_property
    def scores(self):
        return self.evaluated("scores.json")

    @functools.cached_property
    def sessions(self):
        """Number, items, titles and gold of every evaluated session; empty for old evaluations."""
        asked = self.evaluated("sessions.json")
        if "titles" not in asked:
            return []
        return [dict(zip(("session", "items", "titles", "gold"), one))
                for one in zip(*(asked[name] for name in ("sessions", "items", "titles", "gold")))]  # fmt: skip

    @functools.cached_property
    def records(self):
        """The records of all trainings. Experts trained together share records: each group counts once."""
        groups = {}
        for path in self.metrics:
            own = {}
            for record in read_records(path):
                own.setdefault((record["job"], record["group"]), []).append(record)
            for name, records in own.items():
                groups.setdefault(name, records)
        return [record for records in groups.values() for record in records]

    @functools.cached_property
    def steps(self):
        """The records of the finished steps, in order of completion."""
        found = {}
        for path in self.folder.glob("steps/*/step.json"):
            step = read_json(path)
            found[step.get("key", str(path))] = step
        return sorted(found.values(), key=lambda step: step.get("ended", ""))

    @property
    def experts(self):
        """The experts' names, in the order of `experts`."""
        written = read_json(self.folder / "router/router_config.json").get("experts") or self.results.get("experts")
        return written or []

    @property
    def systems(self):
        """{name: metrics} of all results, including baselines."""
        return self.results.get("systems", {})

    @property
    def metric(self):
        """What its systems are drawn by: f1 of bundles, the loss of a task of one's own."""
        return "loss" if "examples" in self.results else "f1"

    @property
    def usual(self):
        """One result per system: that with the usual choice, which has the system's name, else the first."""
        chosen = {}
        for name, figures in self.systems.items():
            own = figures.get("system", name)
            if own not in chosen or name == own:
                chosen[own] = name
        return {name: self.systems[name] for name in chosen.values()}

    @property
    def best(self):
        """The usual result with the highest f1 except baselines; None without one."""
        learnt = [name for name, figures in self.usual.items() if not figures.get("baseline")]
        return max(learnt, key=lambda name: self.systems[name]["f1"], default=None)

    @property
    def choice(self):
        """The choice of the usual results: the same of all that have candidates; empty if none has."""
        return next((choice for choice in map(choice_of, self.usual.values()) if choice), "")

    @property
    def terms(self):
        """On what its figures rest: `18 sessions, vote of 4 candidates`."""
        asked = next((f"{self.results[what]} {what}" for what in ("sessions", "answers") if what in self.results), "")
        return ", ".join(part for part in (asked, self.choice) if part)

    def f1_by_session(self, name):
        """f1 of a result by session, as a mean over its runs."""
        runs = self.scores.get(name, [])
        return [sum(numerators[F1] / denominators[F1] if denominators[F1] else 0 for numerators, denominators in scores) / len(runs)
                for scores in zip(*runs)]  # fmt: skip

    def answers_text(self, system):
        """The lines of the system's file, which is named after it, or by letters and a hash."""
        word = re.sub(r"[^\w.-]", "_", system, flags=re.ASCII)
        ending = "" if word == system else "-????????"
        return "".join(path.read_text() for path in (self.evaluation / "answers").glob(f"{word[:100]}{ending}.jsonl"))

    def answers(self, name):
        """{session: (the bundles chosen by the result's rule, all candidates)}; {} without answers."""
        figures, found = self.systems[name], {}
        if "select" not in figures:
            return {}
        wanted = [figures.get(member) for member in CHOICE]
        for line in self.answers_text(figures["system"]).splitlines():
            answer = json.loads(line)
            chosen = [one for one in answer["selected"] if [one.get(member) for member in CHOICE] == wanted]
            if chosen:
                found[answer["session"]] = chosen[0]["bundles"], answer["candidates"][: figures["samples"]]
        return found


def unlike_names(runs):
    """The display names of the runs: their folders' names, or paths if two are equal."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in runs]


def read_run(folder):
    run = Run(pathlib.Path(folder))
    if not pathlib.Path(folder).exists():
        refuse(f"RUN must be the folder of a run, of one of its evaluations, or of a study, but {folder} does not exist")
    if not run:
        refuse("a run folder must hold steps/STEP/metrics.jsonl or steps/evaluate/results.json, one of a study study.json, "
               f"but {folder} does not")  # fmt: skip
    return run
