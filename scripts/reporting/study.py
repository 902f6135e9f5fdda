"""The contents of a study.json of routedk-run. Members that an older file lacks are empty."""
import dataclasses
import json

from .refusal import refuse
from .wording import day, listing


@dataclasses.dataclass
class Shown:
    """A system of a point: its data besides the metrics (`facts`), and its metrics under `name`, or None."""

    point: dict
    system: str
    facts: dict
    name: str
    metrics: dict

    @property
    def rule(self):
        """System and rule, without the number of samples."""
        name = self.system.removesuffix(f" n={self.facts.get('samples')}")
        return name if " " in name or "select" not in self.facts else f"{name} {self.facts['select']}"


def read(path):
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        refuse(f"{path} must be JSON, but is not: {error}")


def shown(study):
    """The systems of all points; with several seeds, those of the first."""
    found = {}
    for point in study.get("points") or []:
        for system, facts in point.get("systems", {}).items():
            name = f"{point['variant']}/{system}" if point.get("variant") else system
            metrics = study.get("results", {}).get(name, {}).get(point["domain"])
            found.setdefault((name, point["domain"]), Shown(point, system, facts, name, metrics))
    return list(found.values())


def results(study):
    """(name, domain, metrics) of every result."""
    return [(name, domain, metrics) for name, by_domain in study.get("results", {}).items()
            for domain, metrics in by_domain.items()]  # fmt: skip


def domains(study):
    """The domains of its points and results."""
    named = [point["domain"] for point in study.get("points") or []] + [domain for _, domain, _ in results(study)]
    return list(dict.fromkeys(named))


def place(point):
    """Its variant and domain, the key of a picture's panels."""
    return point.get("variant", ""), point["domain"]


def place_title(study, of):
    """A variant, with its domain if the study has several."""
    variant, domain = of
    return ", ".join(part for part in (variant, domain if len(domains(study)) > 1 else "") if part)


def seed_note(study, what):
    """A note that a picture shows the first seed, if there are several."""
    return f" {what} of the first seed." if len({point.get("seed") for point in study.get("points") or []}) > 1 else ""


def watched(study, member):
    """The conflict or probe data of the first point that has any; {} if none does."""
    return next((point[member] for point in study.get("points") or [] if point.get(member)), {})


def watched_note(study, member):
    """A note which point that is, if several have such data."""
    having = [point for point in study.get("points") or [] if point.get(member)]
    return f" Of {having[0]['name']}." if len(having) > 1 else ""


def warnings(study):
    return list(dict.fromkeys(f"{one.name}, {one.point['domain']}: {warning}"
                              for one in shown(study) for warning in one.facts.get("warnings") or []))  # fmt: skip


def counted(values, noun):
    """`seed 1`, `seeds 1 and 2`."""
    return f"{noun}{'s' if len(values) > 1 else ''} {listing(map(str, values))}"


def how_made(study):
    """Command, date, time, commit, machine; split, domains, sessions and seeds, as far as known."""
    made = study.get("made", {})
    versions = dict(made.get("versions", {}))
    machine = [versions.pop(name) for name in ("machine", "cpu") if name in versions]
    machine += [f"{versions.pop('threads')} threads"] if "threads" in versions else []
    machine += [f"{name} {version}" for name, version in versions.items()]
    run = [f"`{made['command']}`"] if "command" in made else []
    run += [day(made["date"])] if "date" in made else []
    run += [f"{made['seconds']:,.0f} s"] if "seconds" in made else []
    run += [f"commit {made['commit']}"] if "commit" in made else []
    points = study.get("points") or []
    data = [f"{listing(sorted({point['split'] for point in points}))} split"] if points else []
    data += [listing(domains(study))] if domains(study) else []
    sessions = sorted({metrics["sessions"] for _, _, metrics in results(study) if "sessions" in metrics})
    data += [f"{listing(map(str, sessions))} sessions"] if sessions else []
    data += [counted(sorted({point["seed"] for point in points}), "seed")] if points else []
    text = "; ".join(", ".join(parts) for parts in (data, run, machine) if parts)
    return text[:1].upper() + text[1:]
