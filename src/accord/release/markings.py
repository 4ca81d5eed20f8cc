"""Rules about the Traffic Light Protocol: whom a marking reaches, and how strict one an agreement covers.

Source: FIRST, Traffic Light Protocol 2.0. A label is an audience and not only a rank.
"""

from dataclasses import dataclass
from typing import ClassVar

from accord.release.question import Question, Verdict, permit, refuse
from accord.vocabulary.markings import Marking


def outside(marking: Marking, question: Question) -> str | None:
    """Why this reader is outside the audience of a label; None: it is inside."""
    if marking is Marking.CLEAR or (marking is Marking.GREEN and not question.is_public):
        return None
    if question.is_public:
        return f"{marking.label} does not reach the public"
    if question.reader is None:
        return f"{marking.label} needs declared recipients, and there is none"
    if question.is_concerned:
        # amber is for an organisation and its clients where these must know it to protect themselves; nobody does more
        return None if marking is Marking.AMBER else f"{marking.label} does not reach the persons concerned"
    if marking is Marking.RED and question.audience.by_token:
        # of a member nothing is said, so that it is said once of all
        return (
            f"{marking.label} goes into no channel, which reaches whoever holds a member's token: "
            "it goes by package to named persons"
        )
    if marking is Marking.RED and not question.reader.persons:
        return f"{marking.label} reaches named persons only, and {question.name} named none"
    if marking is not Marking.AMBER and question.clients:
        return f"{marking.label} stays within {question.name}, and its clients read this channel"
    return None


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """TLP 2.0 as an audience: red to named persons, amber to declared organisations, green and clear beyond.

    Amber reaches a recipient's clients too, amber+strict and red do not. A channel is read by whoever holds a token of
    the recipient, and tokens name no persons: red goes into none.
    """

    number: ClassVar[int] = 1
    title: ClassVar[str] = "Traffic Light Protocol 2.0"

    def judge(self, question: Question) -> Verdict:
        """Red needs named persons and no channel; amber and amber+strict need a declared recipient."""
        marking = question.item.marking
        why = outside(marking, question)
        if why is not None:
            return refuse(self, why)
        if question.is_public:
            return permit(self, f"{marking.label} may reach everybody")
        if marking in {Marking.CLEAR, Marking.GREEN}:
            return permit(self, f"{marking.label} may reach the community")
        if marking is Marking.RED:
            return permit(self, f"{marking.label} may reach the persons whom {question.name} named")
        return permit(self, f"{marking.label} may reach {question.name}")


@dataclass(frozen=True, slots=True)
class MarkingCovered:
    """An agreement says up to which label it covers data; stricter data is not handed out under it."""

    number: ClassVar[int] = 4
    title: ClassVar[str] = "Strictest marking of the agreements"

    def judge(self, question: Question) -> Verdict | None:
        """The marking may be no stricter than the maximum of any agreement that limits it."""
        if question.limiting is None:
            return None
        marking = question.item.marking
        for one in question.limiting:
            if marking.code > one.limits.marking.code:
                return refuse(
                    self,
                    f"agreement {one.id} covers data up to {one.limits.marking.label}, and this is {marking.label}",
                )
        return permit(self, f"every agreement covers {marking.label}")
