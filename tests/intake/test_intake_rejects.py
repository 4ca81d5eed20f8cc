"""Rejects keep their order and their numbers, in memory or on disk, however batches overlap."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

from accord.columns.schema import REJECTS
from accord.intake import rejects
from accord.intake.rejects import REJECT_LINES, DeliveryRejects, RejectLines, RejectSpool


def batch_of(rows: list[tuple[int, int, str]]) -> pa.RecordBatch:
    told = [
        {"member": member, "record": record, "reason": "port", "partial": False, "text": text}
        for member, record, text in rows
    ]
    return pa.RecordBatch.from_pylist(told, schema=REJECTS)


def drawn(seed: int) -> list[list[tuple[int, int, str]]]:
    """Rows of three members, dealt to some batches as workers would: any batch may have any record, one record is
    whole in one batch, and its rows have an order of their own."""
    draw = random.Random(seed)
    batches: list[list[tuple[int, int, str]]] = [[] for _ in range(draw.randint(1, 6))]
    for member in range(3):
        for record in range(1, 30):
            rows = [(member, record, f"{member} {record} {number}") for number in range(draw.randint(0, 2))]
            draw.choice(batches).extend(rows)
    for batch in batches:
        # chunks come in any order, the rows of one record do not change places
        draw.shuffle(batch)
        batch.sort(key=lambda row: row[2].split()[-1])
    return [batch for batch in batches if batch]


@pytest.mark.parametrize("held", [0, 500, 1 << 20])
@pytest.mark.parametrize("seed", range(8))
def test_rejects_come_in_the_order_of_members_and_records_wherever_they_lay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, seed: int
) -> None:
    monkeypatch.setattr(rejects, "HELD_BYTES", held)
    spool = RejectSpool(tmp_path)
    batches = drawn(seed)
    delivery = DeliveryRejects(
        partner="vendor",
        dataset="set",
        file="f.zip",
        names=["a", None, "c"],
        batches=[spool.keep(batch_of(batch)) for batch in batches],
        numbering=lambda member, record: record * 10 + member,
    )
    lines = RejectLines(deliveries=(delivery, delivery))
    expected = [
        (["a", None, "c"][member], record * 10 + member, text)
        for member, record, text in sorted((row for batch in batches for row in batch), key=lambda row: row[:2])
    ]
    told = [row for table in lines for row in table.to_pylist()]
    assert all(table.schema == REJECT_LINES for table in lines)
    assert [(row["member"], row["record"], row["text"]) for row in told] == expected * 2
    assert len(lines) == len(expected) * 2
    assert lines.first(7) == told[:7]
    assert lines.first(10_000) == told
    assert bool(list(tmp_path.iterdir())) == (held < 1 << 20)


def test_a_delivery_without_rejects_has_no_lines() -> None:
    nothing = DeliveryRejects(partner="vendor", dataset="set", file="f", names=[], batches=[], numbering=None)
    lines = RejectLines(deliveries=(nothing,))
    assert (len(lines), list(lines), lines.first(5)) == (0, [], [])


def test_what_is_taken_back_leaves_nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects, "HELD_BYTES", 0)
    spool = RejectSpool(tmp_path)
    spool.discard(spool.keep(batch_of([(0, 1, "x")])))
    assert list(tmp_path.iterdir()) == []


def test_batches_that_do_not_overlap_are_never_held_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects, "HELD_BYTES", 0)
    spool = RejectSpool(tmp_path)
    batches = [spool.keep(batch_of([(0, first + row, "x") for row in range(10)])) for first in range(0, 1_000, 10)]
    delivery = DeliveryRejects(
        partner="vendor", dataset="set", file="f", names=[None], batches=batches[::-1], numbering=None
    )
    assert [len(table) for table in delivery.lines()] == [10] * 100
