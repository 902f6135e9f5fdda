"""Writes the seeds of tests/fuzz/corpus: small whole files of each format, and the commonest ways to break them.

usage: make_corpus.py        (the standard library alone; found cases in the folders are left alone)
"""
import base64
import gzip
import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"
GOLDENS = CORPUS.parents[1] / "goldens"
FIGURES = ["mean_logprob", "mean_constrained_logprob", "tokens", "bundles", "share_of_items"]  # of eval/candidate_features.h


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


def tensors(**given):
    """safetensors of little-endian numbers: name=(type, shape, struct's letter, values)."""
    header, body = {}, b""
    for name, (dtype, shape, letter, values) in given.items():
        data = struct.pack(f"<{len(values)}{letter}", *values)
        header[name.replace("__", ".")] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def parts(*of_one):
    """As parts.h cuts them."""
    return b"\0".join(part if isinstance(part, bytes) else json.dumps(part).encode() for part in of_one)


def answers():
    one = {"session": 3, "bundles": [[1, 2]], "share": 0.5, "candidates": [[[1, 2]], None], "logprobs": [-1.5, -2],
           "constrained_logprobs": [-1, -1], "tokens": [9, 8], "verifier": [0.1, 0.2], "pooled": [[0.5], [0.25]], "selected": [],
           "alpha": [[0.5, 0.5], [0.1, 0.9]], "seconds": 0.1}
    write("answers", "whole", json.dumps(one) + "\n" + json.dumps({**one, "session": 4}) + "\n")
    write("answers", "rows", json.dumps({**one, "alpha": [[0.5], [0.1, 0.9]]}) + "\n")
    write("answers", "shape", json.dumps(one) + "\n" + json.dumps({**one, "alpha": [[1.0]]}) + "\n")
    write("answers", "lengths", json.dumps({**one, "tokens": [1]}) + "\n")
    write("answers", "number", json.dumps(one).replace("0.5", "1e999") + "\n")


def chat_reply():
    def said(**message):
        return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 5}})

    write("chat_reply", "text", said(content='{"bundle1": ["product1", "product2"]}'))
    write("chat_reply", "think", said(content="<think>hm</think>\nCause: haste.\nRule: Group a lamp with its bulb."))
    write("chat_reply", "harmony", said(content="<|channel|>analysis<|message|>hm<|end|><|channel|>final<|message|>{}"))
    write("chat_reply", "parts", said(content=[{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "a\u0007b"}]))
    write("chat_reply", "null", said(content=None, refusal="no", tool_calls=[{"id": "1"}]))
    write("chat_reply", "key", said(content="sk-0123 456789 abcdef and c2stMDEyMzQ1Njc4OWFiY2RlZg=="))
    write("chat_reply", "error", json.dumps({"error": {"message": "gone", "code": 502, "metadata": {"raw": "{}"}}, "choices": None}))
    write("chat_reply", "detail", json.dumps({"detail": [{"loc": ["body", "seed"], "msg": "no"}]}))
    write("chat_reply", "page", "<html><body>502 Bad Gateway</body></html>")
    write("chat_reply", "deep", "[" * 3000 + "]" * 3000)


def chat_template():
    chatml = json.loads((GOLDENS / "tiny_chat/tokenizer_config.json").read_text())["chat_template"]
    write("chat_template", "named", parts({"chat_template": [{"name": "default", "template": chatml}]}))
    write("chat_template", "text", parts({"chat_template": chatml}))
    write("chat_template", "jinja", parts({}, chatml.encode()))
    write("chat_template", "other", parts({}, b"{{ messages }}"))
    write("chat_template", "cut", parts({"chat_template": chatml})[:-5])


def checkpoint():
    progress = {"step": 2, "bad_steps": 0, "bad_steps_in_a_row": 0, "last_loss": 1.5, "best_validation_loss": 1.0, "best_step": 1,
                "stale_validations": 0, "tokens": 9, "answer_tokens": 4, "seconds": 0.5, "skipped_steps": 0}
    state = {"step": 2, "groups": {"one": progress}, "fingerprint": {"a": 1}, "machine": {}}
    four = ("F32", [4], "f", [0.5, 1, 2, 3])
    whole = {"one__values": four, "one__first_moment": four, "one__second_moment": four, "one__best_values": four}
    write("checkpoint", "whole", parts(state, tensors(**whole)))
    write("checkpoint", "group", parts({**state, "groups": {}}, tensors(**whole)))
    write("checkpoint", "type", parts(state, tensors(**{**whole, "one__values": ("F64", [4], "d", [1, 2, 3, 4])})))
    write("checkpoint", "shape", parts(state, tensors(**{**whole, "one__values": ("F32", [2, 2], "f", [1, 2, 3, 4])})))
    write("checkpoint", "nan", parts(state, tensors(**{**whole, "one__second_moment": ("F32", [4], "f", [1, 2, float("nan"), -4])})))
    write("checkpoint", "step", parts({**state, "step": -1}, tensors(**whole)))


def json_lines():
    write("json_lines", "whole", '\ufeff{"session": 1, "items": [{"title": "a", "weight": 0.5}]}\r\n\n{"session": 2}')
    write("json_lines", "gzip", gzip.compress(b'{"session": 1}\n', mtime=0))
    write("json_lines", "number", '{"session": 1e999}\n')
    write("json_lines", "deep", "[" * 3000 + "]" * 3000)
    write("json_lines", "utf16", '{"session": 1}\n'.encode("utf-16"))


def knowledge():
    one = {"session": 1, "kind": "rules", "text": "Rule: Group a lamp with its bulb.", "failure": "", "turns": [{"asked": "a", "reply": "b", "problem": ""}],
           "teacher": "endpoint", "model": "m", "prompts": "0", "parameters": "", "seed": 1, "prompt_tokens": 3, "completion_tokens": 4, "seconds": 0.5,
           "time": "2024", "gold": "0", "inputs": "0"}
    write("knowledge", "whole", json.dumps(one) + "\n" + json.dumps({**one, "kind": "thought"}) + "\n{")
    write("knowledge", "turns", json.dumps({**one, "turns": None}) + "\n")
    write("knowledge", "tokens", json.dumps({**one, "prompt_tokens": -1}) + "\n")
    write("knowledge", "member", json.dumps({**one, "extra": 1}) + "\n")


def model_config():
    golden = GOLDENS / "tiny_chat"
    config = json.loads((golden / "config.json").read_text())
    tokens = json.loads((golden / "tokenizer_config.json").read_text())
    write("model_config", "whole", parts(config, tokens, {"eos_token_id": [2, 3]}))
    write("model_config", "scaling", parts({**config, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                                       "original_max_position_embeddings": 256}}, tokens, {}))  # fmt: skip
    write("model_config", "huge", parts({**config, "hidden_size": 1 << 60}, tokens, {}))
    write("model_config", "end", parts(config, tokens, {"eos_token_id": [-1]}))


def predictions():
    write("predictions", "whole", '{"session": 1, "bundles": [[1, "2"]]}\n{"session": "2", "bundles": null}\n')
    write("predictions", "twice", '{"session": 1, "bundles": []}\n{"session": 1, "bundles": []}\n')
    write("predictions", "other", '{"session": 1, "bundles": [[9, 9]]}\n{"session": 2, "bundles": [[]]}\n')
    write("predictions", "lacking", '{"session": 1, "bundles": []}\n')


def router():
    one = ("F32", [2], "f", [0.5, 0.25])
    weight = ("F32", [2, 32], "f", [0.1] * 64)
    whole = {f"router__{layer}__{name}": value for layer in (0, 1) for name, value in (("weight", weight), ("bias", one))}
    write("router", "whole", parts({"experts": ["a", "b"], "top_k": 1, "temperature": 0.5}, tensors(**whole)))
    write("router", "static", parts({"experts": ["a", "b"]}, tensors(router__0__bias=one, router__1__bias=one)))
    write("router", "global", parts({"experts": ["a", "b"], "granularity": "global"}, tensors(router__global__bias=one, router__global__weight=weight)))
    write("router", "twice", parts({"experts": ["a", "a"]}, tensors(**whole)))
    write("router", "nan", parts({"experts": ["a", "b"]}, tensors(**{**whole, "router__0__bias": ("F32", [2], "f", [0, float("nan")])})))
    write("router", "shape", parts({"experts": ["a", "b", "c"]}, tensors(**whole)))


def sentencepiece():
    whole = (GOLDENS / "small_tokenizers/sentencepiece.model").read_bytes()
    write("sentencepiece", "whole", whole)
    write("sentencepiece", "cut", whole[:300])
    write("sentencepiece", "empty", b"")
    write("sentencepiece", "zeros", whole[:200] + bytes(200) + whole[400:])


def settings():
    write("settings", "whole", "count: 3\nflag: true\nmaybe: ~\nnames: [a, 'b: c', \"d\\n\"]\nparts: [{rate: 0.25}]\npart: {text: |\n  x\n  }\n")
    write("settings", "plain", "count: 3\nfree: {a: [1, {b: ~}]}\nparts:\n  - rate: 1\n    text: x\n")
    write("settings", "rules", "count: -1\nflag: maybe\nnames: x\nparts: [1]\nunknown: 1\npart: {rate: .nan}\n")
    write("settings", "alias", "a: &a [x, x]\nb: &b [*a, *a]\n")
    write("settings", "deep", "names: " + "[" * 3000)
    write("settings", "twice", "count: 1\ncount: 2\n")
    write("settings", "key", "names: [sk-0123456789abcdef0123456789abcdef]\n")


def shards():
    one = tensors(a=("F32", [2], "f", [1, 2]))
    write("shards", "whole", parts({"metadata": {}, "weight_map": {"a": "a.safetensors"}}, one))
    write("shards", "out", parts({"weight_map": {"a": "../a.safetensors"}}, one))
    write("shards", "lacking", parts({"weight_map": {"b": "a.safetensors"}}, one))
    write("shards", "more", parts({"weight_map": {"a.rotary_emb.inv_freq": "a.safetensors"}}, one))


def titles():
    write("titles", "entities", "a &amp; b &#8211; &notit; &#x110000; &#0; &#150; &lt")
    write("titles", "steers", "a\x1b[31m\u202eb\u200b \u00a0c\n\td \ufeff")
    write("titles", "key", "sk-0123456789abcdef hf_0123456789abcdef0123 " + "x" * 500)
    write("titles", "bytes", b"a\xff\xed\xa0\x80")


def verifier():
    report = {"figures": FIGURES, "sessions": 3, "candidates": 9, "ridge": 1.0, "held_out": {"selected_f1": 0.5, "mean_f1": 0.4, "oracle_f1": 0.9}}
    size = 3 + len(FIGURES)
    write("verifier", "whole", parts(report, tensors(weight=("F64", [size], "d", [0.5] * size))))
    write("verifier", "type", parts(report, tensors(weight=("F32", [size], "f", [0.5] * size))))
    write("verifier", "shape", parts(report, tensors(weight=("F64", [size, 1], "d", [0.5] * size))))
    write("verifier", "nan", parts(report, tensors(weight=("F64", [size], "d", [float("nan")] * size))))
    write("verifier", "figures", parts({**report, "figures": []}, tensors(weight=("F64", [size], "d", [0.5] * size))))


if __name__ == "__main__":
    for make in (safetensors, gguf, tiktoken, tokenizer_json, adapter_config, csv, product_metadata, answers, chat_reply, chat_template, checkpoint, json_lines,
                 knowledge, model_config, predictions, router, sentencepiece, settings, shards, titles, verifier):  # fmt: skip
        make()
