"""The spool: a run's observations on disk, between intake and fusion."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SPOOL = pa.schema(
    [
        # index into the operation's data sets
        pa.field("dataset", pa.int32(), nullable=False),
        # index of the delivery within the run
        pa.field("delivery", pa.int32(), nullable=False),
        pa.field("type", pa.int8(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        # index into vocabulary.roles.ROLES
        pa.field("role", pa.int8(), nullable=False),
        # index into the run's reported family names; -1: none said
        pa.field("family", pa.int32(), nullable=False),
        # microseconds since 1970 in UTC
        pa.field("seen_at", pa.int64(), nullable=False),
        # the time is the delivery's collected_at
        pa.field("undated", pa.bool_(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        # 0: none said
        pa.field("port", pa.int32(), nullable=False),
        # index into vocabulary.markings.MARKINGS; the stricter of the data set's and the record's
        pa.field("marking", pa.int8(), nullable=False),
    ]
)
"""One row an observation, with rules applied: what fusion reads."""


class Spool:
    """A folder of Parquet files of SPOOL rows; every writer uses a name of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def write(self, name: str, observations: pa.RecordBatch) -> None:
        """Keep one batch under a name that no other batch has."""
        if observations.num_rows:
            pq.write_table(
                pa.Table.from_batches([observations]),
                self.folder / f"{name}.parquet",
                # numbers repeat and shrink to little; values differ, and would cost more time than room
                compression={field.name: "none" if field.name == "value" else "lz4" for field in SPOOL},
                use_dictionary=False,
                write_statistics=False,
            )

    def discard(self, name: str) -> None:
        """Take back a batch that turned out to belong to a refused file."""
        (self.folder / f"{name}.parquet").unlink()

    @property
    def files(self) -> list[str]:
        """Paths of the files, sorted."""
        return sorted(str(path) for path in self.folder.glob("*.parquet"))
