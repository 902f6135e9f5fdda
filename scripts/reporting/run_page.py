"""A run: losses, learning rates, gradient norms, the router, answers, settings."""
import collections
import json

from .figures import figure, heat, lines
from .page import render
from .parts import Table, Verbatim

TEXTS = [("Results", "results.txt"), ("Versions", "versions.json"), ("Settings", "config.yaml")]


def is_void(old, resume):
    """Whether the training that resumes is that of the old record and does its step again."""
    same = old["job"] == resume["job"] and old["group"] in resume.get("groups", [old["group"]])
    return same and old["step"] > resume["resumed_at"]


def read_records(path):
    """The records of metrics.jsonl without those that a resume made void."""
    records = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if "resumed_at" in record:
            records = [old for old in records if not is_void(old, record)]
        else:
            records.append(record)
    return records


def all_records(paths):
    """Of all trainings. Experts trained together have each other's records: a group counts once."""
    groups = {}
    for path in paths:
        own = collections.defaultdict(list)
        for record in read_records(path):
            own[record["job"], record["group"]].append(record)
        for name, records in own.items():
            groups.setdefault(name, records)
    return [record for records in groups.values() for record in records]


def by_group(records, name):
    """{"job/group": [(step, value)]} of the records that have that figure."""
    series = collections.defaultdict(list)
    for record in records:
        if name in record:
            series[f"{record['job']}/{record['group']}"].append((record["step"], record[name]))
    return series


def router_figures(records):
    routed = [record for record in records if record.get("gates")]
    if not routed:
        return []
    last = routed[-1]
    means = [layer["mean"] for layer in last["gates"]]

    def histogram(_, axes):
        for expert, weights in enumerate(zip(*means)):
            axes.hist(weights, bins=20, range=(0, 1), histtype="step", label=f"expert {expert}")
        axes.set_xlabel("mean weight of a layer")
        axes.set_ylabel("layers")
        axes.legend()

    def entropies(_, axes):
        for name in ("mean_entropy", "entropy_of_mean"):
            axes.plot([layer[name] for layer in last["gates"]], label=name.replace("_", " "))
        axes.set_xlabel("layer")
        axes.set_ylabel("nats")
        axes.legend()

    step = f"At step {last['step']}, over that step's inputs."
    return [
        figure("router", "Router: mean weight by layer and expert", step,
               lambda plot, axes: heat(plot, axes, means), (9, 2.4)),
        figure("histogram", "Router: histogram of the layers' mean weights", step, histogram),
        figure("entropy", "Router: entropy by layer", step + " A low entropy of the mean is collapse; a low mean entropy "
               "beside a high entropy of the mean is confident, diverse routing.", entropies),
    ]  # fmt: skip


def training_table(records):
    columns = ["group", "steps", "first loss", "last loss", "best validation", "tokens", "tokens/s", "peak memory, MiB"]
    rows = []
    for name, losses in by_group(records, "token_loss").items():
        own = [record for record in records if f"{record['job']}/{record['group']}" == name]
        steps = [record for record in own if "token_loss" in record]
        best = min((record["validation_loss"] for record in own if "validation_loss" in record), default=None)
        tokens = sum(record["tokens"] for record in steps)
        seconds = max(sum(record["seconds"] for record in steps), 1e-9)
        rows.append([name, len(steps), f"{losses[0][1]:.4f}", f"{losses[-1][1]:.4f}",
                     "-" if best is None else f"{best:.4f}", tokens, f"{tokens / seconds:.0f}",
                     f"{max(record['memory_mib'] for record in steps):.0f}"])  # fmt: skip
    return Table("Training", columns, rows)


def figures_of(records):
    if not records:
        return []
    loss = lines("nats a token", (by_group(records, "token_loss"), "-", ""),
                 (by_group(records, "validation_loss"), "o--", ", validation"))  # fmt: skip
    return [
        figure("loss", "Loss", "Each group's training loss before the step, and its validation loss.", loss),
        figure("norm", "Gradient norm", "Before clipping.",
               lines("norm", (by_group(records, "grad_norm"), "-", ""), logarithmic=True)),
        figure("rate", "Learning rate", "", lines("step size", (by_group(records, "learning_rate"), "-", ""))),
        figure("speed", "Speed", "", lines("tokens/s", (by_group(records, "tokens_per_s"), "-", ""))),
    ] + router_figures(records)  # fmt: skip


def last_answers(records):
    last = {f"{record['job']}/{record['group']}": record["answers"] for record in records if "answers" in record}
    rows = [[name, answer["key"], answer["answer"]] for name, answers in last.items() for answer in answers]
    return Table("Answers at the last validation", ["group", "key", "answer"], rows, prose=True)


def run_page(run, metrics):
    """The page of run folder `run`, whose steps' metrics.jsonl are `metrics`."""
    records = all_records(metrics)
    tables = [table for table in (training_table(records), last_answers(records)) if table.rows]
    texts = [Verbatim(name, (run / file).read_text()) for name, file in TEXTS if (run / file).exists()]
    warnings = [f"{r['job']}/{r['group']}, step {r['step']}: {r['warning']}" for r in records if "warning" in r]
    return render(f"Run {run.resolve().name}", tables[:1] + figures_of(records) + tables[1:] + texts, warnings)
