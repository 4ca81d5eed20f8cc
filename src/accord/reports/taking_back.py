"""What a mail says that brings notices of recalls: what is taken back, why, and how and until when it is answered.

The subject travels unencrypted, and tells nothing of an operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accord.release.notices import RecallKind
from accord.reports.account import HANDLING
from accord.reports.letter import wrapped
from accord.reports.words import Code, Fixed, Message, Verbatim, count_of, named, say, speaker
from accord.vocabulary.markings import Marking

_KINDS = {
    RecallKind.WITHDRAWN: say("Withdrawn"),
    RecallKind.CORRECTED: say("Corrected, because it was wrong"),
    RecallKind.ERASED: say("To be erased"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """One notice that a mail brings."""

    recall: UUID
    release: UUID
    kind: RecallKind
    findings: int | None
    """None: all of the release."""
    entry: int
    """The recall's entry in the ledger."""
    until: datetime
    reason: str
    file: str
    """What is attached of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a mail tells its recipient."""

    hub: str
    contact: str
    marking: Marking
    """The strictest of what is taken back."""
    simulated: bool
    taken_back: Sequence[TakenBack]
    token: str
    token_until: datetime


def subject_of(one: Telling, language: str) -> str:
    """The subject line. Raises SettingsError for an unknown language."""
    about: Message = count_of(
        "{n} notice of recall from {hub}: please answer",
        "{n} notices of recall from {hub}: please answer",
        len(one.taken_back),
        hub=named(one.hub),
    )
    if one.simulated:
        about = say("[SIMULATED] {subject}", subject=about)
    return f"[{one.marking.label}] {speaker(language).say(about)}"


def text_of(one: Telling, language: str) -> str:
    """The text, which ends in a line feed. Raises SettingsError for an unknown language."""
    voice = speaker(language)
    lines = wrapped(Fixed(text=one.marking.label), voice)
    if one.simulated:
        lines += wrapped(say("SIMULATED DATA"), voice)
    lines += ["", *wrapped(HANDLING[one.marking], voice), ""]
    lines += wrapped(say("{hub} takes back what it handed over to you:", hub=named(one.hub)), voice)
    for each in one.taken_back:
        kind = _KINDS[each.kind]
        release = Code(text=str(each.release))
        what = (
            say("{kind}: all of release {release}", kind=kind, release=release)
            if each.findings is None
            else count_of(
                "{kind}: {n} finding of release {release}",
                "{kind}: {n} findings of release {release}",
                each.findings,
                kind=kind,
                release=release,
            )
        )
        where = say(
            "Recall {recall}; in the ledger as entry {entry}; to be answered by {day}",
            recall=Code(text=str(each.recall)),
            entry=each.entry,
            day=each.until,
        )
        told = [
            where,
            say("Why: {reason}", reason=named(each.reason)),
            say("Attached: {file}", file=Code(text=each.file)),
        ]
        lines += ["", *wrapped(what, voice, first="- ", rest="  ")]
        for line in told:
            lines += wrapped(line, voice, first="  ", rest="  ")
    lines.append("")
    for part in _parts(one):
        lines += [*wrapped(part, voice), ""]
    # alone on its line, without a mark of direction: who copies it copies nothing invisible
    return "\n".join(line.rstrip() for line in [*lines, one.token]) + "\n"


def _parts(one: Telling) -> tuple[Message, ...]:
    return (
        say(
            "Do not use it any more, delete what is to be erased, and tell everybody to whom you have passed it on. In "
            "each archive {file} lists the findings, by their {column}.",
            file=Code(text="findings"),
            column=Code(text="finding_id"),
        ),
        say(
            "Please answer each notice. Unpack it; {command} signs your answer with your private keys. Send the answer "
            "to {contact}, or let {option} hand it in at our server, with the token below in {variable}.",
            command=Code(text="accord package acknowledge"),
            contact=Verbatim(text=one.contact),
            option=Code(text="--at"),
            variable=Code(text="ACCORD_TOKEN"),
        ),
        say(
            "If you have no keys, write to {contact} what you have done, or why you refuse, with the recall's number "
            "and the token below: by it we know until {day} that the answer is yours. Pass it on to nobody else.",
            contact=Verbatim(text=one.contact),
            day=one.token_until,
        ),
    )
