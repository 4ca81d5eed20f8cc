"""DuckDB's plain parse of a CSV file: every column of every row as text, counted.

    python bench/duckdb_parse.py FILE

The options are the fastest found that still read the file as CSV when one line in a hundred is broken: columns are
named instead of guessed, `strict_mode=false` goes on behind a stray quote (strict mode ends there, with 2% of the
rows), and `ignore_errors=true` passes over rows of another width. Prints a JSON object.
"""

import csv
import json
import sys
from pathlib import Path

import duckdb

THREADS = 2
OPTIONS = {
    "all_varchar": "true",
    "header": "true",
    "delim": "','",
    "quote": "'\"'",
    "auto_detect": "false",
    "ignore_errors": "true",
    "strict_mode": "false",
}


def main(path: str) -> None:
    with Path(path).open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    options = ", ".join(f"{name}={value}" for name, value in OPTIONS.items())
    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    counts = connection.execute(
        f"SELECT count(COLUMNS(*)) FROM read_csv(?, {options}, columns={{{columns}}})", [path]
    ).fetchone()
    json.dump({"rows": max(counts), "threads": THREADS, "read_csv": options}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
