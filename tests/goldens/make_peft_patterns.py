"""tiny_llama.gguf, tiny_peft/<adapter>/, tiny_peft.safetensors: what PEFT makes of adapters' configurations.

The adapters' factors are random, B included. `all_linear` says `all-linear` in its file, as users write it (PEFT saves
the list it stands for). one, two and three have one rank, which PEFT's `ties` demands.
tiny_peft.safetensors: ids I64[T]; <name>.logits F32[T,V] for each adapter alone and for
  cat        add_weighted_adapter "cat" of mixed, all_linear and some_layers with weights 0.5, 0.8, -0.3
  ties_svd   add_weighted_adapter "ties_svd" of one, two and three, density 0.4, rank 2: TIES on the deltas, refactored
  ties       add_weighted_adapter "ties" of the same: TIES on A and on B
  ties_exact peft.utils.merge_utils.ties on the deltas of the same, added to the weights
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from peft import LoraOptions, PeftModel, get_peft_model
from peft.utils.merge_utils import ties
from safetensors.torch import save_file

from reference import HERE, randomise, versions
from tiny_model import save_gguf, tiny_model

FOLDER = HERE / "tiny_peft"
IDS = [3, 17, 4, 29, 11, 8]
DENSITY = 0.4
SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CONFIGS = {
    "mixed": dict(
        r=3,
        lora_alpha=8,
        target_modules=SEVEN,
        # The first match wins; PEFT sorts the patterns when it saves them.
        rank_pattern={"[02].self_attn.(k|q)_proj": 1, r"model\.layers\.1\.mlp.*": 4, "q_proj": 2, "v_proj": 5},
        alpha_pattern={r".*down_proj": 5, "^model.layers.2.self_attn.q_proj": 3, "q_proj": 6},
    ),
    "regex": dict(
        r=2,
        lora_alpha=4,
        use_rslora=True,
        target_modules=r"model\.layers\.(?!0)\d+\.(self_attn\.[qo]_proj|mlp\.up_proj)",
        rank_pattern={"o_proj": 3},
        alpha_pattern={"2.mlp.up_proj": 7},
    ),
    "all_linear": dict(
        r=1, lora_alpha=2, target_modules="all-linear", exclude_modules=["o_proj", "layers.0.mlp.gate_proj"]
    ),
    "some_layers": dict(
        r=2,
        lora_alpha=3,
        target_modules=["q_proj", "mlp.up_proj", "v_proj", "model.layers.0.mlp.down_proj"],
        layers_to_transform=[1, 2],
        layers_pattern="layers",
        exclude_modules=r".*\.2\..*v_proj",
    ),
    "one_layer": dict(r=2, lora_alpha=2, target_modules=["k_proj", "down_proj"], layers_to_transform=2),
    "one": dict(r=2, lora_alpha=4, target_modules=["q_proj", "gate_proj", "down_proj"]),
    "two": dict(r=2, lora_alpha=2, target_modules=["q_proj", "v_proj", "down_proj"]),
    "three": dict(r=2, lora_alpha=6, use_rslora=False, target_modules=["q_proj", "down_proj"]),
}


def save(model, adapter):
    target = FOLDER / adapter
    target.mkdir(parents=True, exist_ok=True)
    model.peft_config[adapter].base_model_name_or_path = "tiny_llama"
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, selected_adapters=[adapter])
        for file in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copyfile(Path(folder) / adapter / file, target / file)
    path = target / "adapter_config.json"
    config = json.loads(path.read_text())
    if adapter == "all_linear":
        config["target_modules"] = "all-linear"
    elif isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # PEFT writes a set, in any order
    path.write_text(json.dumps(config, indent=2) + "\n")


@torch.no_grad()
def logits(model):
    return model(torch.tensor([IDS])).logits[0].contiguous()


@torch.no_grad()
def exact_ties(adapters):
    """Our names: TIES on the full deltas, weights 1, added to the backbone's weights."""
    model = get_peft_model(tiny_model(), LoraOptions(**CONFIGS[adapters[0]]), adapter_name=adapters[0])
    for adapter in adapters[1:]:
        model.add_adapter(adapter, LoraOptions(**CONFIGS[adapter]))
    for adapter in adapters:
        model.load_adapter(FOLDER / adapter, adapter)
    for module in model.modules():
        present = [a for a in adapters if a in getattr(module, "lora_A", {})]
        if present:
            deltas = [module.get_delta_weight(adapter) for adapter in present]
            module.get_base_layer().weight += ties(deltas, torch.ones(len(deltas)), DENSITY, "total")
    with model.disable_adapter():
        return logits(model)


def main():
    save_gguf(tiny_model())
    tensors = {"ids": torch.tensor(IDS), "base.logits": logits(tiny_model())}
    first = next(iter(CONFIGS))
    model = get_peft_model(tiny_model(), LoraOptions(task_type="CAUSAL_LM", **CONFIGS[first]), adapter_name=first)
    for seed, (name, config) in enumerate(CONFIGS.items()):
        if name != first:
            model.add_adapter(name, LoraOptions(task_type="CAUSAL_LM", **config))
        randomise(model, name, seed, 0.3)
        save(model, name)
    for name in CONFIGS:  # from the files, as others read them
        tensors[f"{name}.logits"] = logits(PeftModel.from_pretrained(tiny_model(), FOLDER / name))
    model.add_weighted_adapter(["mixed", "all_linear", "some_layers"], [0.5, 0.8, -0.3], "cat", "cat")
    three = ["one", "two", "three"]
    model.add_weighted_adapter(three, [1.0] * 3, "ties_svd", "ties_svd", svd_rank=2, density=DENSITY)
    model.add_weighted_adapter(three, [1.0] * 3, "ties", "ties", density=DENSITY)
    for name in ("cat", "ties_svd", "ties"):
        model.set_adapter(name)
        tensors[f"{name}.logits"] = logits(model.eval())
    tensors["ties_exact.logits"] = exact_ties(three)
    made_with = versions("torch", "transformers", "peft", "gguf")
    save_file(tensors, HERE / "tiny_peft.safetensors", metadata={"made_with": made_with})
    for name, value in tensors.items():
        print(name, tuple(value.shape), float((value - tensors["base.logits"]).abs().max()) if value.dim() == 2 else "")


if __name__ == "__main__":
    main()
