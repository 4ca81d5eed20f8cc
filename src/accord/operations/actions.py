"""Actions: about which findings a recipient was asked to act, kept by id, role and network, without value or person."""

from uuid import UUID

import pyarrow as pa
from sqlalchemy import Connection, func, select

from accord.workspace.database import insert_rows
from accord.workspace.schema import ACTION_GROUPS, ACTIONS

ASKED = pa.schema(
    [
        # 32 bytes in hex
        pa.field("finding_id", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("asn", pa.int64()),
        pa.field("network_owner", pa.string()),
        # an analyst is still deciding, and nobody is asked to act
        pa.field("in_review", pa.bool_(), nullable=False),
    ]
)
"""What is kept of a finding that a recipient is asked about."""

_ROWS = 50_000
"""Rows that are written at a time, or those of one group."""


def record_actions(connection: Connection, disclosure: UUID, findings: pa.Table, *, simulated: bool) -> int:
    """Record what a disclosure asks (ASKED, in any order and with repeats), on the writer's connection that records it.

    The number of findings.
    """
    once = (
        findings.select(ASKED.names)
        .group_by("finding_id", use_threads=False)
        .aggregate([(name, "first") for name in ASKED.names[1:]])
        .rename_columns(ASKED.names)
        .sort_by("finding_id")
    )
    groups = once.group_by(ASKED.names[1:], use_threads=False).aggregate([("finding_id", "list")])
    last = connection.execute(select(func.max(ACTION_GROUPS.c.number))).scalar_one()
    first = 1 if last is None else int(last) + 1
    insert_rows(
        connection,
        ACTION_GROUPS,
        [
            {
                "number": first + at,
                "disclosure": str(disclosure),
                "role": row["role"],
                "asn": row["asn"],
                "owner": row["network_owner"],
                "in_review": row["in_review"],
                "simulated": simulated,
            }
            for at, row in enumerate(groups.select(ASKED.names[1:]).to_pylist())
        ],
    )
    waiting: list[dict[str, object]] = []
    for at, ids in enumerate(groups["finding_id_list"]):
        waiting += [{"finding": bytes.fromhex(one), "action_group": first + at} for one in ids.as_py()]
        if len(waiting) >= _ROWS:
            insert_rows(connection, ACTIONS, waiting)
            waiting = []
    insert_rows(connection, ACTIONS, waiting)
    return len(once)
