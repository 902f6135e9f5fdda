"""peers.py [--parts PART,...] [--out FILE]: the speed of transformers, peft and bitsandbytes on this GPU.

Llama-3.1-8B's shape with random weights in NF4, as in routedk_gpu_decode and routedk_gpu_train. Parts:
limits, products, decode (static cache and CUDA graph), train (QLoRA). Needs torch, transformers, peft and
bitsandbytes; downloads nothing. If a part fails, this is reported and the others continue.
"""

import argparse
import json
import os
import statistics
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import bitsandbytes as bnb
import torch
from peft import LoraOptions, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, StaticCache
from transformers.initialization import no_init_weights

DEVICE = torch.device("cuda")
BF16 = torch.bfloat16
VOCABULARY = 128256
CONFIG = LlamaConfig(
    hidden_size=4096,
    intermediate_size=14336,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    vocab_size=VOCABULARY,
    max_position_embeddings=8192,
    rope_theta=500000.0,
    tie_word_embeddings=False,
    bos_token_id=0,
    eos_token_id=1,
)
CONFIG._attn_implementation = "sdpa"
SHAPES = {"qkv": (6144, 4096), "o": (4096, 4096), "gate_up": (28672, 4096), "down": (4096, 14336)}
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROMPT, STEPS = 1000, 64


def gpu_seconds(f, times):
    """Median of the calls after two warm-up calls."""
    f(), f()
    seconds = []
    for _ in range(times):
        begin, end = torch.cuda.Event(True), torch.cuda.Event(True)
        begin.record()
        f()
        end.record()
        end.synchronize()
        seconds.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(seconds)


def graph_of(step):
    """Captures step() after three runs."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def nf4(rows, columns):
    dense = torch.randn(rows, columns, device=DEVICE, dtype=BF16) * 0.02
    return bnb.functional.quantize_4bit(dense, blocksize=64, compress_statistics=True, quant_type="nf4")


def nf4_llama():
    """A LlamaForCausalLM whose linears are quantised one by one on creation."""
    plain, default = torch.nn.Linear, torch.get_default_dtype()

    def linear(inputs, outputs, bias=True, **rest):
        if outputs == VOCABULARY:
            return plain(inputs, outputs, bias=bias, **rest)
        with torch.device("meta"):
            made = bnb.nn.Linear4bit(inputs, outputs, bias=False, compute_dtype=BF16, quant_type="nf4")
        codes, state = nf4(outputs, inputs)
        made.weight = bnb.nn.Params4bit(
            codes, requires_grad=False, quant_state=state, blocksize=64, quant_type="nf4", bnb_quantized=True
        )
        made.quant_state = state
        return made

    try:
        torch.set_default_dtype(BF16)
        torch.nn.Linear = linear
        with no_init_weights(), DEVICE:
            model = LlamaForCausalLM(CONFIG)
    finally:
        torch.nn.Linear = plain
        torch.set_default_dtype(default)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dtype == BF16 and parameter.dim() == 2:
                parameter.normal_(0, 0.02)
            elif parameter.dim() == 1:
                parameter.fill_(1.0)
    model.model.rotary_emb = type(model.model.rotary_emb)(CONFIG).to(DEVICE)
    model.is_loaded_in_4bit = model.is_quantized = True
    return model.eval().requires_grad_(False)


def limits(_):
    source = torch.zeros(2**30, device=DEVICE)
    target = torch.empty_like(source)
    a = torch.randn(8192, 8192, device=DEVICE, dtype=BF16)
    return {
        "copy_gb_per_second": 2 * source.nbytes / gpu_seconds(lambda: target.copy_(source), 7) / 1e9,
        "product_tflops": 2 * 8192**3 / gpu_seconds(lambda: a @ a, 7) / 1e12,
    }


@torch.no_grad()
def products(_):
    """Microseconds of bitsandbytes' product, with different weights each time, in a graph."""
    found = {}
    for name, (rows, columns) in SHAPES.items():
        weights = [nf4(rows, columns) for _ in range(max(2, min(16, (256 << 20) // (rows * columns // 2))))]
        for m in (1, 8, 32):
            x = torch.randn(m, columns, device=DEVICE, dtype=BF16)

            def all_weights():
                for codes, state in weights:
                    bnb.matmul_4bit(x, codes.t(), quant_state=state)

            graph = graph_of(all_weights)
            found[f"{name}, {m} rows"] = gpu_seconds(graph.replay, 7) / len(weights) * 1e6
    return found


@torch.no_grad()
def decode(model):
    """Tokens per second of greedy steps after a prompt."""
    found = {}
    for samples in (1, 8, 32):
        ids = torch.randint(2, VOCABULARY, (1, PROMPT), device=DEVICE).expand(samples, -1).contiguous()
        past = StaticCache(config=model.config, max_cache_len=PROMPT + STEPS + 16)
        logits = model(ids, past_key_values=past, use_cache=True, logits_to_keep=1).logits
        token = logits[:, -1:].argmax(-1).clone()
        position = torch.full((1, 1), PROMPT, device=DEVICE)

        def step():
            out = model(token, past_key_values=past, use_cache=True, position_ids=position)
            token.copy_(out.logits[:, -1:].argmax(-1))
            position.add_(1)

        graph = graph_of(step)
        torch.cuda.synchronize()
        start = time.time()
        for _ in range(STEPS):
            graph.replay()
        torch.cuda.synchronize()
        found[f"{samples} samples"] = samples * STEPS / (time.time() - start)
    return found


def train_step(model, parameters, optimizer, sequences, tokens):
    ids = torch.randint(2, VOCABULARY, (sequences, tokens), device=DEVICE)
    with torch.autocast("cuda", dtype=BF16):
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item(), norm.item()


def train(base):
    """QLoRA of rank 16 on all linears: tokens per second, with and without gradient checkpointing."""
    model = get_peft_model(base, LoraOptions(r=16, lora_alpha=32, task_type="CAUSAL_LM", target_modules=LINEARS))
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)
    base.enable_input_require_grads()
    found = {}
    for again in (True, False):
        if again:
            base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        else:
            base.gradient_checkpointing_disable()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        train_step(model, parameters, optimizer, 8, 1024)
        start = time.time()
        steps = [train_step(model, parameters, optimizer, 8, 1024) for _ in range(2)]
        found["recompute" if again else "everything kept"] = {
            "tokens_per_second": 2 * 8 * 1024 / (time.time() - start),
            "peak_gb": torch.cuda.max_memory_allocated() / 1e9,
            "loss": steps[-1][0],
            "gradient_norm": steps[-1][1],
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="limits,products,decode,train")
    parser.add_argument("--out", default="peers.json")
    arguments = parser.parse_args()
    found = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "bitsandbytes": bnb.__version__}
    model = None
    for name in arguments.parts.split(","):
        if name in ("decode", "train") and model is None:
            model = nf4_llama()
        start = time.time()
        try:
            found[name] = {"limits": limits, "products": products, "decode": decode, "train": train}[name](model)
        except Exception as error:  # the other parts are still worth running
            found[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(name, json.dumps(found[name]), f"{time.time() - start:.1f} s", flush=True)
        with open(arguments.out, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
