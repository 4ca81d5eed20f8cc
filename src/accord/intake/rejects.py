"""Rejected records between intake and the table that lists them: on disk, however many there are."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

REJECT_LINES = pa.schema(
    [
        pa.field("partner", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        # name inside the archive; null: the file itself
        pa.field("member", pa.string()),
        # line number, or number of the object or attribute in document order
        pa.field("record", pa.int64(), nullable=False),
        pa.field("pointer", pa.string()),
        pa.field("column", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("partial", pa.bool_(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)
"""One line of `rejects.csv`."""

HELD_BYTES = 16 << 20
"""Bytes of rejects that stay in memory: most deliveries have few."""

_ORDER = [("member", "ascending"), ("record", "ascending")]

Members = npt.NDArray[np.int32]
Records = npt.NDArray[np.int64]
Numbering = Callable[[Members, Records], Records]
"""Line numbers of records that are numbered otherwise until all are read; larger ones for larger ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectBatch:
    """Rejects of one chunk, sorted by member and record."""

    first: tuple[int, int]
    """Member and record of the first row."""
    rows: int
    held: pa.Table | Path
    """`columns.schema.REJECTS` rows, or the file that they lie in."""

    def read(self) -> pa.Table:
        """The rows."""
        if isinstance(self.held, pa.Table):
            return self.held
        with pa.OSFile(str(self.held)) as file:
            return pa.ipc.open_file(file).read_all()


class RejectSpool:
    """A folder that takes batches of rejects. Its methods may run in several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._held = 0
        self._names = count()

    def keep(self, rejects: pa.RecordBatch) -> RejectBatch:
        """Keep the rejects of one chunk; at least one."""
        table = pa.Table.from_batches([rejects]).sort_by(_ORDER)
        with self._lock:
            self._held += table.nbytes
            fits = self._held <= HELD_BYTES
            if not fits:
                self._held -= table.nbytes
        return RejectBatch(
            first=(table["member"][0].as_py(), table["record"][0].as_py()),
            rows=len(table),
            held=table if fits else self._written(table),
        )

    def discard(self, batch: RejectBatch) -> None:
        """Take back a batch that turned out to belong to a refused file."""
        if isinstance(batch.held, Path):
            batch.held.unlink()

    def _written(self, table: pa.Table) -> Path:
        path = self._folder / f"{next(self._names):08d}.rejects"
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRejects:
    """All rejects of one delivery, and what its lines say beside them."""

    partner: str
    dataset: str
    file: str
    names: Sequence[str | None]
    """Of its members, by their numbers."""
    batches: Sequence[RejectBatch]
    numbering: Numbering | None

    def lines(self) -> Iterator[pa.Table]:
        """REJECT_LINES by member and record."""
        for table in _in_order(self.batches):
            record = table["record"]
            if self.numbering is not None:
                record = pa.array(self.numbering(table["member"].to_numpy(), record.to_numpy()))
            names = pa.array(self.names, pa.string()).take(table["member"].combine_chunks())
            yield pa.table(
                [
                    *(pa.repeat(pa.scalar(one, pa.string()), len(table)) for one in self._said),
                    names,
                    record,
                    *(table[name] for name in ("pointer", "column", "reason", "partial", "text")),
                ],
                schema=REJECT_LINES,
            )

    @property
    def _said(self) -> tuple[str, str, str]:
        return (self.partner, self.dataset, self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectLines:
    """REJECT_LINES of all deliveries in their order, read as they are asked for, while the spool's folder is there."""

    deliveries: Sequence[DeliveryRejects]

    def __len__(self) -> int:
        """How many lines there are."""
        return sum(batch.rows for delivery in self.deliveries for batch in delivery.batches)

    def __iter__(self) -> Iterator[pa.Table]:
        """The lines in tables that together are in order."""
        for delivery in self.deliveries:
            yield from delivery.lines()

    def first(self, wanted: int) -> list[dict[str, object]]:
        """The first lines, at most `wanted`."""
        rows: list[dict[str, object]] = []
        for table in self:
            rows += table.slice(0, wanted - len(rows)).to_pylist()
            if len(rows) == wanted:
                break
        return rows


def _in_order(batches: Sequence[RejectBatch]) -> Iterator[pa.Table]:
    """The rows of sorted batches, sorted. Only batches that overlap are held together, and those are few: a worker
    reads on in its file, so that as many overlap as there are workers."""
    waiting = sorted(batches, key=lambda batch: batch.first)
    held: pa.Table | None = None
    for batch, following in zip(waiting, [*waiting[1:], None], strict=False):
        table = batch.read()
        held = table if held is None else pa.concat_tables([held, table]).sort_by(_ORDER)
        ready = len(held) if following is None else _before(held, following.first)
        if ready:
            yield held.slice(0, ready)
            held = held.slice(ready) if ready < len(held) else None


def _before(table: pa.Table, place: tuple[int, int]) -> int:
    """How many rows of a sorted table come before a member and record."""
    member, record = table["member"].to_numpy(), table["record"].to_numpy()
    return int(np.count_nonzero((member < place[0]) | ((member == place[0]) & (record < place[1]))))
