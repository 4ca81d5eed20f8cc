"""The ledger's public page: what the hub has taken in, what it has passed on, what came of it, and how to check that.

It is made of the published figures and of nothing else, so that it cannot say more than is opened for everybody.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from html.parser import HTMLParser
from importlib.metadata import version

from accord.journal.facts import Kind
from accord.journal.figures import FIGURES, NOTICE, Bounds, Figures, Year, encode_figures
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.notes import encode_base64
from accord.reports import blocks
from accord.reports.blocks import (
    Align,
    Band,
    Bar,
    BarChart,
    Block,
    Bullets,
    Column,
    Definitions,
    Figure,
    Heading,
    Paragraph,
    Row,
    Section,
    Table,
)
from accord.reports.words import Code, Country, Fixed, Lines, Message, Value, Verbatim, named, say
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking

STYLE = "style.css"

_UNNAMED = re.compile(r"data set ([0-9a-f]{12})")
"""As `agreements.naming.public_name` names what its partner does not let be named."""

TITLE = say("What this hub has taken in and passed on")

COLLECTED: dict[str, Message] = {
    # l10n: how a data set was collected, in a cell of a table
    Origin.SINKHOLE: say("infected systems called a server that the partner controls"),
    Origin.HONEYPOT: say("attackers came to a decoy"),
    Origin.TELEMETRY: say("reports from the partner's products at its customers"),
    Origin.SCAN: say("the partner looked from outside at what answers on the internet"),
    Origin.CRAWL: say("the partner visited websites and saved what they served"),
    Origin.SEIZED_SERVER: say("read from a server that police seized"),
    Origin.OPEN_SOURCE: say("published for everyone"),
    Origin.REPORT: say("reported by people and investigated"),
}

PURPOSES: dict[str, Message] = {
    # l10n: what data may be used for, in a cell of a table
    Purpose.PREVENTION: say("preventing crime"),
    Purpose.INVESTIGATION: say("investigating crime"),
    Purpose.VICTIM_NOTIFICATION: say("telling those who are concerned"),
    Purpose.NETWORK_DEFENCE: say("defending networks"),
    Purpose.TRAINING: say("training"),
    Purpose.RESEARCH: say("research"),
}

HAPPENED: dict[str, Message] = {
    # l10n: what happened, in a cell of a table; how often stands beside it
    Kind.AGREEMENT_SIGNED: say("agreements signed"),
    Kind.AGREEMENT_CHANGED: say("agreements changed"),
    Kind.AGREEMENT_ENDED: say("agreements ended"),
    Kind.RECEIPT: say("receipts: a recipient has confirmed what it got"),
    Kind.RECALL: say("recalls: data was taken out of use"),
    NOTICE: say("recalls: a recipient was told that data was wrong or withdrawn"),
    Kind.ACKNOWLEDGEMENT: say("acknowledgements: a recipient has acted on a recall"),
    Kind.ERASURE: say("erasures"),
    Kind.PURGE: say("purged: kept as long as agreed, and then deleted"),
    Kind.CHECK_DATA: say("check data given out"),
    Kind.NEVER_HANDED_OVER: say("sealed and never handed over: not counted as passed on"),
    Kind.NEVER_SHOWN: say("check data made and never given out: not counted as given out"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """The page in no language yet."""

    title: Message
    lead: Message
    figures: blocks.Figures
    about: tuple[Block, ...]
    sections: tuple[Section, ...]
    files_label: Message
    files: tuple[str, ...]
    """Beside the page, for who checks it."""
    origin: tuple[tuple[str, str], ...]
    """What it was made of and by what, a name and a text each: whoever checks it makes it again (`read_origin`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Who keeps the account, whom to ask about it, and the day of its newest checkpoint."""

    hub: str
    contact: str
    day: date


GENERATOR, MADE_OF = "generator", "accord-figures"
_HUB, _CONTACT, _DAY = "accord-hub", "accord-contact", "accord-day"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrigin:
    """What a public page says of itself in its head."""

    generator: str
    figures: str
    """SHA-256 in hex of the file of figures."""
    keeper: Keeper


def generator() -> str:
    """By what pages are made: their words may change with it."""
    return f"Accord {version('accord-hub')}"


def read_origin(html: str) -> PageOrigin | None:
    """What a page says of itself; None: it says nothing, or not all."""
    head = _Head()
    head.feed(html)
    said = head.said
    try:
        keeper = Keeper(hub=said[_HUB], contact=said[_CONTACT], day=date.fromisoformat(said[_DAY]))
        return PageOrigin(generator=said[GENERATOR], figures=said[MADE_OF], keeper=keeper)
    except (KeyError, ValueError):
        return None


class _Head(HTMLParser):
    """Reads `<meta name content>`."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the first of each name."""
        own = dict(attrs)
        if tag == "meta" and own.get("name"):
            self.said.setdefault(own["name"] or "", own.get("content") or "")


def compose_ledger(figures: Figures, checkpoint: Checkpoint, policy: str, keeper: Keeper) -> LedgerPage:
    """The page of these figures at this checkpoint; `policy` is the text by which the log is verified."""
    return LedgerPage(
        title=TITLE,
        lead=say(
            "This account can only be added to: nobody, not even the hub, can change or remove what stands in it "
            "without everybody being able to see that."
        ),
        figures=blocks.Figures(
            items=(
                # l10n: under a large number
                Figure(number=figures.size, label=say("entries in the account"), change=None),
                Figure(number=figures.opened, label=say("entries opened for everybody"), change=None),
                Figure(number=figures.closed, label=say("entries still closed"), change=None),
            )
        ),
        about=(
            Definitions(
                items=(
                    # l10n: the hub's name stands beside it
                    (say("Kept by"), Verbatim(text=keeper.hub)),
                    # l10n: a mail address or telephone number stands beside it
                    (say("Whom to ask"), Verbatim(text=keeper.contact)),
                    # l10n: a day stands beside it, on which the account was as this page tells
                    (say("As it stood on"), Fixed(text=f"{keeper.day.isoformat()} (UTC)")),
                )
            ),
            Paragraph(
                text=say(
                    "It names data sets and countries, partners only where the title of a data set does, no person and "
                    "no address. Entries are opened when the embargo of their operation has ended; until then they "
                    "count as closed."
                )
            ),
            Paragraph(
                text=say(
                    "Counts below 10 are not told, because a small number could show who is meant. Where they are part "
                    "of a sum, this page gives the least and the most that it can be."
                )
            ),
            *_chart(figures, checkpoint),
        ),
        sections=(
            *(_year(year, is_newest=year is figures.years[0]) for year in figures.years),
            *_nothing(figures),
            _checking(checkpoint, policy),
        ),
        # l10n: names of files follow, each of which can be opened
        files_label=say("Files to check it with"),
        files=("policy", "checkpoint", FIGURES),
        origin=(
            (GENERATOR, generator()),
            (MADE_OF, hashlib.sha256(encode_figures(figures, checkpoint)).hexdigest()),
            (_HUB, keeper.hub),
            (_CONTACT, keeper.contact),
            (_DAY, keeper.day.isoformat()),
        ),
    )


def _chart(figures: Figures, checkpoint: Checkpoint) -> tuple[Block, ...]:
    """Records by year, where there is more than one to compare."""
    taken = [(year.year, sum(one.records.least for one in year.held)) for year in reversed(figures.years)]
    taken = [(year, records) for year, records in taken if records]
    if len(taken) < 2:
        return ()
    return (
        BarChart(
            anchor="records-by-year",
            title=say("Records taken in by year, at least"),
            axis=say("records"),
            bars=tuple(Bar(label=Fixed(text=year), number=records) for year, records in taken),
            source=say("Source: {log}", log=Code(text=checkpoint.origin)),
        ),
    )


def _nothing(figures: Figures) -> tuple[Section, ...]:
    if figures.years:
        return ()
    text = say(
        "Nothing was opened yet. What is taken in and passed on will stand here when the embargo of its operation has "
        "ended."
    )
    return (Section(anchor="nothing", title=say("No figures yet"), blocks=(Paragraph(text=text),)),)


def _year(year: Year, *, is_newest: bool) -> Section:
    number = say("Records")
    parts: list[Block] = []
    if year.held:
        parts.append(
            Table(
                anchor=f"held-{year.year}",
                caption=say("Data sets taken in, {year}", year=Fixed(text=year.year)),
                columns=(
                    Column(title=say("Data set")),
                    Column(title=say("How it was collected")),
                    Column(title=say("Deliveries"), align=Align.END),
                    Column(title=number, align=Align.END),
                ),
                rows=tuple(
                    (_dataset(one.dataset), COLLECTED.get(one.origin), one.deliveries, _between(one.records))
                    for one in year.held
                ),
                note=say(
                    "What was taken in counts in its year for good. What of it was erased or taken out of use since "
                    "stands in a table of the year in which that was done."
                ),
            )
        )
    if year.taken_out:
        parts.append(
            Table(
                anchor=f"taken-out-{year.year}",
                caption=say("Erased or taken out of use, {year}", year=Fixed(text=year.year)),
                columns=(
                    Column(title=say("Data set")),
                    Column(title=say("What")),
                    Column(title=say("How often"), align=Align.END),
                    Column(title=number, align=Align.END),
                ),
                rows=tuple(
                    (_dataset(one.dataset), HAPPENED[one.kind], one.entries, _between(one.records))
                    for one in year.taken_out
                ),
            )
        )
    if year.kept:
        title = (
            say("Data sets held, by now")
            if is_newest
            else say("Data sets held at the end of {year}", year=Fixed(text=year.year))
        )
        parts.append(
            Table(
                anchor=f"kept-{year.year}",
                caption=title,
                columns=(
                    Column(title=say("Data set")),
                    Column(title=say("How it was collected")),
                    Column(title=number, align=Align.END),
                ),
                rows=tuple(
                    (_dataset(one.dataset), COLLECTED.get(one.origin), _between(one.records)) for one in year.kept
                ),
                note=say(
                    "All that was taken in, in this year and before, without what was purged. Of what was erased it is "
                    "not told from which deliveries: the lower number is without all of it. What was taken out of use "
                    "is held until it is purged, and counts."
                ),
            )
        )
    if year.passed:
        parts.append(
            Table(
                anchor=f"passed-{year.year}",
                caption=say("Passed on, {year}", year=Fixed(text=year.year)),
                columns=(
                    Column(title=say("To, and for what")),
                    Column(title=say("Marking")),
                    Column(title=say("How often"), align=Align.END),
                    Column(title=number, align=Align.END),
                ),
                rows=tuple(_passed(year)),
                note=say(
                    "Each data set that something rests on is counted by itself. A record can be passed on often."
                ),
            )
        )
    if year.given_out:
        parts.append(
            Table(
                anchor=f"check-data-{year.year}",
                caption=say("Given out for the public check, {year}", year=Fixed(text=year.year)),
                columns=(
                    Column(title=say("Data set")),
                    Column(title=say("How it was collected")),
                    Column(title=say("How often"), align=Align.END),
                    Column(title=say("Addresses"), align=Align.END),
                ),
                rows=tuple(
                    (_dataset(one.dataset), COLLECTED.get(one.origin), one.publications, _between(one.records))
                    for one in year.given_out
                ),
                note=say(
                    "An address counts each time that check data that tell of it are given out, and for each data set "
                    "by which they do."
                ),
            )
        )
    if year.done:
        parts.append(
            Table(
                anchor=f"done-{year.year}",
                caption=say("Reported as done, {year}", year=Fixed(text=year.year)),
                columns=(
                    Column(title=say("By whom, and for what")),
                    Column(title=say("Reports"), align=Align.END),
                    Column(title=say("Findings"), align=Align.END),
                ),
                rows=tuple(_done(year)),
                note=say(
                    "A finding is counted in the year in which a recipient first says that it is done: the server is "
                    "off, the page is gone, the victim was told. The hub has not verified that."
                ),
            )
        )
    if year.happened:
        parts.append(
            Table(
                anchor=f"happened-{year.year}",
                caption=say("What came of it, {year}", year=Fixed(text=year.year)),
                columns=(
                    Column(title=say("What")),
                    Column(title=say("How often"), align=Align.END),
                    Column(title=number, align=Align.END),
                ),
                rows=tuple(
                    (HAPPENED.get(one.kind), one.entries, _between(one.records) if one.records.most else None)
                    for one in sorted(year.happened, key=lambda one: [*HAPPENED].index(one.kind))
                ),
            )
        )
    title = say("The year {year}", year=Fixed(text=year.year))
    return Section(anchor=f"year-{year.year}", title=title, blocks=tuple(parts))


def _dataset(name: str) -> Value:
    unnamed = _UNNAMED.fullmatch(name)
    # l10n: stands for the name of a data set that has none for everybody; a code follows
    return named(name) if unnamed is None else say("data set {code}", code=Code(text=unnamed[1]))


def _passed(year: Year) -> Iterator[Row | Band]:
    """A band for each country, and under it what was passed on for which purpose."""
    country = None
    for one in year.passed:
        if one.country != country:
            country = one.country
            name = Country(code=country, in_sentence=False) if country else None
            yield Band(title=name, detail=Verbatim(text=""))
        marking = Fixed(text=Marking(one.marking).label) if one.marking else None
        yield (PURPOSES.get(one.purpose), marking, one.disclosures, _between(one.records))


def _done(year: Year) -> Iterator[Row | Band]:
    """A band for each country, and under it what was reported as done, by what it was passed on for."""
    country = None
    for one in year.done:
        if one.country != country:
            country = one.country
            name = Country(code=country, in_sentence=False) if country else None
            yield Band(title=name, detail=Verbatim(text=""))
        yield (PURPOSES.get(one.purpose), one.reports, _between(one.records))


def _between(records: Bounds) -> Value:
    if records.least == records.most:
        return records.least
    # l10n: a number that is known within bounds
    return say("{least} to {most}", least=records.least, most=records.most)


def _checking(checkpoint: Checkpoint, policy: str) -> Section:
    steps = Bullets(
        ordered=True,
        items=(
            say(
                "Ask somebody on whom you rely for the key of this log, and compare it with the one below. Keep it in "
                "a file {file}, as it stands there.",
                file=Code(text="policy"),
            ),
            say(
                "Run {command}, with the address of this page's folder or with a copy of it. It verifies every entry "
                "and adds these figures up again. It needs no account and asks nobody.",
                command=Code(text="accord ledger check URL --policy policy"),
            ),
            say(
                "Keep the file {file}, and next time add {option}: so you see whether anything was taken back since.",
                file=Code(text="checkpoint"),
                option=Code(text="--against checkpoint"),
            ),
        ),
    )
    facts = Definitions(
        items=(
            # l10n: the name of the transparency log
            (say("Log"), Code(text=checkpoint.origin)),
            (say("Entries"), checkpoint.size),
            # l10n: the hash at the top of the tree of all entries
            (say("Root"), Code(text=encode_base64(checkpoint.root))),
            # l10n: the key of the log, and which witnesses must have cosigned
            (say("Key and witnesses"), Lines(parts=tuple(Code(text=line) for line in policy.splitlines()))),
        )
    )
    tools = Paragraph(text=say("The formats are published, and other programs than this hub's can check them as well."))
    heading = Heading(text=say("What you should find"), anchor="facts")
    return Section(anchor="check", title=say("How to check this page"), blocks=(steps, tools, heading, facts))
