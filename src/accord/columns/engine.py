"""DuckDB as every part of Accord opens it: it reads the files that it is told to and never the network."""

from weakref import WeakSet

import duckdb

_OPEN: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()


def connect(**settings: str | int | bool) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, in memory, with these of its settings."""
    alone = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    connection = duckdb.connect(config={**alone, **settings})
    _OPEN.add(connection)
    return connection


def interrupt() -> None:
    """End every query that runs, from another thread than the one that waits for it: it raises InterruptException."""
    for connection in [*_OPEN]:
        connection.interrupt()
