"""tokenizer_llama2.json: ids of sentencepiece, tokenizers and transformers, which agree, under Llama 2's real pieces.

  python make_llama2_tokenizer.py GGUF FOLDER [DATA_DIR]
  python make_llama2_tokenizer.py --folder-only GGUF FOLDER

GGUF is llama.cpp's ggml-vocab-llama-spm.gguf (third_party/minja.txt, vendor/llama.cpp/models), beside it the .inp and .out
with llama.cpp's ids. FOLDER becomes .deps/llama2-tokenizer: these three, and the forms in which people have the tokenizer:
tokenizer.model; tokenizer.json as TinyLlama's, whose normalizer makes the blanks; metaspace/tokenizer.json as
transformers writes it now. files: as in make_llama3_tokenizer.py. chats: by transformers' LlamaTokenizer with and without `legacy`,
under the templates of chat_templates.json.
"""

import json
import shutil
import sys
from pathlib import Path

import gguf
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import LlamaTokenizer
from transformers.convert_slow_tokenizer import generate_merges
from transformers.utils import sentencepiece_model_pb2_new as sentencepiece_pb2

from make_chat_templates import TEMPLATES
from reference import HERE, versions

SPECIALS = ["<unk>", "<s>", "</s>"]
NAME = "ggml-vocab-llama-spm.gguf"


def pieces_in(path):
    """[(piece, score, type)]; the types of GGUF are those of sentencepiece."""
    fields = gguf.GGUFReader(path).fields
    return list(zip(*(fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "scores", "token_type"))))


def write_model(path, pieces):
    model = sentencepiece_pb2.ModelProto()
    for piece, score, kind in pieces:
        model.pieces.add(piece=piece, score=score, type=kind)
    trainer = model.trainer_spec
    trainer.model_type, trainer.byte_fallback, trainer.split_digits = trainer.BPE, True, True
    trainer.vocab_size, trainer.unk_id, trainer.bos_id, trainer.eos_id, trainer.pad_id = len(pieces), 0, 1, 2, -1
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix, model.normalizer_spec.remove_extra_whitespaces = True, False
    path.write_bytes(model.SerializeToString())


def bpe(pieces):
    vocab = {piece: i for i, (piece, _, _) in enumerate(pieces)}
    merges = generate_merges(vocab, {piece: score for piece, score, _ in pieces})
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIALS])
    return tokenizer


def with_normalizer(pieces):
    tokenizer = bpe(pieces)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return tokenizer


def with_metaspace(pieces):
    tokenizer = bpe(pieces)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    return tokenizer


def write_folder(folder, source, pieces):
    (folder / "metaspace").mkdir(parents=True, exist_ok=True)
    for suffix in ("", ".inp", ".out"):
        target = folder / (NAME + suffix)
        if target.resolve() != Path(str(source) + suffix).resolve():
            shutil.copy(str(source) + suffix, target)
    write_model(folder / "tokenizer.model", pieces)
    with_normalizer(pieces).save(str(folder / "tokenizer.json"))
    with_metaspace(pieces).save(str(folder / "metaspace/tokenizer.json"))
    config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": TEMPLATES["zephyr"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def make_cases(folder, pieces):
    import sentencepiece

    from llama3_reference import texts

    library = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    fast = with_normalizer(pieces)
    plain = Tokenizer.from_str(json.dumps(json.loads(fast.to_str()) | {"added_tokens": []}))
    for text in texts() + ["</s>x</s> y", "<s> <unk> <0x41>", "  two", "\t\n{\"bundle10\": [\"product1\", \"product10\"]}"]:
        case = {"text": text, "plain": library.encode(text), "special": fast.encode(text, add_special_tokens=False).ids,
                "first": with_metaspace(pieces).encode(text, add_special_tokens=False).ids}
        assert case["plain"] == plain.encode(text, add_special_tokens=False).ids, text
        yield case | {"decoded": library.decode(case["plain"])}


def make_chats(folder):
    from llama3_reference import chats

    for legacy in (False, True):
        tokenizer = LlamaTokenizer.from_pretrained(folder, legacy=legacy)
        for form in ("llama2", "zephyr"):
            tokenizer.chat_template = TEMPLATES[form]
            for messages in chats():
                for generate in (False, True):
                    try:
                        found = tokenizer.apply_chat_template(messages, add_generation_prompt=generate)
                    except Exception as error:
                        if "must alternate" not in str(error):
                            raise
                        continue
                    yield {"form": form, "legacy": legacy, "messages": messages, "generate": generate,
                           "ids": list(found["input_ids"])}


def main():
    folder_only = sys.argv[1] == "--folder-only"
    source, folder, *data_dir = sys.argv[1 + folder_only :]
    folder, pieces = Path(folder), pieces_in(source)
    write_folder(folder, source, pieces)
    if folder_only:
        return

    import sentencepiece

    from llama3_reference import golden, write_lists
    from make_llama3_tokenizer import FILES, fnv1a

    library = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    if data_dir:
        files = dict(make_files(library, with_normalizer(pieces), with_metaspace(pieces), data_dir[0], FILES, fnv1a))
    else:
        files = golden("tokenizer_llama2.json")["files"]
    write_lists(
        HERE / "tokenizer_llama2.json",
        {"made_with": versions("sentencepiece", "tokenizers", "transformers", "gguf"), "files": files},
        {"chats": list(make_chats(folder)), "cases": list(make_cases(folder, pieces))},
    )


def make_files(library, fast, metaspace, data_dir, names, fnv1a):
    """As in make_llama3_tokenizer.py, of sentencepiece and tokenizers; metaspace: where it makes the blanks."""
    import csv
    import struct

    def hashed(ids):
        return {"count": len(ids), "fnv1a": fnv1a(struct.pack(f"<{len(ids)}i", *ids))}

    for domain in ["clothing", "electronic", "food"]:
        for name in names:
            path = Path(data_dir) / domain / name
            if not path.exists():
                continue
            found, first = [], []
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))[1:]
            for row in rows:
                ids = library.encode(row[1])
                assert ids == fast.encode(row[1], add_special_tokens=False).ids, row
                found += ids
                first += metaspace.encode(row[1], add_special_tokens=False).ids
            yield f"{domain}/{name}", hashed(found) | {"metaspace": hashed(first)}


if __name__ == "__main__":
    main()
