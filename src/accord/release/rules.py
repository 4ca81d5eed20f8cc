"""The release rules: numbered, one class each, refused unless every rule permits.

A rule looks at what an object carries (its marking, and the data set it comes from) and at an audience. Numbers are
never reused. No rule looks at the content: two objects of equal policy are released alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from accord.agreements.declarations import Dataset, PartnerId
from accord.operations.declaration import Recipient
from accord.vocabulary.markings import Marking


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The recipients of one channel; a rule must hold for each. Empty: nobody is declared, whoever may read it."""

    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says, and why, in words."""

    rule: int
    permitted: bool
    reason: str


class Rule(Protocol):
    """One release rule."""

    number: ClassVar[int]
    title: ClassVar[str]

    def judge(self, dataset: Dataset, marking: Marking, audience: Audience) -> Verdict:
        """May this audience get an object of this data set with this marking?"""


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """TLP 2.0 as an audience: red to named persons, amber to declared organisations, green and clear beyond."""

    number: ClassVar[int] = 1
    title: ClassVar[str] = "Traffic Light Protocol 2.0"

    def judge(self, dataset: Dataset, marking: Marking, audience: Audience) -> Verdict:
        """Red needs named persons of every recipient; amber and amber+strict need declared recipients."""
        del dataset
        if marking in {Marking.CLEAR, Marking.GREEN}:
            return Verdict(rule=self.number, permitted=True, reason=f"{marking.label} may reach the community")
        if not audience.recipients:
            return Verdict(
                rule=self.number,
                permitted=False,
                reason=f"{marking.label} needs declared recipients, and there is none",
            )
        unnamed = [one.partner.name for one in audience.recipients if not one.persons]
        if marking is Marking.RED and unnamed:
            return Verdict(
                rule=self.number,
                permitted=False,
                reason=f"{marking.label} reaches named persons only, and {', '.join(unnamed)} named none",
            )
        return Verdict(rule=self.number, permitted=True, reason=f"{marking.label} may reach the declared recipients")


@dataclass(frozen=True, slots=True)
class OnwardSharing:
    """A partner may say with whom its data set is shared; then nobody else gets it."""

    number: ClassVar[int] = 2
    title: ClassVar[str] = "Onward sharing"

    def judge(self, dataset: Dataset, marking: Marking, audience: Audience) -> Verdict:
        """Every recipient must be on the data set's list, where there is one."""
        del marking
        if dataset.share_with is None:
            return Verdict(rule=self.number, permitted=True, reason="the data set has no list of recipients")
        permitted: frozenset[PartnerId] = frozenset(dataset.share_with)
        others = [one.partner.name for one in audience.recipients if one.partner.id not in permitted]
        if others or not audience.recipients:
            who = ", ".join(others) or "an undeclared reader"
            return Verdict(rule=self.number, permitted=False, reason=f"the data set is not shared with {who}")
        return Verdict(rule=self.number, permitted=True, reason="the data set is shared with every recipient")


def _register(*rules: Rule) -> tuple[Rule, ...]:
    taken: dict[int, Rule] = {}
    for rule in rules:
        if rule.number in taken:
            raise ValueError(f"rule number {rule.number} is both {taken[rule.number]!r} and {rule!r}")
        taken[rule.number] = rule
    return rules


RULES: tuple[Rule, ...] = _register(TrafficLight(), OnwardSharing())


def judge(dataset: Dataset, marking: Marking, audience: Audience) -> Sequence[Verdict]:
    """Every rule's verdict, by number."""
    return [rule.judge(dataset, marking, audience) for rule in RULES]


def permits(dataset: Dataset, marking: Marking, audience: Audience) -> bool:
    """Do all rules permit it?"""
    return all(verdict.permitted for verdict in judge(dataset, marking, audience))
