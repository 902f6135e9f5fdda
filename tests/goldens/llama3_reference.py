"""What the generators of Llama 3 goldens share: the form of its tokenizer, around any ranks, and the texts.

Texts are those of tokenizer_smollm2.json and a few more; chats those of the same file and a few more.
"""

import json
from pathlib import Path

import tiktoken
from tiktoken.load import load_tiktoken_bpe
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import TikTokenConverter

from reference import HERE

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
NAMED = {
    0: "begin_of_text", 1: "end_of_text", 4: "finetune_right_pad_id", 6: "start_header_id", 7: "end_header_id",
    8: "eom_id", 9: "eot_id", 10: "python_tag",
}  # fmt: skip
MORE_TEXTS = [
    "it'\u017f x'\u212a I'LL 'Ve",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>",
    "<|eot_id|><|eot_id <|reserved_special_token_1|> <|reserved_special_token_247|>",
    "\r\n\r\n \r\n\t\n  x \n \n y",
    " " * 3000 + "x",
    "ab" * 600,
    "7" * 400,
    "\u2581x \u2581\u2581y",
]
MORE_CHATS = [
    [("system", " \n blanks around \t\u00a0\u3000\x1c"), ("user", "\u2028x\u200b "), ("assistant", "\x1d ok\u0085")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")],
]


def golden(name):
    return json.loads((HERE / name).read_text())


def texts():
    return [case["text"] for case in golden("tokenizer_smollm2.json")["cases"] if "text" in case] + MORE_TEXTS


def chats():
    known = [chat["messages"] for chat in golden("tokenizer_smollm2.json")["chats"] if not chat["generate"]]
    return known + [[{"role": role, "content": content} for role, content in turns] for turns in MORE_CHATS]


def special_names():
    reserved = iter(range(256))
    return [f"<|{NAMED[i]}|>" if i in NAMED else f"<|reserved_special_token_{next(reserved)}|>" for i in range(256)]


def with_tiktoken(path):
    ranks = load_tiktoken_bpe(str(path))
    special = {name: len(ranks) + i for i, name in enumerate(special_names())}
    return tiktoken.Encoding("llama3", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)


def to_tokenizer_json(path):
    """The tokenizer.json of a tiktoken file, as transformers converts it."""
    return TikTokenConverter(str(path), pattern=PATTERN, extra_special_tokens=special_names()).converted()


def make_cases(encoding, tokenizer):
    """[{text, plain, special}] of tiktoken; tokenizers gives the same with special tokens, and without any."""
    plain_json = json.loads(tokenizer.to_str()) | {"added_tokens": []}
    plain = type(tokenizer).from_str(json.dumps(plain_json))
    for text in texts():
        case = {
            "text": text,
            "plain": encoding.encode(text, disallowed_special=()),
            "special": encoding.encode(text, allowed_special="all"),
        }
        assert case["plain"] == plain.encode(text, add_special_tokens=False).ids, text
        assert case["special"] == tokenizer.encode(text, add_special_tokens=False).ids, text
        yield case


def make_chats(tokenizer, template):
    """[{messages, generate, ids}] of apply_chat_template with Llama 3.1's template."""
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")
    fast.chat_template = Path(template).read_text()
    for messages in chats():
        for generate in [False, True]:
            found = fast.apply_chat_template(messages, add_generation_prompt=generate, date_string="26 Jul 2024")
            yield {"messages": messages, "generate": generate, "ids": list(found["input_ids"])}


def write_lists(path, head, lists):
    """One line for each entry of a list: small and still fit for a diff."""
    parts = [f' "{key}": {json.dumps(value)}' for key, value in head.items()]
    parts += [
        f' "{key}": [\n' + ",\n".join(f"  {json.dumps(entry)}" for entry in entries) + "\n ]"
        for key, entries in lists.items()
    ]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")
