"""Working in a workspace once what a killed command left half done is done or undone: `cli.deliveries.entering`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from accord.workspace.store import ADDS, Workspace

if TYPE_CHECKING:
    from accord.workspace.database import Database


@contextmanager
def working(workspace: Workspace, database: "Database | None" = None) -> Iterator[None]:
    """Be the only one who changes the workspace, and with `database` both, in their turn (`workspace.marks`).

    Raises OutputError when somebody else does, UnprovenError when the two do not belong together, and UnreadableError
    when there is something to settle and no database that says how.
    """
    with workspace.working():
        if workspace.waiting():
            # hardly ever, and only then the database's library is needed
            from accord.cli.deliveries.entering import settle

            if database is not None:
                settle(workspace, database)
            else:
                from accord.workspace.database import open_database, place_of

                with open_database(place_of(workspace.settings)) as opened:
                    settle(workspace, opened)
        if database is not None:
            from accord.cli.channels.witnessing import remove_begun

            database.take_turn()
            remove_begun(database)
            if any((workspace.root / ADDS).glob("*/*")):
                from accord.cli.deliveries.waiting import clear_unaccepted

                clear_unaccepted(workspace, database)
        yield
