"""tokenizer_smollm2.json: ids of llama.cpp for hard texts, hashes of its ids for the public data set.

  python make_tokenizer.py [DATA_DIR]      without DATA_DIR the hashes of the last run are kept

cases: [{text | hex, plain, special, pre: {name: ids}}]; `pre` holds the plain ids under the other splits, from copies
of the vocabulary whose `tokenizer.ggml.pre` was changed. files: {path: {count, fnv1a}} over the plain ids of all
fields of the second column in file order, each as a little-endian int32. chats: [{messages, generate, ids}] of
transformers' chat template, its text tokenised by llama.cpp with special tokens.
"""

import csv
import json
import struct
import sys
import tempfile
from pathlib import Path

import gguf
from llama_cpp import Llama
from transformers import AutoTokenizer

from reference import HERE, MODEL, load_vocabulary, versions

OUT = HERE / "tokenizer_smollm2.json"
PRES = ["llama-bpe", "gpt-2", "default"]
FILES = ["item_titles.csv", "item_titles_full.csv", "bundle_intent.csv"]

TEXTS = [
    "",
    " ",
    "  ",
    "a",
    "Hello world",
    " leading and trailing ",
    "one  two   three    four",
    "tabs\tand\t\tmore\t",
    "line\nline\n\nline\n\n\n  indented\n",
    "\n",
    "\n\n\n",
    " \n \n ",
    "CRLF\r\nCRLF\r\n\r\nend\r",
    "\v\f\x85\u00a0\u1680\u180e\u2003\u2028\u2029\u202f\u205f\u3000.",
    "x\u00a0y \u3000z\u180e w\u200b\u200dq",
    "I'm you're he'll she'd they've it's can't 'tis 'TWAS I'M YOU'RE IT'S 'S 's'",
    "it\u2019s don\u2019t",
    "12345678901234567890 3.14159 1,234,567.89 0x1F 1e-9 1080p 12-pack 2.4GHz 802.11ac",
    "\u0663\u0664\u0665 \u0967\u0968\u0969 \u00b2\u00b3\u00b9 \u216b \u2460 \u4e00\u4e8c\u4e09 \U0001d7ce\U0001d7cf",
    "a1b2c3 1 2 3  4   5",
    "caf\u00e9 cafe\u0301 na\u00efve \u1e9e \u0130stanbul \ufb01ne",
    "o\u0308\u0323\u0301\u0302\u0303 stacked \u0301alone",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01 \u3053\u3093\u306b\u3061\u306f\u3001\u30ab\u30bf\u30ab\u30ca \ud55c\uad6d\uc5b4",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f \u05e2\u05d1\u05e8\u05d9\u05ea",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22\u0e01\u0e33\u0e25\u0e31\u0e07\u0e17\u0e14\u0e2a\u0e2d\u0e1a",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u1230\u120b\u121d \u10e5\u10d0\u10e0\u10d7",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "\u2122 \u00ae \u00a9 \u00b0C \u00bd \u20ac99.99 \u00a35 \u00d7 \u2013 \u2014 \u2026 \u201cquoted\u201d \u2605\u2605\u2606",
    "!!!???...---===+++***///\\\\\\|||~~~^^^$$$%%%###@@@&&&",
    "if (x <= 3) { return a[i] + b->c; } // comment\n\t\t}",
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x13\x14\x16\x1b\x1c\x1d\x1e\x1f\x7f",
    "a\x04b \x13 c\x1d\x1dd",
    "\U00010000\U0010ffff\ufffe\uffff\ufeffbom\ue000\u0378",
    "\ufffd",
    "&amp; &#39; &quot;HDMI&quot; <b>bold</b>",
    "<|im_start|>user\nhi<|im_end|>",
    "<|im_start|><|im_start|>system\n\n<|endoftext|> <|im_end|>\n",
    "<|im_start <|im_end|> |> <|eot_id|> <|im_start|",
    "<repo_name><reponame><file_sep><filename>x<gh_stars>1<issue_start><empty_output>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "the the thethethe THE The tHe",
    "Pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
    '{"bundle1": ["product1", "product3"], "bundle2": ["product2", "product10"]}',
    "product1: Logitech MX Master 3S (Graphite), product2: Anker 735 Charger (65W)\nproduct3: ",
    " " * 100 + "x" + "\n" * 50 + " y" + "=" * 70 + "0" * 40,
]
BROKEN = [
    b"\xff", b"a\x80b", b"\xe2\x82", b"\xe2\x82A", b"caf\xe9 ol\xe9", b"\xf0\x9f\x98", b"\xf0\x9f\x98 x \xc3",
    b"ok \xc3\xa9 \xfe\xff not", b"\xf8\x88\x80\x80\x80",
]  # fmt: skip
CHATS = [
    [("user", "Hello")],
    [("system", "You group products."), ("user", "Which belong together?")],
    [("user", "  padded \n\n lines "), ("assistant", "Yes."), ("user", "And now?\n")],
    [("system", ""), ("user", ""), ("assistant", "")],
    [("user", "\n\nnewlines first"), ("system", "late system turn"), ("user", "x")],
    [("user", "It\u2019s a caf\u00e9 \u2013 \U0001f600 & <b>")],
]


def ids(vocabulary, data, special=False):
    return vocabulary.tokenize(data, add_bos=False, special=special)


def with_pre(pre, folder):
    """A copy of the vocabulary, without tensors, that names another split."""
    fields = gguf.GGUFReader(MODEL).fields
    path = Path(folder) / f"{pre}.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(fields["tokenizer.ggml.tokens"].contents())
    writer.add_token_types(fields["tokenizer.ggml.token_type"].contents())
    writer.add_token_merges(fields["tokenizer.ggml.merges"].contents())
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Llama(str(path), vocab_only=True, verbose=False)


def make_cases(vocabulary):
    with tempfile.TemporaryDirectory() as folder:
        others = {pre: with_pre(pre, folder) for pre in PRES}
        for data in [text.encode() for text in TEXTS] + BROKEN:
            name = {"hex": data.hex()} if data in BROKEN else {"text": data.decode()}
            yield name | {
                "plain": ids(vocabulary, data),
                "special": ids(vocabulary, data, special=True),
                "pre": {pre: ids(other, data) for pre, other in others.items()},
            }


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def hash_file(vocabulary, path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        found = [i for row in rows for i in ids(vocabulary, row[1].encode())]
    return {"count": len(found), "fnv1a": fnv1a(struct.pack(f"<{len(found)}i", *found))}


def make_files(vocabulary, data_dir):
    for domain in ["clothing", "electronic", "food"]:
        for name in FILES:
            path = Path(data_dir) / domain / name
            if path.exists():
                yield f"{domain}/{name}", hash_file(vocabulary, path)


def make_chats(vocabulary):
    tokenizer = AutoTokenizer.from_pretrained(MODEL.parent, gguf_file=MODEL.name)
    for turns in CHATS:
        messages = [{"role": role, "content": content} for role, content in turns]
        for generate in [False, True]:
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate)
            found = ids(vocabulary, text.encode(), special=True)
            reference = tokenizer.apply_chat_template(messages, add_generation_prompt=generate)
            assert found == list(reference["input_ids"]), (text, found, reference)
            yield {"messages": messages, "generate": generate, "ids": found}


def main():
    vocabulary = load_vocabulary()
    if len(sys.argv) > 1:
        files = dict(make_files(vocabulary, sys.argv[1]))
    else:
        files = json.loads(OUT.read_text())["files"]
    golden = {
        "made_with": versions("llama_cpp_python", "gguf", "transformers", "tokenizers"),
        "files": files,
        "chats": list(make_chats(vocabulary)),
        "cases": list(make_cases(vocabulary)),
    }
    rows = {key: value for key, value in golden.items() if key not in ("chats", "cases")}
    head = json.dumps(rows, indent=1)[:-2]
    lists = [
        f' "{key}": [\n' + ",\n".join(f"  {json.dumps(entry)}" for entry in golden[key]) + "\n ]"
        for key in ("chats", "cases")
    ]
    OUT.write_text(head + ",\n" + ",\n".join(lists) + "\n}\n")


if __name__ == "__main__":
    main()
