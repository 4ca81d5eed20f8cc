"""Rules about what has to wait: for an analyst's decision, and for the end of an embargo."""

from dataclasses import dataclass
from datetime import UTC
from typing import ClassVar

from accord.release.question import Question, Verdict, permit, refuse


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What stands on a warning list leaves when a person has decided that it may."""

    number: ClassVar[int] = 12
    title: ClassVar[str] = "Review of warning lists"

    def judge(self, question: Question) -> Verdict:
        """It is on no such list, or an analyst has let it go."""
        if question.item.in_review:
            return refuse(self, "it stands on a warning list, and no analyst has let it go")
        return permit(self, "it waits for no analyst")


@dataclass(frozen=True, slots=True)
class Embargoed:
    """While an operation is secret, what belongs to it reaches its own recipients alone."""

    number: ClassVar[int] = 13
    title: ClassVar[str] = "Embargo"

    def judge(self, question: Question) -> Verdict:
        """The embargo is over, or the reader is one of the operation's own."""
        embargo = question.item.embargo
        if embargo is None:
            return permit(self, "it is under no embargo")
        until = f"{embargo.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if question.release.at >= embargo.until:
            return permit(self, f"the embargo of {embargo.operation} ended on {until}")
        secret = f"{embargo.operation} is secret until {until}"
        if question.reader is None or question.reader.partner.id not in embargo.recipients:
            return refuse(self, f"{secret}, and {question.name} is no recipient of it")
        if question.is_public:
            return refuse(self, f"{secret}, and {question.name} is the public")
        if question.is_concerned:
            return refuse(self, f"{secret}, and whoever is told of their own address would learn of it")
        if question.clients:
            return refuse(self, f"{secret}, and clients of {question.name} read this channel")
        return permit(self, f"{secret}, and {question.name} is a recipient of it")
