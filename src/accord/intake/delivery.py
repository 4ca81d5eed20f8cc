"""What became of a delivery: the account of every record in it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from accord.agreements.declarations import DatasetId, PartnerId


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedMember:
    """A file or archive member that was refused whole; it counts no records."""

    member: str | None
    """Name inside the archive; None: the file itself."""
    reason: str
    """What was wrong, in one line: what, expected, got."""
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file on disk, received: accepted + sum(ignored) + sum(rejected) = records."""

    partner: PartnerId
    dataset: DatasetId
    dataset_index: int
    file: str
    """Path relative to the operation's root, with `/`."""
    sha256: str
    size: int
    """Bytes on disk."""
    formats: tuple[str, ...]
    """Formats that its members were read as, sorted."""
    records: int
    accepted: int
    ignored: Mapping[str, int]
    """Reason -> records, sorted by reason."""
    rejected: Mapping[str, int]
    refused: tuple[RefusedMember, ...]
    observations: int
    resolutions: int
    notes: tuple[str, ...]
    """What a reader of the account should know of how its members were taken, sorted."""


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
