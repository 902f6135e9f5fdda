#!/usr/bin/env python3
"""run.py RANKS DATA_DIR [--encoder build/release/bin/routedk_encode_text] [--repeats 20]

Our tokenizer and tiktoken side by side on one thread: all titles of the three domains, one a line, in one text, under
Llama 3's ranks (a tiktoken tokenizer.model). Rounds alternate between the two, so that both meet the same neighbours on
the machine; best and median seconds are printed, and whether the ids are equal.

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


def report(name, seconds, size):
    best, middle = min(seconds), statistics.median(seconds)
    print(f"{name:9} best {best:.4f} s ({size / best / 1e6:.1f} MB/s), median {middle:.4f} s ({size / middle / 1e6:.1f} MB/s)")
    return middle


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ranks")
    parser.add_argument("data_dir")
    parser.add_argument("--encoder", default="build/release/bin/routedk_encode_text")
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    text = "\n".join(titles(args.data_dir))
    encoding = load(args.ranks)
    ours, theirs = [], []
    for _ in range(5):
        seconds, our_ids = run_ours(args.encoder, args.ranks, text, max(1, args.repeats // 5))
        ours += seconds
        seconds, their_ids = run_theirs(encoding, text, max(1, args.repeats // 5))
        theirs += seconds
    size = len(text.encode())
    print(f"{size} bytes, {len(their_ids)} tokens, ids {'equal' if our_ids == their_ids else 'DIFFER'}")
    ratio = report("tiktoken", theirs, size) / report("routedk", ours, size)
    print(f"routedk is {ratio:.2f} times as fast (medians)")
    return 0 if our_ids == their_ids else 1


if __name__ == "__main__":
    sys.exit(main())
