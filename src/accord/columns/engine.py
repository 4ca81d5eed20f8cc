"""DuckDB as every part of Accord opens it: it reads the files that it is told to and never the network."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OPEN: "WeakSet[DuckDBPyConnection]" = WeakSet()
_LOCK = threading.Lock()


def connect(**settings: str | int | bool) -> "DuckDBPyConnection":
    """A DuckDB of its own, in memory, with these of its settings."""
    # a module that held it would keep it until after the interpreter is gone, and it would say so at length
    import duckdb

    alone = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    connection = duckdb.connect(config={**alone, **settings})
    with _LOCK:
        _OPEN.add(connection)
    return connection


def interrupt() -> None:
    """End every query that runs, from another thread than the one that waits for it: it raises InterruptException."""
    import duckdb

    with _LOCK:
        standing = [*_OPEN]
    for connection in standing:
        # closed in the meantime: then no query of it runs
        with suppress(duckdb.ConnectionException):
            connection.interrupt()
