"""Writing the Parquet files of a delivery or a snapshot while their tables are being made."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_AHEAD = 2
"""Tables that may wait to be written: what bounds their memory."""

_CODED = [
    "type",
    "role",
    "dataset",
    "family",
    "marking",
    "reason",
    "column",
    "country",
    "country_second",
    "network_owner",
]


@contextmanager
def parquet(path: Path, schema: pa.Schema) -> Iterator["Writing"]:
    """A Parquet file that appears only if a table is written to it: no rows, no file."""
    with ThreadPoolExecutor(1, "write") as pool:
        writing = Writing(path, schema, pool)
        try:
            yield writing
        finally:
            writing.close()


class Writing:
    """Writes tables to one file, a row group each, while the next ones are being made."""

    def __init__(self, path: Path, schema: pa.Schema, pool: ThreadPoolExecutor) -> None:
        """`pool`: one thread."""
        self._path = path
        self._schema = schema
        self._pool = pool
        self._writer: pq.ParquetWriter | None = None
        self._waiting: deque[Future[None]] = deque()

    def __call__(self, tables: Iterable[pa.Table]) -> None:
        """Write tables in their order; empty ones are passed over."""
        for table in tables:
            if not len(table):
                continue
            if self._writer is None:
                self._writer = pq.ParquetWriter(
                    self._path,
                    self._schema,
                    compression="lz4",
                    use_dictionary=[name for name in self._schema.names if name in _CODED],
                    write_statistics=[name for name in ("high", "low", "value") if name in self._schema.names],
                )
            self._waiting.append(self._pool.submit(self._writer.write_table, table))
            while len(self._waiting) > _AHEAD:
                self._waiting.popleft().result()

    def close(self) -> None:
        """End the file, if one was begun."""
        try:
            while self._waiting:
                self._waiting.popleft().result()
        finally:
            if self._writer is not None:
                self._pool.submit(self._writer.close).result()
