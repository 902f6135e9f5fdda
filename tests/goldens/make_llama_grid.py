"""llama_grid/: what transformers computes with tiny Llamas of every shape, and the folders it writes.

grid.safetensors: pool F32[P], of which every model of the grid is made; logits.<case> F32[T,V] in fp32 and, of some,
bf16.<case> F32[T,V] with weights and arithmetic in bfloat16. cases.json: ids [T]; of each case transformers' own
config.json and its parameters in order. The next elements of the pool, wrapping round, are a parameter's values x;
a norm's are 1 + x / 2.

sharded/: a model in bf16 as save_pretrained writes it in shards. nf4/, nf4_double/: models quantised and saved by
bitsandbytes, the first with a linear excepted. Beside each, logits.safetensors: ids I64[T], logits F32[T,V] in fp32;
for NF4 with the weights that bitsandbytes decodes from the file, in the type it stores (bfloat16).
"""

import itertools
import json
import shutil

import torch
from bitsandbytes.functional import dequantize_4bit
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

from reference import HERE, versions

GRID = HERE / "llama_grid"
IDS = [3, 17, 0, 42, 42, 9, 31, 55]
POOL = 20011
HEADS = {"h4g4": (4, 4, None), "h4g2": (4, 2, None), "h4g1": (4, 1, None), "h2g1": (2, 1, None), "h4g2wide": (4, 2, 16)}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
MADE_WITH = versions("torch", "transformers", "bitsandbytes")


def config_of(heads, tied, scaled, biases, **sizes):
    count, groups, head_dim = heads
    options = dict(vocab_size=56, hidden_size=32, intermediate_size=48, num_hidden_layers=2) | sizes
    return LlamaConfig(
        **options,
        num_attention_heads=count,
        num_key_value_heads=groups,
        head_dim=head_dim,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        rope_scaling=LLAMA3 if scaled else None,
        tie_word_embeddings=tied,
        attention_bias="a" in biases,
        mlp_bias="m" in biases,
    )


def fill(model, pool):
    """-> [[name, shape]] in the order in which the pool was used."""
    used, order = 0, []
    for name, parameter in model.named_parameters():
        count = parameter.numel()
        values = pool[torch.arange(used, used + count) % POOL].reshape(parameter.shape)
        parameter.data = 1 + values / 2 if "norm" in name else values
        used += count
        order.append([name, list(parameter.shape)])
    return order


@torch.inference_mode()
def logits_of(model):
    return model.eval()(torch.tensor([IDS])).logits[0].float().contiguous()


def in_bfloat16(model):
    """As from_pretrained leaves it: model.bfloat16() would round the rotary frequencies too."""
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16()
    return model


def make_grid():
    pool = (torch.randn(POOL, generator=torch.Generator().manual_seed(11)) * 0.15).bfloat16().float()
    tensors, cases = {"pool": pool}, {}
    for heads, tied, scaled, biases in itertools.product(HEADS, [False, True], [False, True], ["", "a", "m", "am"]):
        name = "_".join(filter(None, [heads, "tied" if tied else "", "scaled" if scaled else "", biases and "bias" + biases]))
        config = config_of(HEADS[heads], tied, scaled, biases)
        model = LlamaForCausalLM(config)
        cases[name] = {"config": json.loads(config.to_json_string()), "parameters": fill(model, pool)}
        tensors[f"logits.{name}"] = logits_of(model)
        if tied == scaled:
            tensors[f"bf16.{name}"] = logits_of(in_bfloat16(model))
    save_file(tensors, GRID / "grid.safetensors", metadata={"made_with": MADE_WITH})
    text = json.dumps({"made_with": MADE_WITH, "ids": IDS, "cases": cases}, default=str)
    (GRID / "cases.json").write_text(text.replace('"h', '\n"h') + "\n")


def save_logits(folder, model):
    save_file({"ids": torch.tensor(IDS), "logits": logits_of(model)}, folder / "logits.safetensors")


def fresh_folder(name):
    shutil.rmtree(GRID / name, ignore_errors=True)
    return GRID / name


def make_sharded():
    torch.manual_seed(12)
    folder = fresh_folder("sharded")
    model = in_bfloat16(LlamaForCausalLM(config_of((4, 2, None), True, True, "am", initializer_range=0.15)))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.1)
    model.save_pretrained(folder, max_shard_size="12KB")
    save_logits(folder, AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32))


def decoded(quantised):
    """A dense fp32 model of the weights that bitsandbytes decodes."""
    config = LlamaConfig.from_dict({k: v for k, v in quantised.config.to_dict().items() if k != "quantization_config"})
    dense = LlamaForCausalLM(config).float()
    state = {}
    for name, parameter in quantised.named_parameters():
        packed = hasattr(parameter, "quant_state")
        state[name] = (dequantize_4bit(parameter.data, parameter.quant_state) if packed else parameter.data).float()
    dense.load_state_dict(state)
    return dense


def make_nf4(name, double, skipped):
    torch.manual_seed(13)
    source = fresh_folder("source")
    sizes = dict(hidden_size=64, intermediate_size=128, initializer_range=0.12)
    in_bfloat16(LlamaForCausalLM(config_of((4, 2, None), False, False, "", **sizes))).save_pretrained(source)
    options = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=skipped,
    )
    folder = fresh_folder(name)
    quantised = AutoModelForCausalLM.from_pretrained(source, quantization_config=options, dtype=torch.bfloat16)
    quantised.save_pretrained(folder)
    save_logits(folder, decoded(quantised))
    shutil.rmtree(source)


def main():
    GRID.mkdir(exist_ok=True)
    make_grid()
    make_sharded()
    make_nf4("nf4", False, ["lm_head", "model.layers.1.mlp.down_proj"])
    make_nf4("nf4_double", True, None)


if __name__ == "__main__":
    main()
