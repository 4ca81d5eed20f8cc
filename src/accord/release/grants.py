"""Rules about what is agreed: that something is in force which lets the data in and out, and for this purpose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from accord.agreements.agreement import Agreement, Standing
from accord.release.question import Question, Verdict, named, permit, refuse
from accord.vocabulary.datasets import Purpose


@dataclass(frozen=True, slots=True)
class Agreed:
    """Data comes in and goes out under agreements that are in force now, or not at all."""

    number: ClassVar[int] = 3
    title: ClassVar[str] = "Agreements in force"

    def judge(self, question: Question) -> Verdict:
        """One with the provider must still stand, and one that this very reader signed must cover the data set.

        The public signs nothing, nor do the persons concerned: for them the provider's is enough, and other rules ask
        more of that one.
        """
        dataset, at = question.item.dataset.id, question.release.at
        if not question.item.came_in:
            return refuse(self, f"no agreement is known under which data of {dataset} came in")
        standing = [one for one in question.provided if one.standing(at) is Standing.IN_FORCE]
        if not standing:
            if not question.provided:
                return refuse(self, f"none of the agreements under which it came in covers {dataset} any more")
            return refuse(self, f"it came in under {_standings(question.provided, question)}")
        if question.is_public:
            return permit(self, f"it came in under {named(standing)}, and nobody signs for what everybody may have")
        if question.is_concerned:
            return permit(self, f"it came in under {named(standing)}, and nobody signs to be told of their own address")
        if question.reader is None:
            return refuse(self, "nobody is declared to read it, so that nobody has signed for it")
        if question.handed is None:
            return refuse(self, f"no agreement that {question.name} signed lets {dataset} go out")
        if question.handed.standing(at) is not Standing.IN_FORCE:
            return refuse(self, f"it would go to {question.name} under {_standings((question.handed,), question)}")
        return permit(
            self, f"it came in under {named(standing)} and goes to {question.name} under {question.handed.id}"
        )


@dataclass(frozen=True, slots=True)
class ForPurpose:
    """Data is used for what it was handed over for (purpose limitation)."""

    number: ClassVar[int] = 5
    title: ClassVar[str] = "Purpose"

    def judge(self, question: Question) -> Verdict | None:
        """What it was taken in for, and the agreements that let it in and out, must all be for the stated purpose."""
        purpose, bound = question.release.purpose, question.item.purposes
        if purpose is None:
            return refuse(self, "no purpose is stated")
        if bound is not None and purpose not in bound:
            told = ", ".join(one for one in Purpose if one in bound) or "no purpose that all its deliveries share"
            return refuse(self, f"it was taken in for {told}, not for {purpose}")
        if question.is_concerned and purpose is not Purpose.VICTIM_NOTIFICATION:
            return refuse(self, f"{question.name} are told as victims, for {Purpose.VICTIM_NOTIFICATION} alone")
        if question.limiting is None:
            return None
        standing = [one for one in question.provided if one.standing(question.release.at) is Standing.IN_FORCE]
        # that none is in force is rule 3's to refuse: what they are for, those say that hold on
        asked = standing or question.binding
        granting = [one for one in asked if purpose in one.purposes]
        if not granting:
            return refuse(self, f"it came in under {_purposes(asked)}, not for {purpose}")
        if question.handed is None:
            return permit(self, f"{named(granting)} is for {purpose}")
        if purpose not in question.handed.purposes:
            return refuse(
                self, f"it would go to {question.name} under {_purposes([question.handed])}, not for {purpose}"
            )
        return permit(self, f"{named(granting)} and {question.handed.id} are for {purpose}")


def _standings(agreements: tuple[Agreement, ...], question: Question) -> str:
    return ", ".join(f"{one.id}, which {one.standing_told(question.release.at)}" for one in agreements)


def _purposes(agreements: Sequence[Agreement]) -> str:
    return "; ".join(f"{one.id}, which is for {', '.join(one.purposes)}" for one in agreements)
