"""small_tokenizers/: tokenizers of every file form with a few hundred tokens, trained on data/sample, and their ids.

  python make_small_tokenizers.py TEMPLATE      TEMPLATE as for make_llama3_tokenizer.py

tiktoken.model and tokenizer.json are one vocabulary under Llama 3's split; sentencepiece.model is made as Llama 2's was.
ids.json: cases [{text, plain, special}] and chats [{messages, generate, ids}] of the first two, sentencepiece
[{text, ids, decoded}], smollm2 [{text, ids}] of a tokenizer.json with SmolLM2's vocabulary, which lacks 21 bytes.
"""

import base64
import csv
import io
import json
import sys

import gguf
import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers import Regex

from llama3_reference import PATTERN, make_cases, make_chats, texts, to_tokenizer_json, with_tiktoken, write_lists
from reference import HERE, MODEL, versions

OUT = HERE / "small_tokenizers"
SAMPLE = HERE.parents[1] / "data" / "sample"


def corpus():
    for path in sorted(SAMPLE.glob("*/item_titles.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            yield from (row[1] for row in list(csv.reader(file))[1:])


def train_ranks(path):
    """256 bytes, then the merges in their order: a token's id is its rank."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    byte_of = {spelling: byte for byte, spelling in byte_spellings().items()}
    lines = []
    for token, rank in sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1]):
        data = bytes(byte_of[spelling] for spelling in token)
        lines.append(f"{base64.b64encode(data).decode()} {rank}\n")
    path.write_text("".join(lines))


def byte_spellings():
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return bytes_to_unicode()


def train_sentencepiece(path):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(corpus())), model_writer=model, model_type="bpe", vocab_size=600,
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, character_coverage=0.99995, num_threads=1, minloglevel=2,
    )  # fmt: skip
    path.write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def smollm2_tokenizer():
    """As in SmolLM2's folder, from the vocabulary in the GGUF file."""
    fields = gguf.GGUFReader(MODEL).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def main():
    OUT.mkdir(exist_ok=True)
    train_ranks(OUT / "tiktoken.model")
    encoding = with_tiktoken(OUT / "tiktoken.model")
    tokenizer = to_tokenizer_json(OUT / "tiktoken.model")
    document = json.loads(tokenizer.to_str())
    (OUT / "tokenizer.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
    pieces = train_sentencepiece(OUT / "sentencepiece.model")
    smollm2 = smollm2_tokenizer()
    write_lists(
        OUT / "ids.json",
        {"made_with": versions("tiktoken", "tokenizers", "transformers", "sentencepiece", "gguf")},
        {
            "chats": list(make_chats(tokenizer, sys.argv[1])),
            "cases": list(make_cases(encoding, tokenizer)),
            "sentencepiece": [
                {"text": text, "ids": pieces.encode(text), "decoded": pieces.decode(pieces.encode(text))} for text in texts()
            ],
            "smollm2": [{"text": text, "ids": smollm2.encode(text).ids} for text in texts()],
        },
    )


if __name__ == "__main__":
    main()
