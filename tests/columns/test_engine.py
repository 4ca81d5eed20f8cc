"""DuckDB as every part of Accord opens it."""

import threading
from pathlib import Path

import duckdb
import pytest

from accord.columns.engine import connect, interrupt

ENDLESS = "SELECT a.range % 10 AS key, sum(b.range) FROM range(10000000) a, range(10000000) b GROUP BY key"


def test_an_extension_is_never_fetched_for_a_file_that_would_need_it(tmp_path: Path) -> None:
    with connect() as connection, pytest.raises(duckdb.Error, match=r"(?i)extension"):
        connection.execute(f"SELECT * FROM read_xlsx('{tmp_path / 'x.xlsx'}')").fetchall()


def test_another_thread_ends_what_a_query_does() -> None:
    over = threading.Event()

    def insist() -> None:
        while not over.wait(0.05):
            interrupt()

    thread = threading.Thread(target=insist)
    thread.start()
    try:
        with connect() as connection, pytest.raises(duckdb.InterruptException):
            connection.sql(ENDLESS).to_arrow_table()
    finally:
        over.set()
        thread.join()


def test_one_that_is_closed_has_nothing_to_end() -> None:
    connection = connect()
    connection.close()
    interrupt()
    with pytest.raises(duckdb.ConnectionException):
        connection.interrupt()
