"""The picture in README.md: how a routed model answers, and its f1 compared with others, from one study.
Written as SVG directly: it adapts to the reader's light or dark mode, which matplotlib does not support."""
from xml.sax.saxutils import escape

from .study import results
from .wording import interval, number

STYLE = """text { font: 13px sans-serif; fill: #24292f }
.small { font-size: 12px; fill: #57606a }
.title { font-weight: bold }
.box { fill: none; stroke: #6e7781; stroke-width: 1.5 }
.group { fill: none; stroke: #8c959f; stroke-dasharray: 5 4 }
.line { fill: none; stroke: #6e7781; stroke-width: 1.5 }
.head { fill: #6e7781 }
.bar { fill: #8c959f }
.ours { fill: #0969da }
.error { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .ours { fill: #4493f8 }
  .bar { fill: #6e7681 }
  .error { stroke: #e6edf3 }
}"""
MEANING = {"base": "one LoRA: sessions", "high_level": "one LoRA: rules", "fine_grained": "one LoRA: thoughts",
           "merged": "one LoRA: both", "dynamic": "three LoRAs, routed", "similar_pairs": "pairs of similar titles",
           "similar_pair": "most similar titles", "random_pairs": "items paired at random", "whole": "the whole session",
           "backbone": "untrained", "related_groups": "the draft alone"}  # fmt: skip
WIDTH, BARS, SCALE, ROW = 900, 640, 210, 44  # px: total, start of bars, f1 of 1, row height


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>\n'


def box(x, y, width, height, *lines):
    first = y + height / 2 + 5 - 8 * (len(lines) - 1)
    words = "".join(text(x + width / 2, first + 16 * i, line, anchor="middle") for i, line in enumerate(lines))
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" class="box"/>\n{words}'


def arrow(*points):
    """An arrow through (x, y), ... with its head at the last point."""
    (x, y), (to_x, to_y) = points[-2:]
    sign = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
    back, side = (to_x - 8 * sign[0], to_y - 8 * sign[1]), (4 * sign[1], 4 * sign[0])
    head = f"{to_x},{to_y} {back[0] + side[0]},{back[1] + side[1]} {back[0] - side[0]},{back[1] - side[1]}"
    line = " ".join(f"{a},{b}" for a, b in [*points[:-1], back])
    return f'<polyline points="{line}" class="line"/>\n<polygon points="{head}" class="head"/>\n'


def model():
    """The routed model: one layer with its experts and router."""
    parts = [text(10, 20, "One frozen model, three experts, a router", "title"), box(10, 36, 190, 34, "titles of a session"),
             '<rect x="10" y="92" width="410" height="188" rx="8" class="group"/>\n', text(132, 112, "in each layer", "small"),
             box(60, 124, 120, 62, "frozen layer,", "4 bits"),
             box(22, 222, 200, 44, "router: softmax(W z + b),", "z = mean over the prompt"),
             arrow((120, 70), (120, 124)), arrow((36, 70), (36, 222))]  # fmt: skip
    for i, name in enumerate(("base", "high_level", "fine_grained")):
        y = 108 + 36 * i
        parts += [box(240, y, 110, 28, name), text(358, y + 19, f"x alpha{'₁₂₃'[i]}", "small")]
    parts += [arrow((180, 158), (240, 158)), text(208, 152, "+", anchor="middle"), arrow((222, 244), (380, 244), (380, 208)),
              text(292, 238, "alpha", "small"), box(10, 300, 410, 34, "N sampled answers, of which a rule chooses one"),
              arrow((215, 280), (215, 300))]  # fmt: skip
    return "".join(parts)


def bars(study, rows):
    figures = {name: metrics for name, _, metrics in results(study)}
    first = figures[rows[0]]
    parts = [text(470, 20, f"f1 on {first['sessions']} test sessions, with 95 % intervals", "title")]
    for i, name in enumerate(rows):
        value, (low, high) = figures[name]["f1"], figures[name]["intervals"]["f1"]
        y = 46 + ROW * i
        short = name.split("/")[-1]
        parts += [text(BARS - 10, y + 10, short, anchor="end"), text(BARS - 10, y + 25, MEANING.get(short, ""), "small", "end"),
                  f'<rect x="{BARS}" y="{y}" width="{SCALE * value:.1f}" height="24" class="{"bar" if i else "ours"}"/>\n',
                  f'<line x1="{BARS + SCALE * low:.1f}" x2="{BARS + SCALE * high:.1f}" y1="{y + 12}" y2="{y + 12}" '
                  'class="error"/>\n',
                  text(BARS + SCALE * high + 8, y + 17, number(value), "small")]  # fmt: skip
    return "".join(parts)


def picture(study, rows):
    """-> the SVG; the first of `rows` is the routed model, in a different colour."""
    told = "; ".join(f"{name} {number(metrics['f1'])} ({interval(metrics['intervals']['f1'])})"
                     for name, _, metrics in results(study) if name in rows)  # fmt: skip
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 345" role="img">\n'
            f"<title>A frozen model with three routed experts, and its results</title>\n<desc>f1: {escape(told)}</desc>\n"
            f"<style>\n{STYLE}\n</style>\n{model()}{bars(study, rows)}</svg>\n")  # fmt: skip
