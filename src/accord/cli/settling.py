"""Working in a workspace once what a killed command left half done is done or undone (`cli.entering` says how)."""

from collections.abc import Iterator
from contextlib import contextmanager

from accord.workspace.store import Workspace


@contextmanager
def working(workspace: Workspace) -> Iterator[None]:
    """Be the only one who changes the workspace.

    Raises OutputError when somebody else does, and UnreadableError when there is something to settle and no database
    that says how.
    """
    with workspace.working():
        if workspace.waiting():
            # hardly ever, and only then the database's library is needed
            from accord.cli.entering import settle
            from accord.workspace.database import open_database, place_of

            with open_database(place_of(workspace.settings)) as database:
                settle(workspace, database)
        yield
