"""Outcomes: what became of a finding about which somebody was asked to act, and how much of an operation was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role


class Outcome(StrEnum):
    """What a recipient says became of a finding; until it says something, it was sent, and no more is known."""

    DONE = "done"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    FALSE_POSITIVE = "false-positive"


WEIGHT: Mapping[Outcome, int] = {
    Outcome.ACKNOWLEDGED: 0,
    Outcome.REFUSED: 1,
    Outcome.FALSE_POSITIVE: 2,
    Outcome.DONE: 3,
}
"""Which of two outcomes stands that one partner reports for the same day, or several partners for one finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many findings stand how; each is counted once."""

    sent: int = 0
    """Nobody has said anything yet."""
    acknowledged: int = 0
    done: int = 0
    refused: int = 0
    false_positive: int = 0

    @property
    def asked(self) -> int:
        """About how many somebody was asked to act."""
        return self.sent + self.acknowledged + self.done + self.refused + self.false_positive

    @property
    def right(self) -> int:
        """Those of them that nobody has called wrong: what a share is a share of."""
        return self.asked - self.false_positive

    @property
    def share(self) -> float | None:
        """Done, of those that are right, from 0 to 1; None: there are none."""
        return self.done / self.right if self.right else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Who runs the network that hosts a finding."""

    asn: int | None
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """How what was released at least so many weeks ago stood at the end of the week, or stands today within it."""

    number: int
    """From 1, the seven days from the day on which a finding was handed over."""
    right: int
    done: int

    @property
    def share(self) -> float | None:
        """Done, of those that are right, from 0 to 1; None: there are none."""
        return self.done / self.right if self.right else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What became of an operation's findings."""

    operation: str
    at: datetime
    roles: tuple[Role, ...]
    """What is counted in all but `by_role`."""
    releases: int
    """Handed over so far."""
    first_day: date
    last_day: date
    """Between which days it was handed over."""
    marking: Marking
    """The strictest among what was handed over."""
    simulated: bool
    counts: Counts
    by_country: tuple[tuple[str, Counts], ...]
    """By the country that was asked, the most findings first."""
    by_network: tuple[tuple[Network, Counts], ...]
    """The most findings first."""
    weeks: tuple[Week, ...]
    by_role: tuple[tuple[Role, Counts], ...]
    """All roles, the most findings first."""
    in_review: int
    """Findings of any role about which an analyst still decides: nobody was asked to act, and they count nowhere."""
    withdrawn: int
    """Findings of any role that were taken back: they count nowhere."""
