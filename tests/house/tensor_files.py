"""safetensors files, without any library: {name: ({"dtype": ..., "shape": [...]}, bytes)}."""
import json
import struct


def read(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    return {name: (entry, data[8 + size:][slice(*entry["data_offsets"])]) for name, entry in header.items()
            if name != "__metadata__"}


def write(path, tensors):
    header, body = {}, b""
    for name, (entry, data) in tensors.items():
        header[name] = {**entry, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
