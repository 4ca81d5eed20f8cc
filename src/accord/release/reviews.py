"""Analysts' decisions on findings that stand on warning lists: what was decided of which, by whom, why and until when.

A decision is never changed. Who thinks otherwise decides anew, and of one finding the newest counts. It is about the
lists that the finding stood on when it was made: on another one it waits again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accord.reference.warninglists import list_names


class Answer(StrEnum):
    """What an analyst decides."""

    RELEASE = "release"
    """The finding is right: it is released as if it stood on none of these lists."""
    WITHHOLD = "withhold"
    """It stays in the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided of one finding."""

    number: int
    at: datetime
    finding: str
    """Its id, in hex."""
    answer: Answer
    lists: tuple[str, ...]
    """The lists that it stood on, as `name (version)`, sorted."""
    person: str
    justification: str
    until: datetime | None
    """From this instant on it counts no more, and the finding waits again; None: it stays."""

    def counts(self, at: datetime) -> bool:
        """Does it count at a moment?"""
        return self.until is None or at < self.until


def standing(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """The decision that counts of each finding, by its id: the newest, whether it has run out or not."""
    return {one.finding: one for one in sorted(decisions, key=lambda one: one.number)}


def let_go(decisions: Iterable[Decision], at: datetime) -> dict[str, frozenset[str]]:
    """Of each finding that is released at a moment the names of the lists on which it may stand."""
    return {
        finding: list_names(one.lists)
        for finding, one in standing(decisions).items()
        if one.answer is Answer.RELEASE and one.counts(at)
    }


def lets_go(released: Mapping[str, frozenset[str]], finding: str, lists: Collection[str]) -> bool:
    """Is a finding on these lists (`name (version)`) one of those that `let_go` tells of?

    Versions are not compared: most lists have a new one every week, and it is for the name that an analyst has looked.
    """
    names = released.get(finding)
    return names is not None and list_names(lists) <= names
