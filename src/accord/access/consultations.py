"""The log of consultations: who did what with personal data, when, why, and who got it.

Directive (EU) 2016/680, Article 25, names the six kinds of processing and what is to be kept of each. The log is only
added to. Its rows are a chain: the digest of each is SHA-256 over

    netstring(digest of the row before) netstring(number) netstring(at) netstring(processing) netstring(person)
    netstring(justification) netstring(object) netstring(recipients)

where netstring(x) is the length of x in bytes in decimal, `:`, x in UTF-8, `,`; digests are 64 hexadecimal digits
(before the first row: zeros), `number` is decimal, `at` is RFC 3339 in UTC with six decimals and `Z`, and recipients
stand in their order, parted by blanks. So a row that was changed, taken out or put in later shows, unless all rows
after it were made anew; and that shows to whoever has kept a later digest.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, select

from accord.vocabulary.errors import UnprovenError
from accord.vocabulary.indicators import Indicator
from accord.workspace.database import insert_rows
from accord.workspace.schema import CONSULTATIONS

BEGINNING = "0" * 64
"""What stands for the digest of the row before the first."""

PAGE = 1000
"""Rows that are asked for at once."""


class Processing(StrEnum):
    """What is logged (Directive (EU) 2016/680, Article 25(1))."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    """Transfers included."""
    COMBINATION = "combination"
    ERASURE = "erasure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """One row of the log."""

    number: int
    at: datetime
    processing: Processing
    person: str
    justification: str
    """Empty: none was given."""
    object: str
    """What was asked for or done to; a value of a person only as `value_object` has it."""
    recipients: tuple[str, ...]
    """Ids of partners."""
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What a log that holds has come to."""

    rows: int
    digest: str
    """Of the last row: whoever keeps it can tell later whether anything up to it was changed."""


def value_object(indicator: Indicator, key: bytes) -> str:
    """How the log names a value: its type, and HMAC-SHA256(hub key, UTF-8 `consultation\\0value`) in hex.

    So the log need not change when a person's data are erased, and whoever knows the value and has the key still finds
    who asked for it.
    """
    mac = hmac.new(key, b"consultation\0" + indicator.value.encode(), hashlib.sha256)
    return f"{indicator.kind} {mac.hexdigest()}"


def record(
    connection: Connection,
    processing: Processing,
    *,
    person: str,
    justification: str,
    object: str,  # noqa: A002 -- the word of the Directive, and of the table
    recipients: Sequence[str] = (),
    now: datetime,
) -> int:
    """Add a row to the log, in the same transaction as what it tells of; its number, from 1 without a gap.

    `connection` is a writer's: the last row does not change before it ends.
    """
    (number,) = record_each(
        connection,
        processing,
        person=person,
        justification=justification,
        objects=[object],
        recipients=recipients,
        now=now,
    )
    return number


def record_each(
    connection: Connection,
    processing: Processing,
    *,
    person: str,
    justification: str,
    objects: Sequence[str],
    recipients: Sequence[str] = (),
    now: datetime,
) -> range:
    """Add a row for each object, in their order, as `record` adds one; their numbers."""
    last = connection.execute(
        select(CONSULTATIONS.c.number, CONSULTATIONS.c.digest).order_by(CONSULTATIONS.c.number.desc()).limit(1)
    ).one_or_none()
    first, digest = (1, BEGINNING) if last is None else (last.number + 1, last.digest)
    rows = []
    for number, each in enumerate(objects, first):
        said = {
            "number": number,
            "at": now,
            "processing": processing.value,
            "person": person,
            "justification": justification,
            "object": each,
            "recipients": " ".join(recipients),
        }
        digest = _digest(digest, said)
        rows.append(said | {"digest": digest})
    insert_rows(connection, CONSULTATIONS, rows)
    return range(first, first + len(rows))


def consultations(
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    person: str | None = None,
    processing: Processing | None = None,
    about: str | None = None,
    after: int = 0,
    limit: int = PAGE,
) -> tuple[Consultation, ...]:
    """A page of the log in its order: at most `limit` rows with numbers above `after`.

    `since` is within, `until` is not; `about` is a row's whole object.
    """
    wanted = select(CONSULTATIONS).where(CONSULTATIONS.c.number > after)
    if since is not None:
        wanted = wanted.where(CONSULTATIONS.c.at >= since)
    if until is not None:
        wanted = wanted.where(CONSULTATIONS.c.at < until)
    if person is not None:
        wanted = wanted.where(CONSULTATIONS.c.person == person)
    if processing is not None:
        wanted = wanted.where(CONSULTATIONS.c.processing == processing.value)
    if about is not None:
        wanted = wanted.where(CONSULTATIONS.c.object == about)
    rows = connection.execute(wanted.order_by(CONSULTATIONS.c.number).limit(limit))
    return tuple(_consultation(row) for row in rows)


def verify_chain(connection: Connection, *, kept: str | None = None) -> Chain:
    """See that no row was changed, taken out or put in. Raises UnprovenError, which names the first row that is wrong.

    `kept`: a digest that somebody has kept, which must be one of the log's.
    """
    number, before, met = 0, BEGINNING, kept is None
    for row in _rows(connection):
        number += 1
        if row.number != number:
            raise UnprovenError(
                "The log of consultations lacks a row.",
                where="consultations",
                expected=str(number),
                got=str(row.number),
            )
        said = {name: value for name, value in row._mapping.items() if name != "digest"}
        before = _digest(before, said)
        if row.digest != before:
            raise UnprovenError(
                "The log of consultations was changed: a row's digest is not that of the row and those before it.",
                where=f"consultations: row {number}",
                expected=before,
                got=str(row.digest),
                remedy="look for who has written to the database beside Accord, and compare with what was exported",
            )
        met = met or before == kept
    if not met:
        raise UnprovenError(
            "The digest that was kept is none of the log's: rows were taken off its end, or all were made anew.",
            where="consultations",
            expected=kept,
            got=f"{number} rows, the last one's digest {before}",
            remedy="see that --kept is whole, and of this hub; if it is, do not go on: ask whoever runs the database",
        )
    return Chain(rows=number, digest=before)


def _rows(connection: Connection) -> Iterator[Row[tuple[object, ...]]]:
    after = -1
    while True:
        page = connection.execute(
            select(CONSULTATIONS).where(CONSULTATIONS.c.number > after).order_by(CONSULTATIONS.c.number).limit(PAGE)
        ).all()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].number


def _digest(before: str, said: dict[str, object]) -> str:
    digest = hashlib.sha256()
    for field in (before, *(said[column.name] for column in CONSULTATIONS.c if column.name != "digest")):
        text = _instant(field) if isinstance(field, datetime) else str(field)
        encoded = text.encode()
        digest.update(b"%d:%s," % (len(encoded), encoded))
    return digest.hexdigest()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _consultation(row: Row[tuple[object, ...]]) -> Consultation:
    return Consultation(
        number=row.number,
        at=row.at,
        processing=Processing(row.processing),
        person=row.person,
        justification=row.justification,
        object=row.object,
        recipients=tuple(row.recipients.split()),
        digest=row.digest,
    )
