r"""Rows as PostgreSQL's COPY takes them in its text format: a line each, made column by column.

    1\t2026-11-28 10:00:00+00:00\tan analyst\t\N\n

psycopg writes values one by one, which takes longer than PostgreSQL to read them. Source: PostgreSQL, COPY, "Text
Format".
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

Column = Sequence[Any]

_NULL = r"\N"
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copied(columns: Sequence[Column]) -> str | None:
    """The lines of columns of equal lengths; None: one of them has a type that is not written here."""
    written = [_written(each) for each in columns]
    some = [each for each in written if each is not None]
    if len(some) < len(written):
        return None
    return "\n".join(map("\t".join, zip(*some, strict=True))) + "\n"


def _written(column: Column) -> list[str] | None:
    kinds = set(map(type, column))
    nulls = type(None) in kinds
    kinds.discard(type(None))
    if len(kinds) > 1 or not kinds <= _WAYS.keys():
        return None
    if not kinds:
        return [_NULL] * len(column)
    way = _WAYS[kinds.pop()]
    if not nulls:
        return way(column)
    there = iter(way([one for one in column if one is not None]))
    return [_NULL if one is None else next(there) for one in column]


def _texts(column: Column) -> list[str]:
    # nearly always there is nothing to escape, which is seen faster at once
    together = "".join(column)
    if any(one in together for one in "\\\t\n\r"):
        return [one.translate(_ESCAPED) for one in column]
    return list(column)


def _instants(column: Column) -> list[str]:
    # rows that are written together often have one time
    known = {one: str(one) for one in set(column)}
    return [known[one] for one in column]


def _bytes(column: Column) -> list[str]:
    return [rf"\\x{one.hex()}" for one in column]


def _bools(column: Column) -> list[str]:
    return ["t" if one else "f" for one in column]


_WAYS: dict[type, Callable[[Column], list[str]]] = {
    str: _texts,
    int: lambda column: list(map(str, column)),
    bool: _bools,
    bytes: _bytes,
    datetime: _instants,
}
