"""Rules about how data is handled: permissible actions, FIRST's exchange policy, the handling codes of police."""

from dataclasses import dataclass
from datetime import UTC
from typing import ClassVar

from accord.agreements.agreement import Iep, Standing
from accord.agreements.declarations import PartnerKind
from accord.release.markings import outside
from accord.release.question import Question, Verdict, named, permit, refuse
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.handling import (
    EncryptInTransit,
    HandlingCode,
    MayOrMustNot,
    Pap,
    PermittedActions,
    ProviderAttribution,
)

_ACTIONS = tuple(PermittedActions)
_PAPS = tuple(Pap)

WIDEST_PAP = {
    Purpose.PREVENTION: Pap.GREEN,
    Purpose.NETWORK_DEFENCE: Pap.GREEN,
    Purpose.VICTIM_NOTIFICATION: Pap.GREEN,
    Purpose.INVESTIGATION: Pap.RED,
    Purpose.TRAINING: Pap.RED,
    Purpose.RESEARCH: Pap.RED,
}
"""The strictest PAP label under which each purpose can be served. To block traffic, to take a server down and to write
to a victim can be noticed from outside, which PAP lets happen from green on; who investigates, trains or does research
can stay with what he has."""

LEAST_ACTION = {
    Purpose.PREVENTION: PermittedActions.EXTERNALLY_VISIBLE_DIRECT,
    Purpose.NETWORK_DEFENCE: PermittedActions.INTERNALLY_VISIBLE,
    Purpose.VICTIM_NOTIFICATION: PermittedActions.EXTERNALLY_VISIBLE_INDIRECT,
    Purpose.INVESTIGATION: PermittedActions.INTERNALLY_VISIBLE,
    Purpose.TRAINING: PermittedActions.NONE,
    Purpose.RESEARCH: PermittedActions.NONE,
}
"""The least of IEP's permitted actions that serves each purpose."""

AGAINST_CRIME = frozenset({Purpose.PREVENTION, Purpose.INVESTIGATION})
"""To prevent and combat crime, as H0 has it: to defend a network or to warn a victim is not that by itself."""


@dataclass(frozen=True, slots=True)
class PermissibleActions:
    """The Permissible Actions Protocol: a purpose that cannot be served by the permitted actions is no reason to hand
    data out. To publish takes PAP:CLEAR, said in so many words."""

    number: ClassVar[int] = 6
    title: ClassVar[str] = "Permissible Actions Protocol"

    def judge(self, question: Question) -> Verdict | None:
        """The strictest label of the agreements must permit what the purpose takes."""
        purpose = question.release.purpose
        if question.limiting is None or purpose is None:
            return None
        if question.is_public:
            short = [one for one in question.limiting if one.limits.pap is not Pap.CLEAR]
            if short:
                return refuse(self, f"{named(short)} does not say PAP:CLEAR, which it takes to publish")
            return permit(self, f"{named(question.limiting)} says PAP:CLEAR")
        labels = [(one, one.limits.pap) for one in question.limiting if one.limits.pap is not None]
        if not labels:
            return permit(self, "no agreement limits what may be done with it")
        for one, label in labels:
            if _PAPS.index(label) > _PAPS.index(WIDEST_PAP[purpose]):
                return refuse(
                    self,
                    f"{one.id} permits what PAP:{label.upper()} does, and {purpose} takes "
                    f"PAP:{WIDEST_PAP[purpose].upper()}",
                )
        strictest = max((label for _, label in labels), key=_PAPS.index)
        return permit(self, f"{purpose} keeps within PAP:{strictest.upper()}")


@dataclass(frozen=True, slots=True)
class ExchangePolicy:
    """FIRST Information Exchange Policy 2.0: every statement of every agreement that has one."""

    number: ClassVar[int] = 7
    title: ClassVar[str] = "Information Exchange Policy 2.0"

    def judge(self, question: Question) -> Verdict | None:
        """Each policy must be in force, and its statements must let this reader have it by this channel."""
        if question.limiting is None or question.release.purpose is None:
            return None
        having = [(one, one.limits.iep) for one in question.limiting if one.limits.iep is not None]
        for one, iep in having:
            # a policy that ran out with its agreement still says how data is handled that came in under it
            why = _out_of_date(iep, question) if one.standing(question.release.at) is Standing.IN_FORCE else None
            why = why or _against(iep, question, question.release.purpose, provider=one in question.binding)
            if why is not None:
                return refuse(self, f"the exchange policy of {one.id} {why}")
        if not having:
            return permit(self, "no agreement has an exchange policy")
        return permit(self, f"the exchange policy of {named(one for one, _ in having)} permits it")


def _out_of_date(iep: Iep, question: Question) -> str | None:
    """Why a policy does not hold today, so that nothing says how the data is handled; whole days in UTC."""
    day = question.release.at.astimezone(UTC).date()
    if iep.start_date is not None and day < iep.start_date:
        return f"begins on {iep.start_date}, and this is {day}"
    if iep.end_date is not None and day > iep.end_date:
        return f"ended with {iep.end_date}, and this is {day}"
    return None


def _against(iep: Iep, question: Question, purpose: Purpose, *, provider: bool) -> str | None:
    """What of a policy stands against it; `provider`: it is about data that came in."""
    if iep.encrypt_in_transit is EncryptInTransit.MUST and not question.audience.encrypted:
        return "wants it encrypted in transit, and this channel is not"
    if iep.permitted_actions is not None and _ACTIONS.index(iep.permitted_actions) < _ACTIONS.index(
        LEAST_ACTION[purpose]
    ):
        return f"permits {iep.permitted_actions}, and {purpose} takes {LEAST_ACTION[purpose]}"
    if iep.affected_party_notifications is MayOrMustNot.MUST_NOT and purpose is Purpose.VICTIM_NOTIFICATION:
        return "forbids to notify affected parties"
    if iep.tlp is not None and (why := outside(iep.tlp, question)) is not None:
        return f"says {iep.tlp.label}: {why}"
    if iep.unmodified_resale is MayOrMustNot.MUST_NOT and _sells(question):
        return f"forbids to sell it unmodified, and {question.name} is a vendor whose clients read this channel"
    if provider:
        if iep.provider_attribution is ProviderAttribution.MUST and not question.item.dataset.name_partner:
            return "wants its provider named, and the data set may not name its partner"
        if iep.provider_attribution is ProviderAttribution.MUST_NOT and question.item.dataset.name_partner:
            return "forbids to name its provider, and the data set names its partner"
    return None


def _sells(question: Question) -> bool:
    return question.clients and question.reader is not None and question.reader.partner.kind is PartnerKind.VENDOR


@dataclass(frozen=True, slots=True)
class HandlingCodes:
    """The handling codes of police exchange. Leave is that the data set's list names the reader."""

    number: ClassVar[int] = 8
    title: ClassVar[str] = "Handling codes"

    def judge(self, question: Question) -> Verdict | None:
        """H0 by the purpose; H1 (for an investigation), H2 and H3 with leave."""
        purpose = question.release.purpose
        if question.limiting is None or purpose is None:
            return None
        for one in question.limiting:
            codes = one.limits.handling
            if HandlingCode.H0 in codes and purpose not in AGAINST_CRIME:
                return refuse(
                    self, f"H0 of {one.id}: only to prevent and combat crime, which {purpose} is not by itself"
                )
            if question.has_leave:
                continue
            unnamed = f"the data set's list does not name {question.name}"
            if HandlingCode.H1 in codes and purpose is Purpose.INVESTIGATION:
                why = "not as evidence in court without leave, and an investigation may end there"
                return refuse(self, f"H1 of {one.id}: {why}; {unnamed}")
            if HandlingCode.H2 in codes and one in question.binding:
                return refuse(self, f"H2 of {one.id}: not passed on without leave; {unnamed}")
            if HandlingCode.H3 in codes:
                why = f"'{one.limits.handling_text}', which no program can judge: it takes leave"
                return refuse(self, f"H3 of {one.id}: {why}; {unnamed}")
        if question.handed is not None and HandlingCode.H2 in question.handed.limits.handling and question.clients:
            return refuse(
                self, f"H2 of {question.handed.id}: not passed on, and clients of {question.name} read this channel"
            )
        found = sorted({code for one in question.limiting for code in one.limits.handling})
        return permit(self, f"kept: {', '.join(found)}" if found else "no agreement has handling codes")
