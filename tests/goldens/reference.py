"""What the golden generators share: the model file, the reference programs' versions, an English text.

Run any make_*.py with the packages of its `versions` line installed; the model is the one scripts/setup fetches.
"""

import json
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / ".deps" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"

# Our own words: long enough for 300 tokens.
TEXT = """A shop that sells by the single piece learns little about what its visitors came for. Somebody who looks \
at a tripod, then at two cameras and a memory card, has a trip in mind; somebody who looks at five nearly equal \
headphones has a decision to make. Both leave the same trace: a short list of titles in the order of the clicks. \
The task is to read such a list and to say which of its items belong together, and why.

There are two ways for things to belong together. They may complement each other, as a lens and its filter do, \
or they may stand for the same wish, as three pairs of running shoes do while the visitor still compares them. \
A list of 10 items has 1,013 subsets with at least two members, but people who were asked to mark bundles rarely \
named more than three of them. They grouped by use, by place (the kitchen, the desk, the car), by person and by \
price; hardly ever by brand alone.

What makes the problem hard for a small model is not the language. The titles are terse, full of numbers such as \
1080p, 12-pack or 2.4GHz, and a model of modest size reads them well enough. The hard part is restraint: the \
answer that is right most often is to put everything into one group, and a learner that only follows the average \
will do exactly that. So one has to look at how many groups it names, and whether the pairs that it joins are \
joined by people too.

In the morning the rain had stopped, and the three of them walked down to the harbour, where the boats"""


def versions(*packages):
    return ", ".join(f"{name} {version(name)}" for name in packages)


def load_model(**options):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(2)
    model = AutoModelForCausalLM.from_pretrained(
        MODEL.parent, gguf_file=MODEL.name, dtype=torch.float32, attn_implementation="eager", **options
    )
    return model.eval()


def randomise(model, adapter, seed, spread):
    """Normal values in all factors of one adapter."""
    import torch

    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if f".{adapter}." in name:
                parameter.copy_(spread * torch.randn(parameter.shape, generator=random))


def load_vocabulary():
    from llama_cpp import Llama

    return Llama(str(MODEL), vocab_only=True, verbose=False)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n")
