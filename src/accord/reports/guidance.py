"""What is asked for each role, on which legal basis, how outcomes come back, and which file is for what."""

from accord.release.view import View
from accord.reports.blocks import Align, Block, Bullets, Column, Definitions, Heading, Paragraph, Section, Table
from accord.reports.roles import advice_for, role_name
from accord.reports.tally import Tally
from accord.reports.words import Code, Country, Lines, Message, Verbatim, say

OUTCOMES: tuple[tuple[str, Message], ...] = (
    ("done", say("the server is off, the page is gone, the victim was told")),
    ("acknowledged", say("the request has arrived and is being worked on")),
    ("refused", say("whoever was asked will not act; say why in the note")),
    ("false-positive", say("the finding is wrong; say how you know in the note")),
)
"""Outcomes that `outcomes.csv` takes."""


def what_to_do(view: View, tally: Tally) -> Section:
    """Advice for the roles that occur, evidence, legal basis, outcomes and files."""
    blocks: list[Block] = []
    if tally.roles:
        blocks += [_by_role(tally), *_evidence(), *_legal_basis(view), *_answer(view)]
    else:
        blocks.append(Paragraph(text=say("There is nothing to do about findings. The files are here all the same.")))
    blocks += _files()
    return Section(anchor="do", title=say("What to do, and on which basis"), blocks=tuple(blocks))


def _by_role(tally: Tally) -> Table:
    return Table(
        anchor="advice",
        caption=say("Recommended action for each role"),
        columns=(
            Column(title=say("Role"), weight=1.3),
            Column(title=say("Findings"), weight=0.9, align=Align.END),
            Column(title=say("Who can act"), weight=1.6),
            # l10n: head of a column: which evidence to keep before anything is switched off
            Column(title=say("Keep first"), weight=2.2),
            # l10n: head of the next column: what to do once the evidence is kept
            Column(title=say("Then"), weight=2.6),
        ),
        rows=tuple(
            (
                role_name(role),
                number,
                advice_for(role).who,
                advice_for(role).first,
                advice_for(role).ask,
            )
            for role, number in tally.roles.items()
        ),
    )


def _evidence() -> list[Block]:
    return [
        Heading(text=say("How to preserve evidence"), anchor="evidence"),
        Bullets(
            items=(
                say("Keep first what is lost first: memory and connections, then logs, then disks (RFC 3227)."),
                say("Write down who copied what, when (UTC) and how, and the SHA-256 of every copy."),
                say("Work on copies. Keep the originals sealed until your police unit or prosecutor releases them."),
                say("If you cannot copy, ask the provider to preserve the data and name the period it is needed for."),
            )
        ),
    ]


def _legal_basis(view: View) -> list[Block]:
    country = Country(code=view.country)
    if view.legal_basis is None:
        text = say(
            "National procedure: no treaty between the hub and {country} has been entered for this request. Whoever "
            "acts does so under the law of {country}. This report is information, not an order, and no evidence in "
            "itself.",
            country=country,
        )
    else:
        text = say(
            "{basis}. Whoever acts does so under the law of {country}. This report is information, not an order, and "
            "no evidence in itself.",
            basis=Verbatim(text=view.legal_basis.rstrip(". ")),
            country=country,
        )
    return [Heading(text=say("Legal basis of the request"), anchor="legal-basis"), Paragraph(text=text)]


def _answer(view: View) -> list[Block]:
    contact = Verbatim(text=view.hub.contact)
    steps = [
        say(
            "Open {file}. It has one line for each finding, and all columns but the last three are filled in. Leave "
            "those alone, {column} above all: by it we know the finding.",
            file=Code(text="outcomes.csv"),
            column=Code(text="finding_id"),
        ),
        say(
            "Fill in {outcome}, {date} (as 2026-11-23) and, if it helps, {note}. Leave the lines empty that you know "
            "nothing about.",
            outcome=Code(text="outcome"),
            date=Code(text="date"),
            note=Code(text="note"),
        ),
        say("Send the file to {contact}.", contact=contact)
        if view.operation.answer_by is None
        else say("Send the file to {contact} by {day}.", contact=contact, day=view.operation.answer_by),
    ]
    return [
        Heading(text=say("How to send outcomes back"), anchor="outcomes"),
        Bullets(items=tuple(steps), ordered=True),
        Definitions(items=tuple((Code(text=outcome), meaning) for outcome, meaning in OUTCOMES)),
    ]


def _files() -> list[Block]:
    files: tuple[tuple[tuple[str, ...], Message], ...] = (
        (("findings.csv",), say("every finding with all its columns, values as they are: for your own analysis")),
        (
            ("by-network/AS<n>.csv", "by-network/unknown-network.csv"),
            say("one file a network, with the time and source port of sightings: what its owner needs"),
        ),
        (("letter.<language>.txt",), say("the request to a network owner, ready to send")),
        (("bundle.json",), say("the same as STIX 2.1, for threat-intelligence platforms")),
        (("xarf.jsonl",), say("the same as X-ARF v4, for abuse desks that work by machine")),
        (("intelmq.jsonl",), say("the same as IntelMQ events, for a CSIRT's own IntelMQ")),
        (("outcomes.csv",), say("the form on which you tell us what was done")),
        (("columns.<language>.html",), say("what each column of these tables means, and what to fill in")),
        (
            ("car.<language>.pdf", "car.<language>.html"),
            say("this report, to print and to read on a screen"),
        ),
    )
    return [
        Heading(text=say("The files beside this report"), anchor="files"),
        Table(
            anchor="file-list",
            caption=say("What each file is for"),
            columns=(Column(title=say("File"), weight=1.4), Column(title=say("What it is for"), weight=3)),
            rows=tuple((Lines(parts=tuple(Code(text=name) for name in names)), use) for names, use in files),
        ),
    ]
