"""Adds that wait to be taken in: where they lie, and what a killed server has left of them."""

import json
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select

from accord.vocabulary.errors import RefusedFileError
from accord.workspace.database import Database
from accord.workspace.jobs import JobKind, JobState
from accord.workspace.schema import JOBS
from accord.workspace.store import ADDS, Workspace, errors_named

UNDONE = (JobState.FAILED.value, JobState.WAITING.value)
"""The states of a job whose add lies there."""


def place_of(workspace: Workspace, dataset: str, digest: str) -> Path:
    """Where an add waits."""
    return workspace.root / ADDS / f"dataset={dataset}" / digest


def demand_delivered(workspace: Workspace, arguments: Mapping[str, object], *, where: str, remedy: str) -> None:
    """Raise RefusedFileError where a job's bytes are gone, and were not taken in before."""
    dataset, digest = str(arguments["dataset"]), str(arguments["sha256"])
    if not any(one.exists() for one in (workspace.place(dataset, digest), workspace.withdrawn_place(dataset, digest))):
        raise RefusedFileError("Its bytes are gone.", where=where, remedy=remedy)


def clear_unaccepted(workspace: Workspace, database: Database) -> None:
    """Remove what a server that was killed has left of adds: those without a job, which nobody was told are accepted.

    Raises OutputError.
    """
    # as a writer: nobody keeps an add meanwhile (`TaxiiDesk.accept`), and a killed one's transaction is over
    with database.writing(keep=False) as connection, errors_named(workspace.root):
        wanted = select(JOBS.c.arguments).where(JOBS.c.kind == JobKind.ADD.value, JOBS.c.state.in_(UNDONE))
        told = map(json.loads, connection.execute(wanted).scalars())
        accepted = {place_of(workspace, each["dataset"], each["sha256"]) for each in told}
        for one in (workspace.root / ADDS).glob("*/*"):
            if one not in accepted:
                one.unlink()
