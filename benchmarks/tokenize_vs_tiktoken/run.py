#!/usr/bin/env python3
"""run.py RANKS DATA_DIR [--repeats 20] [--json FILE]

Compares our tokenizer with tiktoken on one thread: all titles of the three domains, one per line, in one
text, with Llama 3's ranks (a tiktoken tokenizer.model). Rounds alternate between the two, so that other load
on the machine affects both; prints best, median and whether the ids are equal. There is no known machine
limit for this work, and the tokenizer has no code paths for vector instructions.

Needs: pip install tiktoken; cmake --preset release -D ROUTEDK_BENCHMARKS=ON && cmake --build --preset release
--target routedk_encode_text
"""

import argparse
import csv
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine  # noqa: E402
import tables  # noqa: E402

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def titles(data_dir):
    for domain in ["clothing", "electronic", "food"]:
        with open(Path(data_dir) / domain / "item_titles.csv", newline="", encoding="utf-8") as file:
            yield from (row[1] for row in list(csv.reader(file))[1:])


def load(ranks):
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    return tiktoken.Encoding("llama3", pat_str=PATTERN, mergeable_ranks=load_tiktoken_bpe(ranks), special_tokens={})


def run_theirs(encoding, text, repeats):
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        ids = encoding.encode_ordinary(text)
        seconds.append(time.perf_counter() - begin)
    return seconds, ids


def run_ours(encoder, ranks, text, repeats):
    with tempfile.TemporaryDirectory() as folder:
        text_file, ids_file = Path(folder) / "text", Path(folder) / "ids"
        text_file.write_text(text, encoding="utf-8", newline="")
        command = [encoder, ranks, text_file, str(repeats), ids_file]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        data = ids_file.read_bytes()
    return [float(line) for line in printed.split()], list(struct.unpack(f"<{len(data) // 4}i", data))


def speeds(name, seconds, size):
    return {"tokenizer": name, "best, MB/s": round(size / min(seconds) / 1e6, 1),
            "median, MB/s": round(size / statistics.median(seconds) / 1e6, 1)}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ranks")
    parser.add_argument("data_dir")
    parser.add_argument("--repeats", type=int, default=20)
    machine.add_arguments(parser, threads=1)
    args = parser.parse_args()
    text = "\n".join(titles(args.data_dir))
    encoding = load(args.ranks)
    builds = {"ours": args.bin} | ({"ours before": args.base_bin} if args.base_bin else {})
    seconds = {name: [] for name in [*builds, "tiktoken"]}
    ids = {}
    for _ in range(5):
        for name, binaries in builds.items():
            found, ids[name] = run_ours(binaries / "routedk_encode_text", args.ranks, text, max(1, args.repeats // 5))
            seconds[name] += found
        found, ids["tiktoken"] = run_theirs(encoding, text, max(1, args.repeats // 5))
        seconds["tiktoken"] += found
    equal = all(found == ids["tiktoken"] for found in ids.values())
    size = len(text.encode())
    result = machine.describe(args, {}, ("tiktoken",))
    result["tables"] = {"speed": [speeds(name, found, size) for name, found in seconds.items()],
                        "text": [{"bytes": size, "tokens": len(ids["tiktoken"]), "ids": "equal" if equal else "DIFFER"}]}  # fmt: skip
    result["rounds"] = seconds
    machine.write_result(args.json, result)
    print(f"{result['machine']}")
    print("\n".join(tables.table(rows) for rows in result["tables"].values()))
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
