#!/usr/bin/env python3
"""run.py DATA_DIR [--steps 10] [--batch 4] [--checkpointing] [--recompute] [--pairs 1] [--bin build/release/bin]

QLoRA steps of ours and of transformers + PEFT + bitsandbytes side by side: the same NF4 model (SmolLM2-135M), rank 16 on
the 7 linears, the same initial adapter, the same real prompts in the same batches (theirs padded to the longest, ours
packed), AdamW without dropout. Prints both losses and gradient norms a step, then tokens/s (padding not counted, the first
step left out) and peak memory, of several pairs the medians; then three experts at once against one over the same
total of tokens.

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

MODEL = Path(".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")


def run_ours(binaries, folder, data_dir, steps, batch, experts=1, recompute=False):
    settings = {
        "data.dir": data_dir, "data.domain": "electronic", "run.dir": folder / "run", "train.dropout": 0,
        "train.batch_size": batch, "train.schedule": "constant", "train.warmup": 0, "train.max_tokens": 4096,
        "train.recompute": str(recompute).lower(), "model.quant": "nf4",
    }  # fmt: skip
    command = [binaries / "routedk_train_steps", folder, "--steps", str(steps), "--experts", str(experts)]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    return measured(command)


def measured(command):
    """-> the JSON lines a command prints, its peak memory in MiB."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    lines = [json.loads(line) for line in process.stdout if line.startswith("{")]
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed with status {status}")
    return lines, usage.ru_maxrss / 1024


def train_with_peft(folder, steps, compute, checkpointing):
    """The other side, in a process of its own: prints the same lines."""
    import time

    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(os.cpu_count())
    dtype = getattr(torch, compute)
    nf4 = folder / "nf4"
    config = json.loads((nf4 / "config.json").read_text())
    config["quantization_config"]["bnb_4bit_compute_dtype"] = compute
    (nf4 / "config.json").write_text(json.dumps(config))
    model = AutoModelForCausalLM.from_pretrained(nf4, dtype=dtype, attn_implementation="sdpa")
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    model = PeftModel.from_pretrained(model, folder / "adapters/expert0", is_trainable=True)
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=5e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    for step, line in enumerate((folder / "batches.jsonl").read_text().splitlines()[:steps]):
        begin = time.perf_counter()
        sequences = json.loads(line)
        longest = max(len(s["ids"]) for s in sequences)
        ids = torch.zeros(len(sequences), longest, dtype=torch.long)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for row, sequence in enumerate(sequences):
            tokens = torch.tensor(sequence["ids"])
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
            labels[row, sequence["prompt_length"] : len(tokens)] = tokens[sequence["prompt_length"] :]
        optimiser.zero_grad()
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        seconds = time.perf_counter() - begin
        print(json.dumps({"step": step, "loss": loss.item(), "grad_norm": norm.item(), "tokens": int(mask.sum()),
                          "seconds": seconds}), flush=True)  # fmt: skip


def speed(lines):
    """Tokens per second without the first step."""
    later = [line for line in lines if line["step"] > 0]
    return sum(line["tokens"] for line in later) / sum(line["seconds"] for line in later)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--checkpointing", action="store_true", help="theirs recomputes activations")
    parser.add_argument("--recompute", action="store_true", help="ours recomputes activations")
    parser.add_argument("--pairs", type=int, default=1, help="runs of each side, in turn")
    parser.add_argument("--compute", default="bfloat16", help="their compute type")
    parser.add_argument("--bin", type=Path, default=Path("build/release/bin"))
    parser.add_argument("--peft", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peft:
        train_with_peft(options.peft, options.steps, options.compute, options.checkpointing)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        quantize = [options.bin / "routedk-inspect", "quantize", "--model", MODEL, "--output", folder / "nf4"]
        subprocess.run(list(map(str, quantize)), check=True)
        same = ["--peft", folder, "--steps", str(options.steps), "--compute", options.compute]
        checkpointing = ["--checkpointing"] if options.checkpointing else []
        pairs = []
        for _ in range(options.pairs):
            ours = run_ours(options.bin, folder, options.data_dir, options.steps, options.batch,
                            recompute=options.recompute)  # fmt: skip
            theirs = measured([sys.executable, __file__, options.data_dir, *same, *checkpointing])
            print(f"pair   {speed(ours[0]):7.1f} and {speed(theirs[0]):.1f} tokens/s", flush=True)
            pairs.append((ours, theirs))
        (ours, _), (theirs, _) = pairs[0]
        print(f"{'step':>4} {'tokens':>7} {'loss ours':>10} {'theirs':>8} {'norm ours':>10} {'theirs':>8}")
        for a, b in zip(ours, theirs, strict=True):
            print(f"{a['step']:>4} {a['tokens']:>7} {a['loss']:>10.5f} {b['loss']:>8.5f} {a['grad_norm']:>10.5f} "
                  f"{b['grad_norm']:>8.5f}")  # fmt: skip
        medians = [statistics.median(speed(side[0]) for side in sides) for sides in zip(*pairs)]
        peaks = [statistics.median(side[1] for side in sides) for sides in zip(*pairs)]
        print(f"ours   {medians[0]:7.1f} tokens/s, peak {peaks[0]:6.0f} MiB")
        print(f"theirs {medians[1]:7.1f} tokens/s, peak {peaks[1]:6.0f} MiB ({options.compute})")
        print(f"ratio  {medians[0] / medians[1]:7.2f}, memory {peaks[0] / peaks[1]:.3f}")
        one, _ = run_ours(options.bin, folder / "one", options.data_dir, options.steps, 12)
        three, _ = run_ours(options.bin, folder / "three", options.data_dir, options.steps, 4, experts=3)
        print(f"one expert {speed(one):.1f} tokens/s, three at once {speed(three):.1f}: "
              f"{speed(one) / speed(three):.3f} of its time over the same tokens")  # fmt: skip


if __name__ == "__main__":
    main()
