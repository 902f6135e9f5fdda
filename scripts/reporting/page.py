"""One HTML page from parts: no scripts or external resources, for light and dark, narrow and wide."""
import re

import jinja2
import markupsafe

LONG = 24  # letters of a name that may be broken
TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
 :root { color-scheme: light dark; --back: #fff; --text: #1f2328; --line: #d0d7de; --box: #f4f5f7; --grey: #59636e; --warn: #fff3cd;
         --link: #0a58ca }
 @media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --text: #e6edf3; --line: #3d444d; --box: #161b22; --grey: #9198a1; --warn: #3f3207; --link: #6cb0ff } }
 * { box-sizing: border-box }
 body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: var(--back); color: var(--text) }
 main { max-width: 96rem; margin: 0 auto; padding: 1rem }
 p, figure, .prose, ol, .warnings { max-width: 68rem }
 h1 { font-size: 1.6rem; line-height: 1.25 }
 h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line) }
 h1, h2, p, code, li { overflow-wrap: anywhere }
 a { color: var(--link) }
 .skip { position: absolute; left: -100rem } .skip:focus { left: 1rem; top: .5rem; padding: .5rem; background: var(--back) }
 .scroll { overflow-x: auto; max-width: 100% }
 :focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
 figure { margin: 0 } img { display: block; max-width: 100%; height: auto }
 table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; white-space: nowrap }
 .prose { white-space: normal }
 thead th, .prose th, .words { white-space: normal } thead th { vertical-align: bottom }
 .prose td, .prose thead th { overflow-wrap: anywhere; min-width: 5rem }
 td, th { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
 th { font-weight: normal }
 thead th { font-weight: 600 } th:first-child, .prose td, .prose th { text-align: left }
 .words { text-align: left }
 .lead { color: var(--grey) } h3 { font-size: 1rem; margin: 1.4rem 0 .3rem } ol { margin: .3rem 0; padding-left: 2rem }
 pre { background: var(--box); padding: .8rem; margin: 0; font-size: 14px; white-space: pre-wrap; overflow-wrap: anywhere }
 .warnings { background: var(--warn); padding: .5rem .8rem } .warnings ul { margin: 0; padding-left: 1.2rem }
 .answer { font-size: 1.1rem; border-left: 4px solid var(--link); padding-left: .8rem }
 @media (max-width: 44rem) { td, th { padding: .25rem .4rem } }
</style></head><body>
<a class="skip" href="#content">Skip to the content</a>
<main id="content" tabindex="-1">
<h1>{{ title }}</h1>
{% if lead %}<p class="lead">{{ lead | code }}</p>{% endif %}
{% if answer %}<p class="answer">{{ answer | code }}</p>{% endif %}
{% if warnings %}<section class="warnings" aria-label="Warnings"><ul>
{% for warning in warnings %}<li>{{ warning }}</li>
{% endfor %}</ul></section>{% endif %}
{% for part in parts %}<section>
<h2>{{ part.title }}</h2>
{% if part.svg is defined %}<figure><picture>
<source media="(max-width: 44rem)" srcset="data:image/svg+xml;base64,{{ part.narrow_data }}">
<img alt="{{ part.title }}" src="data:image/svg+xml;base64,{{ part.data }}"></picture>
<figcaption>{{ part.text | code }}</figcaption></figure>
{% elif part.rows is defined %}{% if part.text %}<p>{{ part.text | code }}</p>{% endif %}
<div class="scroll" role="region" aria-label="{{ part.title }}" tabindex="0">
<table{% if part.prose %} class="prose"{% endif %}>
<thead><tr>{% for name in part.columns %}<th scope="col">{{ name | breakable }}</th>{% endfor %}</tr></thead><tbody>
{% for row in part.rows %}<tr><th scope="row"{% if row[0] is long %} class="words"{% endif %}>{{ row[0] | breakable }}</th>
{%- for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% elif part.sessions is defined %}<p>{{ part.text | code }}</p>
{% for one in part.sessions %}<article><h3>{{ one.title }}</h3>
<ol>{% for item in one["items"] %}<li>{{ item }}</li>{% endfor %}</ol>
<div class="scroll" role="region" aria-label="{{ one.title }}" tabindex="0"><table><tbody>
{% for row in one.rows %}<tr><th scope="row">{{ row[0] }}</th><td class="words">{{ row[1] }}</td><td class="words">{{ row[2] }}</td></tr>
{% endfor %}</tbody></table></div>
{% if one.text %}<p>{{ one.text | code }}</p>{% endif %}</article>
{% endfor %}{% else %}<pre>{{ part.content }}</pre>
{% endif %}</section>
{% endfor %}{% if made %}<section><h2>How it was made</h2><p>{{ made | code }}</p></section>{% endif %}
</main></body></html>
"""


def code(text):
    """Text between backticks becomes <code>."""
    pieces = [markupsafe.escape(piece) for piece in text.split("`")]
    return markupsafe.Markup("").join(markupsafe.Markup("<code>{}</code>").format(piece) if i % 2 else piece
                                      for i, piece in enumerate(pieces))  # fmt: skip


def is_long(text):
    return len(str(text)) > LONG


def breakable(text):
    """A long name may be broken after `/`, `_` and `.`: a path would otherwise make its column as wide as itself."""
    escaped = markupsafe.escape(text)
    return markupsafe.Markup(re.sub("(?<=[/_.])(?=[a-zA-Z])", "<wbr>", escaped)) if is_long(text) else escaped


def render(title, parts, warnings=(), answer="", made="", lead=""):
    environment = jinja2.Environment(autoescape=True)
    environment.filters |= {"code": code, "breakable": breakable}
    environment.tests["long"] = is_long
    return environment.from_string(TEMPLATE).render(title=title, parts=parts, warnings=warnings, answer=answer, made=made,
                                                         lead=lead)  # fmt: skip
