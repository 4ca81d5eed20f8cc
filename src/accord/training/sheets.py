"""What `truth.json` holds: the true findings, what must not be found, and the account of every delivery.

Where a story has more infected systems than a list can hold, their addresses stand in a file of their own.

The file is UTF-8 JSON, one finding a line. Instants are RFC 3339 in UTC. `TruthSheet` is its layout.
"""

from pathlib import Path

import msgspec

from accord.vocabulary.errors import SettingsError, UnreadableError


class StatementTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What one data set says of a finding, merged over its records of one marking."""

    dataset: str
    marking: str
    first_seen: str
    last_seen: str


class FindingTruth(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator in one role."""

    type: str
    value: str
    role: str
    nature: str
    """`true`; or what must not become a finding to act on: `wrong`, `listed`, `stale`, `future`."""
    family: str | None
    """None: no data set names one."""
    reported: tuple[str, ...]
    """The family's names as the data sets write them, sorted."""
    activity: str | None
    hosting: str | None
    """Country of the address, or of the address that a delivered resolution gives the domain; None: unknown."""
    registry: str | None
    """Country of the domain's registry."""
    conflict: bool
    government: bool
    partners: tuple[str, ...]
    first_seen: str | None
    """Of its statements within the window; None: there are none."""
    last_seen: str | None
    statements: tuple[StatementTruth, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """Type, value and role: what makes a finding one."""
        return self.type, self.value, self.role


class PlantedTruth(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is broken on purpose."""

    reason: str
    partial: bool
    """Another part of the record is good."""
    text: str


class DeliveryTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What must be accounted for one delivered file."""

    file: str
    """Relative to the operation's root."""
    dataset: str
    partner: str
    refused: bool
    """The file is to be refused whole, and counts no records."""
    records: int
    accepted: int
    ignored: int
    rejected: int
    ignored_by_reason: dict[str, int]
    rejected_by_reason: dict[str, int]
    planted: tuple[PlantedTruth, ...]
    """Empty where deliveries are streamed: there are too many."""
    partial_by_reason: dict[str, int] = {}
    """Parts of accepted records that must be rejected."""


class CountryTruth(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the truth stands in one country, or is registered there."""

    servers: int
    """C2 servers, by hosting country (by registry country where no address is known)."""
    websites: int
    """Compromised websites under the country's top-level domain."""
    government: int
    """Government ones among those."""
    infected: int
    """Findings: addresses of infected systems."""
    machines: int | None = None
    """Infected systems behind these addresses, where the story knows more of them."""


class AddressesTruth(msgspec.Struct, frozen=True, kw_only=True):
    """Infected systems that are too many to be listed here; each address is a row of a Parquet file beside this one."""

    file: str
    """Its layout is `training.census.ADDRESSES`."""
    ipv4: int
    ipv6: int
    machines: int
    shared: int
    """IPv4 addresses that several machines called from, at once or one after the other."""
    moving: int
    """Machines that called from several addresses."""
    address_days: int
    """Pairs of an address and a day on which it called."""
    machine_days: int


class TruthSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A whole `truth.json`."""

    scenario: str
    simulated: bool
    seed: int
    scale: float
    as_of: str
    window: tuple[str, str]
    reference: tuple[str, ...]
    """Name and version of the tables that addresses were drawn from."""
    named_persons: tuple[str, ...]
    """Countries whose recipients may read red."""
    shared_with: dict[str, tuple[str, ...]]
    """Data set -> the only countries whose recipients may read it; absent: whoever the marking permits."""
    totals: CountryTruth
    countries: dict[str, CountryTruth]
    seen_by: dict[str, int]
    """How many true C2 servers exactly so many partners see."""
    deliveries: tuple[DeliveryTruth, ...]
    findings: tuple[FindingTruth, ...]
    """All, but for those in `addresses`."""
    events: int | None = None
    """Rows of the streamed logs; None: nothing is streamed."""
    addresses: AddressesTruth | None = None


def write_truth(sheet: TruthSheet, path: Path) -> None:
    """Write the sheet with one finding and one delivery a line."""
    encoded = msgspec.json.encode(sheet)
    for name in ("countries", "deliveries", "findings"):
        encoded = encoded.replace(f',"{name}":'.encode(), f',\n"{name}":'.encode(), 1)
    encoded = encoded.replace(b'},{"type":', b'},\n{"type":').replace(b'},{"file":', b'},\n{"file":')
    path.write_bytes(encoded + b"\n")


def read_truth(path: Path) -> TruthSheet:
    """Read a `truth.json`. Raises UnreadableError, and SettingsError for another layout."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=TruthSheet)
    except OSError as error:
        raise UnreadableError(
            "The truth file cannot be read.",
            where=str(path),
            expected="the truth.json that `accord simulate` wrote",
            got=error.strerror or type(error).__name__,
            remedy="run `accord simulate` again, or name its folder",
        ) from error
    except msgspec.DecodeError as error:
        raise SettingsError(
            "The truth file has another layout.",
            where=str(path),
            expected="the truth.json that `accord simulate` wrote",
            got=str(error),
            remedy="run `accord simulate` again with this version",
        ) from error
