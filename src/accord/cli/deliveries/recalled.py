"""What was recalled, or could be kept no longer, does not come back: known by digest, in whatever packing.

A delivery is known again by its own SHA-256, and by those of what its members unpack to where these say something; for
the same data set, also when its folder is gone. docs/decisions/0036 says why.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from accord.agreements.agreement import Agreement, covering
from accord.agreements.declarations import Dataset, DatasetId
from accord.agreements.register import load_register
from accord.agreements.retention import due
from accord.journal.facts import Kind
from accord.release.recall import Recall, recall_of
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.handling import Direction
from accord.workspace.schema import DELIVERED_CONTENTS, JOURNAL_ENTRIES
from accord.workspace.store import Workspace

_AT_ONCE = 500
"""Values of one query: fewer than either database takes."""


def reference(dataset: str, sha256: str) -> str:
    """How the ledger's entries about a delivery, and the log of consultations, name it in the hub's own words."""
    return f"delivery {dataset} {sha256}"


def refuse_recalled(
    connection: Connection, workspace: Workspace, dataset: DatasetId, digests: Sequence[str], file: str
) -> None:
    """Raise RefusedFileError when any of this was recalled for this data set, naming the recall.

    `digests`: the delivery's own, then those of what it holds.
    """
    recall = recalled(connection, dataset, digests)
    if recall is None and not workspace.withdrawn_place(dataset, digests[0]).exists():
        return
    raise RefusedFileError(
        "these bytes were recalled for this data set",
        where=file,
        expected="what was not recalled",
        got=None if recall is None else f"recall {recall.id} of {recall.at:%Y-%m-%d}, {recall.kind}: {recall.reason}",
        remedy="ask the partner for what it has put right, as a new delivery",
    )


def recalled(connection: Connection, dataset: DatasetId, digests: Iterable[str]) -> Recall | None:
    """The newest recall that took what has any of these digests out of use; None: there is none."""
    found = [
        recall
        for delivery, at in before(connection, dataset, digests).items()
        if (recall := recall_of(connection, dataset, delivery)) is not None
        # what came after all of a data set was recalled is another matter
        and at <= recall.at
    ]
    return max(found, key=lambda one: one.at, default=None)


def kept_from(
    connection: Connection,
    dataset: Dataset,
    digests: Iterable[str],
    agreements: Collection[Agreement],
    at: datetime,
    file: str,
) -> datetime | None:
    """When any of this was first taken in for the data set, from when its retention counts; None: never.

    Raises RefusedFileError when it may be kept no longer.
    """
    first = min(before(connection, dataset.id, digests).values(), default=None)
    if first is None:
        return None
    limits = [(one.limits.retention, f"agreement {one.id}") for one in agreements if one.limits.retention is not None]
    ended = due(first, [*limits, (dataset.retention, f"data set {dataset.id}")])
    if ended.at > at:
        return first
    raise RefusedFileError(
        "these bytes were taken in before, and may be kept no longer",
        where=file,
        expected=f"what was first taken in less than {ended.limit} ago, as {ended.source} says",
        got=f"taken in on {first:%Y-%m-%d}, to be kept until {ended.at:%Y-%m-%d}",
        remedy="ask the partner for what is newer; or agree on a longer retention, which counts from that day too",
    )


def refuse_returned(connection: Connection, workspace: Workspace, dataset: Dataset, sha256: str, at: datetime) -> None:
    """Raise RefusedFileError for what a partner offers and would be refused later, by its own digest alone."""
    refuse_recalled(connection, workspace, dataset.id, (sha256,), sha256)
    if not workspace.place(dataset.id, sha256).exists():
        agreements = covering(load_register(connection).agreements.values(), dataset.id, Direction.IN, None, at)
        kept_from(connection, dataset, (sha256,), agreements, at, sha256)


def before(connection: Connection, dataset: str, digests: Iterable[str]) -> dict[str, datetime]:
    """The deliveries of a data set that had or held any of these digests, and when each was first taken in."""
    known = {*digests}
    table = DELIVERED_CONTENTS.c
    for some in _some(sorted(known)):
        wanted = select(table.delivery).where(table.dataset == dataset, table.content.in_(some))
        known |= {*connection.execute(wanted.distinct()).scalars()}
    found: dict[str, datetime] = {}
    entries = JOURNAL_ENTRIES.c
    for some in _some(sorted(known)):
        named = {reference(dataset, one): one for one in some}
        rows = select(entries.reference, entries.at).where(
            entries.reference.in_(named), entries.kind == Kind.DELIVERY.value
        )
        for row in connection.execute(rows.order_by(entries.number)):
            found.setdefault(named[row.reference], row.at)
    return {one: min([at, *_purged_from(connection, dataset, one)]) for one, at in found.items()}


def _purged_from(connection: Connection, dataset: str, sha256: str) -> list[datetime]:
    """From when a delivery was kept, each time that it was purged."""
    entries, prefix = JOURNAL_ENTRIES.c, f"purge {dataset} {sha256} "
    rows = connection.execute(select(entries.reference).where(entries.reference.startswith(prefix, autoescape=True)))
    return [datetime.fromisoformat(str(one).removeprefix(prefix)) for one in rows.scalars()]


def _some(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))
