"""A report as one HTML file: no script, no request to anybody, readable on a screen, on paper and in the dark.

Every text is escaped by Jinja2; only the drawings, which escape what they contain, go in as they are. The page
carries its own content security policy, which permits nothing but its own style sheet (by hash).
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from accord.reports import charts, columns
from accord.reports.atlas import bundled, draw
from accord.reports.blocks import Band, BarChart, Block, MapSheet, Report, Row, WeekChart
from accord.reports.ledger_page import LedgerPage
from accord.reports.score_page import ScorePage
from accord.reports.words import Message, Speaker, say, speaker
from accord.vocabulary.markings import Marking
from accord.workspace.translations import LANGUAGES


def render(report: Report, language: str) -> str:
    """The page of `report` in `language` (BCP 47). Raises SettingsError for a language without messages."""
    return lay_out(report, speaker(language))


def lay_out(report: Report, voice: Speaker) -> str:
    """The page of `report` as `voice` says it."""

    def drawing(block: BarChart | WeekChart | MapSheet) -> Markup:
        return Markup(_draw(block, voice))  # noqa: S704 - charts and maps escape every text themselves

    return _made(
        "car.html",
        voice,
        report=report,
        simulated=say("SIMULATED DATA") if report.simulated else None,
        drawing=drawing,
    )


def render_columns(language: str) -> str:
    """The guide to the tables in `language` (BCP 47). Raises SettingsError for a language without messages."""
    return lay_out_columns(speaker(language))


def lay_out_columns(voice: Speaker) -> str:
    """The guide to the tables as `voice` says it. It holds no data, and is marked so."""
    return _made("columns.html", voice, title=columns.TITLE, sections=columns.guide(), marking=Marking.CLEAR)


def render_ledger(page: LedgerPage, language: str) -> str:
    """The ledger's public page in `language`; its style sheet is a file beside it. Raises SettingsError as `render`."""
    return lay_out_ledger(page, speaker(language))


def lay_out_ledger(page: LedgerPage, voice: Speaker) -> str:
    """The ledger's public page as `voice` says it."""

    def drawing(block: BarChart | WeekChart | MapSheet) -> Markup:
        return Markup(_draw(block, voice))  # noqa: S704 - charts and maps escape every text themselves

    return _made(
        "ledger.html",
        voice,
        page=page,
        drawing=drawing,
        marking=Marking.CLEAR,
        languages=[(one, speaker(one).own_name) for one in LANGUAGES],
    )


def render_score(page: ScorePage, language: str) -> str:
    """What became of an operation in `language` (BCP 47). Raises SettingsError for a language without messages."""
    return lay_out_score(page, speaker(language))


def lay_out_score(page: ScorePage, voice: Speaker) -> str:
    """What became of an operation as `voice` says it."""

    def drawing(block: BarChart | WeekChart | MapSheet) -> Markup:
        return Markup(_draw(block, voice))  # noqa: S704 - charts and maps escape every text themselves

    return _made("score.html", voice, page=page, drawing=drawing)


def ledger_style() -> str:
    """The style sheet beside the ledger's public page."""
    static = files("accord.reports").joinpath("static")
    names = ("pico.classless.min.css", "report.css", "ledger.css")
    return "\n".join(static.joinpath(name).read_text("utf-8") for name in names)


def _made(template: str, voice: Speaker, **content: object) -> str:
    style, digest = _style()
    return (
        _environment()
        .get_template(template)
        .render(
            voice=voice,
            direction="rtl" if voice.right_to_left else "ltr",
            say=voice.say,
            words=WORDS,
            kind=_kind,
            is_band=_is_band,
            style=style,
            digest=digest,
            **content,
        )
    )


WORDS: dict[str, Message] = {
    "contents": say("In this report"),
    # l10n: a link for who reads with the keyboard: past the head of the page
    "skip": say("Go to the text"),
}


def _draw(block: BarChart | WeekChart | MapSheet, voice: Speaker) -> str:
    match block:
        case BarChart():
            return charts.bars(block, voice)
        case WeekChart():
            return charts.weeks(block, voice)
        case MapSheet():
            return draw(block, voice, bundled())


def _kind(block: Block) -> str:
    return type(block).__name__


def _is_band(row: Row | Band) -> bool:
    return isinstance(row, Band)


@cache
def _style() -> tuple[Markup, str]:
    """Pico's style sheet and ours, and their hash for the content security policy."""
    static = files("accord.reports").joinpath("static")
    text = "\n".join(static.joinpath(name).read_text("utf-8") for name in ("pico.classless.min.css", "report.css"))
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"sha256-{digest}"  # noqa: S704 - our own files


@cache
def _environment() -> Environment:
    templates = files("accord.reports").joinpath("templates")

    def source(name: str) -> str:
        return templates.joinpath(name).read_text("utf-8")

    return Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
