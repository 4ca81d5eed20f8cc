"""Is a workspace fit to serve, and how far is what it does in the background?"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from accord.journal.book import size
from accord.vocabulary.errors import AccordError
from accord.workspace.database import open_database, place_of
from accord.workspace.jobs import Backlog, backlog
from accord.workspace.schema import JOURNAL_CHECKPOINTS, REVISION
from accord.workspace.store import open_workspace

LEAST_FREE_BYTES = 256 << 20
"""With less room on its disk a workspace is not ready: the next delivery would fail half-way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was found."""

    database: str
    """Its revision, or what is wrong with it."""
    free_bytes: int
    entries: int | None
    """In the ledger; None, as what follows: the database did not say."""
    checkpoint: int | None
    """Entries under the newest checkpoint that the policy is satisfied with."""
    jobs: Backlog | None

    @property
    def ready(self) -> bool:
        """Can it take and answer?"""
        return self.database == REVISION and self.free_bytes >= LEAST_FREE_BYTES

    def told(self) -> dict[str, object]:
        """For whoever looks after it."""
        jobs = self.jobs
        return {
            "database": {"revision" if self.entries is not None else "error": self.database},
            "disk": {"free_bytes": self.free_bytes, "least_bytes": LEAST_FREE_BYTES},
            "ledger": {"entries": self.entries, "checkpoint": self.checkpoint},
            "jobs": None if jobs is None else {"due": jobs.due, "later": jobs.later, "failed": jobs.failed},
        }


def health_of(folder: Path, now: datetime) -> Health:
    """Look at a workspace; what is wrong is part of the answer."""
    free = shutil.disk_usage(folder).free if folder.is_dir() else 0
    try:
        with open_database(place_of(open_workspace(folder).settings)) as database, database.reading() as connection:
            witnessed = select(func.max(JOURNAL_CHECKPOINTS.c.size)).where(
                JOURNAL_CHECKPOINTS.c.witnessed_at.is_not(None)
            )
            return Health(
                database=REVISION,
                free_bytes=free,
                entries=size(connection),
                checkpoint=connection.execute(witnessed).scalar_one() or 0,
                jobs=backlog(connection, now=now),
            )
    except AccordError as error:
        return Health(database=error.what, free_bytes=free, entries=None, checkpoint=None, jobs=None)
