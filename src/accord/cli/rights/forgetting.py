"""Forgetting which findings were handed over, once nobody can have them any more.

`releases/*/findings.parquet` says on which deliveries each finding of a package rests: by it a recall finds who must
be told of what. A row goes when both have ended: its delivery is kept no more, neither in use nor recalled, and its
recipient may keep the package no longer. What a package asked about a finding, and what became of it, goes before the
finding's last row, and with the first row the list of what was put into a channel. The log of consultations has a row
of it, and only then the rows go: killed in between, the next call goes on and logs nothing twice.

A package that waits to be handed over says what its deliveries said, and the hub has what opens it: so that goes as
soon as one of them is kept no more, and the package is refused for good.
"""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from accord.access.consultations import Processing, consultations, record
from accord.agreements.declarations import DatasetId
from accord.cli.acting import Actor
from accord.cli.channels.account import OBJECTS
from accord.cli.deliveries.kept import damage_named, names_of
from accord.cli.hub import OpenHub
from accord.cli.releases.handed import end_waiting
from accord.cli.rights.holders import keep_released
from accord.cli.rights.recalling import HELD, RELEASES
from accord.journal import book
from accord.operations.outcomes import forget_asked
from accord.release.disclosures import Disclosure, disclosures, forget_given, sources_of, waiting
from accord.release.handing import kept_until

NOT_KEPT = "a delivery that it rests on is kept no more"


def refuse_purged(hub: OpenHub, actor: Actor, now: datetime) -> tuple[Disclosure, ...]:
    """Refuse for good the packages that wait and rest on what is kept no more; what opens one that was given goes."""
    kept = _kept(hub)
    with hub.database.writing() as connection:
        forget_given(connection)
        ended = [
            end_waiting(
                connection,
                hub.workspace.root,
                one,
                NOT_KEPT,
                book.moment_meanwhile(connection, now),
                person=actor.person,
            )
            for one in waiting(connection)
            if {(source.dataset, source.delivery) for source in sources_of(connection, one.id)} - kept
        ]
    return tuple(one for one in ended if one.refused_at is not None)


def forget_released(hub: OpenHub, moment: datetime, actor: Actor, now: datetime) -> int:
    """Take rows that nothing can be recalled by any more out of what the hub keeps of packages; of how many."""
    kept = _kept(hub)
    with hub.database.reading() as connection:
        found = [
            (one, kept_until(hub.register, one, {source.dataset for source in sources_of(connection, one.id)}))
            for one in disclosures(connection)
        ]
    return sum(_forget(hub, one, kept, actor, now) for one, until in found if until <= moment)


def _kept(hub: OpenHub) -> set[tuple[str, str]]:
    """Data set and SHA-256 of all deliveries that are kept, and of what erasures left of them."""
    return {(one.dataset, name) for one in hub.kept() for name in names_of(one)}


def _forget(hub: OpenHub, disclosure: Disclosure, kept: set[tuple[str, str]], actor: Actor, now: datetime) -> bool:
    path = hub.workspace.root / RELEASES / str(disclosure.id) / HELD
    if not path.exists():
        return False
    with damage_named(path, "restore it: without it a recall concerns all of the package"):
        table = pq.ParquetFile(path).read()
    pairs = list(zip(*(table[name].to_pylist() for name in ("dataset", "delivery")), strict=True))
    gone = sorted({*pairs} - kept)
    if not gone:
        return False
    for dataset, delivery in gone:
        _log(hub, disclosure, DatasetId(dataset), delivery, actor, now)
    left = table.filter(pa.array(np.array([one in kept for one in pairs], np.bool_)))
    findings = {*table["finding_id"].to_pylist()} - {*left["finding_id"].to_pylist()}
    with hub.database.writing() as connection:
        forget_asked(connection, disclosure.id, [bytes.fromhex(one) for one in findings])
    # what was put into a channel: its ids come of the findings' own, and who polled it may keep it no longer either
    (path.parent / OBJECTS).unlink(missing_ok=True)
    # last: as long as it names them, the next call forgets what is left
    keep_released(hub, path, left)
    return True


def _log(hub: OpenHub, disclosure: Disclosure, dataset: DatasetId, delivery: str, actor: Actor, now: datetime) -> None:
    about = f"disclosure {disclosure.id} {dataset} {delivery}"
    with hub.database.writing() as connection:
        if not consultations(connection, processing=Processing.ERASURE, about=about, limit=1):
            record(
                connection,
                Processing.ERASURE,
                person=actor.person,
                justification=actor.justification or "retention: the delivery and the recipient's package have ended",
                object=about,
                recipients=[disclosure.recipient],
                now=now,
            )
