"""docs/results.md and its pictures, from docs/results/experiments/*.json alone."""
import importlib.metadata
import pathlib
import re
import sys

from .answers import answer
from .study import how_made, read
from .study_figures import pictures
from .study_tables import costs_table, tables

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "benchmarks"))
from tables import table as markdown  # noqa: E402

ORDER = ["knowledge", "experts", "fusion", "samples", "router", "ablation", "conflict", "static_vs_dynamic", "sparse",
         "selection", "relations", "traps", "baselines", "cost", "teacher"]  # fmt: skip
# Pictures that stand once: in the first of these studies that exists.
ONCE = {"router": ["router", "knowledge"], "calibration": ["selection", "samples"]}
LONG = 24  # rows of a table that is folded
HEAD = """# Results of the experiments

    scripts/report --docs       # writes this page from docs/results/experiments/*.json

The answers to the questions of [experiments.md](experiments.md). A result is said to gain or lose only
where the 95 % interval of the difference (paired bootstrap over sessions) excludes 0 and its p-value,
corrected for all comparisons of the study (Holm), is below .05. "Cannot be told apart" is not "equal":
few sessions leave wide intervals. The end of each section says how it was made.
"""


def read_studies(root):
    """{name of the file: study}, in the page's order."""
    studies = {path.stem: read(path) for path in (root / "docs/results/experiments").glob("*.json")}
    place = {name: i for i, name in enumerate(ORDER)}
    return {name: studies[name] for name in sorted(studies, key=lambda name: (place.get(name, len(ORDER)), name))}


def left_out(name, studies):
    """The pictures that another study shows."""
    return [kind for kind, choice in ONCE.items() if name != next((one for one in choice if one in studies), None)]


def titled(name, study):
    return study.get("question") or name


def write_table(table, folded=False):
    columns = [f"`{name}`" if "_" in name else name for name in table.columns]
    text = markdown([dict(zip(columns, map(str, row))) for row in table.rows])
    text = f"{table.text}\n\n{text}" if table.text else text
    if folded or len(table.rows) > LONG:
        return f"<details><summary>{table.title} ({len(table.rows)} rows)</summary>\n\n{text}\n</details>\n"
    return f"### {table.title}\n\n{text}"


def section(name, study, shown):
    """Of one study; `shown` are its pictures."""
    costs = costs_table(study)
    parts = [f'<a id="{name}"></a>\n\n## {titled(name, study)}\n', answer(study) + "\n"]
    parts += [write_table(table) for table in tables(study)]
    parts += [f"### {one.title}\n\n![{one.title}](results/pictures/{name}-{one.name}.svg)\n\n{one.text}\n" for one in shown]
    parts += [write_table(costs, folded=True)] if costs.rows else []
    source = f"results/experiments/{name}.json"
    parts.append(f"### How it was made\n\n{how_made(study)} ([{source}]({source})).\n")
    return "\n".join(parts)


def made(root):
    """{path below docs: its text}: the page and its pictures; nothing without a study."""
    studies = read_studies(root)
    shown = {name: pictures(study, left_out(name, studies)) for name, study in studies.items()}
    files = {f"results/pictures/{name}-{one.name}.svg": one.svg for name, own in shown.items() for one in own}
    if studies:
        contents = "".join(f"- [{titled(name, study)}](#{name}) {answer(study)}\n" for name, study in studies.items())
        sections = [section(name, study, shown[name]) for name, study in studies.items()]
        files["results.md"] = "\n".join([HEAD, contents, *sections])
    return files


def present(root):
    """The files that stand where this module writes."""
    docs = root / "docs"
    paths = [docs / "results.md", *sorted((docs / "results/pictures").glob("*.svg"))]
    return {str(path.relative_to(docs)): path.read_text() for path in paths if path.exists()}


def pinned():
    """The version of matplotlib whose pictures are those of the repository."""
    return re.search(r"^matplotlib==(\S+)", (REPOSITORY / "third_party/test-python.txt").read_text(), re.MULTILINE)[1]


def check(root):
    """-> a line for each file that is not what write() would make it. Another matplotlib draws other pictures: those
    are then only looked for, not compared."""
    wanted, found = made(root), present(root)
    same = importlib.metadata.version("matplotlib") == pinned()
    if not same and wanted:
        print(f"pictures are not compared: they are those of matplotlib {pinned()}", file=sys.stderr)
    errors = []
    for name in sorted(wanted | found):
        if name not in found:
            errors.append(f"docs/{name}: is missing: run scripts/report --docs")
        elif name not in wanted:
            errors.append(f"docs/{name}: no study makes it: run scripts/report --docs, or remove it")
        elif wanted[name] != found[name] and (same or not name.endswith(".svg")):
            errors.append(f"docs/{name}: is not what docs/results/experiments makes: run scripts/report --docs")
    return errors


def write(root):
    """Writes the page and its pictures, removes pictures of before. -> the paths written; none without a study."""
    wanted = made(root)
    if not wanted:
        return []
    for name in present(root).keys() - wanted.keys():
        (root / "docs" / name).unlink()
    for name, text in wanted.items():
        path = root / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [f"docs/{name}" for name in sorted(wanted)]
