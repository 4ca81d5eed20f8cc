"""Range tables on disk: two Parquet files, small because they say how far on and how wide, not where.

`<stem>.parquet`, one row a range, ascending along the line of `reference.addresses`:

    gap_high, gap_low      uint64   addresses between the end of the range before (or 0) and this start
    width_high, width_low  uint64   end minus start
    label                  int32    row of the labels file

`<stem>.labels.parquet`, one row a label: `name` string (null: none), `number` int64 (null in a table of countries).
The five columns are split by byte and compressed with zstd: half a million ranges take about 0.6 MB.
"""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from accord.reference.addresses import Words
from accord.reference.flattening import Ranges
from accord.reference.ranges import RangeTable
from accord.vocabulary.errors import ReferenceDataError

_COLUMNS = ("gap_high", "gap_low", "width_high", "width_low", "label")


def encode(table: RangeTable) -> tuple[bytes, bytes]:
    """The bytes of the ranges file and of the labels file; equal tables give equal bytes."""
    flat = table.ranges
    count = len(flat)
    next_low = np.zeros(count, np.uint64)
    next_high = np.zeros(count, np.uint64)
    if count:
        next_low[1:] = flat.end_low[:-1] + np.uint64(1)
        next_high[1:] = flat.end_high[:-1] + (next_low[1:] == 0)
    gaps = _minus(flat.start_high, flat.start_low, next_high, next_low)
    widths = _minus(flat.end_high, flat.end_low, flat.start_high, flat.start_low)
    # Parquet's byte-stream split knows signed integers only; the bits are the same
    columns = [column.view(np.int64) for column in (*gaps, *widths)]
    ranges = pa.table([pa.array(column) for column in (*columns, flat.label)], names=list(_COLUMNS))
    numbers = (
        pa.nulls(len(table.names), pa.int64())
        if table.numbers is None
        else pa.array(table.numbers, pa.int64(), mask=table.numbers < 0)
    )
    labels = pa.table({"name": table.names, "number": numbers})
    return _written(ranges, dict.fromkeys(_COLUMNS, "BYTE_STREAM_SPLIT")), _written(labels, None)


def decode(ranges: bytes, labels: bytes, where: str) -> RangeTable:
    """Read what `encode` wrote; `where` names it in the ReferenceDataError that anything else raises."""
    try:
        table = pq.read_table(pa.BufferReader(ranges), use_threads=False)
        names = pq.read_table(pa.BufferReader(labels), use_threads=False)
        columns = [table.column(name).combine_chunks().to_numpy() for name in _COLUMNS]
        name = names.column("name").combine_chunks()
        number = names.column("number").combine_chunks()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ReferenceDataError(
            "a range table cannot be read",
            where=where,
            expected="the two Parquet files that `accord reference import` writes",
            got=str(error).splitlines()[0],
            remedy="import it again",
        ) from error
    gap_high, gap_low, width_high, width_low = (column.view(np.uint64) for column in columns[:4])
    start_high, start_low, end_high, end_low = _places(gap_high, gap_low, width_high, width_low)
    flat = Ranges(start_high=start_high, start_low=start_low, end_high=end_high, end_low=end_low, label=columns[4])
    numbers = None if number.null_count == len(number) else number.fill_null(-1).to_numpy()
    return RangeTable.build(flat, name, numbers, flat=True)


def _minus(high: Words, low: Words, less_high: Words, less_low: Words) -> tuple[Words, Words]:
    return high - less_high - (low < less_low).astype(np.uint64), low - less_low


def _written(table: pa.Table, encoding: dict[str, str] | None) -> bytes:
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding=encoding,
        write_statistics=False,
        row_group_size=1 << 24,
    )
    return out.getvalue()


def _places(gap_high: Words, gap_low: Words, width_high: Words, width_low: Words) -> tuple[Words, Words, Words, Words]:
    """Start and end of every range: running sums of 128 bits, in two words with the carry by hand."""
    one = np.uint64(1)
    span_low = gap_low + width_low
    span_high = gap_high + width_high + (span_low < gap_low)
    step_low = span_low + one
    step_high = span_high + (step_low == 0)
    after_low = np.cumsum(step_low, dtype=np.uint64)
    after_high = np.cumsum(step_high + (after_low < step_low), dtype=np.uint64)
    end_low = after_low - one
    end_high = after_high - (after_low == 0)
    return *_minus(end_high, end_low, width_high, width_low), end_high, end_low
