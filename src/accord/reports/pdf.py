"""A report as a PDF: typst sets it, from a template that takes every text as a string and never as markup.

The report goes in as JSON through `sys.inputs`, so that nothing a partner wrote is read as typst code. Only the
bundled fonts are used, and the creation date is the report's `as_of`: the same report gives the same bytes.
PDF tags (for screen readers) are written; long tables stay bounded by `actors.WORST`.
"""

import unicodedata
from functools import cache
from importlib.resources import as_file, files
from math import ceil
from threading import local

import msgspec
import typst

from accord.reports import charts
from accord.reports.atlas import bundled, draw
from accord.reports.blocks import (
    Band,
    BarChart,
    Block,
    Box,
    Bullets,
    Cover,
    Definitions,
    Figure,
    Figures,
    Heading,
    MapSheet,
    Paragraph,
    Report,
    Section,
    Table,
    WeekChart,
)
from accord.reports.marks import COLOURS
from accord.reports.words import Code, Flow, Lines, Message, Run, Speaker, Value, say, speaker

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What JSON can hold: strings in the reader's language, laid out by the template."""

BREAK_AFTER = 24
"""Characters without a space after which a line may break in the middle of a word."""

ROOM = 90
"""Characters that fit beside each other in a table, on the safe side."""

WHOLE_ROW = 20
"""Lines up to which a row is kept on one page. A page holds more than twice as many."""

WHOLE_TABLE = 16
"""Lines up to which a table is kept on one page, so that no row of it stands alone on the next."""

KEPT_DOCUMENTS = 11
"""Documents after which typst's cache forgets one (it evicts what ten compilations did not use)."""


def render(report: Report, language: str) -> bytes:
    """The PDF of `report` in `language` (BCP 47). Raises SettingsError for a language without messages."""
    return typeset(report, speaker(language))


def typeset(report: Report, voice: Speaker) -> bytes:
    """The PDF of `report` as `voice` says it. May run in several threads at once: typst lets go of the GIL."""
    plain = msgspec.json.encode(_report(report, voice)).decode()
    compiler = _compiler()
    made = compiler.compile(
        input=_template(),
        sys_inputs={"report": plain},
        format="pdf",
        timestamp=int(report.as_of.timestamp()),
        pdf_tags=True,
    )
    # typst keeps what it made for ten more documents, 30 MB a report; blank ones push it out for less than 1 ms each
    for _ in range(KEPT_DOCUMENTS):
        compiler.compile(input=b" ", sys_inputs={}, format="pdf")
    if not isinstance(made, bytes):
        raise TypeError(f"typst gave {type(made).__name__} where one PDF was expected")
    return made


@cache
def _template() -> bytes:
    return files("accord.reports").joinpath("templates", "car.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    with as_file(files("accord.reports").joinpath("fonts")) as folder:
        return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


class _Threads(local):
    """One compiler a thread: it may not be used by two at once."""

    compiler: typst.Compiler | None = None


_threads = _Threads()


def _compiler() -> typst.Compiler:
    if _threads.compiler is None:
        _threads.compiler = typst.Compiler(font_paths=_fonts(), ignore_system_fonts=True)
    return _threads.compiler


def _report(report: Report, voice: Speaker) -> dict[str, Plain]:
    return {
        "language": voice.locale.language,
        "region": voice.locale.territory,
        "direction": "rtl" if voice.right_to_left else "ltr",
        "title": voice.say(report.document_title),
        "hub": voice.say(Code(text=report.hub)),
        "as_of": [report.as_of.year, report.as_of.month, report.as_of.day],
        "label": report.marking.label,
        "colour": COLOURS[report.marking],
        "simulated": voice.say(say("SIMULATED DATA")) if report.simulated else None,
        "pages": _page_count(voice),
        "contents": voice.say(say("In this report")),
        "cover": _cover(report.cover, voice),
        "sections": [_section(section, voice) for section in report.sections],
    }


def _page_count(voice: Speaker) -> Plain:
    """`Page 3 of 18`, with names of typst's counters where it will count."""
    said = say("Page {page} of {pages}", page=Code(text="page"), pages=Code(text="pages"))
    return [{"counter": run.text} if run.code else run.text for run in voice.runs(said)]


def _cover(cover: Cover, voice: Speaker) -> dict[str, Plain]:
    return {
        "kicker": voice.say(cover.kicker),
        "title": _cell(cover.title, voice),
        "subtitle": _cell(cover.subtitle, voice),
        "lead": _cell(cover.lead, voice),
        "figures": [_figure(figure, voice) for figure in cover.figures.items],
        "map": _block(cover.map, voice),
        "ask": _block(cover.ask, voice),
        "facts": _block(cover.facts, voice),
    }


def _section(section: Section, voice: Speaker) -> dict[str, Plain]:
    return {
        "anchor": section.anchor,
        "title": _cell(section.title, voice),
        "new_page": section.new_page,
        "blocks": [_block(block, voice) for block in section.blocks],
    }


def _figure(figure: Figure, voice: Speaker) -> Plain:
    return {
        "number": voice.number(figure.number),
        "label": voice.say(figure.label),
        "change": None if figure.change is None else _cell(figure.change, voice),
    }


def _block(block: Block, voice: Speaker) -> dict[str, Plain]:
    match block:
        case Paragraph():
            return {"kind": "paragraph", "text": _cell(block.text, voice)}
        case Heading():
            return {"kind": "heading", "text": _cell(block.text, voice)}
        case Bullets():
            return {
                "kind": "bullets",
                "ordered": block.ordered,
                "items": [_cell(item, voice) for item in block.items],
            }
        case Definitions():
            return {
                "kind": "definitions",
                "items": [
                    [_cell(term, voice), _cell(meaning, voice)]
                    for term, meaning in (voice.in_order(block.items) if block.by_term else block.items)
                ],
            }
        case Figures():
            return {"kind": "figures", "items": [_figure(figure, voice) for figure in block.items]}
        case Table():
            return _table(block, voice)
        case BarChart():
            return _chart(block, charts.bars(block, voice), voice)
        case WeekChart():
            return _chart(block, charts.weeks(block, voice), voice)
        case MapSheet():
            return _chart(block, draw(block, voice, bundled()), voice)
        case Box():
            return {
                "kind": "box",
                "title": _cell(block.title, voice),
                "blocks": [_block(inner, voice) for inner in block.blocks],
            }


def _chart(block: BarChart | WeekChart | MapSheet, drawing: str, voice: Speaker) -> dict[str, Plain]:
    return {
        "kind": "drawing",
        "title": _cell(block.title, voice),
        "alt": voice.say(block.title),
        "svg": drawing,
        "source": _cell(block.source, voice),
    }


def _table(table: Table, voice: Speaker) -> dict[str, Plain]:
    width = sum(column.weight for column in table.columns)
    rooms = [max(int(ROOM * column.weight / width), 1) for column in table.columns]
    rows: list[Plain] = []
    lines = 0
    for row in table.rows:
        if isinstance(row, Band):
            rows.append({"band": _cell(row.title, voice), "detail": _cell(row.detail, voice)})
            lines += 1
        else:
            cells: list[Plain] = [_cell(value, voice) for value in row]
            high = max(map(lines_of, map(voice.say, row), rooms))
            rows.append(cells if high <= WHOLE_ROW else {"tall": cells})
            lines += high
    return {
        "kind": "table",
        "caption": _cell(table.caption, voice),
        "note": None if table.note is None else _cell(table.note, voice),
        "titles": [voice.say(column.title) for column in table.columns],
        "weights": [column.weight for column in table.columns],
        "aligns": [column.align.value for column in table.columns],
        "rows": rows,
        "whole": lines <= WHOLE_TABLE,
    }


def lines_of(text: str, room: int) -> int:
    """How many lines a cell will take, about, where `room` characters stand in a line."""
    return sum(ceil(len(line) / room) or 1 for line in text.split("\n"))


def _cell(value: Value, voice: Speaker) -> Plain:
    """A string; or {code, tag}; or {lines}; or {alone, code}; or {runs} when a sentence holds what is set apart.

    From right to left, what stands alone in a cell is set as a paragraph from left to right, without isolates: who
    copies an address, a day or a name out of a table copies nothing else.
    """
    match value:
        case Code(tag=Message() as tag):
            (run,) = voice.runs(value)
            return {"code": _words(run, voice), "tag": voice.say(tag)}
        case Lines():
            return {"lines": [_cell(part, voice) for part in value.parts]}
        case _:
            runs = voice.runs(value)
            if voice.right_to_left and len(runs) == 1 and _is_latin(runs[0]):
                return {"alone": breakable(runs[0].text), "code": runs[0].code}
            return _runs(runs, voice)


def _runs(runs: tuple[Run, ...], voice: Speaker) -> Plain:
    """A string where nothing is set apart, else {runs}: strings and {code}."""
    if any(run.code for run in runs):
        return {"runs": [{"code": _words(run, voice)} if run.code else _words(run, voice) for run in runs]}
    return "".join(_words(run, voice) for run in runs)


def _words(run: Run, voice: Speaker) -> str:
    """Our own words break where their language breaks them; anybody else's anywhere if they are long."""
    return voice.isolated(run) if run.flow is Flow.OURS else breakable(voice.isolated(run))


def _is_latin(run: Run) -> bool:
    """Is a run to be read from left to right, by its kind or its first letter (UAX #9, P2)?"""
    if run.flow is not Flow.THEIRS:
        return run.flow is Flow.LATIN
    strong = (kind for kind in map(unicodedata.bidirectional, run.text) if kind in {"L", "R", "AL"})
    return next(strong, "L") == "L"


def breakable(text: str) -> str:
    """`text` with a chance to break (U+200B) inside words that are longer than any column is wide.

    typst breaks lines by UAX #14, which finds no place inside a long name or hash.
    """
    if len(text) <= BREAK_AFTER:
        return text
    words = text.split(" ")
    if max(map(len, words)) <= BREAK_AFTER:
        return text
    return " ".join("\u200b".join(_pieces(word)) if len(word) > BREAK_AFTER else word for word in words)


def _pieces(word: str) -> list[str]:
    """A long word in pieces of at most 12 characters, cut after a dot, slash or hyphen where there is one."""
    pieces, start = [], 0
    while len(word) - start > 12:
        cut = max(word.rfind(mark, start + 4, start + 12) for mark in "./-_?&=]") + 1 or start + 12
        pieces.append(word[start:cut])
        start = cut
    return [*pieces, word[start:]]
