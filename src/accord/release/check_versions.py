"""Versions of the check data in the database: each appears together with its entries in the ledger, and is shown once.

A version waits until it is shown; then it is the one that counts, and the one before is gone. One that is not shown is
gone too when another is made, or refused when the rules permit it no more.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, insert, literal, select, update

from accord.access.consultations import Processing, record
from accord.agreements.declarations import DatasetId, PartnerId
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.journal.taking_back import take_back
from accord.release.channels import EVERYWHERE
from accord.release.disclosures import Share
from accord.release.policies import Classes, decode, encode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.schema import CHECK_SOURCES, CHECK_VERSIONS, JOURNAL_ENTRIES

REPLACED = "another version was made"
WITHDRAWN = "what the check tells was withdrawn"
STALE = "it rests on what is not kept, or may not be told, any more"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CheckSource:
    """A delivery that a version rests on, as it was when the version was made."""

    dataset: DatasetId
    delivery: str
    """SHA-256 of the bytes as they were delivered, in hex."""
    erasures: int
    """How often something was erased in it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckVersion:
    """A version of the check data."""

    name: str
    made_at: datetime
    digest: str
    """SHA-256 of its manifest, in hex."""
    recipient: PartnerId
    """Who stands for the persons concerned."""
    addresses: int
    mailboxes: int
    marking: Marking
    classes: Classes
    """The policy classes of what it rests on: all must be permitted when it is shown."""
    narrows: str | None
    """The version before, of which it says a part; None: it says what is new."""
    person: str
    entries: range
    """Its entries in the ledger, one for each data set, in the order of their ids."""
    shown_at: datetime | None
    gone_at: datetime | None
    refusal: str | None

    @property
    def state(self) -> str:
        """What became of it, in a word."""
        if self.refusal is not None:
            return "refused"
        if self.shown_at is None:
            return "waits" if self.gone_at is None else "never shown"
        return "published" if self.gone_at is None else "gone"


def reference(name: str) -> str:
    """How the ledger's entries about a version name it in the hub's own words."""
    return f"check data {name}"


def record_version(
    connection: Connection,
    version: CheckVersion,
    shares: Collection[Share],
    sources: Collection[CheckSource],
    *,
    draw: Callable[[int], bytes],
) -> CheckVersion:
    """Record a version with its entries, on a writer's connection: as it stands, with the numbers of its entries.

    `version.entries` is not looked at; `made_at` is `journal.book.moment`. A version that waits is gone by it. One that
    rests on nothing has one entry, about no data set. The public fields are opened at once.
    """
    before = None if version.narrows is None else load_version(connection, version.narrows)
    refers = None if before is None else before.entries.start
    facts = [
        Fact(
            kind=Kind.CHECK_DATA,
            at=version.made_at,
            agreement=" ".join(share.agreements),
            dataset=share.public_name,
            origin=share.origin,
            partner=version.recipient,
            country=EVERYWHERE,
            purpose=Purpose.VICTIM_NOTIFICATION,
            marking=share.marking,
            count=share.findings,
            digest=version.digest,
            refers=refers,
        )
        for share in sorted(shares, key=lambda one: one.dataset)
    ] or [
        Fact(
            kind=Kind.CHECK_DATA,
            at=version.made_at,
            partner=version.recipient,
            country=EVERYWHERE,
            purpose=Purpose.VICTIM_NOTIFICATION,
            marking=version.marking,
            count=0,
            digest=version.digest,
            refers=refers,
        )
    ]
    entries = book.append(connection, facts, draw=draw, opens_at=version.made_at, reference=reference(version.name))
    end_waiting(connection, version.made_at, REPLACED, person=version.person, draw=draw)
    standing = replace(version, entries=entries)
    connection.execute(insert(CHECK_VERSIONS).values(**_values(standing)))
    if sources:
        rows = [
            {"version": version.name, "dataset": one.dataset, "delivery": one.delivery, "erasures": one.erasures}
            for one in sorted(sources)
        ]
        connection.execute(insert(CHECK_SOURCES), rows)
    return standing


def record_shown(connection: Connection, version: CheckVersion, at: datetime) -> None:
    """Record that a version can be seen, and that the one before is gone. Done before, nothing changes."""
    table = CHECK_VERSIONS.c
    connection.execute(
        update(CHECK_VERSIONS)
        .where(table.shown_at.is_not(None), table.gone_at.is_(None), table.name != version.name)
        .values(gone_at=at)
    )
    connection.execute(
        update(CHECK_VERSIONS).where(table.name == version.name, table.shown_at.is_(None)).values(shown_at=at)
    )


def end_waiting(
    connection: Connection,
    at: datetime,
    why: str,
    *,
    refused: bool = False,
    person: str,
    draw: Callable[[int], bytes],
) -> None:
    """Let a version that waits never be shown, and take its entries back; `refused`: by the rules.

    `at` is `journal.book.moment`.
    """
    table = CHECK_VERSIONS.c
    waits = (table.shown_at.is_(None), table.gone_at.is_(None))
    for row in connection.execute(select(CHECK_VERSIONS).where(*waits).order_by(table.first_entry)).all():
        _take_back(connection, _version(row), why, at, person=person, draw=draw)
    connection.execute(update(CHECK_VERSIONS).where(*waits).values(gone_at=at, refusal=why if refused else None))


def enter_never_shown(connection: Connection, at: datetime, *, person: str, draw: Callable[[int], bytes]) -> None:
    """Take back the entries of what an older Accord let go without an entry; `at` is `journal.book.moment`."""
    for row in connection.execute(_unentered().order_by(CHECK_VERSIONS.c.first_entry)).all():
        one = _version(row)
        _take_back(connection, one, one.refusal or REPLACED, at, person=person, draw=draw)


def never_shown_unentered(connection: Connection) -> bool:
    """Was anything never shown of which the ledger does not say so, because an older Accord let it go?"""
    return connection.execute(_unentered().limit(1)).first() is not None


def _unentered() -> Select[Any]:
    table = CHECK_VERSIONS.c
    entered = exists().where(
        JOURNAL_ENTRIES.c.reference == literal("check data ") + table.name,
        JOURNAL_ENTRIES.c.kind == Kind.NEVER_SHOWN.value,
    )
    return select(CHECK_VERSIONS).where(table.shown_at.is_(None), table.gone_at.is_not(None), ~entered)


def _take_back(
    connection: Connection, version: CheckVersion, why: str, at: datetime, *, person: str, draw: Callable[[int], bytes]
) -> None:
    about = reference(version.name)
    take_back(connection, version.entries, Kind.NEVER_SHOWN, at=at, draw=draw, reference=about)
    record(
        connection,
        Processing.ERASURE,
        person=person,
        justification=f"never shown, and destroyed: {why}",
        object=about,
        now=at,
    )


def shown_version(connection: Connection) -> CheckVersion | None:
    """The version that counts; None: none does."""
    table = CHECK_VERSIONS.c
    return _one(connection, table.shown_at.is_not(None))


def waiting_version(connection: Connection) -> CheckVersion | None:
    """The version that waits to be shown; None: none does."""
    return _one(connection, CHECK_VERSIONS.c.shown_at.is_(None))


def load_version(connection: Connection, name: str) -> CheckVersion | None:
    """One version by its name; None: there was never one."""
    row = connection.execute(select(CHECK_VERSIONS).where(CHECK_VERSIONS.c.name == name)).one_or_none()
    return None if row is None else _version(row)


def check_versions(connection: Connection) -> tuple[CheckVersion, ...]:
    """All versions that ever were, the oldest first."""
    found = connection.execute(select(CHECK_VERSIONS).order_by(CHECK_VERSIONS.c.first_entry))
    return tuple(_version(row) for row in found)


def sources_of_version(connection: Connection, name: str) -> frozenset[CheckSource]:
    """The deliveries that a version rests on."""
    found = connection.execute(select(CHECK_SOURCES).where(CHECK_SOURCES.c.version == name))
    return frozenset(
        CheckSource(dataset=DatasetId(row.dataset), delivery=row.delivery, erasures=row.erasures) for row in found
    )


def _one(connection: Connection, condition: object) -> CheckVersion | None:
    row = connection.execute(
        select(CHECK_VERSIONS)
        .where(condition, CHECK_VERSIONS.c.gone_at.is_(None))  # type: ignore[arg-type]
        .order_by(CHECK_VERSIONS.c.first_entry.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _version(row)


def _values(one: CheckVersion) -> dict[str, object]:
    return {
        "name": one.name,
        "made_at": one.made_at,
        "digest": one.digest,
        "recipient": one.recipient,
        "addresses": one.addresses,
        "mailboxes": one.mailboxes,
        "marking": one.marking.value,
        "classes": encode(one.classes),
        "narrows": one.narrows,
        "person": one.person,
        "first_entry": one.entries.start,
        "entries": len(one.entries),
        "shown_at": one.shown_at,
        "gone_at": one.gone_at,
        "refusal": one.refusal,
    }


def _version(row: Row[tuple[object, ...]]) -> CheckVersion:
    return CheckVersion(
        name=row.name,
        made_at=row.made_at,
        digest=row.digest,
        recipient=PartnerId(row.recipient),
        addresses=row.addresses,
        mailboxes=row.mailboxes,
        marking=Marking(row.marking),
        classes=decode(row.classes),
        narrows=row.narrows,
        person=row.person,
        entries=range(row.first_entry, row.first_entry + row.entries),
        shown_at=row.shown_at,
        gone_at=row.gone_at,
        refusal=row.refusal,
    )
