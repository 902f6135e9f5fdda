"""run.py [--bin DIR] [--parts PART,...] [--json FILE]: ours and its peers on one GPU, one after another.

Llama-3.1-8B's shape with random weights in NF4, three experts of rank 16. Parts: train (routedk_gpu_train), decode
(routedk_gpu_decode), peers (peers.py). Each runs in a separate process; if one fails, this is reported and
the others continue.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from machine import command_line, commit_of, kernels_of, versions_of, write_result

# name: arguments, and the peers' name for it
TRAINING = {
    "everything kept, 8 x 1,024": (["--sequences", "8", "--together", "8"], "everything kept"),
    "recompute, 8 x 1,024": (["--sequences", "8", "--together", "8", "--recompute"], "recompute"),
    "the same with dropout of .05": (["--sequences", "8", "--together", "8", "--recompute", "--dropout", "0.05"], None),
    "three experts, 1,024 each, at once": (["--experts", "3", "--sequences", "1", "--together", "3"], None),
    "three experts, 1,024 each, one after another": (["--experts", "3", "--sequences", "1", "--together", "1"], None),
}


def output_of(command, seconds):
    print(">", *command, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{command[0]} exits with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def train(options):
    found = {}
    for name, (arguments, _) in TRAINING.items():
        found[name] = json.loads(output_of([options.bin / "routedk_gpu_train", *arguments], 120))
    return found


def decode(options):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        output_of([options.bin / "routedk_gpu_decode", "--json", file.name], 180)
        return json.load(file)


def peers(_):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        output_of([sys.executable, str(Path(__file__).with_name("peers.py")), "--out", file.name], 240)
        return json.load(file)


def rounded(value):
    return value if value is None else float(f"{value:.4g}") if value < 1000 else round(value)


def training_table(found):
    rows = []
    theirs = found.get("peers", {}).get("train", {})
    for name, (_, peer) in TRAINING.items():
        ours = found.get("train", {}).get(name)
        if ours:
            other = theirs.get(peer, {})
            rate = other.get("tokens_per_second")
            rows.append({
                "step": name,
                "ours, tokens/s": round(ours["tokens_per_second"]),
                "peak GB": round(ours["peak_gb"], 1),
                "peft + bitsandbytes, tokens/s": rounded(rate),
                "their peak GB": round(other["peak_gb"], 1) if rate else None,
                "ratio": round(ours["tokens_per_second"] / rate, 2) if rate else None,
                "first loss": round(ours["losses"][0], 3),
                "gradient norm": round(ours["gradient_norms"][0], 3),
            })
    return rows


def decoding_table(found):
    rows = []
    theirs = found.get("peers", {}).get("decode", {})
    for each in found.get("decode", {}).get("decode", []):
        rate = theirs.get(f"{each['samples']} samples")
        rows.append({
            "samples of a prompt": each["samples"],
            "ours, tokens/s": round(each["tokens_per_second"]),
            "a step, ms": rounded(each["step_ms"]),
            "of the copy rate": round(each["fraction_of_copy"], 2),
            "transformers + bitsandbytes, no experts": rounded(rate),
            "ratio": round(each["tokens_per_second"] / rate, 2) if rate else None,
        })
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=Path("build/cuda/bin"), help="our programs")
    parser.add_argument("--parts", default="train,decode,peers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    options = parser.parse_args()
    found = {}
    for name in options.parts.split(","):
        try:
            found[name] = {"train": train, "decode": decode, "peers": peers}[name](options)
        except Exception as error:  # the other parts are still worth running
            found[name] = {}
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    tables = {name: rows for name, rows in
              {"training": training_table(found), "decoding": decoding_table(found)}.items() if rows}
    for name, rows in tables.items():
        print(name, *(json.dumps(row) for row in rows), sep="\n")
    first = next(iter(found.get("train", {}).values()), {})
    write_result(options.json, {
        "command": command_line(), "date": datetime.date.today().isoformat(), "commit": commit_of("."),
        "kernels": kernels_of("."),
        "machine": {key: first[key] for key in ("gpu", "copy_gb_per_second", "product_tflops") if key in first},
        "versions": versions_of(["torch", "transformers", "peft", "bitsandbytes"]), "tables": tables, **found,
    })


if __name__ == "__main__":
    main()
