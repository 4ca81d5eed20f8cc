"""What a visitor is told: the grades of an answer, and how a sighting and a network lead to one."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from accord.check.networks import NetworkKind
from accord.reports.words import Message, say


class Verdict(IntEnum):
    """The closed list of answers. What cannot be told has a reason each, as another remedy helps."""

    DAY = 0
    WEEK = 1
    MONTH = 2
    SHARED = 3
    NOT_SEEN = 4
    HOSTING = 5
    CARRIER_NAT = 6
    INSIDE = 7
    STALE = 8
    EMPTY = 9


LAST_TOLD: Final = Verdict.SHARED
"""Up to here an answer says when, and which families."""
LAST_TELLABLE: Final = Verdict.NOT_SEEN
"""Up to here it could be told whether an address was seen."""

DAY, WEEK, MONTH = 1, 7, 31
"""Days that an age may have at most."""

NEVER: Final = MONTH + 1
"""The age of what was not seen, or longer ago than is told of."""


def _by_age(age: int) -> Verdict:
    if age > MONTH:
        return Verdict.NOT_SEEN
    return Verdict.DAY if age <= DAY else Verdict.WEEK if age <= WEEK else Verdict.MONTH


VERDICTS: dict[NetworkKind, tuple[Verdict, ...]] = {
    NetworkKind.ORDINARY: tuple(_by_age(age) for age in range(NEVER + 1)),
    NetworkKind.SHARED: (*(Verdict.SHARED,) * NEVER, Verdict.NOT_SEEN),
    # nobody learns there what others who have the same address did
    NetworkKind.HOSTING: (Verdict.HOSTING,) * (NEVER + 1),
    # lists of relays hold whole data centres, so that nobody is told which of both it is
    NetworkKind.VPN: (Verdict.HOSTING,) * (NEVER + 1),
    NetworkKind.CARRIER_NAT: (Verdict.CARRIER_NAT,) * (NEVER + 1),
}
"""By kind of network, then by age in days up to NEVER."""

STALE_VERDICTS: dict[NetworkKind, tuple[Verdict, ...]] = {
    kind: tuple(Verdict.STALE if one is Verdict.NOT_SEEN else one for one in each) for kind, each in VERDICTS.items()
}
"""As VERDICTS, from data that is out of date: what was seen is told, and that something was not seen is not."""

EMPTY_VERDICTS: dict[NetworkKind, tuple[Verdict, ...]] = {
    kind: tuple(Verdict.EMPTY if one is Verdict.NOT_SEEN else one for one in each) for kind, each in VERDICTS.items()
}
"""As VERDICTS, from data that tells nothing of anybody: nobody is let believe that they were not seen."""

INSIDE: Final = (Verdict.INSIDE,) * (NEVER + 1)
"""Where the visitor's own address was not seen at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a verdict is said, and how programs read it."""

    grade: str
    reason: str | None
    title: Message
    text: Message


_ASK_WITHOUT = say(
    "The answer is about the connection, and many people use this one. Turn off a VPN or relay, or ask again from "
    "your own connection at home."
)
_SEEN = say(
    "Most likely it is a device in your home or office: a computer, a telephone, a router or a camera. Which one is "
    "not known. Addresses change hands: if yours is new, it may have been a device of whoever had it before."
)

WORDINGS: dict[Verdict, Wording] = {
    Verdict.DAY: Wording(
        grade="day",
        reason=None,
        title=say("An infected device used your address within the last day"),
        text=_SEEN,
    ),
    Verdict.WEEK: Wording(
        grade="week",
        reason=None,
        title=say("An infected device used your address within the last week"),
        text=_SEEN,
    ),
    Verdict.MONTH: Wording(
        grade="month",
        reason=None,
        title=say("An infected device used your address within the last month"),
        text=_SEEN,
    ),
    Verdict.SHARED: Wording(
        grade="shared",
        reason=None,
        title=say("An infected device used this address, which many people share"),
        text=say(
            "It may be yours or somebody else’s: everybody in the same network comes from this address. Look at the "
            "devices that you use there, and tell whoever runs the network."
        ),
    ),
    Verdict.NOT_SEEN: Wording(
        grade="not-seen",
        reason=None,
        title=say("Your address was not seen within the last month"),
        text=say(
            "This does not mean that your devices are clean. Only a part of all infections comes to our knowledge, "
            "and addresses change. If something is strange, do what is said below."
        ),
    ),
    Verdict.HOSTING: Wording(
        grade="cannot-tell",
        reason="hosting-or-vpn",
        title=say("It cannot be told: this address belongs to a data centre, a VPN or another relay"),
        text=_ASK_WITHOUT,
    ),
    Verdict.CARRIER_NAT: Wording(
        grade="cannot-tell",
        reason="carrier-nat",
        title=say("It cannot be told: many customers of your provider share this address"),
        text=say(
            "What was seen at it may be anybody’s. Ask again from another connection of yours, by Wi-Fi instead of "
            "the mobile network, or by your IPv6 address if you have one. Your provider knows more, and may write "
            "to you."
        ),
    ),
    Verdict.INSIDE: Wording(
        grade="cannot-tell",
        reason="no-public-address",
        title=say("It cannot be told: your public address does not reach us"),
        text=say("Something between you and this page hides it. Ask again from another connection."),
    ),
    Verdict.EMPTY: Wording(
        grade="cannot-tell",
        reason="nothing-published",
        title=say("It cannot be told: at present nothing is published that could be looked up"),
        text=say("Ask again in a few days. If something is strange, do what is said below."),
    ),
    Verdict.STALE: Wording(
        grade="cannot-tell",
        reason="out-of-date",
        title=say("It cannot be told: what we know is out of date"),
        text=say(
            "Your address was not seen up to the day that stands at the end of this page. What happened since is not "
            "known here. Ask again in a few days."
        ),
    ),
}
