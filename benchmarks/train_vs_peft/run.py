#!/usr/bin/env python3
"""run.py DATA_DIR [--steps 10] [--batch 4] [--checkpointing] [--recompute] [--pairs 1] [--json FILE]

Compares QLoRA steps of ours with transformers + PEFT + bitsandbytes: the same NF4 model (SmolLM2-135M), rank
16 on the 7 linears, the same initial adapter, the same real prompts in the same batches (theirs padded to the
longest, ours packed), AdamW without dropout. Prints losses and gradient norms of each step; then tokens/s
(without padding and the first step), the fraction of the product rate measured in the same run, and peak
memory, with several pairs their medians; then three experts at once compared with one over the same total
number of tokens.

Needs: pip install torch transformers peft bitsandbytes accelerate; cmake --preset release -D ROUTEDK_BENCHMARKS=ON &&
cmake --build --preset release --target routedk_train_steps routedk-inspect
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine  # noqa: E402
import tables  # noqa: E402

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")


def measured(command, environment=None):
    """-> the JSON lines that a command prints, and its peak memory in MiB."""
    process = subprocess.Popen(list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True)
    lines = [json.loads(line) for line in process.stdout if line.startswith("{")]
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed with status {status}")
    return lines, usage.ru_maxrss / 1024


def run_ours(options, binaries, folder, batch, experts=1):
    """-> {"machine", "steps", "peak_mib"}; an earlier build may print no machine."""
    settings = {
        "data.dir": options.data_dir, "data.domain": "electronic", "run.dir": folder / "run", "train.dropout": 0,
        "train.batch_size": batch, "train.schedule": "constant", "train.warmup": 0, "train.max_tokens": 4096,
        "train.recompute": str(options.recompute).lower(), "model.quant": "nf4",
    }  # fmt: skip
    command = [binaries / "routedk_train_steps", folder, "--steps", str(options.steps), "--experts", str(experts)]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    lines, peak = measured(command, machine.our_environment(options))
    return {"machine": next((line for line in lines if "cpu" in line), None),
            "steps": [line for line in lines if "step" in line], "peak_mib": peak}  # fmt: skip


def run_peft(options, folder):
    command = [sys.executable, Path(__file__).with_name("peft_steps.py"), folder, options.steps, options.compute, options.threads]
    lines, peak = measured(command + ["--checkpointing"] * options.checkpointing)
    return {"steps": lines, "peak_mib": peak}


def total(steps, what):
    """Over all steps except the first, a warm-up."""
    return sum(step[what] for step in steps if step["step"] > 0)


def speed(run):
    return total(run["steps"], "tokens") / total(run["steps"], "seconds")


def measure_pairs(options, folder):
    """-> {system: its runs}"""
    sides = {"ours": lambda: run_ours(options, options.bin, folder, options.batch)}
    if options.base_bin:
        sides["ours before"] = lambda: run_ours(options, options.base_bin, folder / "before", options.batch)
    sides["transformers + PEFT"] = lambda: run_peft(options, folder)
    runs = {name: [] for name in sides}
    for pair in range(options.pairs):
        for name, side in sides.items():
            runs[name].append(side())
            print(f"pair {pair + 1}: {name} {speed(runs[name][-1]):.1f} tokens/s", flush=True)
    return runs


def three_at_once(options, folder):
    runs = {"one": [], "three": []}
    for _ in range(options.pairs):
        runs["one"].append(run_ours(options, options.bin, folder / "one", 3 * options.batch))
        runs["three"].append(run_ours(options, options.bin, folder / "three", options.batch, experts=3))
    return runs


def losses_table(runs):
    rows = []
    for steps in zip(*(runs[name][0]["steps"] for name in runs), strict=True):
        row = {"step": steps[0]["step"], "tokens": steps[0]["tokens"]}
        row |= {f"loss, {name}": round(step["loss"], 4) for name, step in zip(runs, steps)}
        row |= {f"gradient norm, {name}": round(step["grad_norm"], 3) for name, step in zip(runs, steps)}
        rows.append(row)
    return rows


def speed_table(runs, precisions):
    ours = runs["ours"]
    flops = total(ours[0]["steps"], "flops") / total(ours[0]["steps"], "tokens")
    limit = max(run["machine"]["product_rate"] for run in ours)
    speeds = {name: statistics.median(map(speed, side)) for name, side in runs.items()}
    peer = speeds["transformers + PEFT"]
    rows = []
    for name, side in runs.items():
        rows.append({
            "system": name, "products in": precisions[name], "tokens/s": round(speeds[name]),
            "GFLOP/s": round(speeds[name] * flops / 1e9), "of the limit": round(speeds[name] * flops / limit, 3),
            "peak, GiB": round(statistics.median(run["peak_mib"] for run in side) / 1024, 2),
            "times PEFT's speed": round(speeds[name] / peer, 2),
            "pairs": " and ".join(f"{speed(a) / speed(b):.2f}" for a, b in zip(side, runs["transformers + PEFT"])),
        })  # fmt: skip
    return rows


def limit_table(runs):
    ours = runs["ours"]
    flops = total(ours[0]["steps"], "flops") / total(ours[0]["steps"], "tokens")
    limit = max(run["machine"]["product_rate"] for run in ours)
    return [{"products in": ours[0]["machine"]["precision"], "measured rate, GFLOP/s": round(limit / 1e9),
             "MFLOP a token": round(flops / 1e6), "tokens/s at most": round(limit / flops)}]  # fmt: skip


def experts_table(experts):
    speeds = {name: statistics.median(map(speed, runs)) for name, runs in experts.items()}
    return [{"one expert, tokens/s": round(speeds["one"]), "three at once, tokens/s": round(speeds["three"]),
             "time of three over that of one": round(speeds["one"] / speeds["three"], 3)}]  # fmt: skip


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--checkpointing", action="store_true", help="theirs recomputes activations")
    parser.add_argument("--recompute", action="store_true", help="ours recomputes activations")
    parser.add_argument("--pairs", type=int, default=1, help="runs of each side, in turn")
    parser.add_argument("--compute", default="bfloat16", help="their compute type")
    machine.add_arguments(parser)
    return parser.parse_args()


def main():
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        quantize = [options.bin / "routedk-inspect", "quantize", "--model", machine.MODEL, "--output", folder / "nf4"]
        subprocess.run(list(map(str, quantize)), check=True)
        runs = measure_pairs(options, folder)
        experts = three_at_once(options, folder)
    ours = runs["ours"][0]["machine"]
    precisions = {"ours": ours["precision"], "ours before": None, "transformers + PEFT": options.compute}
    result = machine.describe(options, {"isa": ours["isa"]}, PACKAGES)
    result["tables"] = {"losses": losses_table(runs), "speed": speed_table(runs, precisions), "limit": limit_table(runs),
                        "experts": experts_table(experts)}  # fmt: skip
    result["runs"] = {**runs, **experts}
    machine.write_result(options.json, result)
    print(f"{result['machine']}")
    print("\n".join(tables.table(rows) for rows in result["tables"].values()))


if __name__ == "__main__":
    main()
