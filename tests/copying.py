"""Copies of a workspace's database, made and restored by the database's own means."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from accord.workspace.database import Database
from tests.conftest import POSTGRES


def copied_database(database: Database, to: Path) -> Callable[[], None]:
    """Copy a database; what is returned restores the copy, once nobody has it open."""
    file = database._place.file
    if file is None:
        return _dumped(database, to)
    source, target = sqlite3.connect(file), sqlite3.connect(to)
    source.backup(target)
    source.close()
    target.close()

    def restore() -> None:
        for name in ("-wal", "-shm"):
            file.with_name(f"{file.name}{name}").unlink(missing_ok=True)
        shutil.copyfile(to, file)

    return restore


def _dumped(database: Database, to: Path) -> Callable[[], None]:
    if shutil.which("pg_dump") is None or shutil.which("psql") is None:
        pytest.skip("needs pg_dump: a copy of a PostgreSQL database")
    with database.reading() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    subprocess.run(["pg_dump", "--dbname", POSTGRES, "--schema", schema, "--file", str(to)], check=True)

    def restore() -> None:
        for arguments in (["--command", f"DROP SCHEMA {schema} CASCADE"], ["--file", str(to)]):
            command = ["psql", "--quiet", "--dbname", POSTGRES, "--set", "ON_ERROR_STOP=1", *arguments]
            subprocess.run(command, check=True, capture_output=True)

    return restore
