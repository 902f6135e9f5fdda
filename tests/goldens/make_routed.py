"""tiny_router*/, tiny_routed.safetensors: scripts/routedk_transformers.py on tiny_llama.gguf and three of tiny_peft.

The experts are mixed, all_linear and some_layers; make_peft_patterns.py comes first. tiny_router has the default
options, tiny_router_options all the others: k_softmax, global, temperature 0.7, top_k 2, rms; tiny_router_static has
biases alone.
Tensors, for each router: ids I64[T], of which the first 5 are the prompt; <router>.alpha F32[L,K];
<router>.prompt F32[5,V]; <router>.whole F32[T,V], the continuation under the prompt's alpha.
"""

import json
import sys

import torch
from safetensors.torch import save_file

from reference import HERE, versions

sys.path.append(str(HERE.parents[1] / "scripts"))
from routedk_transformers import Routed  # noqa: E402

IDS = [9, 30, 2, 17, 5, 22, 11, 28]
PROMPT = 5
EXPERTS = ["mixed", "all_linear", "some_layers"]
OPTIONS = {"scale": "k_softmax", "granularity": "global", "temperature": 0.7, "pool_norm": "rms", "top_k": 2}


def save_router(name, options, layers):
    random = torch.Generator().manual_seed(len(name))
    tensors = {}
    for layer in layers:
        if name != "tiny_router_static":
            tensors[f"router.{layer}.weight"] = 0.1 * torch.randn((3, 16), generator=random)
        tensors[f"router.{layer}.bias"] = 0.5 * torch.randn(3, generator=random)
    (HERE / name).mkdir(exist_ok=True)
    save_file(tensors, HERE / name / "router.safetensors")
    (HERE / name / "router_config.json").write_text(json.dumps({"experts": EXPERTS} | options, indent=2) + "\n")


def main():
    save_router("tiny_router", {}, range(3))
    save_router("tiny_router_options", OPTIONS, ["global"])
    save_router("tiny_router_static", {}, range(3))
    tensors = {"ids": torch.tensor(IDS)}
    for name in ("tiny_router", "tiny_router_options", "tiny_router_static"):
        adapters = [HERE / "tiny_peft" / expert for expert in EXPERTS]
        routed = Routed(HERE / "tiny_llama.gguf", adapters, HERE / name)
        prompt, alpha = routed(IDS[:PROMPT])
        whole, _ = routed(IDS, PROMPT, alpha)
        tensors |= {f"{name}.alpha": alpha, f"{name}.prompt": prompt, f"{name}.whole": whole}
        print(name, alpha)
    made_with = versions("torch", "transformers", "peft")
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, HERE / "tiny_routed.safetensors", metadata={"made_with": made_with})


if __name__ == "__main__":
    main()
