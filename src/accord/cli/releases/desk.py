"""A workspace whose disclosures are worked on, by one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from accord.cli.acting import Actor
from accord.cli.channels.witnessing import remove_begun
from accord.cli.deliveries.settling import working
from accord.cli.hub import declared_in
from accord.cli.releases.handed import RELEASES, demand_known
from accord.journal.keeping import Ledger, open_ledger
from accord.operations.declaration import Declared
from accord.release.disclosures import disclosures
from accord.workspace.database import open_database
from accord.workspace.store import Workspace, open_workspace

FINDINGS = "findings.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A workspace whose disclosures are worked on, by one at a time."""

    workspace: Workspace
    declared: Declared
    ledger: Ledger
    actor: Actor

    def place(self, disclosure: UUID) -> Path:
        """Where a disclosure's files lie."""
        return self.workspace.root / RELEASES / str(disclosure)


@contextmanager
def desk(folder: Path, actor: Actor) -> Iterator[Desk]:
    """Work on a workspace's disclosures; what was never committed is removed.

    Raises AccordError; UnprovenError when something was handed over that the database does not know.
    """
    workspace = open_workspace(folder)
    declared = declared_in(workspace)
    with working(workspace), open_database(declared.database, to_write=True) as database:
        database.take_turn()
        ledger = open_ledger(declared.ledger, database)
        ledger.verify_standing()
        one = Desk(workspace=workspace, declared=declared, ledger=ledger, actor=actor)
        _remove_uncommitted(one)
        remove_begun(database)
        yield one


def _remove_uncommitted(desk: Desk) -> None:
    folder = desk.workspace.root / RELEASES
    if not folder.is_dir():
        return
    with desk.ledger.database.reading() as connection:
        known = disclosures(connection)
    demand_known(desk.workspace.root, known)
    held = {str(one.id) for one in known}
    for path in folder.iterdir():
        if path.name not in held:
            desk.workspace.withdraw(path)
