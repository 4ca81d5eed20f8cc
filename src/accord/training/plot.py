"""What happened in one telling of a scenario, and who says what of it."""

from dataclasses import dataclass
from enum import StrEnum

from accord.training.scenario import Activity, DatasetPlan, Family
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role


class Nature(StrEnum):
    """What the story knows, and the partners may not, about something that they accuse."""

    TRUE = "true"
    WRONG = "wrong"
    """Accused without cause; nothing in the deliveries gives it away but the grade of the source."""
    LISTED = "listed"
    """On a warning list: must be reviewed before anybody is asked to act."""
    STALE = "stale"
    """Last seen before the window."""
    FUTURE = "future"
    """Dated after `as_of`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """One indicator in one role, as the story knows it. Compared by identity: each is made once."""

    kind: IndicatorType
    value: str
    role: Role
    nature: Nature
    family: Family | None = None
    activity: Activity | None = None
    country: CountryCode | None = None
    """Where it stands: of the address, of the URL's host, or of the address behind the domain."""
    conflict: bool = False
    """The two country sources name different countries for that address."""
    address: str | None = None
    """The address behind a domain."""
    registry: CountryCode | None = None
    """Country of the domain's registry."""
    government: bool = False
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one data set says of one subject, once or for a period. Times are seconds since 1970 in UTC."""

    subject: Subject
    first_s: int | None
    """None: the data set writes no times."""
    last_s: int | None
    spelling: str | None
    """The family as this data set writes it; None: it names none."""
    marking: Marking | None = None
    """Of the record; None: the data set's."""
    count: int = 1
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A domain had an address from one time to another (seconds since 1970)."""

    domain: str
    address: str
    first_s: int
    last_s: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One telling: the subjects, the statements by data set, and the resolutions that are known."""

    subjects: tuple[Subject, ...]
    statements: dict[str, tuple[Statement, ...]]
    """By data set id, in random order, repetitions included."""
    resolutions: tuple[Resolution, ...]


def partners_of(plot: Plot, datasets: tuple[DatasetPlan, ...]) -> dict[Subject, tuple[str, ...]]:
    """Which partners speak of a subject, sorted."""
    seen: dict[Subject, set[str]] = {}
    for dataset in datasets:
        for statement in plot.statements.get(dataset.id, ()):
            seen.setdefault(statement.subject, set()).add(dataset.partner)
    return {subject: tuple(sorted(partners)) for subject, partners in seen.items()}
