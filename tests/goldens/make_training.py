"""smollm2_training.safetensors: ten fp32 LoRA steps of transformers + PEFT + torch AdamW on two sequences.

r 4, lora_alpha 16, no dropout, the 7 linears of every layer; A[i,j] = 0.01 sin(0.37 i + 0.011 j + layer) (computed
in fp64), B zero; AdamW(lr 5e-4, betas 0.9 0.999, eps 1e-8, no decay), gradient norm clipped to 1.0; loss = sum of
the answer tokens' losses / number of answer tokens of both sequences.
Tensors: <s>.ids I64[T], <s>.prompt_length I64[1] for s = 0, 1; losses F32[10], before each step; grad_norms F32[10],
before clipping; <layer>.<linear>.grad_B F32[out,4] of step 0 before clipping and <layer>.<linear>.grad_A F32[4,in]
of step 1 before clipping, layers 0 and 29, linears q_proj and down_proj.
"""

import torch
from peft import LoraOptions, get_peft_model
from safetensors.torch import save_file

from reference import HERE, load_model, load_vocabulary, versions

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SEQUENCES = [
    ("Group: {product1: Garden hose 25 m, product2: Spray nozzle, product3: Alarm clock}",
     '{"bundle1": ["product1", "product2"]}'),
    ("Group: {product1: AA batteries, product2: Desk lamp, product3: LED bulb E27, product4: Charger}",
     '{"bundle1": ["product1", "product4"], "bundle2": ["product2", "product3"]}'),
]  # fmt: skip
STEPS = 10


def tokenise():
    vocabulary = load_vocabulary()

    def plain(text):
        return vocabulary.tokenize(text.encode(), add_bos=False, special=False)

    def marked(text):
        return vocabulary.tokenize(text.encode(), add_bos=False, special=True)

    for prompt, answer in SEQUENCES:
        before = marked("<|im_start|>user\n") + plain(prompt) + marked("<|im_end|>\n<|im_start|>assistant\n")
        yield before, plain(answer) + marked("<|im_end|>")


@torch.no_grad()
def set_factors(model):
    for name, parameter in model.named_parameters():
        if "lora_A" in name:
            layer = int(name.split(".layers.")[1].split(".")[0])
            i = torch.arange(parameter.shape[0], dtype=torch.float64)[:, None]
            j = torch.arange(parameter.shape[1], dtype=torch.float64)[None, :]
            parameter.copy_(0.01 * torch.sin(0.37 * i + 0.011 * j + layer))
        elif "lora_B" in name:
            parameter.zero_()


def answer_loss(model, prompt, answer):
    logits = model(torch.tensor([prompt + answer])).logits[0]
    predictions = logits[len(prompt) - 1 : -1]
    return torch.nn.functional.cross_entropy(predictions, torch.tensor(answer), reduction="sum")


def gradients(model, factor):
    found = {}
    for name, parameter in model.named_parameters():
        if f"lora_{factor}" not in name:
            continue
        layer = name.split(".layers.")[1].split(".")[0]
        linear = name.split(f".lora_{factor}")[0].split(".")[-1]
        if layer in ("0", "29") and linear in ("q_proj", "down_proj"):
            found[f"{layer}.{linear}.grad_{factor}"] = parameter.grad.clone()
    return found


def main():
    sequences = list(tokenise())
    config = LoraOptions(r=4, lora_alpha=16, lora_dropout=0.0, target_modules=LINEARS, task_type="CAUSAL_LM")
    model = get_peft_model(load_model(), config)
    set_factors(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=5e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    count = sum(len(answer) for _, answer in sequences)

    tensors, losses, norms = {}, [], []
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = sum(answer_loss(model, *sequence) for sequence in sequences) / count
        loss.backward()
        if step < 2:
            tensors |= gradients(model, "BA"[step])
        losses.append(float(loss.detach()))
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, 1.0)))
        optimiser.step()

    for i, (prompt, answer) in enumerate(sequences):
        tensors[f"{i}.ids"] = torch.tensor(prompt + answer)
        tensors[f"{i}.prompt_length"] = torch.tensor([len(prompt)])
    tensors["losses"] = torch.tensor(losses)
    tensors["grad_norms"] = torch.tensor(norms)
    made_with = versions("torch", "transformers", "peft", "gguf", "llama_cpp_python")
    save_file(tensors, HERE / "smollm2_training.safetensors", metadata={"made_with": made_with})
    print("losses", losses, "gradient norms", norms)


if __name__ == "__main__":
    main()
