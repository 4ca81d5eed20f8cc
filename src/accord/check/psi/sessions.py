"""Sessions in the database: one for an organisation at a time, and how much of its budget is spent.

Of a request the hub keeps its number, when it came, how many elements it had, and their SHA-256. The elements are
uniformly random whatever they stand for, and so the digest tells nothing but whether they came again.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from accord.agreements.declarations import PartnerId
from accord.check.psi.commitment import Commitment, parse_commitment
from accord.check.psi.oprf import Draw
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import PSI_REQUESTS, PSI_SESSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as the hub keeps it."""

    commitment: Commitment
    disclosure: UUID
    operation: str
    entry: int
    """The number of its entry in the ledger."""
    spent: int
    closed_at: datetime | None
    """When its key was given up; None: it was not yet."""

    @property
    def id(self) -> UUID:
        """Its own."""
        return self.commitment.session

    @property
    def left(self) -> int:
        """Of the budget."""
        return self.commitment.budget - self.spent

    def is_over(self, at: datetime) -> bool:
        """Is nothing of it answered any more?"""
        return self.closed_at is not None or at >= self.commitment.ends


class Spent(StrEnum):
    """What became of a request to spend."""

    NEW = "new"
    AGAIN = "again"
    """The same elements came under the same number: it costs nothing."""
    OTHER = "other"
    """Other elements came under a number that was used: refused."""
    TOO_MANY = "too many"
    """More than is left: refused, and nothing is spent."""
    OVER = "over"
    """The session is over."""


def reference(session: UUID) -> str:
    """How the ledger's entries about a session name it in the hub's own words."""
    return f"psi {session}"


def fact_of(said: Commitment, *, at: datetime, agreements: Collection[str], findings: int) -> Fact:
    """The entry that commits to a session."""
    return Fact(
        kind=Kind.CHECK_DATA,
        at=at,
        agreement=" ".join(sorted(agreements)),
        partner=said.organisation,
        country=said.country,
        purpose=said.purpose,
        count=findings,
        digest=said.digest,
    )


def record_session(connection: Connection, said: Commitment, *, disclosure: UUID, operation: str, entry: int) -> None:
    """Record a session whose entry was appended, on a writer's connection."""
    connection.execute(
        insert(PSI_SESSIONS).values(
            id=str(said.session),
            organisation=said.organisation,
            epoch=said.epoch,
            ends=said.ends,
            budget=said.budget,
            spent=0,
            document=said.encode().decode(),
            entry=entry,
            disclosure=str(disclosure),
            operation=operation,
        )
    )


def next_epoch(connection: Connection, organisation: PartnerId, at: datetime) -> int:
    """The number of an organisation's next session. Raises SettingsError while another one lasts."""
    lasting = [one for one in sessions(connection, organisation=organisation) if one.closed_at is None]
    if lasting:
        (one,) = lasting
        over = "its time is over" if one.is_over(at) else f"it ends at {one.commitment.ends:%Y-%m-%d %H:%M} UTC"
        raise SettingsError(
            "The organisation has a session already: there is one key for it at a time.",
            where=f"{organisation}, epoch {one.commitment.epoch}",
            got=f"session {one.id}; {over}",
            remedy=f"`accord psi close {one.id}` ends it, and destroys its key",
        )
    table = PSI_SESSIONS.c
    last = connection.execute(select(func.max(table.epoch)).where(table.organisation == organisation)).scalar_one()
    return (last or 0) + 1


def sessions(connection: Connection, *, organisation: str | None = None, unclosed: bool = False) -> tuple[Session, ...]:
    """All of them, or an organisation's, or those whose keys were not given up yet, in the order of their entries."""
    wanted = select(PSI_SESSIONS).order_by(PSI_SESSIONS.c.entry)
    if unclosed:
        wanted = wanted.where(PSI_SESSIONS.c.closed_at.is_(None))
    if organisation is not None:
        wanted = wanted.where(PSI_SESSIONS.c.organisation == organisation)
    return tuple(_session(row) for row in connection.execute(wanted))


def find_session(connection: Connection, name: str) -> Session:
    """The one whose id begins so. Raises SettingsError when there is none, or several."""
    found = [one for one in sessions(connection) if str(one.id).startswith(name.lower())] if name else []
    if len(found) != 1:
        raise SettingsError(
            "There is no such session." if not found else "Several sessions begin like this.",
            expected="a session's id, or enough of its beginning",
            got=name[:80],
            remedy="`accord psi list` lists them",
        )
    return found[0]


def look(connection: Connection, session: UUID, request: UUID, *, digest: str, elements: int, at: datetime) -> Spent:
    """What would become of a request to spend; nothing is spent."""
    return _judged(_held(connection, session), connection, request, digest=digest, elements=elements, at=at)


def spend(connection: Connection, session: UUID, request: UUID, *, digest: str, elements: int, at: datetime) -> Spent:
    """Spend of a session's budget for a request, on a writer's connection: before anything is computed for it."""
    held = _held(connection, session)
    judged = _judged(held, connection, request, digest=digest, elements=elements, at=at)
    if judged is Spent.NEW:
        row = {"session": str(session), "request": str(request), "digest": digest, "elements": elements, "at": at}
        connection.execute(insert(PSI_REQUESTS).values(row))
        connection.execute(
            update(PSI_SESSIONS).where(PSI_SESSIONS.c.id == str(session)).values(spent=held.spent + elements)
        )
    return judged


def _held(connection: Connection, session: UUID) -> Session:
    return _session(connection.execute(select(PSI_SESSIONS).where(PSI_SESSIONS.c.id == str(session))).one())


def _judged(held: Session, connection: Connection, request: UUID, *, digest: str, elements: int, at: datetime) -> Spent:
    if held.is_over(at):
        return Spent.OVER
    known = connection.execute(
        select(PSI_REQUESTS.c.digest).where(
            PSI_REQUESTS.c.session == str(held.id), PSI_REQUESTS.c.request == str(request)
        )
    ).scalar_one_or_none()
    if known is not None:
        return Spent.AGAIN if known == digest else Spent.OTHER
    return Spent.TOO_MANY if elements > held.left else Spent.NEW


def close_session(
    connection: Connection, session: Session, *, at: datetime, draw: Draw, opens_at: datetime | None
) -> Session:
    """Record that a session's key is given up, with its entry, on a writer's connection. Done before, nothing changes.

    The key's file goes before: what the ledger says must be so.
    """
    held = _held(connection, session.id)
    if held.closed_at is not None:
        return held
    said = held.commitment
    fact = Fact(
        kind=Kind.CHECK_DATA,
        at=at,
        partner=said.organisation,
        country=said.country,
        purpose=said.purpose,
        digest=said.digest,
        refers=held.entry,
    )
    (entry,) = book.append(connection, [fact], draw=draw, opens_at=opens_at, reference=reference(held.id))
    closing = {"closed_at": at, "closing_entry": entry}
    connection.execute(update(PSI_SESSIONS).where(PSI_SESSIONS.c.id == str(held.id)).values(**closing))
    return replace(held, closed_at=at)


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        commitment=parse_commitment(str(row.document).encode()),
        disclosure=UUID(row.disclosure),
        operation=row.operation,
        entry=row.entry,
        spent=row.spent,
        closed_at=row.closed_at,
    )
