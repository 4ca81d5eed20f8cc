"""What partners have handed over and the hub has given up: uploads and adds whose jobs have failed for good.

What is removed goes in a writer's transaction, in which its job is seen to have failed still: whoever lets the job
begin anew, or adds the same again, is a writer too, and what is accepted is never removed. It is logged before it goes.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from accord.access.consultations import Processing, record
from accord.cli.acting import Actor
from accord.cli.deliveries.uploads import file_of_upload, place_of_upload, remove_upload
from accord.cli.deliveries.waiting import place_of
from accord.workspace.database import Database
from accord.workspace.jobs import JobKind, JobState
from accord.workspace.schema import JOBS
from accord.workspace.store import Workspace, errors_named

GIVEN_UP_KEPT = timedelta(days=30)
"""For which it stays: somebody may mend what was in its way, and let the job begin anew. Then retention removes it, and
its partner is told so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """An upload or an add that was given up and is still there."""

    job: int
    kind: JobKind
    dataset: str
    sha256: str
    ended_at: datetime
    place: Path
    """What goes when it is removed."""
    file: Path
    """Its bytes."""


def given_up(workspace: Workspace, connection: Connection) -> tuple[GivenUp, ...]:
    """All that is still there."""
    wanted = (
        select(JOBS.c.number, JOBS.c.kind, JOBS.c.state, JOBS.c.arguments, JOBS.c.ended_at)
        .where(
            JOBS.c.kind.in_([JobKind.ADD.value, JobKind.UPLOAD.value]),
            JOBS.c.state.in_([JobState.FAILED.value, JobState.WAITING.value]),
        )
        .order_by(JOBS.c.ended_at)
    )
    found: dict[Path, GivenUp] = {}
    waiting: set[Path] = set()
    for row in connection.execute(wanted):
        said = json.loads(row.arguments)
        dataset, sha256 = str(said["dataset"]), str(said["sha256"])
        kind = JobKind(row.kind)
        if kind is JobKind.ADD:
            place = file = place_of(workspace, dataset, sha256)
        else:
            place, file = place_of_upload(workspace, said["upload"]), file_of_upload(workspace, said)
        if row.state == JobState.WAITING:
            waiting.add(place)
        elif place.exists():
            found[place] = GivenUp(
                job=row.number,
                kind=kind,
                dataset=dataset,
                sha256=sha256,
                ended_at=row.ended_at,
                place=place,
                file=file,
            )
    # two jobs are about one add where its file was removed by hand before it was added again
    return tuple(one for place, one in found.items() if place not in waiting)


def given_up_in_words(kind: JobKind, until: datetime | None) -> str:
    """What its partner is told of it. `until`: how long the hub keeps it; None: it is gone."""
    if until is None:
        return f"The hub could not take it in, and has it no longer: {kind} it anew."
    return (
        f"The hub could not take it in. It keeps it until {until:%Y-%m-%d}, and may try again: ask the hub, or {kind} "
        "it anew."
    )


def remove(workspace: Workspace, database: Database, some: Collection[GivenUp]) -> None:
    """Remove what is given up still. The workspace must be held. Raises OutputError."""
    if not some:
        return
    with database.writing(keep=False) as connection, errors_named(workspace.root):
        still = {one.place for one in given_up(workspace, connection)}
        for one in some:
            if one.place not in still:
                continue
            if one.kind is JobKind.ADD:
                one.place.unlink(missing_ok=True)
            else:
                remove_upload(one.place)


def remove_given_up(
    workspace: Workspace, database: Database, moment: datetime, actor: Actor, now: datetime
) -> Mapping[JobKind, int]:
    """Remove what was given up GIVEN_UP_KEPT before a moment, with a row each in the log: how many of each kind.

    The workspace must be held.
    """
    with database.writing() as connection:
        over = [one for one in given_up(workspace, connection) if one.ended_at <= moment - GIVEN_UP_KEPT]
        for one in over:
            record(
                connection,
                Processing.ERASURE,
                person=actor.person,
                justification=actor.justification or f"given up {GIVEN_UP_KEPT.days} days ago, never taken in",
                object=f"{one.kind} {one.dataset} {one.sha256}",
                now=now,
            )
    remove(workspace, database, over)
    return Counter(one.kind for one in over)
