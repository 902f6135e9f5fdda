"""python_literals.jsonl: product lines as Python writes them, and what Python itself reads in them.

Each line {"literal": text, "asin": text, "title": text}. `literal` is repr() of a dictionary by Python 3, or the same
with every text as Python 2 wrote it: UTF-8 bytes, those beyond ASCII as \\xHH. asin and title are read back by
ast.literal_eval, for Python 2's form from the bytes.

Needs: Python 3.11, the standard library alone.
"""

import ast
import json
import pathlib

OUTPUT = pathlib.Path(__file__).parent / "python_literals.jsonl"
TITLES = [
    "Plain title",
    "it's one",
    'a 3" nail',
    "it's a 3\" nail",
    "back\\slash \\n and \\x41",
    "tab\tline\nreturn\rbell\x07nul\x00end",
    "caf\u00e9 \u00a0 na\u00efve",
    "\u201cquoted\u201d \u2014 \u96fb\u6c60 \U0001f50b",
    "lone \u00e9 only in Latin-1: \u00ff",
    "&amp; stays &#39; as it is",
    "{'asin': 'not this one'}",
    "True None False u'x'",
    "",
]


def product(number, title):
    return {
        "asin": f"B{number:09d}", "price": 12.5 * number, "related": {"also_bought": ["A1", "it's"], "title": "inner"},
        "salesRank": {"Home": -number}, "flags": [True, False, None], "title": title, "categories": [["A, B", "C"], []],
    }  # fmt: skip


def python2(value):
    """repr() of Python 2: texts are bytes."""
    if isinstance(value, str):
        return repr(value.encode())[1:]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python2(k)}: {python2(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(python2, value)) + "]"
    return repr(value)


def read(literal, two):
    if not two:
        made = ast.literal_eval(literal)
        return made["asin"], made["title"]
    made = ast.literal_eval(literal)  # each character a byte
    return made["asin"], made["title"].encode("latin-1").decode()


with OUTPUT.open("w") as out:
    for number, title in enumerate(TITLES):
        made = product(number, title)
        for literal, two in ((repr(made), False), (ascii(made), False), (python2(made), True)):
            asin, read_title = read(literal, two)
            assert (asin, read_title) == (made["asin"], title)
            out.write(json.dumps({"literal": literal, "asin": asin, "title": title}) + "\n")
