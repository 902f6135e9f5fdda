"""What transformers makes of chat templates, with jinja2 alone: JSON lines {template, messages, ...} in, texts out.

A line is {"text": ...}, or {"error": ...} where the template refuses the messages.
"""
import datetime
import json
import sys

import jinja2.ext
import jinja2.sandbox

DAY = datetime.date(2024, 7, 26)  # as routedk has it


def refuse(message):
    raise jinja2.TemplateError(message)


def main():
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
    environment.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False, indent=options.get("indent"))
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = DAY.strftime
    for line in sys.stdin:
        record = json.loads(line)
        template = record.pop("template")
        try:
            text = environment.from_string(template).render(**record, tools=None, documents=None, date_string=DAY.strftime("%d %b %Y"))
            print(json.dumps({"text": text}))
        except Exception as error:
            print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main()
