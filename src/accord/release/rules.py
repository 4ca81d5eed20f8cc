"""The release rules: numbered, one class each, refused unless every rule permits; docs/release.md says why each is.

A rule looks at a `Question` and at nothing else: at the policy of an object (`Item`), never at its content, and at one
reader of a channel. Numbers are never reused. No answer means refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from accord.agreements.agreement import AgreementId, Standing
from accord.release.grants import Agreed, ForPurpose
from accord.release.handling import ExchangePolicy, HandlingCodes, PermissibleActions
from accord.release.markings import MarkingCovered, TrafficLight
from accord.release.owning import OwnNetworks
from accord.release.persons import LegalArea, PersonalData
from accord.release.question import Audience, Item, Question, Release, Rule, Verdict, binding, offered, provided, refuse
from accord.release.sharing import PassedOn, SharedWith
from accord.release.waiting import Embargoed, Reviewed

__all__ = ["RULES", "RUN_RULES", "Audience", "Decision", "Item", "Release", "Verdict", "decide", "registry"]


def registry(*rules: Rule) -> tuple[Rule, ...]:
    """The rules, by number. Raises ValueError when two have one number, and names both."""
    taken: dict[int, Rule] = {}
    for rule in rules:
        if rule.number in taken:
            raise ValueError(f"rule number {rule.number} is both {taken[rule.number]!r} and {rule!r}")
        taken[rule.number] = rule
    return tuple(taken[number] for number in sorted(taken))


# A number stays with its rule. One that falls leaves a gap, and a comment here that says what it was.
RULES: tuple[Rule, ...] = registry(
    TrafficLight(),  # 1
    SharedWith(),  # 2
    Agreed(),  # 3
    MarkingCovered(),  # 4
    ForPurpose(),  # 5
    PermissibleActions(),  # 6
    ExchangePolicy(),  # 7
    HandlingCodes(),  # 8
    PassedOn(),  # 9
    PersonalData(),  # 10
    LegalArea(),  # 11
    Reviewed(),  # 12
    Embargoed(),  # 13
    OwnNetworks(),  # 14
)
"""All of them: what holds in a workspace, where agreements are kept."""

RUN_RULES: tuple[Rule, ...] = registry(TrafficLight(), SharedWith(), Embargoed(), OwnNetworks())
"""What holds where there is no register to ask: a run of an operation file by itself."""


UNANSWERED = "nothing that is agreed answers this"
WITHOUT_PURPOSE = "it depends on the purpose, and none is stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rules say of one item and one audience."""

    verdicts: tuple[Verdict, ...]
    """One a rule, by number."""
    agreements: tuple[AgreementId, ...]
    """Those under which it is released, in and out, sorted; of a refused one empty."""

    @property
    def permitted(self) -> bool:
        """Does every rule permit it?"""
        return bool(self.verdicts) and all(verdict.permitted for verdict in self.verdicts)


def decide(item: Item, audience: Audience, release: Release, rules: Sequence[Rule] = RULES) -> Decision:
    """Judge an item for an audience: every rule must hold for every reader, each under one agreement of its own.

    Where a reader has signed several agreements, one must pass all the rules: what one permits does not mend what
    another refuses. The one with the fewest refusals is told.
    """
    came = provided(item, release.register)
    bound = binding(came, item, release)
    readings = []
    for reader in audience.readers:
        candidates = offered(item.dataset.id, reader, release.register) or (None,)
        asked = [
            Question(
                item=item,
                reader=reader,
                audience=audience,
                release=release,
                provided=came,
                binding=bound,
                handed=handed,
            )
            for handed in candidates
        ]
        readings.append(_best(asked, rules))
    verdicts = tuple(_joined([reading[at] for _, reading in readings]) for at in range(len(rules)))
    decision = Decision(verdicts=verdicts, agreements=())
    if not decision.permitted:
        return decision
    handed = {question.handed.id for question, _ in readings if question.handed is not None}
    granted = {
        one.id for one in came if one.standing(release.at) is Standing.IN_FORCE and release.purpose in one.purposes
    }
    return Decision(verdicts=verdicts, agreements=tuple(sorted(handed | granted)))


def _best(asked: Sequence[Question], rules: Sequence[Rule]) -> tuple[Question, list[Verdict]]:
    """The question to which the fewest rules answer no, the first among equals, and what they say."""
    readings = [(one, [rule.judge(one) or refuse(rule, _unanswered(one)) for rule in rules]) for one in asked]
    return min(readings, key=lambda reading: sum(not verdict.permitted for verdict in reading[1]))


def _unanswered(question: Question) -> str:
    # both sides have agreements: what is missing is no agreement
    named = question.release.purpose is not None or question.limiting is None
    return UNANSWERED if named else WITHOUT_PURPOSE


def _joined(verdicts: Sequence[Verdict]) -> Verdict:
    """One rule's verdict for all readers: the refusals where there are some."""
    refused = [one for one in verdicts if not one.permitted]
    told = list(dict.fromkeys(one.reason for one in refused or verdicts))
    return Verdict(rule=verdicts[0].rule, permitted=not refused, reason="; ".join(told))
