"""A member's collections and what it finds there: the queries behind the TAXII server, each bounded to one page.

A row that a member may not see is in no page, no manifest, no list of versions, no header, and not behind `more`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from accord.columns.instants import EPOCH
from accord.exchange.taxii.filters import Filters, read_time
from accord.release.sights import Sight
from accord.workspace.schema import CHANNEL_OBJECTS

_OTHER = CHANNEL_OBJECTS.alias("other")
"""Made once, which takes longer than the database's answer."""

SPEC_VERSION = "2.1"
"""Of every object in a channel: the hub writes its own."""


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An object's version as a client sees it."""

    object: str
    version: str
    """As the client names it: `modified`, or when it was added."""
    added: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a request is answered with."""

    rows: tuple[Row, ...]
    more: bool


def find_page(connection: Connection, sight: Sight, asked: Filters, *, content: bool = True) -> Page:
    """The objects that a member may see and has asked for, in the order in which they were added."""
    table = CHANNEL_OBJECTS.c
    if asked.spec_versions and SPEC_VERSION not in asked.spec_versions:
        return Page(rows=(), more=False)
    columns = [table.object, table.version, table.added, *([table.content] if content else [])]
    wanted = select(*columns).where(sight.of(), table.added > asked.after)
    if asked.ids:
        wanted = wanted.where(table.object.in_(asked.ids))
    if asked.types:
        wanted = wanted.where(table.type.in_(asked.types))
    if "all" not in asked.versions:
        wanted = wanted.where(or_(*(_is_version(sight, one) for one in asked.versions)))
    found = connection.execute(wanted.order_by(table.added).limit(asked.limit + 1)).all()
    return Page(rows=tuple(map(_row, found[: asked.limit])), more=len(found) > asked.limit)


def is_there(connection: Connection, sight: Sight, name: str) -> bool:
    """Does a member see any version of an object?"""
    wanted = select(CHANNEL_OBJECTS.c.number).where(sight.of(), CHANNEL_OBJECTS.c.object == name).limit(1)
    return connection.execute(wanted).one_or_none() is not None


def write_time(added: int) -> str:
    """An instant in microseconds as TAXII writes it (1.6.7)."""
    return (EPOCH + timedelta(microseconds=added)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _is_version(sight: Sight, name: str) -> ColumnElement[bool]:
    table, other = CHANNEL_OBJECTS.c, _OTHER
    if name == "last":
        return ~exists().where(other.c.object == table.object, other.c.added > table.added, sight.of(other))
    if name == "first":
        return ~exists().where(other.c.object == table.object, other.c.added < table.added, sight.of(other))
    at = read_time(name, "match[version]")
    # the hub writes milliseconds; a client may write the same instant with more zeros
    return or_(
        and_(table.version == "", table.added == at),
        table.version.in_(_spellings(at)),
    )


def _spellings(at: int) -> Sequence[str]:
    whole = write_time(at)
    return [whole[:-4] + "Z"] if whole.endswith("000Z") else [whole]


def _row(found: Any) -> Row:  # noqa: ANN401 -- a row
    name, version, added, *content = found
    return Row(object=name, version=version or write_time(added), added=added, content=content[0] if content else "")
