"""The parts of a page, independent of its format."""
import base64
import collections.abc
import dataclasses


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


@dataclasses.dataclass
class Table:
    title: str
    columns: list
    rows: list  # lists of cells, one per column; the first names the row
    text: str = ""
    prose: bool = False  # cells are sentences, not numbers


@dataclasses.dataclass
class Picture:
    name: str  # of the file
    title: str
    text: str
    svg: str
    draw_narrow: collections.abc.Callable  # () -> SVG for narrow screens

    @property
    def data(self):
        return in_base64(self.svg)

    @property
    def narrow_data(self):
        return in_base64(self.draw_narrow())


@dataclasses.dataclass
class Verbatim:
    """Text shown verbatim."""

    title: str
    content: str


@dataclasses.dataclass
class Session:
    """A session: the question, and the answer of each system."""

    title: str
    items: list  # titles
    rows: list  # (system, bundles, outcome)
    text: str


@dataclasses.dataclass
class Sessions:
    title: str
    text: str
    sessions: list
