"""Shows what a run gives back to Python: its experts as PEFT folders, its router as safetensors and JSON.

    python3 read_back.py RUN
"""
import json
import pathlib
import struct
import sys


def tensors_of(path):
    """-> {name: shape} of a safetensors file"""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    return {name: entry["shape"] for name, entry in json.loads(data[8:8 + size]).items() if name != "__metadata__"}


def main(run):
    router = json.loads((run / "router/router_config.json").read_text())
    for name in router["experts"]:
        folder = run / "experts" / name
        config = json.loads((folder / "adapter_config.json").read_text())
        print(f"{folder}: rank {config['r']}, {len(tensors_of(folder / 'adapter_model.safetensors'))} tensors")
    weights = tensors_of(run / "router/router.safetensors")
    layers = [name for name in weights if name.endswith(".weight")]
    print(f"{run / 'router'}: {len(layers)} layers, each with weights {weights[layers[0]]} for {', '.join(router['experts'])}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
