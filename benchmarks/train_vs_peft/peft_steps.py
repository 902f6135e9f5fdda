"""peft_steps.py FOLDER STEPS COMPUTE THREADS [--checkpointing]: the peer of run.py, in a separate process.

Trains on FOLDER/nf4 with FOLDER/adapters/expert0 and FOLDER/batches.jsonl and prints a JSON line per step.
"""

import json
import sys
import time
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def load(folder, compute, checkpointing):
    config = json.loads((folder / "nf4/config.json").read_text())
    config["quantization_config"]["bnb_4bit_compute_dtype"] = compute
    (folder / "nf4/config.json").write_text(json.dumps(config))
    model = AutoModelForCausalLM.from_pretrained(folder / "nf4", dtype=getattr(torch, compute), attn_implementation="sdpa")
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    model = PeftModel.from_pretrained(model, folder / "adapters/expert0", is_trainable=True)
    model.train()
    return model


def padded(sequences):
    """-> ids, mask, labels [sequences, longest]."""
    longest = max(len(s["ids"]) for s in sequences)
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, sequence in enumerate(sequences):
        tokens = torch.tensor(sequence["ids"])
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
        labels[row, sequence["prompt_length"] : len(tokens)] = tokens[sequence["prompt_length"] :]
    return ids, mask, labels


def main():
    folder, steps, compute, threads = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    torch.set_num_threads(threads)
    model = load(folder, compute, "--checkpointing" in sys.argv)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=5e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    for step, line in enumerate((folder / "batches.jsonl").read_text().splitlines()[:steps]):
        begin = time.perf_counter()
        ids, mask, labels = padded(json.loads(line))
        optimiser.zero_grad()
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        print(json.dumps({"step": step, "loss": loss.item(), "grad_norm": norm.item(), "tokens": int(mask.sum()),
                          "seconds": time.perf_counter() - begin}), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
