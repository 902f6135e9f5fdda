"""Writes the adapters cooking and travel for SmolLM2-135M into a folder, as PEFT's save_pretrained does.

    python3 make_adapters.py FOLDER

They stand in for adapters that you trained, and their values are random. The README has the lines that make such a
folder with PEFT.
"""
import json
import pathlib
import random
import struct
import sys

LAYERS, HIDDEN, VALUES, RANK = 30, 576, 192, 4


def write_tensors(path, tensors):
    """A safetensors file of {name: (shape, values)} in F32."""
    header, body = {}, b""
    for name, (shape, values) in tensors.items():
        data = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def write_adapter(folder, seed):
    draw = random.Random(seed).uniform
    tensors = {}
    for layer in range(LAYERS):
        for linear, out in (("q_proj", HIDDEN), ("v_proj", VALUES)):
            name = f"base_model.model.model.layers.{layer}.self_attn.{linear}"
            for factor, shape in (("lora_A", [RANK, HIDDEN]), ("lora_B", [out, RANK])):
                tensors[f"{name}.{factor}.weight"] = (shape, [draw(-0.02, 0.02) for _ in range(shape[0] * shape[1])])
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / "adapter_model.safetensors", tensors)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for number, name in enumerate(("cooking", "travel")):
        write_adapter(pathlib.Path(sys.argv[1]) / name, number)
