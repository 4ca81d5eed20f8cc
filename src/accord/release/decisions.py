"""Analysts' decisions in the database: only added to, and erased with the person that a finding is about."""

import json
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Row, delete, insert, select

from accord.release.reviews import Answer, Decision
from accord.workspace.schema import REVIEWS

_AT_ONCE = 500
"""Ids that are asked for in one statement."""


def record_decision(
    connection: Connection,
    finding: str,
    answer: Answer,
    lists: Collection[str],
    *,
    person: str,
    justification: str,
    until: datetime | None,
    at: datetime,
) -> None:
    """Record a decision, on a writer's connection."""
    connection.execute(
        insert(REVIEWS).values(
            at=at,
            finding=finding,
            answer=answer.value,
            lists=json.dumps(sorted(lists), ensure_ascii=False),
            person=person,
            justification=justification,
            until=until,
        )
    )


def load_decisions(connection: Connection, findings: Collection[str] | None = None) -> tuple[Decision, ...]:
    """All decisions (of these findings, by their ids), the oldest first."""
    wanted = select(REVIEWS).order_by(REVIEWS.c.number)
    if findings is None:
        return tuple(_decision(row) for row in connection.execute(wanted))
    ids = sorted(findings)
    rows = [
        _decision(row)
        for begin in range(0, len(ids), _AT_ONCE)
        for row in connection.execute(wanted.where(REVIEWS.c.finding.in_(ids[begin : begin + _AT_ONCE])))
    ]
    return tuple(sorted(rows, key=lambda one: one.number))


def forget_decisions(connection: Connection, findings: Collection[str]) -> int:
    """Erase what was decided of findings; how many decisions went."""
    ids = sorted(findings)
    return sum(
        connection.execute(delete(REVIEWS).where(REVIEWS.c.finding.in_(ids[begin : begin + _AT_ONCE]))).rowcount
        for begin in range(0, len(ids), _AT_ONCE)
    )


def _decision(row: Row[tuple[object, ...]]) -> Decision:
    return Decision(
        number=row.number,
        at=row.at,
        finding=row.finding,
        answer=Answer(row.answer),
        lists=tuple(json.loads(row.lists)),
        person=row.person,
        justification=row.justification,
        until=row.until,
    )
