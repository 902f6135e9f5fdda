"""Ways to break a file, drawn by a key: the same key breaks the same file in the same way.

`broken(kind, data, chance)` gives the bytes of a broken file of that kind; `put_in_place(path, what)` puts something that is no
file where one was.
"""
import json
import os
import random
import re
import shutil
import struct

STEERS = "\x1b]0;owned\x07\x1b[31m\u202eevil\nname"  # a title, a colour, a direction, a second line
SPARSE_BYTES = 1 << 40
PLACES = ("pipe", "zero", "folder", "sparse", "nowhere", "loop", "empty")


class Raw(str):
    """Stands in the JSON as it is."""


class Pairs(list):
    """An object whose keys may repeat."""


def written(value):
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}:{written(one)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def deep(depth):
    return Raw("[" * depth + "]" * depth)


VALUES = [None, True, False, 0, -1, 1, 2, 7, 1 << 31, -(1 << 31), (1 << 53) + 1, 1 << 62, (1 << 63) - 1, 1 << 63, 1 << 64, -(1 << 63),
          10**40, 0.5, -0.0, 1e-320, 1e308, -1e308, Raw("NaN"), Raw("1e999"), Raw("-Infinity"), Raw("01"), Raw("-"), Raw(""),
          "", "0", "-1", "nan", " ", "\0", "a\0b", STEERS, "x" * 5000, "\u00e9\u4e2d\U0001f600", Raw('"\\ud800"'), Raw('"\\x"'),
          Raw('"a\nb"'), Raw("\x1b[31m"), "../../etc/passwd", "/dev/zero", "sk-0123456789abcdef0123456789abcdef", [], Pairs(), [[]], [None], [0, -1],
          ["a", "a"], [[[1]]], deep(400), deep(501), deep(100_000), list(range(3000)), [[]] * 3000, Pairs([(STEERS, 1)]),
          Pairs([("a", 1), ("a", 2)]), Pairs([("", None)])]  # fmt: skip


def nodes(value, found=None):
    """[(container, place)] of everything inside."""
    found = [] if found is None else found
    for place, one in enumerate(value):
        found.append((value, place))
        inner = one[1] if isinstance(value, Pairs) else one
        if isinstance(inner, list):
            nodes(inner, found)
    return found


def get(container, place):
    return container[place][1] if isinstance(container, Pairs) else container[place]


def put(container, place, value):
    container[place] = (container[place][0], value) if isinstance(container, Pairs) else value


def break_json(text, chance):
    root = json.loads(text, object_pairs_hook=Pairs)
    all_nodes = nodes(root) if isinstance(root, list) else []
    if not all_nodes or chance.random() < 0.04:
        return written(chance.choice(VALUES))
    container, place = chance.choice(all_nodes)
    if chance.random() < 0.5:  # as likely what stands high in the tree, where there are fewer
        container, place = chance.choice(all_nodes[:12])
    ways = [replace] * 6 + [remove, repeat, add, rename, many, swap, wrap]
    chance.choice(ways)(container, place, all_nodes, chance)
    return written(root)


def replace(container, place, _, chance):
    put(container, place, chance.choice(VALUES))


def remove(container, place, _, chance):
    del container[place]


def repeat(container, place, _, chance):
    container.append(container[place])


def add(container, place, _, chance):
    container.insert(place, (chance.choice(["extra", STEERS, "", "__metadata__"]), chance.choice(VALUES))
                     if isinstance(container, Pairs) else chance.choice(VALUES))  # fmt: skip


def rename(container, place, _, chance):
    if isinstance(container, Pairs):
        container[place] = (chance.choice([STEERS, "", "\0", container[place][0] + "x", "x" * 3000]), container[place][1])
    else:
        put(container, place, STEERS)


def many(container, place, _, chance):
    container.extend([container[place]] * 2000)


def swap(container, place, all_nodes, chance):
    other, at = chance.choice(all_nodes)
    mine, theirs = get(container, place), get(other, at)
    put(container, place, json.loads(written(theirs), object_pairs_hook=Pairs))
    put(other, at, json.loads(written(mine), object_pairs_hook=Pairs))


def wrap(container, place, _, chance):
    put(container, place, [get(container, place)])


def break_bytes(data, chance):
    """What happens to any file: bits that flip, a cut, blocks that are lost, doubled, zeroed or overwritten."""
    data = bytearray(data)
    size = len(data)
    near = min(size, chance.choice([16, 64, 512, 4096, size or 1]))  # headers are at the front
    at = chance.randrange(near) if near else 0
    way = chance.randrange(9)
    if way == 0:
        for _ in range(chance.choice([1, 1, 2, 8, 64])):
            if size:
                data[chance.randrange(near)] ^= 1 << chance.randrange(8)
    elif way == 1:
        del data[at:]
    elif way == 2:
        del data[at:at + chance.choice([1, 2, 8, 100])]
    elif way == 3:
        data[at:at] = data[at:at + chance.choice([1, 8, 100, 5000])]
    elif way == 4:
        length = chance.choice([1, 4, 8, 64])
        data[at:at + length] = bytes(length)
    elif way == 5:
        data[at:at] = chance.choice([STEERS.encode(), b"\0" * 9, b"\xff\xfe", b"\xc3\x28", b"\n" * 300, b"\x1b[2J" * 50])
    elif way == 6:
        number = chance.choice([0, 1, -1, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 40, 1 << 62, (1 << 63) - 1, -(1 << 63)])
        data[at:at + 8] = struct.pack("<q", number)
    elif way == 7:
        data[at:at + 4] = struct.pack("<I", chance.choice([0, 1, 255, 1 << 16, 1 << 31, (1 << 32) - 1]))
    else:
        return bytes(chance.getrandbits(8) for _ in range(chance.choice([0, 1, 7, 8, 9, 200, 5000])))
    return bytes(data)


def break_lines(data, chance):
    lines = data.decode(errors="replace").split("\n")
    at = chance.randrange(len(lines))
    way = chance.randrange(7)
    if way == 0:
        lines.insert(at, lines[chance.randrange(len(lines))])
    elif way == 1:
        del lines[at]
    elif way == 2:
        lines[at] = lines[at][:len(lines[at]) // 2]
    elif way == 3:
        lines.insert(at, chance.choice(["", " ", "\r", STEERS, "null", "[]", "{}", "#", "x" * 70_000, "\0"]))
    elif way == 4:
        lines[at] = lines[at].replace(chance.choice(",:{\" "), chance.choice(["", ";", "\t", STEERS, "\"", "'"]))
    elif way == 5:
        lines = lines[::-1]
    else:
        lines *= 300
    return "\n".join(lines).encode(errors="replace")


def break_json_line(data, chance):
    lines = data.decode().split("\n")
    full = [i for i, line in enumerate(lines) if line.strip()]
    if not full:
        return break_bytes(data, chance)
    at = chance.choice(full)
    try:
        lines[at] = break_json(lines[at], chance)
    except ValueError:  # a Python literal
        return break_lines(data, chance)
    return "\n".join(lines).encode(errors="replace")


CELLS = ["", " ", "0", "-1", "1.5", "nan", "1e9", str((1 << 63) - 1), str(1 << 63), str(10**30), "0x10", "+7", "NULL", STEERS, "a\0b", "\x1b[2J",
         '"', '""', '"open', '"a\nb"', "x" * 5000, "&#0;", "&#x110000;", "&amp;" * 900, "<|im_end|>", ",", ",,,,", "\u202e", "=1+1"]  # fmt: skip


def break_csv(data, chance):
    lines = data.decode().split("\n")
    at = chance.randrange(min(len(lines), chance.choice([1, 4, 100_000])))
    cells = lines[at].split(",")
    place = chance.randrange(len(cells))
    cells[place] = chance.choice([*CELLS, cells[place] + "9", "-" + cells[place]])
    lines[at] = ",".join(cells)
    return "\n".join(lines).encode(errors="replace")


YAML = ["", "~", "null", "-1", "0", "1e999", ".nan", ".inf", str(1 << 63), str(10**30), "yes", "[]", "{}", "[[[]]]", "[1, two, {three: 4}]", "{a: {b: c}}",
        "&a x", "*a", "!!python/object:os.system x", "!!binary aGk=", "|", ">", "'open", '"open', '"\\x1b[31m\\n"', STEERS, "\t", "x" * 5000, "? a", "- a", "%TAG",
        "[" * 400 + "]" * 400, "[" * 100_000, "{a: " * 3000, "sk-0123456789abcdef0123456789abcdef", "/dev/zero", "../..", "a: b: c", "[a, b", "{a, b",
        "[" + "x, " * 20_000 + "]", "\0", "\ufeff", "2020-01-01", "0o17", "0x1F", "1_000", "@a", "`a"]  # fmt: skip


def break_yaml(data, chance):
    lines = data.decode().split("\n")
    way = chance.randrange(8)
    at = chance.choice([i for i, line in enumerate(lines) if ":" in line] or [0])
    head, _, tail = lines[at].partition(":")
    if way < 4:
        lines[at] = f"{head}: {chance.choice(YAML)}"
    elif way == 4:
        lines[at] = f"{re.match(' *', head)[0]}{chance.choice(YAML)}: {tail}"
    elif way == 5:
        lines.insert(at, chance.choice(["---", "...", "a: &a [x, x]\nb: &b [*a, *a]", "extends: own.yaml", "? [a]\n: b", "<<: *a", "%YAML 9.9", lines[at]]))
    elif way == 6:
        lines += [f"key{i}: {i}" for i in range(chance.choice([3, 3000, 40_000]))]
    else:
        lines[at] = chance.choice([" ", "\t", "  - "]) + lines[at]
    return "\n".join(lines).encode(errors="replace")


BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "U8": 1, "I8": 1, "BOOL": 1}


def break_safetensors(data, chance):
    """The header's JSON, a tensor under another type or shape of as many bytes, or numbers that are none."""
    length = struct.unpack("<Q", data[:8])[0]
    text, body = data[8:8 + length], data[8 + length:]
    way = chance.randrange(4)
    if way == 0:
        text = break_json(text, chance).encode(errors="replace")
    elif way < 3:
        header = json.loads(text)
        name = chance.choice([one for one in header if one != "__metadata__"])
        entry = header[name]
        held = entry["data_offsets"][1] - entry["data_offsets"][0]
        if way == 1:
            entry["dtype"] = chance.choice(list(BYTES))
        count = held // BYTES[entry["dtype"]]
        entry["shape"] = chance.choice([[count], [count, 1], [1, count], [1] * 70 + [count], [1] * 3000 + [count], [], [0], [0, 1 << 62, 1 << 62],
                                        entry["shape"][::-1], [*entry["shape"], 1], [1 << 32, 1 << 32], [-count]])  # fmt: skip
        text = json.dumps(header).encode()
    else:
        body = bytearray(body)
        for _ in range(chance.choice([1, 100])):
            at = chance.randrange(max(len(body) // 8, 1)) * 8
            body[at:at + 8] = chance.choice([struct.pack("<ff", float("nan"), float("inf")), struct.pack("<d", float("nan")), b"\xff" * 8,
                                             struct.pack("<ff", 3e38, -3e38), bytes(8)])  # fmt: skip
        body = bytes(body[:len(data) - 8 - length])
    return struct.pack("<Q", len(text)) + text + body


def break_gguf(data, chance):
    """Near a name of the header: its length, its letters, or the type, count and number behind it."""
    names = [match.span() for match in re.finditer(rb"[a-z_.0-9]{5,}", data[:8192])]
    if not names:
        return break_bytes(data, chance)
    data = bytearray(data)
    begin, end = chance.choice(names)
    way = chance.randrange(4)
    wide = struct.pack("<Q", chance.choice([0, 1, 2, 3, 255, 1 << 31, 1 << 40, 1 << 62, (1 << 63) - 1, (1 << 64) - 1]))
    if way == 0:
        data[begin - 8:begin] = wide
    elif way == 1:
        data[begin:begin + 5] = b"\x1b[2J\n"
    elif way == 2:
        data[end:end + 4] = struct.pack("<I", chance.choice([*range(14), 255, 1 << 31]))
    else:
        at = end + chance.choice([4, 8, 12, 16, 20])
        data[at:at + chance.choice([4, 8])] = wide
    return bytes(data)


OWN = {"json": lambda data, chance: break_json(data, chance).encode(errors="replace"), "jsonl": break_json_line, "csv": break_csv,
       "yaml": break_yaml, "safetensors": break_safetensors, "gguf": break_gguf, "text": break_lines, "bytes": break_bytes}  # fmt: skip
LINES = {"jsonl", "csv", "yaml", "text"}


def broken(kind, data, chance):
    draw = chance.random()
    if draw < 0.2 or not data:
        return break_bytes(data, chance)
    if draw < 0.35 and kind in LINES:
        return break_lines(data, chance)
    return OWN[kind](data, chance)


def remove_at(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def put_in_place(path, what):
    remove_at(path)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "zero":
        path.symlink_to("/dev/zero")
    elif what == "folder":
        path.mkdir()
    elif what == "sparse":
        with open(path, "wb") as file:
            file.truncate(SPARSE_BYTES)
    elif what == "nowhere":
        path.symlink_to("no-such-file")
    elif what == "loop":
        path.symlink_to(path.name)
    else:
        path.write_bytes(b"")


def chance_of(*key):
    return random.Random("/".join(map(str, key)))
