"""The content model of a report: what is said, in which order, in no language and on no medium.

`content.compose` makes a `Report` of a view; `pdf.render` and `page.render` only lay it out.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accord.reports.words import Message, Value
from accord.vocabulary.markings import Marking


class Align(StrEnum):
    """How a column's cells stand; numbers stand at the end of the line, so that digits line up."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One paragraph."""

    text: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading inside a section; `level` 3 in HTML terms (the report is 1, a section 2)."""

    text: Message
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list; numbered when the order matters."""

    items: tuple[Message, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """Pairs of a term and what it means or holds."""

    items: tuple[tuple[Value, Value], ...]
    by_term: bool = False
    """In the order of the terms in the reader's language, as in a dictionary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One of the cover's numbers."""

    number: int
    label: Message
    change: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The cover's numbers side by side."""

    items: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table; `weight` is its share of the width."""

    title: Message
    weight: float = 1.0
    align: Align = Align.START


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A row across a table that names the rows under it."""

    title: Value
    detail: Value


Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its caption; every row has as many cells as there are columns."""

    anchor: str
    caption: Message
    columns: tuple[Column, ...]
    rows: tuple[Row | Band, ...]
    note: Message | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if not isinstance(row, Band) and len(row) != len(self.columns):
                raise ValueError(f"table {self.anchor}: a row of {len(row)} cells in {len(self.columns)} columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: what it stands for and how much."""

    label: Value
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Amounts by category, the largest first; `title` says the finding, `axis` what is counted."""

    anchor: str
    title: Message
    axis: Message
    bars: tuple[Bar, ...]
    source: Message
    most: int | None = None
    """What a bar of the whole width would stand for; None: the largest number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekChart:
    """Amounts by week; `starts` are Mondays at midnight UTC, without gaps."""

    anchor: str
    title: Message
    axis: Message
    starts: tuple[datetime, ...]
    numbers: tuple[int, ...]
    source: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSheet:
    """Where a report's findings are hosted: its country in the middle, others in view where they have some."""

    anchor: str
    title: Message
    country: str
    numbers: tuple[tuple[str, int], ...]
    """(ISO alpha-2, findings of this report hosted there), the most first."""
    elsewhere: tuple[str, ...]
    """Other countries of the operation, whose numbers stand in their own reports and never here."""
    source: Message
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Something that must not be missed, in a frame."""

    title: Message
    blocks: tuple["Block", ...]


Block = Paragraph | Heading | Bullets | Definitions | Figures | Table | BarChart | WeekChart | MapSheet | Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the report with a heading of level 2."""

    anchor: str
    title: Message
    blocks: tuple[Block, ...]
    new_page: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The first page, which is already the report."""

    kicker: Message
    """What kind of document it is."""
    title: Message
    """The country, and the theme if the report has one."""
    subtitle: Message
    """The operation and the day that the data stands at."""
    lead: Message
    """The one sentence that matters."""
    figures: Figures
    map: MapSheet
    ask: Box
    facts: Definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A Cyber Activity Report in no language yet."""

    marking: Marking
    simulated: bool
    as_of: datetime
    country: str
    hub: str
    document_title: Message
    """For the title of the file and the running head."""
    cover: Cover
    sections: tuple[Section, ...]
