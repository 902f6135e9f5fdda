"""The format of numbers: three decimals without a leading zero, intervals as `.004 to .058`."""
import datetime


def number(value):
    """`.372`, `-.020`, `1.000`; empty without a value."""
    if value is None:
        return ""
    text = f"{value:.3f}"
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return ("" if digits == "0.000" else sign) + digits.removeprefix("0")


def signed(value):
    """A difference: `+.004`, `-.020`, `.000`; empty without a value."""
    return ("+" if value and round(value, 3) > 0 else "") + number(value)


def interval(ends):
    return "" if ends is None else f"{number(ends[0])} to {number(ends[1])}"


def p_value(p):
    """`p .039`, `p .81`, `p < .001`."""
    if round(p, 3) == 0:
        return "p < .001"
    return "p " + (number(p) if p < 0.1 else f"{p:.2f}".removeprefix("0"))


def listing(items, last="and"):
    """`a`, `a and b`, `a, b and c`."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def day(text):
    """2026-11-27 -> 27 November 2026."""
    date = datetime.date.fromisoformat(text)
    return f"{date.day} {date:%B %Y}"
