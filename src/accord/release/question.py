"""What a release rule is asked: which object of which policy, for whom, for what purpose, at what moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from accord.agreements.agreement import Agreement, AgreementId, Register, RegisteredDataset, Standing
from accord.agreements.declarations import DatasetId, PartnerId, PartnerKind
from accord.agreements.networks import Network
from accord.operations.declaration import Recipient
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.handling import Direction
from accord.vocabulary.markings import Marking

NO_REGISTER = Register(partners={}, datasets={}, agreements={})
"""Nothing is signed: where there is no workspace."""

SIGN_NOTHING = frozenset({PartnerKind.PUBLIC, PartnerKind.CONCERNED})
"""Kinds of partners with whom no agreement can be: one that names them says nothing."""

NOBODY_DECLARED = "a reader who is not declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embargo:
    """Until when an operation is secret, and for whom it is not."""

    operation: str
    until: datetime
    """From this instant on it is no secret any more."""
    recipients: frozenset[PartnerId]
    """The operation's own declared ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A policy class: all that the rules may know of an object. Two objects of one class are released alike."""

    dataset: RegisteredDataset
    marking: Marking
    """The strictest that the object or its data set carries."""
    came_in: tuple[AgreementId, ...]
    """The agreements under which it was taken in, sorted; none: nothing says under which."""
    personal: bool
    in_review: bool
    """It stands on a warning list, and no analyst has let it go."""
    embargo: Embargo | None
    purposes: frozenset[Purpose] | None = None
    """What for it was taken in, as was written down then; None: that was not written down."""
    networks: tuple[Network, ...] = ()
    """In which of the networks that network owners declare it was seen, sorted; none: in none, or nobody has looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The readers of one channel; a rule must hold for each. Nobody declared: whoever may read it."""

    recipients: tuple[Recipient, ...]
    encrypted: bool = False
    """Nobody can read it on its way."""
    by_token: bool = False
    """Whoever holds a recipient's token reads it; a package is opened by whom it is given."""
    each_own: bool = False
    """A reader gets what is about that very person, and nothing else: the public check."""

    @property
    def networks(self) -> tuple[Network, ...]:
        """Whose own networks it is about: where there is one reader, and it is a network owner, its own."""
        only = self.readers[0] if len(self.readers) == 1 else None
        return () if only is None else only.partner.networks

    @property
    def readers(self) -> tuple[Recipient | None, ...]:
        """Each reader; None, where there is no recipient: somebody who is not declared."""
        return self.recipients or (None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is asked of all items and audiences alike."""

    register: Register
    purpose: Purpose | None
    """None: none was stated."""
    at: datetime
    legal_area: frozenset[CountryCode]
    """The countries within which personal data move as at home; the hub's own is one."""

    def __post_init__(self) -> None:
        """Raise ValueError for a moment without its zone."""
        if self.at.tzinfo is None:
            raise ValueError("a moment needs its zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One item for one reader, under one agreement: what a rule answers."""

    item: Item
    reader: Recipient | None
    """None: somebody who is not declared."""
    audience: Audience
    """The channel that brings it to the reader."""
    release: Release
    provided: tuple[Agreement, ...]
    """The agreements under which it came in, and those that follow them, as far as its provider signed them and they
    cover its data set in direction 'in'."""
    binding: tuple[Agreement, ...]
    """Those of `provided` whose limits hold: `binding`."""
    handed: Agreement | None
    """The agreement that the reader signed, under which it would be handed out; None: there is none."""

    @property
    def name(self) -> str:
        """The reader, in words."""
        return NOBODY_DECLARED if self.reader is None else self.reader.partner.name

    @property
    def clients(self) -> bool:
        """Do the reader's clients read it too?"""
        return self.reader is not None and self.reader.clients

    @property
    def is_public(self) -> bool:
        """Is the reader everybody? The public signs nothing."""
        return self.reader is not None and self.reader.partner.kind is PartnerKind.PUBLIC

    @property
    def is_concerned(self) -> bool:
        """Is the reader whoever the sightings are about? They sign nothing."""
        return self.reader is not None and self.reader.partner.kind is PartnerKind.CONCERNED

    @property
    def is_network_owner(self) -> bool:
        """Does the reader answer for networks, and for nothing else?"""
        return self.reader is not None and self.reader.partner.kind is PartnerKind.NETWORK_OWNER

    @property
    def limiting(self) -> tuple[Agreement, ...] | None:
        """Every agreement whose limits hold: the provider's and the reader's. None: one of the two sides has none.

        The public and the persons concerned have no side of their own: the provider's hold.
        """
        if self.is_public or self.is_concerned:
            return self.binding or None
        if self.handed is None or not self.binding:
            return None
        return (*self.binding, self.handed)

    @property
    def has_leave(self) -> bool:
        """The provider names the reader among those with whom its data set is shared, or is the reader itself."""
        if self.reader is None:
            return False
        held = self.item.dataset
        return self.reader.partner.id == held.partner or self.reader.partner.id in (held.share_with or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """When a delivery of a data set was received, and under what."""

    dataset: DatasetId
    at: datetime
    under: tuple[AgreementId, ...] | None
    """The agreements that let it in, as was written down then; None: an older Accord did not write it down."""
    purposes: frozenset[Purpose] | None = None
    """What for: the purpose that was stated, else those of the agreements at that moment; None as above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says, and why, in words."""

    rule: int
    permitted: bool
    reason: str


class Rule(Protocol):
    """One release rule."""

    number: ClassVar[int]
    """Its own for ever: it stands in accounts of past decisions."""
    title: ClassVar[str]

    def judge(self, question: Question) -> Verdict | None:
        """May the reader get it? None: the rule finds nothing to answer from, which refuses."""


def permit(rule: Rule, reason: str) -> Verdict:
    """A verdict that permits."""
    return Verdict(rule=rule.number, permitted=True, reason=reason)


def refuse(rule: Rule, reason: str) -> Verdict:
    """A verdict that refuses."""
    return Verdict(rule=rule.number, permitted=False, reason=reason)


def provided(item: Item, register: Register) -> tuple[Agreement, ...]:
    """See `Question.provided`; by id."""
    found = []
    for one in register.agreements.values():
        if item.dataset.partner in one.partners and item.dataset.id in one.datasets(Direction.IN):
            older: AgreementId | None = one.id
            seen: set[AgreementId] = set()
            while older is not None and older not in item.came_in and older not in seen:
                seen.add(older)
                before = register.agreements.get(older)
                older = None if before is None else before.predecessor
            if older in item.came_in:
                found.append(one)
    return tuple(sorted(found, key=lambda one: one.id))


def binding(came: Sequence[Agreement], item: Item, release: Release) -> tuple[Agreement, ...]:
    """Those of `provided` that are for the purpose and either are in force, or are the ones under which it came in.

    What was promised when it came in is kept when the agreement has run out. None is for the purpose: as if all were.
    """
    holding = tuple(one for one in came if one.id in item.came_in or one.standing(release.at) is Standing.IN_FORCE)
    return tuple(one for one in holding if release.purpose in one.purposes) or holding


def offered(dataset: DatasetId, reader: Recipient | None, register: Register) -> tuple[Agreement, ...]:
    """The agreements that this very reader signed and that cover the data set in direction 'out', by id."""
    if reader is None or reader.partner.kind in SIGN_NOTHING:
        return ()
    found = (
        one
        for one in register.agreements.values()
        if reader.partner.id in one.partners and dataset in one.datasets(Direction.OUT)
    )
    return tuple(sorted(found, key=lambda one: one.id))


def taken_in_under(register: Register, dataset: DatasetId, at: datetime) -> tuple[AgreementId, ...]:
    """The agreements under which a delivery that was received at a moment came in: in force then, for any purpose."""
    held = register.datasets.get(dataset)
    if held is None:
        return ()
    return tuple(
        sorted(
            one.id
            for one in register.agreements.values()
            if held.partner in one.partners and one.refusal(dataset, Direction.IN, None, at) is None
        )
    )


def named(agreements: Iterable[Agreement]) -> str:
    """Agreements in words, by their ids."""
    return ", ".join(one.id for one in agreements)
