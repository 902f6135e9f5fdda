"""tiny_training.safetensors: ten fp32 LoRA steps and one router step of transformers + PEFT on the tiny model.

Experts: r 4, lora_alpha 8, no dropout, the 7 linears of every layer; A[i,j] = 0.1 sin(0.37 i + 0.11 j + layer) (in
fp64), B zero. AdamW(lr 1e-2, betas 0.9 0.999, eps 1e-8, no decay), gradient norm clipped to 1.0; loss = sum of the answer
tokens' losses / number of answer tokens of both sequences. Step 0 shows B's gradients, step 1 A's, before clipping.
Router: the adapters one, two and three of tiny_peft, mixed by softmax(W mean(prompt hidden) + b) of each layer's input
with hooks on PEFT's modules; gradients of that mean loss with respect to W and b.
Tensors: <s>.prompt, <s>.answer I64 for s = 0, 1; losses F32[10], grad_norms F32[10];
<layer>.<linear>.grad_B F32[out,4], <layer>.<linear>.grad_A F32[4,in] of all layers and linears;
router.<layer>.weight F32[3,16], router.<layer>.bias F32[3], router.<layer>.grad_weight, router.<layer>.grad_bias,
router.loss F32[1].
tiny_training_bf16.safetensors: losses, grad_norms and gradients of the same steps with the model in bf16; PEFT keeps its
factors in fp32, the loss is of the logits in fp32.
"""

import torch
from peft import LoraOptions, PeftModel, get_peft_model
from safetensors.torch import save_file

from reference import HERE, versions
from tiny_model import LINEARS, tiny_model

SEQUENCES = [([3, 9, 27, 11, 5], [8, 2, 30]), ([14, 1, 22], [6, 17, 19, 4])]
STEPS = 10
EXPERTS = ["one", "two", "three"]


@torch.no_grad()
def set_factors(model):
    for name, parameter in model.named_parameters():
        if "lora_A" in name:
            layer = int(name.split(".layers.")[1].split(".")[0])
            i = torch.arange(parameter.shape[0], dtype=torch.float64)[:, None]
            j = torch.arange(parameter.shape[1], dtype=torch.float64)[None, :]
            parameter.copy_(0.1 * torch.sin(0.37 * i + 0.11 * j + layer))


def mean_loss(logits_of):
    total = 0.0
    for prompt, answer in SEQUENCES:
        logits = logits_of(prompt, answer)
        total = total + torch.nn.functional.cross_entropy(
            logits[len(prompt) - 1 : -1], torch.tensor(answer), reduction="sum"
        )
    return total / sum(len(answer) for _, answer in SEQUENCES)


def gradients(model, factor):
    found = {}
    for name, parameter in model.named_parameters():
        if f"lora_{factor}" in name:
            layer = name.split(".layers.")[1].split(".")[0]
            linear = name.split(f".lora_{factor}")[0].split(".")[-1]
            found[f"{layer}.{linear}.grad_{factor}"] = parameter.grad.clone()
    return found


def train_expert(dtype):
    config = LoraOptions(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=[name.split(".")[1] for name in LINEARS], task_type="CAUSAL_LM"
    )
    model = get_peft_model(tiny_model().to(dtype), config)
    set_factors(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    tensors, losses, norms = {}, [], []
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = mean_loss(lambda prompt, answer: model(torch.tensor([prompt + answer])).logits[0].float())
        loss.backward()
        if step < 2:
            tensors |= gradients(model, "BA"[step])
        losses.append(float(loss.detach()))
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, 1.0)))
        optimiser.step()
    return tensors | {"losses": torch.tensor(losses), "grad_norms": torch.tensor(norms)}


def adapted_layers(model):
    """[L] lists of the LoRA modules of each decoder layer."""
    layers = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and hasattr(module, "scaling"):
            layers.setdefault(int(name.split(".layers.")[1].split(".")[0]), []).append(module)
    return [layers.get(i, []) for i in range(model.config.num_hidden_layers)]


def route(model, weights, biases, prompt_length):
    """Hooks that add sum_i alpha_i s_i B_i A_i x in place of PEFT's own addition; alpha^l from the layer's input."""
    alpha, hooks = {}, []
    decoder = model.base_model.model.model

    def before(index):
        def hook(_, inputs):
            pooled = inputs[0][0, :prompt_length].mean(0)
            alpha[index] = torch.softmax(weights[index] @ pooled + biases[index], -1)

        return hook

    def mixed(index):
        def hook(module, inputs, _):
            x = inputs[0]
            y = module.base_layer(x)
            for i, name in enumerate(EXPERTS):
                if name in module.lora_A:
                    y = y + alpha[index][i] * module.scaling[name] * module.lora_B[name](module.lora_A[name](x))
            return y

        return hook

    for index, modules in enumerate(adapted_layers(model)):
        hooks.append(decoder.layers[index].register_forward_pre_hook(before(index)))
        hooks += [module.register_forward_hook(mixed(index)) for module in modules]
    return hooks


def router_gradients():
    model = PeftModel.from_pretrained(tiny_model(), HERE / "tiny_peft" / EXPERTS[0], adapter_name=EXPERTS[0])
    for name in EXPERTS[1:]:
        model.load_adapter(HERE / "tiny_peft" / name, adapter_name=name)
    model.eval().requires_grad_(False)
    random = torch.Generator().manual_seed(9)
    layers = model.config.num_hidden_layers
    weights = [(0.3 * torch.randn(3, 16, generator=random)).requires_grad_() for _ in range(layers)]
    biases = [(0.3 * torch.randn(3, generator=random)).requires_grad_() for _ in range(layers)]

    def logits_of(prompt, answer):
        hooks = route(model, weights, biases, len(prompt))
        logits = model(torch.tensor([prompt + answer])).logits[0]
        for hook in hooks:
            hook.remove()
        return logits

    loss = mean_loss(logits_of)
    loss.backward()
    tensors = {"router.loss": loss.detach().reshape(1)}
    for i in range(layers):
        tensors |= {f"router.{i}.weight": weights[i].detach(), f"router.{i}.bias": biases[i].detach(),
                    f"router.{i}.grad_weight": weights[i].grad, f"router.{i}.grad_bias": biases[i].grad}  # fmt: skip
    return tensors


def save(name, tensors):
    save_file(tensors, HERE / name, metadata={"made_with": versions("torch", "transformers", "peft")})
    print(name, "losses", tensors["losses"])


def main():
    torch.set_num_threads(1)
    tensors = train_expert(torch.float32) | router_gradients()
    for i, (prompt, answer) in enumerate(SEQUENCES):
        tensors |= {f"{i}.prompt": torch.tensor(prompt), f"{i}.answer": torch.tensor(answer)}
    save("tiny_training.safetensors", tensors)
    save("tiny_training_bf16.safetensors", train_expert(torch.bfloat16))


if __name__ == "__main__":
    main()
