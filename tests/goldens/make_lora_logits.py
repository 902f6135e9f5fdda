"""peft_a/, peft_b/, smollm2_lora.safetensors: two random LoRA adapters in PEFT's format and what they do.

a: r 2, lora_alpha 4; b: r 1, lora_alpha 3; both on q_proj and down_proj of all layers, B not zero.
safetensors: ids I64[40]; for base, a, b and average (PEFT's add_weighted_adapter "cat", weights 0.5): <name>.top_ids
I64[200] and <name>.top_logits F32[200], the highest logits at the last position.
"""

import shutil
import tempfile
from pathlib import Path

import torch
from peft import LoraOptions, get_peft_model
from safetensors.torch import save_file

from reference import HERE, TEXT, load_model, load_vocabulary, randomise, versions

PROMPT = 40
TOP = 200


def config(rank, alpha):
    return LoraOptions(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        target_modules=["q_proj", "down_proj"],
        task_type="CAUSAL_LM",
        base_model_name_or_path="SmolLM2-135M-Instruct",
    )


def save(model, adapter):
    model.peft_config[adapter].base_model_name_or_path = "SmolLM2-135M-Instruct"
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, selected_adapters=[adapter])
        target = HERE / f"peft_{adapter}"
        target.mkdir(exist_ok=True)
        for file in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copyfile(Path(folder) / adapter / file, target / file)


@torch.inference_mode()
def top(model, ids):
    best = model(torch.tensor([ids])).logits[0, -1].topk(TOP)
    return best.indices, best.values


def main():
    ids = load_vocabulary().tokenize(TEXT.encode(), add_bos=False, special=False)[:PROMPT]
    model = get_peft_model(load_model(), config(2, 4), adapter_name="a")
    model.add_adapter("b", config(1, 3))
    for seed, adapter in enumerate(["a", "b"]):
        randomise(model, adapter, seed, 0.05)
        save(model, adapter)
    model.add_weighted_adapter(["a", "b"], [0.5, 0.5], "average", combination_type="cat")

    tensors = {"ids": torch.tensor(ids)}
    with model.disable_adapter():
        tensors["base.top_ids"], tensors["base.top_logits"] = top(model, ids)
    for adapter in ["a", "b", "average"]:
        model.set_adapter(adapter)
        tensors[f"{adapter}.top_ids"], tensors[f"{adapter}.top_logits"] = top(model.eval(), ids)
    made_with = versions("torch", "transformers", "peft", "gguf", "llama_cpp_python")
    save_file(tensors, HERE / "smollm2_lora.safetensors", metadata={"made_with": made_with})


if __name__ == "__main__":
    main()
