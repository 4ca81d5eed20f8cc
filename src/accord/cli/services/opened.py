"""A workspace as the services of a process share it: one database, and one entrance at which each client counts."""

import threading
from dataclasses import dataclass
from pathlib import Path

from accord.formats.catalogue import FORMATS
from accord.operations.declaration import Declared, read_workspace
from accord.web.entrance import Entrance
from accord.workspace.database import Database, open_database
from accord.workspace.store import Workspace, open_workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What services share."""

    workspace: Workspace
    declared: Declared
    """As the settings were when it was opened."""
    database: Database
    entrance: Entrance


class Opened:
    """Opened by who asks first, so that a database that does not answer keeps no server from its start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._shared: Shared | None = None

    def get(self) -> Shared:
        """What services share. Raises AccordError."""
        with self._lock:
            if self._shared is None:
                workspace = open_workspace(self._folder)
                declared = read_workspace(workspace.settings, FORMATS)
                database = open_database(declared.database)
                entrance = Entrance(database, declared.serving)
                self._shared = Shared(workspace=workspace, declared=declared, database=database, entrance=entrance)
            return self._shared

    def close(self) -> None:
        """Leave the database in order."""
        with self._lock:
            if self._shared is not None:
                self._shared.database.close()
            self._shared = None
