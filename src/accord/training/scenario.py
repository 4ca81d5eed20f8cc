"""What a scenario is: the story's countries, families, partners and shares, before chance draws the rest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role


class Activity(StrEnum):
    """What a family's servers are used for in the story."""

    DDOS = "ddos"
    SPAM = "spam"
    RANSOMWARE = "ransomware"
    BANK_FRAUD = "bank-fraud"
    INSTALLATION = "installation"
    """Other criminals pay for having their malware put on the victims' machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A malware family and the names that partners know it by."""

    name: str
    """The name that the truth uses."""
    activity: Activity
    weight: float
    """Share of its activity's servers, relative to the activity's other families."""
    synonyms: tuple[str, ...] = ()
    """Other names in use; which partner writes which is drawn once per data set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryPlan:
    """What the story puts into one country, at scale 1."""

    code: CountryCode
    servers: int
    """C2 servers that stand there."""
    websites: int
    """Compromised websites under its top-level domain, government ones among them."""
    government: int
    infected: int
    """Infected systems that call a sinkhole."""
    suffixes: tuple[str, ...]
    """Public suffixes for ordinary names."""
    government_suffixes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerPlan:
    """A partner of the story, as the operation file declares it."""

    id: str
    name: str
    kind: str
    country: CountryCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPlan:
    """A data set of the story, as the operation file declares it."""

    id: str
    title: str
    partner: str
    format: str
    """Name in the catalogue of formats; it also says who writes the files (`training.deliveries`)."""
    paths: tuple[str, ...]
    collected_at: datetime
    origin: Origin
    role: Role | None
    marking: Marking
    grade: SourceGrade
    legal_basis: LegalBasis
    personal: bool
    name_partner: bool
    share_with: tuple[str, ...] | None = None
    """Partner ids; None: whoever the marking permits."""
    dated: bool = True
    """Records say when they were seen; else `collected_at` is taken."""
    details: str = ""
    """TOML of its column mappings and rules."""
    weights: tuple[tuple[Role, float], ...] = ()
    """How likely it is, relative to the others, to see something of a role; absent: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPlan:
    """Who gets a country's report."""

    partner: str
    country: CountryCode
    persons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every story has: the hub, who takes part, and what is asked."""

    name: str
    title: str
    as_of: datetime
    window_start: datetime
    answer_by: datetime
    hub_name: str
    contact: str
    namespace: UUID
    partners: tuple[PartnerPlan, ...]
    datasets: tuple[DatasetPlan, ...]
    recipients: tuple[RecipientPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario(Setting):
    """A story that can be told at any scale and seed."""

    countries: tuple[CountryPlan, ...]
    families: tuple[Family, ...]
    activities: tuple[tuple[Activity, float], ...]
    """Share of the C2 servers used for each."""
    red_family: str
    """The family whose MISP event is red: only named persons may read of it."""
    seen_by: tuple[tuple[int, float], ...]
    """Share of the findings that exactly so many partners see, most first; the rest is seen by one."""
    domain_share: float
    """Share of the C2 servers that are known by a domain, not by an address."""
    conflict_share: float
    """Share of the addresses about whose country the two sources disagree."""
    payloads: int
    """Malware-distribution URLs."""
    samples: int
    """Hashes of malware."""
    stale: int
    """Servers that partners still list although they were last seen before the window."""
    future: int
    """Records dated after `as_of`, by a clock that runs ahead."""
    wrong: int
    """Addresses that the low-grade data set accuses without cause."""
    wrong_dataset: str
    listed: tuple[tuple[str, str, CountryCode | None], ...]
    """Values on warning lists that the low-grade data set accuses: type, value, country of an address."""
