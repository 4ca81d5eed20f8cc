"""What an entry of the ledger says, as a record, and which of its fields are for everybody.

All entries have the same fields, so that a closed entry does not even show of which kind it is. What does not apply is
empty. docs/ledger.md says what each field means.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum

from accord.ledger.commitments import Opening
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import MalformedError
from accord.vocabulary.markings import Marking

FEW = 10
"""Counts below it are published as `<10`: a small number could tell who is meant."""


class Kind(StrEnum):
    """What an entry is about."""

    AGREEMENT_SIGNED = "agreement-signed"
    AGREEMENT_CHANGED = "agreement-changed"
    AGREEMENT_ENDED = "agreement-ended"
    DELIVERY = "delivery"
    DISCLOSURE = "disclosure"
    RECEIPT = "receipt"
    RECALL = "recall"
    ACKNOWLEDGEMENT = "acknowledgement"
    ERASURE = "erasure"
    """Values were taken out of what is kept; before there was PURGE, also a whole delivery."""
    PURGE = "purge"
    """A whole delivery is kept no longer, with as many records as its own entry says."""
    CHECK_DATA = "check-data"
    OUTCOME = "outcome"
    NEVER_HANDED_OVER = "never-handed-over"
    """Takes a DISCLOSURE back: what stood sealed was refused, and nobody can open it any more."""
    NEVER_SHOWN = "never-shown"
    """Takes CHECK_DATA back: a version that was never shown."""


AGREEMENT_KINDS = frozenset({Kind.AGREEMENT_SIGNED, Kind.AGREEMENT_CHANGED, Kind.AGREEMENT_ENDED})

TAKES_BACK: Mapping[Kind, Kind] = {Kind.NEVER_HANDED_OVER: Kind.DISCLOSURE, Kind.NEVER_SHOWN: Kind.CHECK_DATA}
"""Kinds of entries that take another entry back, each with the kind of that one: both say the same in all fields but
`kind`, `at` and `refers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one entry says. A value or a person is never part of it."""

    kind: Kind
    at: datetime
    agreement: str = ""
    """Ids of the agreements under which it happened, in order, parted by spaces."""
    dataset: str = ""
    """The data set as the public knows it: `public_name`."""
    origin: Origin | None = None
    partner: str = ""
    """Id of the partner that delivered, received, signed or acknowledged."""
    country: str = ""
    """Of the recipient, ISO 3166-1 alpha-2."""
    purpose: Purpose | None = None
    marking: Marking | None = None
    count: int | None = None
    """Records accepted of a delivery; findings of a disclosure that rest on the data set; addresses that check data
    tells of by it; what an erasure reached; what was purged;
    findings that a recipient reports as done for the first time."""
    digest: str = ""
    """SHA-256 in hex of what it is about: the document, the delivery, the sealed package, the receipt, the outcomes."""
    refers: int | None = None
    """The number of an earlier entry that this one answers, or takes back."""
    counts_in: str = ""
    """Of an entry that takes one of an earlier year back, that year, as its own `year`; else empty."""

    def taken_back(self, kind: Kind, number: int, at: datetime) -> "Fact":
        """What an entry says that takes this one, with its number, back: `year` is the same as this one's."""
        year, now = _year(self.at), _year(at)
        return replace(self, kind=kind, at=at, refers=number, counts_in="" if year == now else year)

    @property
    def records(self) -> str:
        """The count as the public gets it."""
        if self.count is None:
            return ""
        return str(self.count) if self.count >= FEW else f"<{FEW}"

    def values(self) -> dict[str, bytes]:
        """The entry's fields, by name; all of them, whatever the kind."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        # each by its name: a hundred thousand entries are waited for
        return {
            "agreement": self.agreement.encode(),
            "at": f"{at[:-6]}Z".encode(),
            "count": _number(self.count),
            "country": self.country.encode(),
            "dataset": self.dataset.encode(),
            "digest": self.digest.encode(),
            "kind": self.kind.encode(),
            "marking": _word(self.marking),
            "origin": _word(self.origin),
            "partner": self.partner.encode(),
            "purpose": _word(self.purpose),
            "records": self.records.encode(),
            "refers": _number(self.refers),
            "year": (self.counts_in or at[:4]).encode(),
        }


def _word(value: StrEnum | None) -> bytes:
    return b"" if value is None else value.encode()


def _number(value: int | None) -> bytes:
    return b"" if value is None else b"%d" % value


def _year(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y}"


_OWN: tuple[str, ...] = tuple(one.name for one in fields(Fact) if one.name != "counts_in")
NAMES: tuple[str, ...] = tuple(sorted([*_OWN, "records", "year"]))
"""The fields of every entry."""

PUBLIC: frozenset[str] = frozenset({"kind", "year", "dataset", "origin", "country", "records", "marking", "purpose"})
"""The fields that are opened for everybody. Never a value, a person, a partner or an exact time."""


def read_fact(openings: Iterable[Opening]) -> Fact:
    """The fact in a whole entry's openings. Raises MalformedError when a field is missing, unknown or contradicts."""
    values = {one.name: one.value for one in openings}
    if tuple(sorted(values)) != NAMES:
        raise MalformedError(
            "An entry's openings are not those of a fact.", expected=" ".join(NAMES), got=" ".join(sorted(values))
        )
    try:
        fact = fact_of({name: value.decode() for name, value in values.items()})
    except ValueError as error:
        raise MalformedError("An entry's field holds what no fact says.", got=str(error)[:200]) from error
    if fact.values() != values:
        raise MalformedError("An entry's fields contradict each other, or are spelled otherwise.")
    return fact


def fact_of(said: Mapping[str, str]) -> Fact:
    """The fact in an entry's fields, by name. Raises ValueError for a word that no fact says."""
    kind, year = Kind(said["kind"]), said["at"][:4]
    other = said["year"] if said["year"] != year else ""
    if other and not (kind in TAKES_BACK and len(other) == len(year) and other.isdigit() and other < year):
        raise ValueError(f"year {other} of what happened in {year}")
    return Fact(
        **{name: said[name] for name in _OWN}  # type: ignore[arg-type]
        | {
            "kind": kind,
            "at": datetime.fromisoformat(said["at"]),
            "origin": Origin(said["origin"]) if said["origin"] else None,
            "purpose": Purpose(said["purpose"]) if said["purpose"] else None,
            "marking": Marking(said["marking"]) if said["marking"] else None,
            "count": int(said["count"]) if said["count"] else None,
            "refers": int(said["refers"]) if said["refers"] else None,
            "counts_in": other,
        }
    )
