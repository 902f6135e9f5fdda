#!/usr/bin/env python3
"""tables.py [--check]

Writes the tables of docs/*.md and README.md from docs/results/*.json. The text between

    <!-- results: FILE.json TABLE -->
    <!-- end of results -->

becomes table TABLE of that file, a list of rows {column: value}; `run` is the sentence about the machine and
the method. --check changes nothing and fails if a file differs. Both list the results that were measured with
other kernels than those of this checkout.
"""

import argparse
import datetime
import json
import re
import sys
from pathlib import Path

from machine import kernels_of

BLOCK = re.compile(r"(<!-- results: (\S+) (\S+) -->\n).*?(<!-- end of results -->)", re.DOTALL)
MARKER = re.compile(r"<!-- (?:results:|end of results)")


def cell(value):
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def table(rows):
    """[{column: value}] -> Markdown."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([cell(row.get(name)) for name in columns] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def run_sentence(name, result):
    machine = result["machine"]
    if "gpu" in machine:
        parts = [f"{machine['gpu']}, copies {machine['copy_gb_per_second']:,.0f} GB/s, "
                 f"products in bfloat16 {machine['product_tflops']:.0f} TFLOP/s"]  # fmt: skip
    else:
        parts = [f"{machine['cpu']}, {machine['threads']} threads on {machine['cores']} cores"]
    parts += [f"{key} {machine[key]}" for key in ("isa", "path", "precision") if key in machine]
    parts += [" ".join(item) for item in result["versions"].items()]
    commits = f"commit {result['commit']}"
    if "base_commit" in result:
        commits += f", before: {result['base_commit']}"
    date = datetime.date.fromisoformat(result["date"])
    return (f"{', '.join(parts)}; {commits}; {date.day} {date:%B %Y}, {result['seconds']} s: `{result['command']}`\n"
            f"([{name}]({name})).\n")  # fmt: skip


def fill(text, results, link):
    """The text with its blocks filled from {file: result}; `link` is the path to the results' folder."""

    def made(match):
        head, name, wanted, end = match.groups()
        if name not in results:
            raise ValueError(f"docs/results/{name} does not exist")
        if wanted == "run":
            return head + run_sentence(f"{link}/{name}", results[name]) + end
        if wanted not in results[name]["tables"]:
            raise ValueError(f"docs/results/{name} has no table `{wanted}`")
        return head + table(results[name]["tables"][wanted]) + end

    if len(MARKER.findall(text)) != 2 * len(BLOCK.findall(text)):
        raise ValueError("each `results:` marker must have its `end of results`")
    return BLOCK.sub(made, text)


def update(root, check):
    """-> an error line for each outdated file; rewrites them unless `check`."""
    results = {path.name: json.loads(path.read_text()) for path in sorted((root / "docs/results").glob("*.json"))}
    errors = []
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        name = path.relative_to(root)
        text = path.read_text()
        try:
            wanted = fill(text, results, "docs/results" if path.parent == root else "results")
        except ValueError as error:
            errors.append(f"{name}: {error}")
            continue
        if wanted != text and check:
            errors.append(f"{name}: its tables are not those of docs/results: run benchmarks/tables.py")
        elif wanted != text:
            path.write_text(wanted)
    return errors


def stale(root):
    """-> a line for each result of other kernels; none if git does not know ours."""
    ours = kernels_of(root)
    found = []
    for path in sorted((root / "docs/results").glob("*.json")):
        theirs = json.loads(path.read_text()).get("kernels")
        if ours and theirs and theirs != ours:
            found.append(f"{path.relative_to(root)}: measured with other kernels, measure again")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    options = parser.parse_args()
    errors = update(options.root, options.check)
    print("".join(f"{line}\n" for line in errors + stale(options.root)), end="", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
