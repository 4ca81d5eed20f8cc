"""The tables of resolutions that deliveries hold beside their findings."""

import pyarrow as pa

DATED_RESOLUTIONS = pa.schema(
    [
        pa.field("dataset", pa.int32(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("address", pa.string(), nullable=False),
        # microseconds since 1970 in UTC; the delivery's collected_at where the record says no time
        pa.field("first_seen", pa.int64(), nullable=False),
        pa.field("last_seen", pa.int64(), nullable=False),
        pa.field("marking", pa.int8(), nullable=False),
    ]
)
"""Resolutions with the data set they come from."""

RESOLUTION_SOURCES = DATED_RESOLUTIONS.append(pa.field("delivery", pa.int32(), nullable=False))
"""Resolutions of a run, with the data set and the delivery (its place among those of the run) they come from."""
