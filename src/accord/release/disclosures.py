"""Disclosures in the database: each appears together with its entries in the ledger, and is handed over once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, exists, insert, literal, select, update

from accord.access.consultations import Processing, record
from accord.agreements.agreement import AgreementId
from accord.agreements.declarations import DatasetId, PartnerId
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.journal.taking_back import take_back
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import UnreadableError
from accord.vocabulary.markings import Marking
from accord.workspace.schema import DISCLOSURE_SOURCES, DISCLOSURES, JOURNAL_ENTRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one data set has in a disclosure: what its entry in the ledger says."""

    dataset: DatasetId
    public_name: str
    origin: Origin
    marking: Marking
    """The strictest among what is disclosed of it."""
    agreements: tuple[AgreementId, ...]
    """Under which it came in and goes out, in order."""
    findings: int
    """Findings that rest on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One delivery that a disclosure rests on."""

    dataset: DatasetId
    delivery: str
    """SHA-256 of the bytes as they were delivered, in hex."""
    findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What left the hub, or stands sealed to leave it: to whom, for what, resting on what."""

    id: UUID
    made_at: datetime
    operation: str | None
    recipient: PartnerId
    country: CountryCode
    purpose: Purpose
    channel: str | None
    """None: a package."""
    batch: int | None = None
    """What was put into the channel at once; None: a package."""
    marking: Marking
    findings: int
    sealed: str | None
    """What its entries commit to, SHA-256 in hex: of a package its manifest (docs/package.md), in a channel the list of
    what was put there (docs/channels.md)."""
    fingerprint: str | None
    """Of a package, SHA-256 over names and contents of its files, in hex: what was released is not released again."""
    secret: str | None = field(repr=False)
    """Of a package, what opens it; None once it was handed over or refused, and in a channel."""
    content: str | None = None
    """Of a package, SHA-256 of the content as it is decrypted, in hex: its receipt names it; None in a channel."""
    entries: range
    """Its entries in the ledger, one for each data set, in the order of their ids."""
    handed_over_at: datetime | None
    """When the recipient got what opens it; None: not yet."""
    received_at: datetime | None
    """When the recipient's receipt was taken in; None: not yet."""
    basis: str | None = field(default=None, repr=False)
    """Of a package, what the rules are asked when it is handed over (`release.basis`); None: that was not kept."""
    refused_at: datetime | None = None
    """When the rules refused to hand it over: it never is."""
    refusal: str | None = None
    """Why, in words."""

    @property
    def waits(self) -> bool:
        """Is it a package that stands sealed and was neither handed over nor refused yet?"""
        return self.channel is None and self.handed_over_at is None and self.refused_at is None


def reference(disclosure: UUID) -> str:
    """How the ledger's entries about a disclosure name it in the hub's own words."""
    return f"disclosure {disclosure}"


def record_disclosure(
    connection: Connection,
    disclosure: Disclosure,
    shares: Collection[Share],
    sources: Collection[Source],
    *,
    draw: Callable[[int], bytes],
    opens_at: datetime | None,
) -> Disclosure:
    """Record a disclosure with its entries, on a writer's connection: as it stands, with the numbers of its entries.

    `disclosure.entries` is not looked at; `made_at` is `journal.book.moment`. The public fields of its entries are
    opened at `opens_at`. Raises ValueError for a disclosure that rests on nothing.
    """
    if not shares:
        raise ValueError(f"disclosure {disclosure.id} rests on no data set")
    facts = [
        Fact(
            kind=Kind.DISCLOSURE,
            at=disclosure.made_at,
            agreement=" ".join(share.agreements),
            dataset=share.public_name,
            origin=share.origin,
            partner=disclosure.recipient,
            country=disclosure.country,
            purpose=disclosure.purpose,
            marking=share.marking,
            count=share.findings,
            digest=disclosure.sealed or "",
        )
        for share in sorted(shares, key=lambda one: one.dataset)
    ]
    entries = book.append(connection, facts, draw=draw, opens_at=opens_at, reference=reference(disclosure.id))
    standing = replace(disclosure, entries=entries)
    connection.execute(insert(DISCLOSURES).values(**_values(standing)))
    if sources:
        connection.execute(
            insert(DISCLOSURE_SOURCES),
            [
                {
                    "disclosure": str(standing.id),
                    "dataset": one.dataset,
                    "delivery": one.delivery,
                    "findings": one.findings,
                }
                for one in sources
            ],
        )
    return standing


def record_hand_over(connection: Connection, disclosure: Disclosure, at: datetime) -> Disclosure:
    """Record that the recipient got what opens it, which the hub has no more. Done before, nothing changes."""
    table = DISCLOSURES.c
    connection.execute(
        update(DISCLOSURES)
        .where(table.id == str(disclosure.id), table.handed_over_at.is_(None))
        .values(handed_over_at=at, secret=None)
    )
    return load_disclosure(connection, disclosure.id)


def record_refusal(
    connection: Connection, disclosure: Disclosure, why: str, at: datetime, *, person: str, draw: Callable[[int], bytes]
) -> Disclosure:
    """Record that a package is never handed over; what opens it goes. Done before, nothing changes.

    Entries take its own back (`at` is `journal.book.moment`), and the log of consultations says that nobody got it.
    """
    table = DISCLOSURES.c
    changed = connection.execute(
        update(DISCLOSURES)
        .where(table.id == str(disclosure.id), table.handed_over_at.is_(None), table.refused_at.is_(None))
        .values(refused_at=at, refusal=why, secret=None)
    )
    if changed.rowcount:
        _take_back(connection, disclosure.id, disclosure.entries, why, at, person=person, draw=draw)
    return load_disclosure(connection, disclosure.id)


def enter_refusals(connection: Connection, at: datetime, *, person: str, draw: Callable[[int], bytes]) -> None:
    """Take back the entries of what an older Accord refused without an entry; `at` is `journal.book.moment`."""
    for row in connection.execute(_unentered().order_by(DISCLOSURES.c.first_entry)).all():
        one = _disclosure(row)
        _take_back(connection, one.id, one.entries, one.refusal or "", at, person=person, draw=draw)


def refusals_unentered(connection: Connection) -> bool:
    """Was anything refused of which the ledger does not say so, because an older Accord did it?"""
    return connection.execute(_unentered().limit(1)).first() is not None


def _unentered() -> Select[Any]:
    entered = exists().where(
        JOURNAL_ENTRIES.c.reference == literal("disclosure ") + DISCLOSURES.c.id,
        JOURNAL_ENTRIES.c.kind == Kind.NEVER_HANDED_OVER.value,
    )
    return select(DISCLOSURES).where(DISCLOSURES.c.refused_at.is_not(None), ~entered)


def _take_back(
    connection: Connection,
    identifier: UUID,
    entries: range,
    why: str,
    at: datetime,
    *,
    person: str,
    draw: Callable[[int], bytes],
) -> None:
    about = reference(identifier)
    take_back(connection, entries, Kind.NEVER_HANDED_OVER, at=at, draw=draw, reference=about)
    record(
        connection,
        Processing.ERASURE,
        person=person,
        justification=f"never handed over, and what opens it is destroyed: {why}",
        object=about,
        now=at,
    )


def forget_given(connection: Connection) -> None:
    """Let go of what opens packages that were handed over: an older Accord kept it until they were confirmed."""
    table = DISCLOSURES.c
    connection.execute(
        update(DISCLOSURES).where(table.handed_over_at.is_not(None), table.secret.is_not(None)).values(secret=None)
    )


def record_receipt(
    connection: Connection,
    disclosure: Disclosure,
    *,
    digest: str,
    at: datetime,
    draw: Callable[[int], bytes],
    opens_at: datetime | None,
) -> Disclosure:
    """Record a recipient's verified receipt (`digest`: its SHA-256 in hex) as an entry.

    Done before, nothing changes: a receipt counts once.
    """
    standing = load_disclosure(connection, disclosure.id)
    if standing.received_at is not None:
        return standing
    fact = Fact(
        kind=Kind.RECEIPT,
        at=at,
        partner=standing.recipient,
        country=standing.country,
        purpose=standing.purpose,
        digest=digest,
        refers=standing.entries.start,
    )
    book.append(connection, [fact], draw=draw, opens_at=opens_at, reference=reference(standing.id))
    connection.execute(
        update(DISCLOSURES).where(DISCLOSURES.c.id == str(standing.id)).values(received_at=at, secret=None)
    )
    return load_disclosure(connection, standing.id)


def load_disclosure(connection: Connection, identifier: UUID) -> Disclosure:
    """One disclosure. Raises UnreadableError when there is none."""
    row = connection.execute(select(DISCLOSURES).where(DISCLOSURES.c.id == str(identifier))).one_or_none()
    if row is None:
        raise UnreadableError(
            "There is no such disclosure.", got=str(identifier), remedy="`accord release list` lists them"
        )
    return _disclosure(row)


def disclosures(connection: Connection, *, recipient: PartnerId | None = None) -> tuple[Disclosure, ...]:
    """All disclosures (to one recipient), the oldest first."""
    wanted = select(DISCLOSURES).order_by(DISCLOSURES.c.first_entry)
    if recipient is not None:
        wanted = wanted.where(DISCLOSURES.c.recipient == recipient)
    return tuple(_disclosure(row) for row in connection.execute(wanted))


def waiting(connection: Connection) -> tuple[Disclosure, ...]:
    """The packages that stand sealed and were neither handed over nor refused yet, the oldest first."""
    table = DISCLOSURES.c
    found = connection.execute(
        select(DISCLOSURES)
        .where(table.handed_over_at.is_(None), table.refused_at.is_(None), table.channel.is_(None))
        .order_by(table.first_entry)
    )
    return tuple(_disclosure(row) for row in found)


def released(
    connection: Connection,
    operation: str,
    recipient: PartnerId,
    country: CountryCode,
    purpose: Purpose,
    fingerprint: str,
) -> Disclosure | None:
    """The disclosure of these very files to this recipient, if there is one that was not refused."""
    table = DISCLOSURES.c
    row = connection.execute(
        select(DISCLOSURES).where(
            table.operation == operation,
            table.recipient == recipient,
            table.country == country,
            table.purpose == purpose.value,
            table.fingerprint == fingerprint,
            table.refused_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else _disclosure(row)


def resting_on(connection: Connection, dataset: DatasetId, delivery: str | None = None) -> tuple[Disclosure, ...]:
    """The disclosures that rest on a data set, or on one delivery of it, but for refused ones; the oldest first."""
    table = DISCLOSURE_SOURCES.c
    which = select(table.disclosure).where(table.dataset == dataset)
    if delivery is not None:
        which = which.where(table.delivery == delivery)
    found = connection.execute(
        select(DISCLOSURES)
        .where(DISCLOSURES.c.id.in_(which), DISCLOSURES.c.refused_at.is_(None))
        .order_by(DISCLOSURES.c.first_entry)
    )
    return tuple(_disclosure(row) for row in found)


def sources_of(connection: Connection, disclosure: UUID) -> tuple[Source, ...]:
    """What a disclosure rests on, by data set and delivery."""
    table = DISCLOSURE_SOURCES.c
    found = connection.execute(
        select(DISCLOSURE_SOURCES).where(table.disclosure == str(disclosure)).order_by(table.dataset, table.delivery)
    )
    return tuple(Source(dataset=row.dataset, delivery=row.delivery, findings=row.findings) for row in found)


def _values(one: Disclosure) -> dict[str, object]:
    return {
        "id": str(one.id),
        "made_at": one.made_at,
        "operation": one.operation,
        "recipient": one.recipient,
        "country": one.country,
        "purpose": one.purpose.value,
        "channel": one.channel,
        "batch": one.batch,
        "marking": one.marking.value,
        "findings": one.findings,
        "sealed": one.sealed,
        "fingerprint": one.fingerprint,
        "secret": one.secret,
        "content": one.content,
        "first_entry": one.entries.start,
        "entries": len(one.entries),
        "handed_over_at": one.handed_over_at,
        "received_at": one.received_at,
        "basis": one.basis,
        "refused_at": one.refused_at,
        "refusal": one.refusal,
    }


def _disclosure(row: Row[tuple[object, ...]]) -> Disclosure:
    return Disclosure(
        id=UUID(row.id),
        made_at=row.made_at,
        operation=row.operation,
        recipient=PartnerId(row.recipient),
        country=CountryCode(row.country),
        purpose=Purpose(row.purpose),
        channel=row.channel,
        batch=row.batch,
        marking=Marking(row.marking),
        findings=row.findings,
        sealed=row.sealed,
        fingerprint=row.fingerprint,
        secret=row.secret,
        content=row.content,
        entries=range(row.first_entry, row.first_entry + row.entries),
        handed_over_at=row.handed_over_at,
        received_at=row.received_at,
        basis=row.basis,
        refused_at=row.refused_at,
        refusal=row.refusal,
    )
