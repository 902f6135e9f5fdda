"""What a page consists of, whatever its format."""
import base64
import dataclasses


@dataclasses.dataclass
class Table:
    title: str
    columns: list
    rows: list  # of lists of cells, one for each column; the first names the row
    text: str = ""
    prose: bool = False  # cells are sentences, not figures


@dataclasses.dataclass
class Picture:
    name: str  # of its file
    title: str
    text: str
    svg: str

    @property
    def data(self):
        return base64.b64encode(self.svg.encode()).decode()


@dataclasses.dataclass
class Verbatim:
    """Text shown as it is."""

    title: str
    content: str


@dataclasses.dataclass
class Session:
    """A session: what was asked, and who answered what."""

    title: str
    items: list  # titles
    rows: list  # of who, bundles, what came of them
    text: str


@dataclasses.dataclass
class Sessions:
    title: str
    text: str
    sessions: list
