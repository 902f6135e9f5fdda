#!/usr/bin/env python3
"""run.py DATA_DIR [--prompt-tokens 249] [--new-tokens 64] [--rounds 3] [--bin build/release/bin] [--skip-transformers]

Decoding of ours beside llama.cpp and transformers: SmolLM2-135M, the same prompt of real titles, the same number of new
tokens, two threads for everybody. Ours runs the backbone alone and three experts of rank 16 on the 7 linears under a
router; llama.cpp runs the same file (Q4_1) and what it makes of it in Q4_0 and Q4_K; transformers runs our NF4 folder.
Prints medians of the rounds, interleaved, as JSON and as a table; then how far 8-bit products are from fp32 ones.

Needs: pip install llama-cpp-python torch transformers bitsandbytes accelerate; cmake --preset release
-D ROUTEDK_BENCHMARKS=ON && cmake --build --preset release --target routedk_decode_speed routedk-inspect
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODEL = Path(".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")
SAMPLES = 8
THREADS = 2


def prompt_ids(data_dir, length):
    from llama_cpp import Llama

    with open(data_dir / "electronic" / "item_titles.csv", newline="", encoding="utf-8") as file:
        text = "\n".join(row[1] for row in list(csv.reader(file))[1:200])
    return Llama(str(MODEL), vocab_only=True, verbose=False).tokenize(text.encode(), add_bos=False)[:length]


def decode_speed(binaries, prompts, *options):
    command = [binaries / "routedk_decode_speed", MODEL, prompts, *options]
    env = dict(os.environ, OMP_NUM_THREADS=str(THREADS))
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[0])


def ours(binaries, prompts, new_tokens, *options):
    line = decode_speed(binaries, prompts, "--new-tokens", new_tokens, *options)
    return {
        "prefill": line["prompt_tokens"] / line["prefill_seconds"],
        "decode": line["new_tokens"] / line["decode_seconds"],
        "line": line,
    }


def requantised(folder, name, kind):
    """The file in another 4-bit format, as llama.cpp's own quantiser makes it."""
    import llama_cpp

    path = folder / f"{name}.gguf"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = kind
    params.allow_requantize = True
    if llama_cpp.llama_model_quantize(str(MODEL).encode(), str(path).encode(), params):
        sys.exit(f"llama.cpp could not quantise to {name}")
    return path


def llama(path, ids, new_tokens):
    """In a process of its own: one sequence, then SAMPLES of them over one shared prompt, T = 0.7."""
    import llama_cpp as lib

    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_seq_max = 4096, 512, SAMPLES
    params.n_threads = params.n_threads_batch = THREADS
    if hasattr(params, "kv_unified"):
        params.kv_unified = True
    context = lib.llama_init_from_model(model, params)
    sampler = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    lib.llama_sampler_chain_add(sampler, lib.llama_sampler_init_temp(0.7))
    lib.llama_sampler_chain_add(sampler, lib.llama_sampler_init_dist(1))
    batch = lib.llama_batch_init(512, 0, SAMPLES)

    def decode(tokens):  # (id, position, sequence, wants logits)
        batch.n_tokens = len(tokens)
        for i, (token, position, sequence, wants) in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, position
            batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, sequence, wants
        if lib.llama_decode(context, batch):
            sys.exit("llama.cpp could not decode")

    def run(samples):
        memory = lib.llama_get_memory(context)
        lib.llama_memory_clear(memory, True)
        start = time.perf_counter()
        decode([(token, i, 0, i + 1 == len(ids)) for i, token in enumerate(ids)])
        first = [lib.llama_sampler_sample(sampler, context, len(ids) - 1) for _ in range(samples)]
        prefilled = time.perf_counter()
        for sequence in range(1, samples):
            lib.llama_memory_seq_cp(memory, 0, sequence, -1, -1)
        for step in range(new_tokens):
            decode([(token, len(ids) + step, s, True) for s, token in enumerate(first)])
            first = [lib.llama_sampler_sample(sampler, context, s) for s in range(samples)]
        return len(ids) / (prefilled - start), samples * new_tokens / (time.perf_counter() - prefilled)

    run(1)  # warm
    prefill, one = run(1)
    print(json.dumps({"prefill": prefill, "one": one, "eight": run(SAMPLES)[1]}))


def transformers(folder, ids, new_tokens, compute):
    """In a process of its own: our NF4 folder through bitsandbytes."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(THREADS)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"]["bnb_4bit_compute_dtype"] = compute
    (folder / "config.json").write_text(json.dumps(config))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, compute), attn_implementation="sdpa")
    inputs = torch.tensor([ids])

    def generate(samples, count):
        start = time.perf_counter()
        model.generate(
            inputs, attention_mask=torch.ones_like(inputs), do_sample=True, temperature=0.7, top_k=0, pad_token_id=0,
            num_return_sequences=samples, min_new_tokens=count, max_new_tokens=count,
        )  # fmt: skip
        return time.perf_counter() - start

    def run(samples):
        prefill = generate(samples, 1)
        return prefill, samples * new_tokens / (generate(samples, new_tokens + 1) - prefill)

    generate(1, 2)
    prefill, one = run(1)
    print(json.dumps({"prefill": len(ids) / prefill, "one": one, "eight": run(SAMPLES)[1]}))


def apart(*arguments):
    env = dict(os.environ, OMP_NUM_THREADS=str(THREADS), OMP_PROC_BIND="true")
    done = subprocess.run([sys.executable, __file__, *map(str, arguments)], env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def deviation(binaries, prompts, new_tokens):
    """Greedy tokens and their log-probability, 8-bit against fp32 products."""
    fast = ours(binaries, prompts, new_tokens, "--temperature", 0)["line"]
    exact = ours(binaries, prompts, new_tokens, "--temperature", 0, "--reference")["line"]
    same = 0
    while same < min(len(fast["ids"]), len(exact["ids"])) and fast["ids"][same] == exact["ids"][same]:
        same += 1
    return {"equal_greedy_tokens": same, "of": len(exact["ids"]), "first_logprobs": [fast["first"], exact["first"]]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--prompt-tokens", type=int, default=249)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bin", type=Path, default=Path("build/release/bin"))
    parser.add_argument("--skip-transformers", action="store_true")
    arguments = parser.parse_args()
    ids = prompt_ids(arguments.data_dir, arguments.prompt_tokens)
    new_tokens = arguments.new_tokens
    results = {}

    def note(name, **figures):
        for key, value in figures.items():
            results.setdefault(name, {}).setdefault(key, []).append(value)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts = folder / "prompts.jsonl"
        prompts.write_text(json.dumps({"ids": ids}) + "\n")
        (folder / "ids.json").write_text(json.dumps(ids))
        files = {"llama.cpp Q4_1 (the file)": MODEL}
        for title, kind in (("Q4_0", 2), ("Q4_K_M", 15)):
            files[f"llama.cpp {title}"] = requantised(folder, title, kind)
        if not arguments.skip_transformers:
            subprocess.run([arguments.bin / "routedk-inspect", "quantize", "--model", MODEL, "--output", folder / "nf4"],
                           check=True, capture_output=True)  # fmt: skip
        for _ in range(arguments.rounds):
            for title, experts in (("ours, backbone alone", 0), ("ours, three experts and router", 3)):
                one = ours(arguments.bin, prompts, new_tokens, "--experts", experts)
                eight = ours(arguments.bin, prompts, new_tokens, "--experts", experts, "--samples", SAMPLES)
                note(title, prefill=one["prefill"], one=one["decode"], eight=eight["decode"], rows=eight["line"]["rows"])
            for title, path in files.items():
                note(title, **apart("--llama", path, folder / "ids.json", new_tokens))
            for compute in () if arguments.skip_transformers else ("float32", "bfloat16"):
                note(f"transformers NF4, {compute}",
                     **apart("--transformers", folder / "nf4", folder / "ids.json", new_tokens, compute))  # fmt: skip
        off = deviation(arguments.bin, prompts, new_tokens)
        roofs = {experts: decode_speed(arguments.bin, prompts, "--roofline", "--experts", experts) for experts in (0, 3)}
    medians = {name: {key: statistics.median(v) for key, v in row.items()} for name, row in results.items()}
    print(json.dumps({"medians": medians, "deviation": off, "rooflines": roofs}))
    print(f"\n{'tokens/s':34}{'prefill':>9}{'one':>9}{'eight':>9}")
    for name, row in medians.items():
        print(f"{name:34}{row['prefill']:9.0f}{row['one']:9.1f}{row['eight']:9.1f}")
    routed = medians["ours, three experts and router"]
    plain = medians["ours, backbone alone"]
    speeds = ("prefill", "one", "eight")
    best = {key: max(r[key] for n, r in medians.items() if not n.startswith("ours")) for key in speeds}
    llama_best = {key: max(r[key] for n, r in medians.items() if n.startswith("llama")) for key in speeds}
    print(f"\nrouted, one sequence, against llama.cpp's best: {routed['one'] / llama_best['one']:.2f}x (target 1.3)")
    print(f"routed, eight sequences, against llama.cpp's best: {routed['eight'] / llama_best['eight']:.2f}x (target 2)")
    print(f"prefill, alone, against the best peer: {plain['prefill'] / best['prefill']:.2f}x (target 1.3)")
    for key, target in (("prefill", 0.85), ("one", 0.75), ("eight", 0.9)):
        print(f"routed against alone, {key}: {routed[key] / plain[key]:.2f} (target {target})")
    print(f"of {SAMPLES * new_tokens} new tokens of eight sequences alone {plain['rows']:.0f} and routed {routed['rows']:.0f} "
          "were computed, the others being what samples share")  # fmt: skip
    for row, roof in ((plain, roofs[0]), (routed, roofs[3])):
        print(f"one sequence: {roof['bytes_per_token'] / 1e6:.1f} MB a token at {roof['bytes_per_second'] / 1e9:.1f} GB/s "
              f"allow {roof['tokens_per_second']:.0f} tokens/s; reached {row['one'] / roof['tokens_per_second']:.0%}")  # fmt: skip
    print(f"8-bit against fp32 products: {off}")


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--llama":
        llama(sys.argv[2], json.loads(Path(sys.argv[3]).read_text()), int(sys.argv[4]))
    elif len(sys.argv) > 1 and sys.argv[1] == "--transformers":
        transformers(Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()), int(sys.argv[4]), sys.argv[5])
    else:
        main()
