"""Rules about passing data on: with whom a partner shares its data set, and whether its agreement lets the hub do so.

For the partner that handed data over, the hub's handing it to somebody else is onward sharing.
"""

from dataclasses import dataclass
from typing import ClassVar

from accord.release.question import Question, Verdict, named, permit, refuse
from accord.vocabulary.handling import OnwardSharing


@dataclass(frozen=True, slots=True)
class SharedWith:
    """A partner may say with whom its data set is shared; then nobody else gets it."""

    number: ClassVar[int] = 2
    title: ClassVar[str] = "Onward sharing: the data set's list"

    def judge(self, question: Question) -> Verdict:
        """The reader must be on the data set's list, where there is one."""
        shared = question.item.dataset.share_with
        if shared is None:
            return permit(self, "the data set has no list of recipients")
        if question.reader is None or question.reader.partner.id not in shared:
            return refuse(self, f"the data set is not shared with {question.name}")
        return permit(self, f"the data set is shared with {question.name}")


@dataclass(frozen=True, slots=True)
class PassedOn:
    """What the agreements say of passing on: the provider's of the hub's doing so, the reader's of its own."""

    number: ClassVar[int] = 9
    title: ClassVar[str] = "Onward sharing: the agreements"

    def judge(self, question: Question) -> Verdict | None:
        """With consent means that the data set's list names the reader; clients need that passing on is permitted."""
        if question.limiting is None or question.reader is None:
            return None
        if question.clients:
            short = [one for one in question.limiting if one.limits.onward_sharing is not OnwardSharing.PERMITTED]
            if short:
                return refuse(
                    self,
                    f"clients of {question.name} read this channel, and {named(short)} does not permit "
                    "that it is passed on to them",
                )
        if question.reader.partner.id == question.item.dataset.partner:
            return permit(self, f"{question.name} itself provided it")
        for one in question.binding:
            if one.limits.onward_sharing is OnwardSharing.FORBIDDEN:
                return refuse(self, f"it came in under {one.id}, which forbids to pass it on")
            if one.limits.onward_sharing is OnwardSharing.WITH_CONSENT and not question.has_leave:
                return refuse(
                    self,
                    f"it came in under {one.id}, which lets it be passed on with consent, and the data "
                    f"set's list does not name {question.name}",
                )
        if any(one.limits.onward_sharing is OnwardSharing.WITH_CONSENT for one in question.binding):
            return permit(self, f"the provider's consent: its data set's list names {question.name}")
        return permit(self, f"{named(question.binding)} permits to pass it on")
