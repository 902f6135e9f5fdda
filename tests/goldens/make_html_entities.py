#!/usr/bin/env python3
"""Writes the names of HTML's character references and what Python's html.unescape makes of some texts.

    tests/goldens/make_html_entities.py

src/bundle/html_entities.inc: every name of the HTML standard, as html.entities.html5 has them, sorted by bytes.
tests/goldens/html_unescape.jsonl: {"text", "unescaped"}.
"""
import html
import html.entities
import json
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]


def literal(text):
    return '"' + "".join(f"\\x{byte:02X}" if not 32 < byte < 127 or byte in b'"\\' else chr(byte) for byte in text.encode()) + '"'


def pieces(entry):
    """A literal of which no hexadecimal escape runs into the letters after it."""
    name, text = entry
    return f"{{{literal(name)}, \"" + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"}'


def write_names():
    entries = sorted(html.entities.html5.items(), key=lambda e: e[0].encode())
    lines, line = [], ""
    for entry in map(pieces, entries):
        if len(line) + len(entry) > 106:
            lines.append(line.rstrip())
            line = ""
        line += entry + ", "
    lines.append(line.rstrip())
    (ROOT / "src/bundle/html_entities.inc").write_text(
        "// Made by tests/goldens/make_html_entities.py: {name, UTF-8}, sorted by name.\n"
        "// NOLINTBEGIN(modernize-raw-string-literal)\n" + "\n".join(lines) + "\n// NOLINTEND(modernize-raw-string-literal)\n")
    return [name for name, _ in entries]


def texts(names):
    draw = random.Random(7)
    yield from ("Salt &amp; pepper &Omega;-3 &alpha; mill", "R&amp;D", "AT&T", "&notit; &notin; &notpre", "&amp;amp;", "&",
                "&;", "&#;", "&#x;", "&#38 &#38; &#038;x", "&#x26;&#X26", "&#0;&#13;&#128;&#129;&#159;", "&#xD800;&#x110000;",
                "&#1;a&#11;b&#xFDD0;c&#xFFFE;", "&#99999999999999999999;", "caf\u00e9 &eacute\u00e9;", "&NotEqualTilde;", "&fjlig;",
                "&CounterClockwiseContourIntegral;", "&" + "a" * 40 + ";", "&lt&gt&quot", "&copy2020", "&nbsp;&emsp;")
    for name in names:
        yield f"x&{name}y"
    for _ in range(400):
        yield "".join(draw.choice(["&", "#", ";", "x", "amp", "lt", "not", "in", "12", "é", " ", draw.choice(names), "&" + draw.choice(names)])
                      for _ in range(draw.randrange(1, 8)))


def main():
    names = write_names()
    with open(ROOT / "tests/goldens/html_unescape.jsonl", "w") as out:
        for text in texts(names):
            out.write(json.dumps({"text": text, "unescaped": html.unescape(text)}) + "\n")


if __name__ == "__main__":
    main()
