"""The manifest of a package: what it is, for whom, why, how to handle it, and what is sealed in it.

`manifest.json` is readable before anybody has a key, and its SHA-256 is what the ledger's entries commit to. So it says
what a recipient must know to take the package, and nothing of what was found: no name, size or hash of a single file.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from accord.agreements.agreement import AgreementId, Iep
from accord.agreements.declarations import PartnerId
from accord.journal.facts import Fact, Kind
from accord.vocabulary.countries import COUNTRY_CODES, CountryCode
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import MalformedError, UnprovenError
from accord.vocabulary.handling import HandlingCode, OnwardSharing, Pap
from accord.vocabulary.markings import Marking

MAX_MANIFEST_BYTES = 1 << 20
MAX_DATASETS = 1000
MAX_COUNT = (1 << 53) - 1
"""The largest number that every reader of JSON takes for what it is."""

_ID = re.compile("[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_DIGEST = re.compile("[0-9a-f]{64}")
_CONTROL = re.compile("[\x00-\x1f\x7f]")

_CODES = {
    HandlingCode.H0: "only to prevent and combat crime",
    HandlingCode.H1: "not as evidence in court without the provider's leave",
    HandlingCode.H2: "not passed on without leave",
    HandlingCode.H3: "other limits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HubNamed:
    """Who hands over, and whom to answer."""

    name: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationNamed:
    """The operation that it belongs to."""

    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientNamed:
    """To whom it is handed over."""

    partner: PartnerId
    name: str
    persons: tuple[str, ...] = ()
    """With TLP:RED, those for whom alone it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What may be done with it, as the agreements that it rests on say together; None: they say nothing."""

    pap: Pap | None
    iep: Iep | None
    codes: tuple[HandlingCode, ...]
    text: str | None
    """The other limits in words that H3 stands for."""
    onward_sharing: OnwardSharing
    retention: str | None
    """ISO 8601 duration."""

    @property
    def words(self) -> tuple[str, ...]:
        """Each limit as a person reads it: `passing on: with-consent`."""
        iep = {} if self.iep is None else msgspec.to_builtins(self.iep)
        return (
            f"passing on: {self.onward_sharing.value}",
            *(() if self.pap is None else (self.pap.label,)),
            *(f"{code.value}: {_CODES[code]}" for code in self.codes),
            *(() if self.text is None else (self.text,)),
            *(() if self.retention is None else (f"keep no longer than {self.retention}",)),
            *(f"IEP 2.0, {name.replace('_', ' ')}: {value}" for name, value in iep.items() if value is not None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetNamed:
    """A data set that it rests on: one entry of the ledger is about it."""

    name: str
    """By which the public knows it: its title, or a name that says nothing."""
    origin: Origin
    marking: Marking
    """The strictest among what is handed over of it."""
    agreements: tuple[AgreementId, ...]
    """Under which it came in and goes out."""
    findings: int
    """Findings that rest on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is handed over to whom and why. Raises ValueError for what no package can say."""

    package: UUID
    ledger: str
    """The name of the log in which it stands."""
    hub: HubNamed
    made_at: datetime
    """In UTC."""
    simulated: bool
    operation: OperationNamed | None
    recipient: RecipientNamed
    country: CountryCode
    purpose: Purpose
    marking: Marking
    handling: Handling
    findings: int
    """Each counted once, whatever number of data sets it rests on."""
    datasets: tuple[DatasetNamed, ...]
    """In the order of their entries."""

    def __post_init__(self) -> None:
        if self.made_at.utcoffset() != timedelta(0):
            raise ValueError("made_at is not in UTC")
        if self.country not in COUNTRY_CODES:
            raise ValueError("country is no ISO 3166-1 alpha-2 code")
        agreements = (name for one in self.datasets for name in one.agreements)
        if any(_ID.fullmatch(one) is None for one in (self.recipient.partner, *agreements)):
            raise ValueError("the id of a partner or an agreement is none")
        if not 0 < len(self.datasets) <= MAX_DATASETS:
            raise ValueError(f"it rests on no data set, or on more than {MAX_DATASETS}")
        if any(not 0 <= one <= MAX_COUNT for one in (self.findings, *(one.findings for one in self.datasets))):
            raise ValueError("a count is below 0 or too large")
        said = (self.ledger, self.hub.name, self.recipient.name, *(one.name for one in self.datasets))
        if any(not one or _CONTROL.search(one) for one in said):
            raise ValueError("a name is empty or has control characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is sealed, told so that nobody can find out by trying what it says. Raises ValueError."""

    files: int
    bytes: int
    """Of the archive that is sealed."""
    listing: str
    """SHA-256 of its member SHA256SUMS, in hex, which names every other file with its SHA-256, and has a salt."""
    sealed_bytes: int
    sealed: str
    """SHA-256 of `content.age`, in hex."""

    def __post_init__(self) -> None:
        if any(not 0 <= one <= MAX_COUNT for one in (self.files, self.bytes, self.sealed_bytes)):
            raise ValueError("a number of files or bytes is below 0 or too large")
        if any(_DIGEST.fullmatch(one) is None for one in (self.listing, self.sealed)):
            raise ValueError("a SHA-256 is not 64 small hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `manifest.json` says."""

    version: Literal["accord-package/v1"] = "accord-package/v1"
    statement: Statement
    content: Content

    def encode(self) -> bytes:
        """The manifest's only spelling: JSON, every key, in this order, indented by two spaces."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest. Raises MalformedError."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise MalformedError("The manifest is too large.", expected=f"at most {MAX_MANIFEST_BYTES:,} bytes")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
        spelled = manifest.encode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedError(
            "This is no manifest of a package.", expected="accord-package/v1", got=str(error)[:300]
        ) from error
    if spelled != data:
        raise MalformedError("The manifest is spelled otherwise.", expected="docs/package.md")
    return manifest


def digest_of_manifest(data: bytes) -> str:
    """What the ledger commits to: the SHA-256 of `manifest.json`, in hex."""
    return hashlib.sha256(data).hexdigest()


def facts(statement: Statement, digest: str, at: datetime) -> tuple[Fact, ...]:
    """What the ledger's entries of a package say: one for each data set."""
    return tuple(
        Fact(
            kind=Kind.DISCLOSURE,
            at=at,
            agreement=" ".join(one.agreements),
            dataset=one.name,
            origin=one.origin,
            partner=statement.recipient.partner,
            country=statement.country,
            purpose=statement.purpose,
            marking=one.marking,
            count=one.findings,
            digest=digest,
        )
        for one in statement.datasets
    )


def demand_said(manifest: Manifest, digest: str, said: tuple[Fact, ...]) -> None:
    """Raise UnprovenError unless the entries, in their order, say what the manifest says, no more and no less."""
    if len(said) != len(manifest.statement.datasets):
        raise UnprovenError(
            "The package has not one entry of the ledger for each data set.",
            expected=str(len(manifest.statement.datasets)),
            got=str(len(said)),
        )
    for number, fact in enumerate(said):
        expected = facts(manifest.statement, digest, fact.at)[number].values()
        for name, value in fact.values().items():
            if value != expected[name]:
                raise UnprovenError(
                    "An entry of the ledger says something else than the package's manifest.",
                    where=f"entry {number + 1} of the package, {name}",
                    expected=repr(expected[name].decode()),
                    got=repr(value.decode()),
                )
