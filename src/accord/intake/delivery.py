"""What became of a delivery: the account of every record in it."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    contents: tuple[str, ...] = ()
    """SHA-256, in hex, of what each packed member unpacks to that says something; none where no bytes are kept."""
