#!/usr/bin/env python3
"""run.py DATA_DIR [--prompt-tokens 249] [--new-tokens 64] [--rounds 3] [--quant auto nf4] [--json FILE]

Compares our decoding with llama.cpp, ik_llama.cpp and transformers: SmolLM2-135M, the same prompt of real
titles, the same numbers of new tokens and threads. Ours runs the backbone alone, and three experts of rank 16
on the 7 linears with a router, on the file's own Q4_1 (`--quant auto`) and on NF4 (`--quant nf4`). llama.cpp
runs the same file and its own requantisations to Q4_0 and Q4_K; ik_llama.cpp the file and the Q4_0, repacked
as by `-rtr 1`; transformers our NF4 folder. Prints medians over interleaved rounds and, for one sequence, the
fraction of the limit set by memory (bytes per token over the bandwidth measured in the same run); then the
deviation of 8-bit products from fp32 ones.

Needs: pip install llama-cpp-python ik-llama-cpp-python torch transformers bitsandbytes accelerate; cmake --preset release
-D ROUTEDK_BENCHMARKS=ON && cmake --build --preset release --target routedk_decode_speed routedk-inspect
"""

import argparse
import csv
import importlib.util
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

PACKAGES = ("llama_cpp_python", "ik-llama-cpp-python", "torch", "transformers", "bitsandbytes")
SAMPLES = 8
SPEEDS = ("prefill", "one", "eight")
QUANT_NAMES = {"auto": "Q4_1", "nf4": "NF4"}


def prompt_ids(data_dir, length):
    from llama_cpp import Llama

    with open(data_dir / "electronic" / "item_titles.csv", newline="", encoding="utf-8") as file:
        text = "\n".join(row[1] for row in list(csv.reader(file))[1:200])
    return Llama(str(machine.MODEL), vocab_only=True, verbose=False).tokenize(text.encode(), add_bos=False)[:length]


class Ours:
    """routedk_decode_speed of one build. An earlier build (`quant` None) has no --quant and uses NF4."""

    def __init__(self, options, prompts, binaries, quant, experts):
        self.options, self.prompts, self.binaries, self.experts = options, prompts, binaries, experts
        self.quant = ["--quant", quant] if quant else []
        self.quant_name = QUANT_NAMES[quant or "nf4"]

    def line(self, *arguments):
        command = [self.binaries / "routedk_decode_speed", machine.MODEL, self.prompts, "--new-tokens",
                   self.options.new_tokens, "--experts", self.experts, *self.quant, *arguments]  # fmt: skip
        done = subprocess.run(list(map(str, command)), env=machine.our_environment(self.options), capture_output=True,
                              text=True)  # fmt: skip
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout.splitlines()[0])

    def measure(self):
        one, eight = self.line(), self.line("--samples", SAMPLES)
        decode = [line["new_tokens"] / line["decode_seconds"] for line in (one, eight)]
        return {"prefill": one["prompt_tokens"] / one["prefill_seconds"], "one": decode[0], "eight": decode[1],
                "rows": eight["rows"]}  # fmt: skip

    def deviation(self):
        """Greedy tokens and their log-probability with 8-bit and fp32 products."""
        fast, exact = self.line("--temperature", 0), self.line("--temperature", 0, "--reference")
        same = 0
        while same < min(len(fast["ids"]), len(exact["ids"])) and fast["ids"][same] == exact["ids"][same]:
            same += 1
        return {"matrices": self.quant_name, "equal greedy tokens": same, "of": len(exact["ids"]),
                "first log-probability, 8 bits": round(fast["first"], 3), "fp32": round(exact["first"], 3)}  # fmt: skip


class Peer:
    def __init__(self, options, ids_file, kind, model, *compute):
        self.arguments = [kind, model, ids_file, options.new_tokens, options.threads, *compute]
        self.bytes_per_token = model.stat().st_size if kind != "transformers" else None  # a tied head: every tensor once

    def measure(self):
        env = dict(os.environ, OMP_NUM_THREADS=str(self.arguments[4]), OMP_PROC_BIND="true")  # llama.cpp's best
        command = [sys.executable, Path(__file__).with_name("peers.py"), *self.arguments]
        done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout.splitlines()[-1])


def requantised(folder, name, kind):
    """The file in another 4-bit format, made by llama.cpp's quantiser."""
    import llama_cpp

    path = folder / f"{name}.gguf"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = kind
    params.allow_requantize = True
    if llama_cpp.llama_model_quantize(str(machine.MODEL).encode(), str(path).encode(), params):
        sys.exit(f"llama.cpp could not quantise to {name}")
    return path


def our_systems(options, prompts):
    builds = [("ours", options.bin, quant) for quant in options.quant]
    builds += [("ours before", options.base_bin, None)] if options.base_bin else []
    systems = {}
    for name, binaries, quant in builds:
        for what, experts in (("backbone alone", 0), ("three experts and router", 3)):
            systems[f"{name}, {QUANT_NAMES[quant or 'nf4']}, {what}"] = Ours(options, prompts, binaries, quant, experts)
    return systems


def peer_systems(options, folder, ids_file):
    files = {"Q4_1, the file itself": machine.MODEL, "Q4_0": requantised(folder, "Q4_0", 2)}
    systems = {f"ik_llama.cpp {name}, repacked": Peer(options, ids_file, "ik", path) for name, path in files.items()
               if importlib.util.find_spec("ik_llama_cpp")}  # fmt: skip
    files["Q4_K_M"] = requantised(folder, "Q4_K_M", 15)
    systems |= {f"llama.cpp {name}": Peer(options, ids_file, "llama", path) for name, path in files.items()}
    if not options.skip_transformers:
        subprocess.run([options.bin / "routedk-inspect", "quantize", "--model", machine.MODEL, "--output", folder / "nf4"],
                       check=True, capture_output=True)  # fmt: skip
        for compute in ("float32", "bfloat16"):
            systems[f"transformers NF4, {compute}"] = Peer(options, ids_file, "transformers", folder / "nf4", compute)
    return systems


def speed_table(medians, bytes_per_token, bandwidth):
    rows = []
    for name, row in medians.items():
        limit = bandwidth / bytes_per_token[name] if bytes_per_token[name] else None
        rows.append({
            "tokens/s": name, "prefill": round(row["prefill"]), "one sequence": round(row["one"]),
            "eight sequences": round(row["eight"]),
            "MB a token": round(bytes_per_token[name] / 1e6, 1) if limit else None,
            "memory allows": round(limit) if limit else None,
            "one, of that": round(row["one"] / limit, 2) if limit else None,
        })  # fmt: skip
    return rows


def ratios_table(medians, quant):
    """`quant` selects one of ours."""
    routed = medians[f"ours, {quant}, three experts and router"]
    plain = medians[f"ours, {quant}, backbone alone"]
    peers = {name: row for name, row in medians.items() if not name.startswith("ours")}
    best = {key: max(row[key] for row in peers.values()) for key in SPEEDS}
    rows = [("one sequence, alone, against the best peer", plain["one"] / best["one"], 1.0),
            ("one sequence, routed, against the best peer", routed["one"] / best["one"], None),
            ("eight sequences, routed, against the best peer", routed["eight"] / best["eight"], 2.5),
            ("prefill, routed, against the best peer", routed["prefill"] / best["prefill"], 1.5)]  # fmt: skip
    rows += [(f"{key}, routed against alone", routed[key] / plain[key], 0.85 if key == "prefill" else None) for key in SPEEDS]
    return [{f"ratio, {quant}": name, "reached": round(value, 2), "target": target} for name, value, target in rows]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--prompt-tokens", type=int, default=249)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quant", choices=tuple(QUANT_NAMES), nargs="+", default=["auto"], help="how ours holds matrices")
    parser.add_argument("--skip-transformers", action="store_true")
    machine.add_arguments(parser)
    return parser.parse_args()


def main():
    options = parse_arguments()
    ids = prompt_ids(options.data_dir, options.prompt_tokens)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prompts, ids_file = folder / "prompts.jsonl", folder / "ids.json"
        prompts.write_text(json.dumps({"ids": ids}) + "\n")
        ids_file.write_text(json.dumps(ids))
        ours = our_systems(options, prompts)
        systems = ours | peer_systems(options, folder, ids_file)
        rounds = {name: [] for name in systems}
        for _ in range(options.rounds):
            for name, system in systems.items():
                rounds[name].append(system.measure())
                print(f"{name}: {rounds[name][-1]}", flush=True)
        roofs = {name: system.line("--roofline") for name, system in ours.items()}
        deviations = [Ours(options, prompts, options.bin, quant, 3).deviation() for quant in options.quant]
    medians = {name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in rounds.items()}
    bandwidth = max(roof["bytes_per_second"] for roof in roofs.values())
    sizes = {name: roofs[name]["bytes_per_token"] if name in ours else system.bytes_per_token
             for name, system in systems.items()}  # fmt: skip
    first = next(iter(roofs.values()))
    result = machine.describe(options, {"isa": first["isa"], "path": first["path"]}, PACKAGES)
    quant = QUANT_NAMES[options.quant[0]]
    result["tables"] = {
        "speed": speed_table(medians, sizes, bandwidth), "ratios": ratios_table(medians, quant), "equality": deviations,
        "memory": [{"read together, GB/s": round(bandwidth / 1e9, 1), "new tokens of eight": SAMPLES * options.new_tokens,
                    "computed, alone": round(medians[f"ours, {quant}, backbone alone"]["rows"]),
                    "computed, routed": round(medians[f"ours, {quant}, three experts and router"]["rows"])}],
    }  # fmt: skip
    result["rounds"], result["rooflines"] = rounds, roofs
    machine.write_result(options.json, result)
    print(f"{result['machine']}")
    print("\n".join(tables.table(rows) for rows in result["tables"].values()))


if __name__ == "__main__":
    main()
