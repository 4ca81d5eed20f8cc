"""Notices of recall and what recipients answer: signed notes (C2SP signed-note), described in docs/recall.md.

    accord-recall/v1
    recall 3f6a2c51-8f64-4a0e-9c39-0b0a7a1f6a55
    package 7e57d004-2b97-4e7a-b45f-5387367791cd
    digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    entries 17 18
    recipient csirt-th
    kind withdrawn
    findings 42 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
    entry 23
    at 2026-11-27T10:00:00Z
    until 2026-12-11T10:00:00Z
    reason The sinkhole's clock was wrong.

    — hub.example/ledger T8Jx...

The hub signs it with the key of its ledger. What tells a partner that something was erased or corrected at the hub that
it had supplied itself:

    accord-supplied/v1
    recall 3f6a2c51-8f64-4a0e-9c39-0b0a7a1f6a55
    notice 0c1f8a52-2b8e-4d57-8a0c-9b7b1d3a6e10
    supplier vendor
    kind erased
    roles all
    deliveries 2 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
    value 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    entries 7 8
    at 2026-11-27T10:00:00Z
    until 2026-12-11T10:00:00Z
    reason Asked for by the person.

    — hub.example/ledger T8Jx...

What answers either, where the second is named by its own id as the package:

    accord-acknowledgement/v1
    recall 3f6a2c51-8f64-4a0e-9c39-0b0a7a1f6a55
    package 7e57d004-2b97-4e7a-b45f-5387367791cd
    notice 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    recipient csirt-th
    answer done
    at 2026-11-28T08:30:00Z
    note Removed from all systems.

    — csirt-th.example T8Jx...
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from accord.ledger.notes import SigningKey, VerifierKey, open_note, parse_note, sign_note
from accord.vocabulary.errors import MalformedError, UnprovenError
from accord.vocabulary.roles import ROLES, Role

RECALL, SUPPLIED, ACKNOWLEDGEMENT = "accord-recall/v1", "accord-supplied/v1", "accord-acknowledgement/v1"

TEXT_LIMIT = 1000
"""Characters of a reason or a note."""

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_PARTNER = "[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
_NUMBER = "0|[1-9][0-9]{0,18}"
_NOTICE = re.compile(
    f"{RECALL}\n"
    f"recall (?P<recall>{_UUID})\n"
    f"package (?P<package>{_UUID})\n"
    "digest (?P<digest>[0-9a-f]{64})\n"
    f"entries (?P<entries>(?:{_NUMBER})(?: [1-9][0-9]{{0,18}})*)\n"
    f"recipient (?P<recipient>{_PARTNER})\n"
    "kind (?P<kind>withdrawn|corrected|erased)\n"
    f"(?:correction (?P<correction>{_NUMBER})\n)?"
    f"findings (?P<findings>all|(?P<count>{_NUMBER}) (?P<listed>[0-9a-f]{{64}}))\n"
    f"entry (?P<entry>{_NUMBER})\n"
    f"at (?P<at>{_TIME})\n"
    f"until (?P<until>{_TIME})\n"
    "reason (?P<reason>[^\n]+)\n"
)
_SUPPLIED = re.compile(
    f"{SUPPLIED}\n"
    f"recall (?P<recall>{_UUID})\n"
    f"notice (?P<notice>{_UUID})\n"
    f"supplier (?P<supplier>{_PARTNER})\n"
    "kind (?P<kind>corrected|erased)\n"
    "roles (?P<roles>[a-z0-9-]+(?: [a-z0-9-]+)*)\n"
    f"deliveries (?P<count>{_NUMBER}) (?P<listed>[0-9a-f]{{64}})\n"
    "value (?P<value>none|[0-9a-f]{64})\n"
    f"entries (?P<entries>(?:{_NUMBER})(?: [1-9][0-9]{{0,18}})*)\n"
    f"at (?P<at>{_TIME})\n"
    f"until (?P<until>{_TIME})\n"
    "reason (?P<reason>[^\n]+)\n"
)
_ANSWER = re.compile(
    f"{ACKNOWLEDGEMENT}\n"
    f"recall (?P<recall>{_UUID})\n"
    f"package (?P<package>{_UUID})\n"
    "notice (?P<notice>[0-9a-f]{64})\n"
    f"recipient (?P<recipient>{_PARTNER})\n"
    "answer (?P<answer>done|refused)\n"
    f"at (?P<at>{_TIME})\n"
    "note (?P<note>[^\n]+)\n"
)


class RecallKind(StrEnum):
    """Why recipients are told."""

    WITHDRAWN = "withdrawn"
    """The partner takes it back."""
    CORRECTED = "corrected"
    """It was wrong."""
    ERASED = "erased"
    """The hub holds it no more, and nobody else may."""


class Answer(StrEnum):
    """What a recipient says of a notice."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a recipient is told of a recall."""

    recall: UUID
    package: UUID
    digest: str
    """SHA-256 of the package's manifest, in hex."""
    entries: tuple[int, ...]
    """The package's entries in the ledger."""
    recipient: str
    """The partner's id."""
    kind: RecallKind
    correction: int | None = None
    """The entry in the ledger of the delivery that takes the place of what is recalled; None: none is known."""
    findings: int | None
    """How many findings of the package it concerns; None: all of it."""
    listed: str | None
    """SHA-256 in hex of the list of them (`encode_findings`); None: all of it."""
    entry: int
    """The recall's own entry in the ledger."""
    at: datetime
    until: datetime
    """When the recipient should have answered."""
    reason: str

    @property
    def text(self) -> str:
        """The text that is signed."""
        findings = "all" if self.findings is None else f"{self.findings} {self.listed}"
        correction = "" if self.correction is None else f"correction {self.correction}\n"
        return (
            f"{RECALL}\nrecall {self.recall}\npackage {self.package}\ndigest {self.digest}\n"
            f"entries {' '.join(map(str, self.entries))}\nrecipient {self.recipient}\nkind {self.kind}\n"
            f"{correction}findings {findings}\nentry {self.entry}\nat {_time(self.at)}\nuntil {_time(self.until)}\n"
            f"reason {self.reason}\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppliedNotice:
    """What a partner is told of what it had supplied, and was erased or corrected at the hub."""

    recall: UUID
    package: UUID
    """Its own id, which stands in its answer where another has a package."""
    recipient: str
    """The partner's id."""
    kind: RecallKind
    roles: tuple[Role, ...] | None
    """In which it is wrong; None: all that holds the value is concerned."""
    deliveries: int
    """How many of the partner's deliveries it stood in."""
    supplied: str
    """SHA-256 in hex of the list of them."""
    value: str | None
    """SHA-256 in hex of the value, sealed; None: no key is known to seal it to."""
    entries: tuple[int, ...]
    """The entries in the ledger about the erasure, one for each data set."""
    at: datetime
    until: datetime
    """When the partner should have answered."""
    reason: str

    findings: ClassVar[None] = None
    """It is about deliveries, and not about findings."""
    listed: ClassVar[None] = None

    @property
    def entry(self) -> int:
        """The first of its entries."""
        return self.entries[0]

    @property
    def text(self) -> str:
        """The text that is signed."""
        return (
            f"{SUPPLIED}\nrecall {self.recall}\nnotice {self.package}\nsupplier {self.recipient}\nkind {self.kind}\n"
            f"roles {'all' if self.roles is None else ' '.join(self.roles)}\n"
            f"deliveries {self.deliveries} {self.supplied}\nvalue {self.value or 'none'}\n"
            f"entries {' '.join(map(str, self.entries))}\nat {_time(self.at)}\nuntil {_time(self.until)}\n"
            f"reason {self.reason}\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What a recipient answers."""

    recall: UUID
    package: UUID
    notice: str
    """SHA-256 of the signed notice that it answers, in hex."""
    recipient: str
    answer: Answer
    at: datetime
    """To the second, by the recipient's clock."""
    note: str

    @property
    def text(self) -> str:
        """The text that is signed."""
        return (
            f"{ACKNOWLEDGEMENT}\nrecall {self.recall}\npackage {self.package}\nnotice {self.notice}\n"
            f"recipient {self.recipient}\nanswer {self.answer}\nat {_time(self.at)}\nnote {self.note}\n"
        )


def one_line(text: str, what: str) -> str:
    """A text as notices have it: one line, no control characters. Raises MalformedError."""
    line = " ".join(text.split())
    if not line or len(line) > TEXT_LIMIT or not line.isprintable():
        raise MalformedError(
            f"{what} is not fit for a notice.",
            expected=f"words, at most {TEXT_LIMIT} characters, none of them a control character",
            got=f"{len(text)} characters" if line else "nothing",
        )
    return line


def encode_findings(findings: Sequence[bytes]) -> bytes:
    """The list of findings, ids of 32 bytes each: in hexadecimal, a line each, ascending."""
    return "".join(f"{one.hex()}\n" for one in sorted(findings)).encode("ascii")


def listed(findings: Sequence[bytes]) -> str:
    """SHA-256 of the list of findings, in hex."""
    return hashlib.sha256(encode_findings(findings)).hexdigest()


def sign_notice(notice: Notice | SuppliedNotice, key: SigningKey) -> bytes:
    """The notice, signed."""
    return sign_note(notice.text, [key]).encode()


def read_notice(data: bytes, key: VerifierKey | None = None) -> Notice | SuppliedNotice:
    """Read a notice, signed with the ledger's `key` (None: its signature is not verified).

    Raises MalformedError and UnprovenError.
    """
    text = parse_note(data).text if key is None else open_note(data, [key]).text
    if text.startswith(f"{SUPPLIED}\n"):
        return _read_supplied(text)
    said = _NOTICE.fullmatch(text)
    if said is None:
        raise MalformedError("This is no notice of a recall.", expected=f"{RECALL} or {SUPPLIED}")
    notice = Notice(
        recall=UUID(said["recall"]),
        package=UUID(said["package"]),
        digest=said["digest"],
        entries=tuple(map(int, said["entries"].split(" "))),
        recipient=said["recipient"],
        kind=RecallKind(said["kind"]),
        correction=None if said["correction"] is None else int(said["correction"]),
        findings=None if said["count"] is None else int(said["count"]),
        listed=said["listed"],
        entry=int(said["entry"]),
        at=_instant(said["at"]),
        until=_instant(said["until"]),
        reason=one_line(said["reason"], "A reason"),
    )
    _demand_spelling(notice.text, text)
    return notice


def _read_supplied(text: str) -> SuppliedNotice:
    said = _SUPPLIED.fullmatch(text)
    if said is None or (said["roles"] != "all" and {*said["roles"].split(" ")} - {*ROLES}):
        raise MalformedError("This is no notice to a supplier.", expected=SUPPLIED)
    notice = SuppliedNotice(
        recall=UUID(said["recall"]),
        package=UUID(said["notice"]),
        recipient=said["supplier"],
        kind=RecallKind(said["kind"]),
        roles=None if said["roles"] == "all" else tuple(map(Role, said["roles"].split(" "))),
        deliveries=int(said["count"]),
        supplied=said["listed"],
        value=None if said["value"] == "none" else said["value"],
        entries=tuple(map(int, said["entries"].split(" "))),
        at=_instant(said["at"]),
        until=_instant(said["until"]),
        reason=one_line(said["reason"], "A reason"),
    )
    _demand_spelling(notice.text, text)
    return notice


def sign_acknowledgement(answer: Acknowledgement, key: SigningKey) -> bytes:
    """The answer, signed."""
    return sign_note(answer.text, [key]).encode()


def parse_acknowledgement(data: bytes) -> Acknowledgement:
    """Read an answer without believing it. Raises MalformedError."""
    return _read_answer(parse_note(data).text)


def read_acknowledgement(data: bytes, *, key: VerifierKey, notice: bytes) -> Acknowledgement:
    """Read an answer that must be signed with the partner's registered key, and be to this signed notice.

    Raises MalformedError and UnprovenError.
    """
    answer, asked = _read_answer(open_note(data, [key]).text), read_notice(notice)
    digest = hashlib.sha256(notice).hexdigest()
    for name, expected, got in (
        ("recall", asked.recall, answer.recall),
        ("package", asked.package, answer.package),
        ("recipient", asked.recipient, answer.recipient),
        ("notice", digest, answer.notice),
    ):
        if expected != got:
            raise UnprovenError("The answer is to something else.", where=name, expected=str(expected), got=str(got))
    return answer


def _read_answer(text: str) -> Acknowledgement:
    said = _ANSWER.fullmatch(text)
    if said is None:
        raise MalformedError("This is no answer to a notice of a recall.", expected=ACKNOWLEDGEMENT)
    answer = Acknowledgement(
        recall=UUID(said["recall"]),
        package=UUID(said["package"]),
        notice=said["notice"],
        recipient=said["recipient"],
        answer=Answer(said["answer"]),
        at=_instant(said["at"]),
        note=one_line(said["note"], "A note"),
    )
    _demand_spelling(answer.text, text)
    return answer


def _demand_spelling(expected: str, got: str) -> None:
    if expected != got:
        raise MalformedError("A notice or its answer is spelled otherwise.")


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError("A notice's time is none.", got=text) from error


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
