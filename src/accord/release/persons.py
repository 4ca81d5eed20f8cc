"""Rules about personal data: who may get it at all, and when it may leave the hub's legal area.

Sources: Directive (EU) 2016/680, Articles 4, 9 and 35 to 38; Regulation (EU) 2016/679, Article 5.
"""

from dataclasses import dataclass
from typing import ClassVar

from accord.release.question import Question, Verdict, named, permit, refuse
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.handling import TransferGround

NEEDS_NO_PERSONS = frozenset({Purpose.TRAINING, Purpose.RESEARCH})
"""Purposes that are served without personal data: by simulated operations, and by counts."""

INDIVIDUAL_CASES = frozenset({Purpose.PREVENTION, Purpose.INVESTIGATION})
"""The purposes of Directive (EU) 2016/680, Article 1(1), to which Article 38 ties derogations."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Personal data reaches those alone who are declared, and for purposes that need it (data minimisation)."""

    number: ClassVar[int] = 10
    title: ClassVar[str] = "Personal data"

    def judge(self, question: Question) -> Verdict | None:
        """A declared reader, and a purpose that cannot be served without."""
        if question.is_concerned and not question.audience.each_own:
            return refuse(self, f"{question.name} are told by the check alone, each of their own address")
        if not question.item.personal:
            return permit(self, "it is no personal data")
        purpose = question.release.purpose
        if question.reader is None:
            return refuse(self, "it is personal data, and nobody is declared to read it")
        if question.is_public:
            return refuse(self, f"it is personal data, and {question.name} is the public")
        if question.clients:
            return refuse(self, f"it is personal data, and clients of {question.name} are not declared one by one")
        if purpose is None:
            return None
        if purpose in NEEDS_NO_PERSONS:
            return refuse(self, f"it is personal data, and {purpose} can do without")
        if question.is_concerned:
            return permit(self, "each is told what is about their own address, and nothing else")
        return permit(self, f"{purpose} needs the personal data, and {question.name} is declared")


@dataclass(frozen=True, slots=True)
class LegalArea:
    """Personal data leaves the hub's legal area on a ground that both agreements have.

    A derogation is for individual cases of preventing and prosecuting crime. Where the reader sits is what the register
    says of it: an operation file cannot move it inside.
    """

    number: ClassVar[int] = 11
    title: ClassVar[str] = "Legal area"

    def judge(self, question: Question) -> Verdict | None:
        """Inside, nothing more is needed; outside, or where nobody knows, a ground is."""
        if not question.item.personal:
            return permit(self, "it is no personal data")
        if question.reader is None:
            return refuse(self, "nobody knows where a reader sits who is not declared")
        if question.is_public:
            return refuse(self, f"{question.name} sits everywhere")
        if question.is_concerned:
            return permit(self, "who is told of their own address is told what is their own: that is no transfer")
        held = question.release.register.partners.get(question.reader.partner.id)
        country = None if held is None else held.country
        if country is not None and country in question.release.legal_area:
            return permit(self, f"{question.name} sits in {country}, within the hub's legal area")
        if question.limiting is None:
            return None
        where = (
            f"{question.name} sits in {country}" if country is not None else f"nobody says where {question.name} sits"
        )
        without = [one for one in question.limiting if not one.limits.transfers]
        if without:
            return refuse(self, f"{where}, outside the hub's legal area, and no ground for that is in {named(without)}")
        common = set(TransferGround).intersection(*(one.limits.transfers for one in question.limiting))
        if not common:
            return refuse(
                self,
                f"{where}, outside the hub's legal area, and {named(question.limiting)} have no ground "
                "for that in common",
            )
        if common == {TransferGround.DEROGATION} and question.release.purpose not in INDIVIDUAL_CASES:
            return refuse(
                self,
                f"{where}, outside the hub's legal area, and a derogation is not for "
                f"{question.release.purpose or 'no purpose'}",
            )
        ground = next(one for one in TransferGround if one in common)
        return permit(self, f"{where}, outside the hub's legal area; the ground is {ground}")
