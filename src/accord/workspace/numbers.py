"""Many numbers in a query, as one parameter: databases refuse more than some ten thousand parameters.

select(TABLE).where(within(TABLE.c.policy, [1, 2, 3]))
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Integer, Text


class _Numbers(FunctionElement[int]):
    """A query of the numbers in a JSON array."""

    inherit_cache = True
    type = Integer()


@compiles(_Numbers, "sqlite")
def _on_sqlite(element: _Numbers, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 -- as SQLAlchemy has it
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **more)}))"


@compiles(_Numbers, "postgresql")
def _on_postgresql(element: _Numbers, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 -- as SQLAlchemy has it
    array = f"CAST({compiler.process(element.clauses, **more)} AS json)"
    return f"(SELECT CAST(value AS integer) FROM json_array_elements_text({array}))"


def within(column: Any, numbers: Iterable[int]) -> ColumnElement[bool]:  # noqa: ANN401 -- a column of a table or alias
    """The condition that a column has one of some numbers, however many."""
    condition: ColumnElement[bool] = column.bool_op("IN")(_Numbers(literal(json.dumps(list(numbers)), Text())))
    return condition
