#!/usr/bin/env python3
"""Our experts and router in transformers + PEFT: the routed logits, for Python users and as a reference.

    from routedk_transformers import Routed
    routed = Routed("MODEL", ["experts/base", "experts/high_level", "experts/fine_grained"], "router")
    logits, alpha = routed(ids, prompt_length=20)        # [T,V], [L,K]: alpha uses only the first 20 ids
    longer, _ = routed(ids + more, 20, alpha)            # the continuation keeps the prompt's alpha

MODEL is a Hugging Face folder or a GGUF file, each expert a PEFT folder, the router a folder with router_config.json
and router.safetensors. As a program:

    routedk_transformers.py --model MODEL --adapter DIR --adapter DIR --router DIR --ids 1,2,3 [--prompt-length N]

prints the same as `routedk-inspect logits --gate DIR`: {"top": [[id, logit] x 10], "alpha": [[...] per
layer]}. Needs torch, transformers, peft and safetensors (tested with 2.11, 5.23, 0.21, 0.8).
"""

import argparse
import json
from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

DEFAULTS = {
    "scale": "softmax",
    "granularity": "layer",
    "temperature": 1.0,
    "pool": "mean",
    "pool_span": "prompt",
    "pool_norm": "none",
    "top_k": 0,
    "threshold": 0.0,
    "model": {},
}


def load_model(path):
    path = Path(path)
    place = {"gguf_file": path.name} if path.is_file() else {}
    folder = path.parent if path.is_file() else path
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **place)


class Router:
    """alpha = softmax((W z + b) / temperature) of the mean z of the prompt's hidden states; W = 0 for a static gate."""

    def __init__(self, folder):
        self.config = DEFAULTS | json.loads((Path(folder) / "router_config.json").read_text())
        self.tensors = load_file(Path(folder) / "router.safetensors")
        if (self.config["pool"], self.config["pool_span"]) != ("mean", "prompt"):
            raise ValueError("only the mean over the prompt is computed here")

    def alpha(self, layer, prompt):
        """The layer's input at the prompt's tokens [t,D] -> [K]."""
        if self.config["pool_norm"] == "rms":
            prompt = prompt * (prompt.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        name = "router.global" if self.config["granularity"] == "global" else f"router.{layer}"
        logits = self.tensors[f"{name}.bias"]
        if (weight := self.tensors.get(f"{name}.weight")) is not None:
            logits = logits + weight @ prompt.mean(0)
        alpha = torch.softmax(logits / self.config["temperature"], dim=0)
        if self.config["top_k"] > 0:
            kept = alpha.argsort(descending=True, stable=True)[: self.config["top_k"]]
            alpha = torch.zeros_like(alpha).index_copy(0, kept, alpha[kept] / alpha[kept].sum())
        if self.config["threshold"] > 0:
            kept = alpha * (alpha >= alpha.max().clamp(max=self.config["threshold"]))
            alpha = kept / kept.sum()
        return alpha * len(alpha) if self.config["scale"] == "k_softmax" else alpha


class Routed:
    def __init__(self, model, adapters, router):
        self.router = Router(router)
        if len(adapters) != len(self.router.config["experts"]):
            raise ValueError(f"{len(adapters)} adapters must be {self.router.config['experts']}, as the router says")
        # PEFT confuses adapter names that are parts of module names; numbers are safe.
        names = [f"expert{i}" for i in range(len(adapters))]
        self.model = PeftModel.from_pretrained(load_model(model), str(adapters[0]), adapter_name=names[0])
        for name, folder in zip(names[1:], adapters[1:]):
            self.model.load_adapter(str(folder), adapter_name=name)
        self.model.base_model.set_adapter(names)  # all at once: PEFT adds scaling * B A x of each
        self.model.eval()
        self.layers = self.model.get_base_model().model.layers
        for i, layer in enumerate(self.layers):
            linears = [module for module in layer.modules() if isinstance(module, LoraLayer)]
            scales = [{name: m.scaling[name] for name in names if name in m.scaling} for m in linears]
            layer.register_forward_pre_hook(self._weigh(i, names, linears, scales), with_kwargs=True)

    def _weigh(self, index, names, linears, scales):
        """Before the layer runs: sets alpha, from its input, times each expert's own scale."""

        def hook(_, args, kwargs):
            hidden = args[0] if args else kwargs["hidden_states"]
            if len(self.alpha) == index:
                first = index > 0 and self.router.config["granularity"] == "global"
                own = self.alpha[0] if first else self.router.alpha(index, hidden[0, : self.prompt_length])
                self.alpha.append(own)
            for module, own_scales in zip(linears, scales):
                for k, name in enumerate(names):
                    if name in own_scales:
                        module.scaling[name] = own_scales[name] * float(self.alpha[index][k])

        return hook

    @torch.no_grad()
    def __call__(self, ids, prompt_length=None, alpha=None):
        """Logits [T,V] of one sequence, and alpha [L,K], computed from the prompt unless given."""
        self.prompt_length = prompt_length or len(ids)
        self.alpha = [] if alpha is None else list(alpha)
        logits = self.model(torch.tensor([ids]), use_cache=False).logits[0]
        return logits, torch.stack(self.alpha)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--adapter", action="append", required=True, help="in the order of the router's experts")
    parser.add_argument("--router", required=True)
    parser.add_argument("--ids", required=True, help="token ids: 1,2,3")
    parser.add_argument("--prompt-length", type=int, help="how many ids the router looks at; default all")
    parser.add_argument("--full", help="write logits.0 [T,V] to this safetensors file")
    options = parser.parse_args()
    ids = [int(i) for i in options.ids.split(",")]
    logits, alpha = Routed(options.model, options.adapter, options.router)(ids, options.prompt_length)
    best = logits[-1].topk(min(10, logits.shape[1]))
    top = [[int(i), float(value)] for i, value in zip(best.indices, best.values)]
    print(json.dumps({"top": top, "alpha": alpha.tolist()}))
    if options.full:
        save_file({"logits.0": logits.contiguous()}, options.full)


if __name__ == "__main__":
    main()
