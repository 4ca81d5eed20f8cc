"""The rule about network owners: who answers for networks is told what was seen there, and nothing else."""

from dataclasses import dataclass
from typing import ClassVar

from accord.release.question import Question, Verdict, permit, refuse


@dataclass(frozen=True, slots=True)
class OwnNetworks:
    """A network owner gets what is in networks that it declares as its own: only it knows who is behind an address."""

    number: ClassVar[int] = 14
    title: ClassVar[str] = "Own networks"

    def judge(self, question: Question) -> Verdict:
        """All networks in which it was seen must be declared by the reader, as the register says by then.

        Nobody else is asked.
        """
        reader = question.reader
        if reader is None or not question.is_network_owner:
            return permit(self, f"{question.name} is no network owner")
        if not question.item.networks:
            return refuse(self, f"it was seen in no network of {question.name}")
        standing = question.release.register.partners.get(reader.partner.id, reader.partner).networks
        others = [one for one in question.item.networks if one not in standing]
        if others:
            return refuse(
                self, f"it was seen in {', '.join(others)}, which {question.name} does not declare as its own"
            )
        return permit(self, f"it was seen in networks of {question.name}")
