"""smollm2_logits.safetensors, smollm2_logits.json: fp32 logits and greedy tokens of transformers on the GGUF.

safetensors: ids I64[300] the prompt; last_logits F32[V] at its last position; top_positions I64[P], top_ids
I64[P,10], top_logits F32[P,10] at other positions; greedy I64[32] the tokens that follow, greedy_margin F32[32]
by which each beats the second best. The JSON repeats the small figures for readers.
"""

import torch
from safetensors.torch import save_file

from reference import HERE, TEXT, load_model, load_vocabulary, versions, write_json

PROMPT = 300
GREEDY = 32
POSITIONS = [0, 1, 2, 7, 63, 64, 127, 200, 298]


@torch.inference_mode()
def main():
    ids = load_vocabulary().tokenize(TEXT.encode(), add_bos=False, special=False)[:PROMPT]
    assert len(ids) == PROMPT
    model = load_model()
    logits = model(torch.tensor([ids])).logits[0]
    top = logits[POSITIONS].topk(10)

    sequence, greedy, margins = list(ids), [], []
    for _ in range(GREEDY):
        best = model(torch.tensor([sequence])).logits[0, -1].topk(2)
        greedy.append(int(best.indices[0]))
        margins.append(float(best.values[0] - best.values[1]))
        sequence.append(greedy[-1])

    made_with = versions("torch", "transformers", "gguf", "llama_cpp_python")
    save_file(
        {
            "ids": torch.tensor(ids),
            "last_logits": logits[-1].clone(),
            "top_positions": torch.tensor(POSITIONS),
            "top_ids": top.indices,
            "top_logits": top.values,
            "greedy": torch.tensor(greedy),
            "greedy_margin": torch.tensor(margins),
        },
        HERE / "smollm2_logits.safetensors",
        metadata={"made_with": made_with},
    )
    write_json(
        HERE / "smollm2_logits.json",
        {
            "made_with": made_with,
            "prompt_tokens": PROMPT,
            "last_top_ids": logits[-1].topk(10).indices.tolist(),
            "last_top_logits": logits[-1].topk(10).values.tolist(),
            "greedy": greedy,
            "smallest_greedy_margin": min(margins),
        },
    )


if __name__ == "__main__":
    main()
