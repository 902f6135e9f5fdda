"""small_tokenizers/llama2.gguf, llama2_ids.json: the pieces of sentencepiece.model as a GGUF of Llama 2 has them, and
their ids by llama.cpp.

llama2.gguf: metadata alone, with one user-defined token more, `<|im_start|>`. llama2_ids.json: [{text, plain, special,
decoded}]: ids without and with special tokens, and the text that the plain ones give back.
"""

import gguf
import sentencepiece
from llama_cpp import Llama

from llama3_reference import texts, write_lists
from reference import HERE, versions

OUT = HERE / "small_tokenizers"
PATH = OUT / "llama2.gguf"
MORE_TEXTS = ["", " ", "a<|im_start|> b<|im_start|><|im_start|>c", "</s>x</s> y", "<s> <unk> <0x41>"]


def type_of(pieces, piece):
    kinds = {
        gguf.TokenType.UNKNOWN: pieces.is_unknown,
        gguf.TokenType.CONTROL: pieces.is_control,
        gguf.TokenType.BYTE: pieces.is_byte,
    }
    return next((kind for kind, is_kind in kinds.items() if is_kind(piece)), gguf.TokenType.NORMAL)


def save_gguf():
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(OUT / "sentencepiece.model"))
    ids = range(len(pieces))
    writer = gguf.GGUFWriter(PATH, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([pieces.id_to_piece(i) for i in ids] + ["<|im_start|>"])
    writer.add_token_scores([pieces.get_score(i) for i in ids] + [0.0])
    writer.add_token_types([type_of(pieces, i) for i in ids] + [gguf.TokenType.USER_DEFINED])
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_add_space_prefix(True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    save_gguf()
    llama = Llama(str(PATH), vocab_only=True, verbose=False)

    def encode(text, special):
        return llama.tokenize(text.encode(), add_bos=False, special=special)

    def decode(ids):
        return llama.detokenize([llama.token_bos(), *ids]).decode(errors="replace")  # the bos drops the first blank

    cases = [
        {"text": text, "plain": (plain := encode(text, False)), "special": encode(text, True), "decoded": decode(plain)}
        for text in texts() + MORE_TEXTS
    ]
    write_lists(OUT / "llama2_ids.json", {"made_with": versions("llama_cpp_python", "gguf", "sentencepiece")}, {"cases": cases})


if __name__ == "__main__":
    main()
