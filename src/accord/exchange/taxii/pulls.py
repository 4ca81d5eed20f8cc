"""How far collections of others were pulled: the last instant, and what was taken of it.

Servers may give several objects one instant of being added, and add some to it later. So one asks again from just
before the last instant, and leaves out what is held: of that instant, and of none before.
"""

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from accord.vocabulary.errors import BusyError
from accord.workspace.database import insert_rows
from accord.workspace.schema import PULLED, PULLS

_AT_ONCE = 900
"""Values in one question to a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A collection that is pulled into a data set."""

    dataset: str
    collection: str
    """Its URL."""


def pulled_to(connection: Connection, source: Source) -> int | None:
    """The last instant of which something was taken, in microseconds since 1970; None: nothing was."""
    wanted = select(PULLS.c.added).where(PULLS.c.dataset == source.dataset, PULLS.c.collection == source.collection)
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else int(found)


def held(connection: Connection, source: Source, marks: Collection[str]) -> frozenset[str]:
    """Of some objects those that were taken, as far as that is known: of the last instant."""
    found: set[str] = set()
    for some in _portions(sorted(marks)):
        wanted = select(PULLED.c.object).where(
            PULLED.c.dataset == source.dataset,
            PULLED.c.collection == source.collection,
            PULLED.c.object.in_(some),
        )
        found.update(connection.execute(wanted).scalars())
    return frozenset(found)


def advance(
    connection: Connection, source: Source, before: int | None, to: int, marks: Collection[str], now: datetime
) -> None:
    """Write down that all up to an instant was taken, in the transaction that takes it.

    `before` is what `pulled_to` said, and `marks` hold all objects of the last instant that were new. Raises BusyError
    when somebody else has pulled meanwhile.
    """
    if pulled_to(connection, source) != before:
        raise BusyError("Somebody else has pulled this collection meanwhile.", where=source.collection)
    if before is None:
        connection.execute(insert(PULLS).values(_key(source) | {"added": to, "at": now}))
    else:
        mine = (PULLS.c.dataset == source.dataset) & (PULLS.c.collection == source.collection)
        connection.execute(update(PULLS).where(mine).values(added=to, at=now))
    if before != to:
        mine = (PULLED.c.dataset == source.dataset) & (PULLED.c.collection == source.collection)
        connection.execute(delete(PULLED).where(mine))
    insert_rows(connection, PULLED, [_key(source) | {"object": one} for one in marks])


def mark_of(name: str, key: bytes) -> str:
    """What is kept of an object's name: ids of addresses are digests of them, which somebody could try out."""
    return hmac.new(key, b"pulled\0" + name.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _key(source: Source) -> dict[str, object]:
    return {"dataset": source.dataset, "collection": source.collection}


def _portions(values: list[str]) -> Iterable[list[str]]:
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))
