"""How the command line talks: results on standard output, progress and talk on standard error."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from accord.vocabulary.errors import AccordError

COMPLETE_WITH_REFUSED = 3
"""Exit code of what is complete, though files, members or rows were refused."""

WIDTH = 80
"""Columns that a table may take, unless it is wide."""

_WHOLE = 40
"""Characters of a word that is not broken: ids have them, digests more."""

_ANY_WIDTH = 10_000
"""More than a row of a wide table needs: a file's name has at most 255 bytes."""


def talk(text: str) -> None:
    """Say something to the person, not to a pipe."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(printable(text)))


def say(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(printable(text) + "\n")


def say_json(content: object) -> None:
    """The result for programs."""
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    # what is no text (a name of the disk, an argument) stands as JSON's own \\udc80
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def show_error(error: AccordError) -> None:
    """What, where, expected, got, and what to do."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    first, *rest = printable(str(error)).split("\n")
    console.print(Text.assemble(("error: ", "bold red"), first))
    for line in rest:
        console.print(Text(line))


def counted(number: int, one: str, more: str | None = None) -> str:
    """A number with its noun: `1 finding`, `2,000 findings`."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def first_sentence(text: str) -> str:
    """What a table has room for of a text of several sentences or lines."""
    line, _, _ = text.strip().partition("\n")
    # an initial's full stop ends none
    return " ".join(re.split(r"(?<=\w\w[.!?])\s", line, maxsplit=1)[0].split())


def show_table(
    headings: Sequence[tuple[str, bool]],
    rows: Sequence[Sequence[object]],
    title: str | None = None,
    *,
    wide: bool = False,
) -> None:
    """A table that fits WIDTH columns where whole words do; a heading's flag says that its column holds numbers.

    `wide`: each row is one line however long, so that names stay whole for who copies or searches them.
    """
    table = Table(title=title, box=None, pad_edge=False, title_justify="left", header_style="bold")
    cells = [[f"{cell:,}" if isinstance(cell, int) else printable(str(cell)) for cell in row] for row in rows]
    for at, (heading, numeric) in enumerate(headings):
        column = [row[at] for row in cells]
        words = [len(word) for cell in (*column, heading) for word in cell.split()]
        # an id in two pieces is none that anybody could copy or search; prose gives way, and then the width
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=numeric or all(" " not in cell and len(cell) <= _WHOLE for cell in column),
            min_width=max((length for length in words if length <= _WHOLE), default=None),
        )
    for row in cells:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    if wide:
        console = Console(highlight=False, width=_ANY_WIDTH)
        console.width = max(Measurement.get(console, console.options, table).maximum, 1)
    elif not console.is_terminal:
        console = Console(highlight=False, width=WIDTH, file=sys.stdout)
    console.print(table, crop=False)


def printable(text: str) -> str:
    """Text of others without what could steer a terminal: control and direction characters shown by their number."""
    return "".join(
        character
        if character == "\n" or (character.isprintable() and character not in _STEERING)
        else f"\\u{ord(character):04x}"
        for character in text
    )


_STEERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _silence(what: str, done: int, total: int) -> None:
    """Nobody is looking."""
    del what, done, total


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that follows (what, done, of how many); nothing at all where standard error is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _silence
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None)

        def follow(what: str, done: int, total: int) -> None:
            shown = printable(what)
            bar.update(
                task, description=shown if len(shown) <= 34 else shown[:33] + "…", completed=done, total=total or None
            )

        yield follow
