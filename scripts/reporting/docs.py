"""docs/results.md, its pictures, and README.md's answer and picture, from docs/results/experiments/*.json alone."""
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap

from . import similarity
from .answers import answer
from .overview import picture
from .refusal import refuse
from .study import how_made, read, results
from .study_figures import pictures
from .study_tables import costs_table, results_table, tables

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "benchmarks"))
from tables import table as markdown  # noqa: E402

ORDER = ["claims", "domains", "knowledge", "experts", "fusion", "samples", "router", "ablation", "conflict", "static_vs_dynamic", "sparse",
         "selection", "relations", "traps", "search", "pooling", "baselines", "rank", "cost", "teacher"]  # fmt: skip
# Pictures that appear only once: in the first of these studies that exists.
ONCE = {"router": ["router", "knowledge"], "calibration": ["selection", "samples"]}
README = "../README.md"
README_BLOCK = re.compile(r"(<!-- experiment: (\S+)(?: rows: ([^>]+))? -->\n).*?(<!-- end of experiment -->)", re.DOTALL)
OVERVIEW = "overview.svg"  # README.md's picture, with the rows that its first block names
LONG = 24  # a table with this many rows is folded
HEAD = """# Results of the experiments

    scripts/report --docs       # writes this page from docs/results/experiments/*.json

These are the answers to the questions of [experiments.md](experiments.md). A result is said to gain
or lose only if the 95 % interval of the difference (paired bootstrap over sessions) excludes 0 and
its p-value, corrected for all comparisons of the study (Holm), is below .05. Gains and losses in
`jaccard_f1` are named where `f1` shows no such difference. "Cannot be told apart" is not "equal":
with few sessions the intervals are wide. Each section ends with how it was made. The command there
needs the data: set `ROUTEDK_DATA_DIR`, or add `--set data.dir=DIR`. To repeat a study of an older
recipe, check out the commit named there.
[evaluation.md](evaluation.md#metrics-and-baselines) defines metrics and baselines.

- **Candidates and rule.** 32 candidates per session are drawn at temperature 1, and expected utility
  (`utility: mean`) chooses, unless a result's name says otherwise. Exceptions: names without a rule
  are votes in `samples` and `selection`; `samples`, and `cold` of `search`, draw at temperature .7;
  `pooling` draws 16; `vote_DK` and `vote_routed` of `claims` follow the paper: a vote of 8 at
  temperature .7. So `constrained/dynamic` of `samples` is the model of `routed/dynamic` in
  `baselines`, with other figures.
- **Recipe.** `claims`, `domains` and `search` used today's (`configs/smollm2`): prompts show a
  `draft`, which is what `related_groups` answers, and a step takes 4 sessions. The other studies
  are older, so that their `routed/dynamic` is another model than that of `claims`. Their prompts
  showed two lists, similar titles and pairs of categories with the number of sessions that bundled
  them; they trained on 240 sessions, 16 to a step. They have not been repeated.
- **Categories.** The prompts show categories, except where `relations` varies them. In the public
  data only items that belong to some bundle have one, so they leak labels (`leaky_categories`,
  [data.md](data.md#missing-titles-leak-the-labels)).
- **Titles.** `domains` leaves out items without a title (`data.untitled: drop`). In Clothing and Food
  these are in no bundle, so this leaks labels too (`leaky_titles`), to all systems alike; do not
  compare its figures with Electronic's. `three_domains` of `search` trains on such data.
"""
FOOT = """## What can go wrong

| it looks as if | but |
|---|---|
| two results are equal, because their intervals overlap | the interval of their difference decides: see "Comparisons" |
| a system has other figures in another study | the split, the number of candidates, their temperature or the rule differs; the top of this page names the exceptions |
| your figures differ from these | training on another CPU, GPU or number of threads rounds otherwise, so the experts differ a little and draw other candidates: compare intervals. "How it was made" names the machine and the commit |
| one seed settles it | intervals are over sessions; how much a second training differs is shown only where a study has several seeds |
"""


def rounded(value):
    """Numbers with six digits: more would only enlarge the files."""
    if isinstance(value, dict):
        return {name: rounded(member) for name, member in value.items()}
    if isinstance(value, list):
        return [rounded(member) for member in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def commit_of(root):
    """The checkout's commit, with `-dirty` if files other than results have changed; None without git."""

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs", ":!README.md")
    commit = git("rev-parse", "--short", "HEAD")
    return f"{commit}-dirty" if commit and changed else commit or None


def keep(root, folder):
    """Copies a study's study.json, with the commit of the checkout, to docs/results/experiments. -> the path written."""
    study = rounded(read(folder / "study.json"))
    study.setdefault("made", {})["commit"] = commit_of(root)
    path = root / "docs/results/experiments" / f"{study['study'].removesuffix('-small').removesuffix('-full')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(study, separators=(",", ":")) + "\n")
    return path


def read_studies(root):
    """{file name: study}, in the order of the page."""
    studies = {path.stem: read(path) for path in (root / "docs/results/experiments").glob("*.json")}
    place = {name: i for i, name in enumerate(ORDER)}
    return {name: studies[name] for name in sorted(studies, key=lambda name: (place.get(name, len(ORDER)), name))}


def left_out(name, studies):
    """The pictures that another study shows."""
    return [kind for kind, choice in ONCE.items() if name != next((one for one in choice if one in studies), None)]


def titled(name, study):
    return study.get("question") or name


def table_text(table):
    """Only its rows, as Markdown."""
    columns = [f"`{name}`" if "_" in name else name for name in table.columns]
    return markdown([dict(zip(columns, map(str, row))) for row in table.rows])


def write_table(table, folded=False):
    """The table with its title and text; a long one is folded."""
    text = table_text(table)
    text = f"{table.text}\n\n{text}" if table.text else text
    if folded or len(table.rows) > LONG:
        return f"<details><summary>{table.title} ({len(table.rows)} rows)</summary>\n\n{text}\n</details>\n"
    return f"### {table.title}\n\n{text}"


def section(name, study, shown):
    """The section of one study; `shown` are its pictures."""
    costs = costs_table(study)
    parts = [f'<a id="{name}"></a>\n\n## {titled(name, study)}\n', answer(study) + "\n"]
    parts += [write_table(table) for table in tables(study)]
    parts += [f"### {one.title}\n\n![{one.title}](results/pictures/{name}-{one.name}.svg)\n\n{one.text}\n" for one in shown]
    parts += [write_table(costs, folded=True)] if costs.rows else []
    source = f"results/experiments/{name}.json"
    parts.append(f"### How it was made\n\n{how_made(study)} ([{source}]({source})).\n")
    return "\n".join(parts)


def chosen_rows(match, study):
    """The results that a block of README.md names; all if it names none."""
    names = [name for name, _, _ in results(study)]
    chosen = re.split(r",\s*", match[3].strip()) if match[3] else names
    unknown = [name for name in chosen if name not in names]
    if unknown:
        refuse(f"README.md's rows must be results of {match[2]}, but it has no {', '.join(unknown)}")
    return chosen


def among(study, names):
    """The study with these results and the comparisons among them alone."""
    pairs = {kind: [one for one in study.get(kind, []) if {one["a"], one["b"]} <= set(names)] for kind in ("comparisons", "explained")}
    return {**study, **pairs, "results": {name: found for name, found in study.get("results", {}).items() if name in names}}


def readme(text, studies):
    """README.md with its blocks
    `<!-- experiment: NAME [rows: RESULT, ...] -->` ... `<!-- end of experiment -->`
    updated: the results of that study or those named, in that order, and the answer as far as they give it."""

    def block(match):
        study = studies.get(match[2])
        if study is None:
            return match[1] + match[4]
        table, order = results_table(study), chosen_rows(match, study)
        rows = sorted((row for row in table.rows if row[0] in order), key=lambda row: order.index(row[0]))
        said = textwrap.fill(f"{titled(match[2], study)} {answer(among(study, order))}", 100, break_long_words=False, break_on_hyphens=False)
        return f"{match[1]}{said}\n\n{table_text(dataclasses.replace(table, rows=rows))}{match[4]}"

    return README_BLOCK.sub(block, text)


def overview(text, studies):
    """The picture in README.md, of the first block with rows, or None."""
    for match in README_BLOCK.finditer(text):
        if match[3] and match[2] in studies and f"docs/{OVERVIEW}" in text:
            return picture(studies[match[2]], chosen_rows(match, studies[match[2]]))
    return None


def made(root):
    """{path below docs: text}: the page, its pictures, README.md and its picture; {} without a study."""
    studies = read_studies(root)
    shown = {name: pictures(study, left_out(name, studies)) for name, study in studies.items()}
    files = {f"results/pictures/{name}-{one.name}.svg": one.svg for name, own in shown.items() for one in own}
    if studies:
        contents = "".join(f"- [{titled(name, study)}](#{name}) {answer(study)}\n" for name, study in studies.items())
        sections = [section(name, study, shown[name]) for name, study in studies.items()]
        files["results.md"] = "\n".join([HEAD, contents, *[text for text in [similarity.section(studies)] if text], *sections, FOOT])
        for text in [path.read_text() for path in [root / "README.md"] if path.exists()]:
            drawn = overview(text, studies)
            files |= {README: readme(text, studies)} | ({OVERVIEW: drawn} if drawn else {})
    return files


def present(root):
    """The existing files where this module writes."""
    docs = root / "docs"
    paths = [docs / "results.md", docs / OVERVIEW, root / "README.md", *sorted((docs / "results/pictures").glob("*.svg"))]
    return {os.path.relpath(path, docs): path.read_text() for path in paths if path.exists()}


def shown_path(name):
    """Relative to the root of the checkout."""
    return os.path.normpath(f"docs/{name}")


def pinned():
    """The matplotlib version that drew the pictures in the repository."""
    return re.search(r"^matplotlib==(\S+)", (REPOSITORY / "third_party/report-python.txt").read_text(), re.MULTILINE)[1]


def check(root):
    """-> a line for each file that differs from what write() would make. Another matplotlib version draws
    different pictures: then only their existence is checked."""
    wanted, found = made(root), present(root)
    found = {name: text for name, text in found.items() if name != README or name in wanted}
    same = importlib.metadata.version("matplotlib") == pinned()
    if not same and wanted:
        print(f"pictures are not compared: they are those of matplotlib {pinned()}", file=sys.stderr)
    errors = []
    for name in sorted(wanted | found):
        if name not in found:
            errors.append(f"{shown_path(name)}: is missing: run scripts/report --docs")
        elif name not in wanted:
            errors.append(f"{shown_path(name)}: no study makes it: run scripts/report --docs, or remove it")
        elif wanted[name] != found[name] and (same or name == OVERVIEW or not name.endswith(".svg")):
            errors.append(f"{shown_path(name)}: is not what docs/results/experiments makes: run scripts/report --docs")
    return errors


def write(root):
    """Writes the page and its pictures, removes old pictures. -> the paths written; none without a study."""
    wanted = made(root)
    if not wanted:
        return []
    for name in present(root).keys() - wanted.keys() - {README}:
        (root / "docs" / name).unlink()
    for name, text in wanted.items():
        path = root / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [shown_path(name) for name in sorted(wanted)]
