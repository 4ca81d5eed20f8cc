"""Data sets on which an operation rests that is still secret, if anything of it was sealed or put into a channel.

What is published without an operation must not tell of one: as long as one is secret, its data sets are under its
embargo for whoever is no recipient of it.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from accord.agreements.declarations import DatasetId, PartnerId
from accord.release.basis import parse_basis
from accord.release.policies import Classes, policies
from accord.release.question import Embargo
from accord.workspace.schema import DISCLOSURES


def embargoes(connection: Connection, at: datetime) -> dict[DatasetId, Embargo]:
    """By data set the embargo that holds longest at a moment; a data set without one is not in it."""
    found: dict[DatasetId, Embargo] = {}
    for classes in _classes(connection):
        for one in classes:
            if one.embargo is None:
                continue
            operation, until, recipients = one.embargo
            embargo = Embargo(
                operation=operation,
                until=datetime.fromisoformat(until),
                recipients=frozenset(map(PartnerId, recipients)),
            )
            dataset = DatasetId(one.dataset)
            if embargo.until > at and (dataset not in found or embargo.until > found[dataset].until):
                found[dataset] = embargo
    return found


def _classes(connection: Connection) -> Iterator[Classes]:
    for _, classes in policies(connection):
        yield classes
    wanted = select(DISCLOSURES.c.basis).where(DISCLOSURES.c.basis.is_not(None), DISCLOSURES.c.refused_at.is_(None))
    for text in connection.execute(wanted).scalars():
        yield parse_basis(text).classes
