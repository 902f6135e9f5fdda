"""chat_templates.json: {templates: {form: Jinja text}, chats: [{form, messages, generate, text}]}, texts by transformers.

The texts of zephyr and llama2 are those of HuggingFaceH4/zephyr-7b-beta (TinyLlama-1.1B-Chat-v1.0 has the same) and
Llama-2-7b-chat-hf, that of llama3 of Meta-Llama-3-8B-Instruct; strange uses what the others do not.
"""

TEMPLATES = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'"
    " + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "llama3": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "llama2": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
    "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + "
    "'\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "zephyr": "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + "
    "eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
    "strange": "{#- a comment -#}\n{%- macro turn(name, text='') -%}\n[{{ name|upper }}]{{ text }}\n{%- endmacro %}\n"
    "{%- set ns = namespace(count=0) %}\n{% for message in messages if message.role != 'system' %}\n"
    "  {%- set ns.count = ns.count + 1 %}\n{{- turn(message.role, message.content.strip()) ~ (eos_token if message.role == "
    "'assistant' else '') }}\n{%- endfor %}\n{%- if add_generation_prompt %}[ASSISTANT]{% endif %}|{{ ns.count }}|"
    "{{ date_string }}|{{ tools is none }}",
}


def make_chats():
    from llama3_reference import chats
    from transformers.utils.chat_template_utils import render_jinja_template

    for form, template in TEMPLATES.items():
        llama = form in ("llama2", "zephyr", "strange")
        for messages in chats():
            for generate in (False, True):
                try:
                    found, _ = render_jinja_template(
                        [messages], chat_template=template, add_generation_prompt=generate, date_string="26 Jul 2024",
                        bos_token="<s>" if llama else "<|begin_of_text|>", eos_token="</s>" if llama else "<|eot_id|>",
                    )
                except Exception as error:
                    if "must alternate" not in str(error):
                        raise
                    continue
                yield {"form": form, "messages": messages, "generate": generate, "text": found[0]}


def main():
    from llama3_reference import write_lists
    from reference import HERE, versions

    write_lists(HERE / "chat_templates.json", {"made_with": versions("transformers", "jinja2"), "templates": TEMPLATES},
                {"chats": list(make_chats())})


if __name__ == "__main__":
    main()
