"""Writes the seeds of tests/fuzz/corpus: small whole files of each format, and the commonest ways to break them.

usage: make_corpus.py        (the standard library alone; found cases in the folders are left alone)
"""
import base64
import gzip
import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"


def write(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data if isinstance(data, bytes) else data.encode())


def safetensors():
    def made(header, payload):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + payload

    tensor = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    half = {"dtype": "BF16", "shape": [3], "data_offsets": [16, 22]}
    whole = made({"__metadata__": {"format": "pt"}, "a": tensor, "b": half}, bytes(22))
    write("safetensors", "whole", whole)
    write("safetensors", "empty", made({}, b""))
    write("safetensors", "truncated", whole[:-3])
    write("safetensors", "overlap", made({"a": tensor, "b": {**half, "data_offsets": [12, 18]}}, bytes(18)))
    write("safetensors", "range", made({"a": {**tensor, "data_offsets": [0, 1 << 60]}}, bytes(16)))
    write("safetensors", "shape", made({"a": {**tensor, "shape": [1 << 40, 1 << 40]}}, bytes(16)))
    write("safetensors", "twice", made(b'{"a":%b,"a":%b}' % ((json.dumps(tensor).encode(),) * 2), bytes(16)))
    write("safetensors", "header", struct.pack("<Q", 1 << 62) + b"{}")


def gguf():
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    def pair(key, kind, value):
        return text(key) + struct.pack("<I", kind) + value

    def array(kind, values):
        values = list(values)
        return struct.pack("<IQ", kind, len(values)) + b"".join(values)

    pairs = [pair("general.architecture", 8, text("llama")), pair("llama.block_count", 4, struct.pack("<I", 1)),
             pair("llama.rope.freq_base", 6, struct.pack("<f", 1e4)), pair("flag", 7, b"\1"),
             pair("tokens", 9, array(8, [text("a"), text("b")])), pair("types", 9, array(5, [struct.pack("<i", 1)] * 2))]
    kinds = {0: 4, 1: 2, 2: 18 / 32, 3: 20 / 32, 8: 34 / 32, 30: 2}  # type: bytes an element
    infos, data = b"", b""
    for kind, size in kinds.items():
        infos += text(f"t{kind}") + struct.pack("<IQIQ", 1, 32, kind, len(data))
        data += bytes(int(32 * size))
        data += bytes(-len(data) % 32)  # the format's default alignment
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(kinds), len(pairs)) + b"".join(pairs) + infos
    whole = head + bytes(-len(head) % 32) + data
    write("gguf", "whole", whole)
    write("gguf", "truncated", whole[:-40])
    write("gguf", "counts", struct.pack("<4sIQQ", b"GGUF", 3, 1 << 60, 1 << 60))
    write("gguf", "magic", b"GGML" + whole[4:])
    write("gguf", "array", struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + text("a") + struct.pack("<IIQ", 9, 8, 1 << 59))
    def vocabulary(model, tokens, kinds, more):
        pairs = [pair("tokenizer.ggml.model", 8, text(model)), pair("tokenizer.ggml.tokens", 9, array(8, map(text, tokens))),
                 pair("tokenizer.ggml.token_type", 9, array(5, [struct.pack("<i", kind) for kind in kinds])), *more,
                 *(pair(f"tokenizer.ggml.{name}_token_id", 4, struct.pack("<I", 1)) for name in ("bos", "eos"))]
        return struct.pack("<4sIQQ", b"GGUF", 3, 0, len(pairs)) + b"".join(pairs)

    pieces, kinds = ["<unk>", "<s>", "\u2581", "a", "b", "ab", "\u2581ab"], [2, 3, 1, 1, 1, 1, 4]
    scores = pair("tokenizer.ggml.scores", 9, array(6, [struct.pack("<f", -i) for i in range(7)]))
    write("gguf", "llama", vocabulary("llama", pieces, kinds, [scores]))
    bytes_too = pieces + [f"<0x{byte:02X}>" for byte in range(256)]
    scores = pair("tokenizer.ggml.scores", 9, array(6, [bytes(4)] * len(bytes_too)))
    write("gguf", "llama-bytes", vocabulary("llama", bytes_too, kinds + [6] * 256, [scores]))
    write("gguf", "llama-scores", vocabulary("llama", pieces, kinds, [scores]))
    merges = [pair("tokenizer.ggml.merges", 9, array(8, [text("a b")])), pair("tokenizer.ggml.pre", 8, text("gpt-2"))]
    write("gguf", "gpt2", vocabulary("gpt2", ["a", "<s>", "b", "ab"], [1, 3, 1, 1], merges))
    write("gguf", "type", whole.replace(struct.pack("<IQI", 1, 32, 30), struct.pack("<IQI", 1, 32, 99)))


def tiktoken():
    tokens = [bytes([byte]) for byte in range(256)] + [b"th", b"the", b" the"]
    lines = [base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens)]
    write("tiktoken", "whole", b"".join(lines))
    write("tiktoken", "base64", b"".join(lines[:-1]) + b"dG!= 258\n")
    write("tiktoken", "rank", b"".join(lines[:-1]) + b"dGhl 99999999999999999999\n")
    write("tiktoken", "twice", b"".join(lines + lines[-1:]))
    write("tiktoken", "cut", b"".join(lines)[:-5])


def tokenizer_json():
    alphabet = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]]
    vocab = {token: i for i, token in enumerate([*alphabet, "th", "the"])}
    whole = {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
        "added_tokens": [{"id": len(vocab), "content": "<|end|>", "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False, "special": True}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None, "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocab, "merges": ["t h", "th e"]}}
    write("tokenizer_json", "whole", json.dumps(whole))
    split = {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+"},
         "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
    write("tokenizer_json", "split", json.dumps({**whole, "pre_tokenizer": split}))
    write("tokenizer_json", "cut", json.dumps(whole)[:-9])
    write("tokenizer_json", "unigram", json.dumps({**whole, "model": {"type": "Unigram", "vocab": [["a", 0.0]]}}))
    write("tokenizer_json", "id", json.dumps({**whole, "model": {**whole["model"], "vocab": {"a": 1 << 60}}}))
    write("tokenizer_json", "deep", "[" * 3000 + "]" * 3000)


def adapter_config():
    whole = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "tiny", "r": 4, "lora_alpha": 8,
             "lora_dropout": 0.05, "bias": "none", "use_rslora": False, "target_modules": ["q_proj", "v_proj"],
             "rank_pattern": {"layers.1.self_attn.q_proj": 2}, "alpha_pattern": {"v_proj": 4}}
    write("adapter_config", "whole", json.dumps(whole))
    write("adapter_config", "regex", json.dumps({**whole, "target_modules": r".*\.(q|v)_proj"}))
    write("adapter_config", "all", json.dumps({**whole, "target_modules": "all-linear", "layers_to_transform": [0]}))
    write("adapter_config", "dora", json.dumps({**whole, "use_dora": True}))
    write("adapter_config", "rank", json.dumps({**whole, "r": 1 << 60}))
    write("adapter_config", "slow", json.dumps({**whole, "target_modules": "(a+)+" * 50 + "b"}))
    write("adapter_config", "cut", json.dumps(whole)[:-4])


def csv():
    write("csv", "whole", 'id,title\r\n1,"two\nlines, ""quoted"""\r\n2,plain\r\n')
    write("csv", "short", "id,title\n1\n")
    write("csv", "quote", 'id,title\n1,"open\n')
    write("csv", "stray", 'id,title\n1,a"b\n')
    write("csv", "nul", b"id,title\n1,\0\n\xff,\xfe\n")


def product_metadata():
    lines = [{"asin": "B1", "title": "a \u00e9 title", "related": {"also_bought": ["B2"]}, "price": 1.5, "x": [None, True]},
             {"asin": "B2", "title": "it's \"quoted\"", "categories": [["A", "B, C"]]}]
    python = "\n".join(map(repr, lines))
    write("product_metadata", "json", "\n".join(map(json.dumps, lines)) + "\n")
    write("product_metadata", "python", python)
    write("product_metadata", "bytes", r"{'asin': 'B3', 'title': 'caf\xc3\xa9 \xe9 \u20ac \U0001f50b \x4'}")
    write("product_metadata", "gzip", gzip.compress(python.encode(), mtime=0))
    write("product_metadata", "cut", gzip.compress(python.encode() * 50, mtime=0)[:-12])
    write("product_metadata", "deep", "{'asin': 'B4', 'x': " + "[" * 3000 + "]" * 3000 + "}")
    write("product_metadata", "broken", "{'asin': 'B5\n[1]\n{'asin': 5}\n{\"asin\": \"B6\",}\n")


if __name__ == "__main__":
    for make in (safetensors, gguf, tiktoken, tokenizer_json, adapter_config, csv, product_metadata):
        make()
