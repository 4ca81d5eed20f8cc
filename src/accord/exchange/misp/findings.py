"""What a member finds in a channel, finding by finding: some hundred at a time, in the order of their ids."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, select

from accord.exchange.misp.attributes import Entry, Thing, entry_of, references
from accord.release.batches import portions
from accord.release.sights import Sight
from accord.workspace.schema import CHANNEL_FINDINGS, CHANNEL_OBJECTS

_AT_ONCE = 500
"""Findings in one query: fewer ids than any database refuses."""


def entries(connection: Connection, sight: Sight) -> Iterator[Entry]:
    """Everything in a channel that a member may see, as a MISP feed has it."""
    table, last = CHANNEL_FINDINGS.c, ""
    while True:
        wanted = select(table.finding).where(table.channel == sight.channel, table.finding > last)
        names = list(connection.execute(wanted.order_by(table.finding).limit(_AT_ONCE)).scalars())
        if not names:
            return
        last = names[-1]
        told = _told(connection, sight, names)
        shared = _objects(connection, sight, {each for things, _ in told.values() for each in references(things)})
        for name in names:
            things, added = told.get(name, ((), 0))
            found = entry_of(things, shared, changed_s=added // 1_000_000)
            if found is not None:
                yield found


def _told(connection: Connection, sight: Sight, findings: Collection[str]) -> dict[str, tuple[list[Thing], int]]:
    """By finding, the newest versions that the member may see of the objects that tell of it alone; and when the last
    of them was added, in microseconds since 1970."""
    table = CHANNEL_OBJECTS.c
    wanted = select(table.finding, table.object, table.content, table.added).where(
        sight.of(), table.finding.in_(findings), table.revoked.is_(False)
    )
    newest: defaultdict[str, dict[str, str]] = defaultdict(dict)
    added: dict[str, int] = {}
    for row in connection.execute(wanted.order_by(table.added)):
        newest[row.finding][row.object] = row.content
        added[row.finding] = row.added
    return {name: ([json.loads(one) for one in objects.values()], added[name]) for name, objects in newest.items()}


def _objects(connection: Connection, sight: Sight, names: Collection[str]) -> dict[str, Thing]:
    """Values and families that the member may see, by their ids."""
    table = CHANNEL_OBJECTS.c
    found: dict[str, Thing] = {}
    for some in portions(sorted(names)):
        wanted = select(table.object, table.content).where(
            sight.of(), table.object.in_(some), table.policy.is_(None), table.revoked.is_(False)
        )
        found |= {row.object: json.loads(row.content) for row in connection.execute(wanted.order_by(table.added))}
    return found
