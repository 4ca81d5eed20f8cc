"""What a mail says that brings reports: from whom, how it is marked, what is attached, how outcomes come back.

The label stands in the subject line and before the text (TLP 2.0, messaging). The subject travels unencrypted, so it
tells nothing of an operation: an embargo may lie on its very existence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accord.reports.account import HANDLING
from accord.reports.letter import wrapped
from accord.reports.words import Code, Country, Fixed, Message, Verbatim, count_of, named, say, speaker
from accord.vocabulary.markings import Marking


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """One release that a mail brings."""

    release: UUID
    title: str
    country: str
    findings: int
    marking: Marking
    entry: int
    """The first of its entries in the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """What a mail tells its recipient."""

    hub: str
    contact: str
    recipient: str
    marking: Marking
    """The strictest of what it brings."""
    simulated: bool
    brought: Sequence[Brought]
    token: str
    token_until: datetime


def subject_of(one: Covering, language: str) -> str:
    """The subject line. Raises SettingsError for an unknown language."""
    about: Message = count_of("{n} report from {hub}", "{n} reports from {hub}", len(one.brought), hub=named(one.hub))
    if one.simulated:
        about = say("[SIMULATED] {subject}", subject=about)
    return f"[{one.marking.label}] {speaker(language).say(about)}"


def text_of(one: Covering, language: str) -> str:
    """The text, which ends in a line feed. Raises SettingsError for an unknown language."""
    voice = speaker(language)
    lines = wrapped(Fixed(text=one.marking.label), voice)
    if one.simulated:
        lines += wrapped(say("SIMULATED DATA"), voice)
    lines += ["", *wrapped(HANDLING[one.marking], voice), ""]
    handed = count_of(
        "{hub} hands over {n} report to {recipient}:",
        "{hub} hands over {n} reports to {recipient}:",
        len(one.brought),
        hub=named(one.hub),
        recipient=named(one.recipient),
    )
    lines += wrapped(handed, voice)
    for each in one.brought:
        # l10n: a line of a list: title of an operation, country, number of findings, TLP label
        what = count_of(
            "{title}, {country}: {n} finding, {marking}",
            "{title}, {country}: {n} findings, {marking}",
            each.findings,
            title=named(each.title),
            country=Country(code=each.country, in_sentence=False),
            marking=Fixed(text=each.marking.label),
        )
        where = say(
            "Release {release}; in the ledger from entry {entry} on",
            release=Code(text=str(each.release)),
            entry=each.entry,
        )
        lines += ["", *wrapped(what, voice, first="- ", rest="  "), *wrapped(where, voice, first="  ", rest="  ")]
    lines.append("")
    parts = (
        say(
            "Attached are {package} and {handover} of each; {command} opens them with your private keys.",
            package=Code(text="package"),
            handover=Code(text="handover"),
            command=Code(text="accord package open"),
        ),
        say(
            "The {file} of each says under which agreements you have it, and how it must be handled.",
            file=Code(text="manifest.json"),
        ),
        say(
            "Fill in {outcome}, {date} (as 2026-11-23) and, if it helps, {note}. Leave the lines empty that you know "
            "nothing about.",
            outcome=Code(text="outcome"),
            date=Code(text="date"),
            note=Code(text="note"),
        ),
        say(
            "Send {file} to {contact} with the token below: by it we know until {day} that the answer is yours. Pass "
            "it on to nobody else.",
            file=Code(text="outcomes.csv"),
            contact=Verbatim(text=one.contact),
            day=one.token_until,
        ),
    )
    for part in parts:
        lines += [*wrapped(part, voice), ""]
    # alone on its line, without a mark of direction: who copies it copies nothing invisible
    return "\n".join(line.rstrip() for line in [*lines, one.token]) + "\n"
