"""A small random Llama with the tokenizer of another, as a folder or a GGUF, without any library."""
import array
import json
import random
import shutil
import struct

import tensor_files

HIDDEN, HEADS, KV_HEADS, FEED_FORWARD, LAYERS, CONTEXT = 64, 4, 2, 96, 2, 4096
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": HIDDEN,
          "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "intermediate_size": FEED_FORWARD,
          "num_hidden_layers": LAYERS, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
          "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
KV = HIDDEN // HEADS * KV_HEADS
LINEARS = {"self_attn.q_proj": ("attn_q", HIDDEN, HIDDEN), "self_attn.k_proj": ("attn_k", KV, HIDDEN),
           "self_attn.v_proj": ("attn_v", KV, HIDDEN), "self_attn.o_proj": ("attn_output", HIDDEN, HIDDEN),
           "mlp.gate_proj": ("ffn_gate", FEED_FORWARD, HIDDEN), "mlp.up_proj": ("ffn_up", FEED_FORWARD, HIDDEN),
           "mlp.down_proj": ("ffn_down", HIDDEN, FEED_FORWARD)}  # fmt: skip
FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def tensors(vocabulary):
    """-> [(name in folders, name in GGUF, shape, bytes)]"""
    source = random.Random(5)

    def noise(*shape):
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        return shape, array.array("f", (source.uniform(-0.2, 0.2) for _ in range(count))).tobytes()

    def ones():
        return (HIDDEN,), array.array("f", [1.0] * HIDDEN).tobytes()

    yield "model.embed_tokens.weight", "token_embd.weight", *noise(vocabulary, HIDDEN)
    yield "model.norm.weight", "output_norm.weight", *ones()
    for i in range(LAYERS):
        theirs, ours = f"model.layers.{i}.", f"blk.{i}."
        yield theirs + "input_layernorm.weight", ours + "attn_norm.weight", *ones()
        yield theirs + "post_attention_layernorm.weight", ours + "ffn_norm.weight", *ones()
        for name, (short, rows, columns) in LINEARS.items():
            yield f"{theirs}{name}.weight", f"{ours}{short}.weight", *noise(rows, columns)


def write_folder(folder, vocabulary, files):
    """With these tokenizer files beside the weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**CONFIG, "vocab_size": vocabulary}))
    tensor_files.write(folder / "model.safetensors", {name: ({"dtype": "F32", "shape": shape}, data)
                                                      for name, _, shape, data in tensors(vocabulary)})
    for file in files:
        shutil.copy(file, folder)
    return folder


def skip_value(data, at, kind):
    """-> where the value of a GGUF's key ends."""
    if kind == 8:
        return at + 8 + struct.unpack_from("<Q", data, at)[0]
    if kind != 9:
        return at + struct.calcsize(FORMATS[kind])
    kind, count = struct.unpack_from("<IQ", data, at)
    at += 12
    for _ in range(count):
        at = skip_value(data, at, kind)
    return at


def tokenizer_keys(path):
    """-> the bytes of each key and value that is the tokenizer's."""
    data = path.read_bytes()
    at = 24
    for _ in range(struct.unpack_from("<Q", data, 16)[0]):
        begin = at
        size = struct.unpack_from("<Q", data, at)[0]
        key = data[at + 8:at + 8 + size].decode()
        at = skip_value(data, at + 12 + size, struct.unpack_from("<I", data, at + 8 + size)[0])
        if key.startswith("tokenizer."):
            yield data[begin:at]


def text_of(value):
    return struct.pack("<Q", len(value)) + value.encode()


def key(name, value):
    """-> the bytes of a GGUF's key: a text, a uint32, a float32, or a list of texts or int32."""
    if isinstance(value, list):
        numbers = bool(value) and isinstance(value[0], int)
        items = (struct.pack("<i", item) if numbers else text_of(item) for item in value)
        return text_of(name) + struct.pack("<IIQ", 9, 5 if numbers else 8, len(value)) + b"".join(items)
    kind = {str: 8, int: 4, float: 6}[type(value)]
    return text_of(name) + struct.pack("<I", kind) + (text_of(value) if kind == 8 else struct.pack("<" + FORMATS[kind], value))


def paired_rows(data, heads):
    """[rows,HIDDEN] of q or k with each head's two halves interleaved, as convert_hf_to_gguf.py writes a Llama's."""
    width = 4 * HIDDEN
    rows = [data[at:at + width] for at in range(0, len(data), width)]
    size = len(rows) // heads
    return b"".join(rows[head * size + half * size // 2 + i] for head in range(heads) for i in range(size // 2) for half in (0, 1))


def write_gguf(path, vocabulary, source=None, extra=(), part=slice(None), **texts):
    """With the tokenizer of the GGUF `source`, the keys `extra`, and `texts` as keys under `tokenizer.`; `part` of the tensors."""
    integers = {"block_count": LAYERS, "embedding_length": HIDDEN, "feed_forward_length": FEED_FORWARD,
                "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS, "context_length": CONTEXT,
                "rope.dimension_count": HIDDEN // HEADS, "vocab_size": vocabulary}  # fmt: skip
    reals = {"attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 10000.0}
    keys = [key("general.architecture", "llama"), *(key(f"llama.{name}", value) for name, value in {**integers, **reals}.items()),
            *(key(f"tokenizer.{name}", value) for name, value in texts.items()), *extra]  # fmt: skip
    keys += tokenizer_keys(source) if source else []
    infos, body = [], []
    at = 0
    for _, name, shape, data in list(tensors(vocabulary))[part]:
        if "attn_q" in name or "attn_k" in name:
            data = paired_rows(data, HEADS if "attn_q" in name else KV_HEADS)
        infos.append(text_of(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape)) + struct.pack("<IQ", 0, at))
        data += b"\0" * (-len(data) % 32)
        at += len(data)
        body.append(data)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(keys)) + b"".join(keys) + b"".join(infos)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + b"".join(body))
    return path
