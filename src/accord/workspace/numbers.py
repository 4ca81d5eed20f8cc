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
from sqlalchemy.types import BigInteger, Integer, Text


class _Numbers(FunctionElement[int]):
    """A query of the numbers in a JSON array."""

    inherit_cache = True
    type = Integer()


class _BigNumbers(_Numbers):
    """Those that may be larger than 2,147,483,647."""

    inherit_cache = True
    type = BigInteger()


@compiles(_Numbers, "sqlite")
def _on_sqlite(element: _Numbers, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 -- as SQLAlchemy has it
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **more)}))"


@compiles(_Numbers, "postgresql")
def _on_postgresql(element: _Numbers, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 -- as SQLAlchemy has it
    array = f"CAST({compiler.process(element.clauses, **more)} AS json)"
    kind = "bigint" if isinstance(element, _BigNumbers) else "integer"
    return f"(SELECT CAST(value AS {kind}) FROM json_array_elements_text({array}))"


def within(column: Any, numbers: Iterable[int]) -> ColumnElement[bool]:  # noqa: ANN401 -- a column of a table or alias
    """The condition that a column has one of some numbers, however many."""
    # of the column's own type, so that its index serves
    kind = _BigNumbers if isinstance(column.type, BigInteger) else _Numbers
    condition: ColumnElement[bool] = column.bool_op("IN")(kind(literal(json.dumps(list(numbers)), Text())))
    return condition
