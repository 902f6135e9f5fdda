"""assistant_turns.json: {conversations: [{messages, ids, mask}]}: ids and assistant mask of transformers'
apply_chat_template, which TRL's assistant_only_loss learns from.

The template is SmolLM2's with what the assistant writes, its end of turn too, marked as generated; the tokenizer is
tokenizers' BPE over the vocabulary of the model file, checked with the chats of tokenizer_smollm2.json.
"""

import json

from gguf import GGUFReader
from llama3_reference import write_lists
from reference import HERE, MODEL, versions
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

CONTROL = 3  # of tokenizer.ggml.token_type
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}{% if message['role'] == 'assistant' %}{% generation %}"
    "{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}"
    "{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONVERSATIONS = [
    [("user", "Hi"), ("assistant", "Hello!")],
    [("system", "Be brief."), ("user", "Tea?"), ("assistant", "Yes."), ("user", "Milk?"), ("assistant", "No, thanks.")],
    [("user", "List two.\n\n1. A lamp"), ("assistant", "1. A lamp\n2. A desk\n"), ("user", " and now? "),
     ("assistant", "3. A chair"), ("user", "12345 caf\u00e9 \u4f60\u597d"), ("assistant", "\U0001f600 12345")],
    [("user", "a"), ("assistant", "b"), ("user", "a"), ("assistant", "b"), ("user", "a"), ("assistant", "b")],
    [("system", "assistant"), ("user", "assistant\nb"), ("assistant", "user\na")],
]  # fmt: skip


def strings(reader, key):
    field = reader.fields[key]
    return [bytes(field.parts[i]).decode() for i in field.data]


def make_tokenizer():
    reader = GGUFReader(MODEL)
    tokens = strings(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in strings(reader, "tokenizer.ggml.merges")]
    types = reader.fields["tokenizer.ggml.token_type"]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, at in zip(tokens, types.data) if types.parts[at][0] == CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=TEMPLATE)


def check(tokenizer):
    for chat in json.loads((HERE / "tokenizer_smollm2.json").read_text())["chats"]:
        found = tokenizer.apply_chat_template(chat["messages"], add_generation_prompt=chat["generate"])
        assert list(found["input_ids"]) == chat["ids"], chat


def main():
    tokenizer = make_tokenizer()
    check(tokenizer)
    conversations = []
    for turns in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in turns]
        found = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
        conversations.append({"messages": messages, "ids": list(found["input_ids"]), "mask": list(found["assistant_masks"])})
    write_lists(HERE / "assistant_turns.json", {"made_with": versions("transformers", "tokenizers", "gguf")},
                {"conversations": conversations})  # fmt: skip


if __name__ == "__main__":
    main()
