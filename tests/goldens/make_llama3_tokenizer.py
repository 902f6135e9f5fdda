"""tokenizer_llama3.json: ids of tiktoken and tokenizers, which agree, under Llama 3's real ranks.

  python make_llama3_tokenizer.py RANKS TEMPLATE FOLDER [DATA_DIR]
  python make_llama3_tokenizer.py --folder-only RANKS TEMPLATE FOLDER

RANKS is Llama 3's tokenizer.model (PyPI: llama-models, llama_models/llama3/tokenizer.model), TEMPLATE the text of
`chat_template` in Llama-3.1-8B-Instruct's tokenizer_config.json (llama.cpp's sources have it as
models/templates/meta-llama-Llama-3.1-8B-Instruct.jinja). FOLDER becomes what tests read as
ROUTEDK_LLAMA3_TOKENIZER: tokenizer.model, tokenizer.json, tokenizer_config.json. files: as in make_tokenizer.py; without
DATA_DIR those of the last run are kept.
"""

import csv
import json
import shutil
import struct
import sys
from pathlib import Path

from llama3_reference import golden, make_cases, make_chats, to_tokenizer_json, with_tiktoken, write_lists
from reference import HERE, versions

FILES = ["item_titles.csv", "item_titles_full.csv", "bundle_intent.csv"]


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def hash_file(encoding, tokenizer, path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    found = []
    for row in rows:
        ids = encoding.encode(row[1], disallowed_special=())
        assert ids == tokenizer.encode(row[1], add_special_tokens=False).ids, row
        found += ids
    return {"count": len(found), "fnv1a": fnv1a(struct.pack(f"<{len(found)}i", *found))}


def make_files(encoding, tokenizer, data_dir):
    for domain in ["clothing", "electronic", "food"]:
        for name in FILES:
            path = Path(data_dir) / domain / name
            if path.exists():
                yield f"{domain}/{name}", hash_file(encoding, tokenizer, path)


def write_folder(folder, ranks, tokenizer, template):
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "tokenizer.model").resolve() != Path(ranks).resolve():
        shutil.copy(ranks, folder / "tokenizer.model")
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "chat_template": Path(template).read_text()}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def main():
    folder_only = sys.argv[1] == "--folder-only"
    ranks, template, folder, *data_dir = sys.argv[1 + folder_only :]
    tokenizer = to_tokenizer_json(ranks)
    write_folder(Path(folder), ranks, tokenizer, template)
    if folder_only:
        return
    encoding = with_tiktoken(ranks)
    if data_dir:
        files = dict(make_files(encoding, tokenizer, data_dir[0]))
    else:
        files = golden("tokenizer_llama3.json")["files"]
    write_lists(
        HERE / "tokenizer_llama3.json",
        {"made_with": versions("tiktoken", "tokenizers", "transformers"), "files": files},
        {"chats": list(make_chats(tokenizer, template)), "cases": list(make_cases(encoding, tokenizer))},
    )


if __name__ == "__main__":
    main()
