"""Agreements as records: who signed what for how long, what it covers, limits, promises, and whether it is in force."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NewType
from uuid import UUID

from accord.agreements.declarations import DatasetId, Partner, PartnerId
from accord.vocabulary.datasets import LegalBasis, Origin, Purpose, SourceGrade
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.handling import (
    Direction,
    EncryptInTransit,
    HandlingCode,
    MayOrMustNot,
    OnwardSharing,
    Pap,
    PermittedActions,
    ProviderAttribution,
    TransferGround,
)
from accord.vocabulary.markings import Marking

AgreementId = NewType("AgreementId", str)
CommitmentId = NewType("CommitmentId", str)

HUB = "hub"
"""How files and tables name the hub itself among the parties; no partner has this id."""


class CommitmentKind(StrEnum):
    """What a side promises."""

    DATA = "data"
    STAFF = "staff"
    TRAINING = "training"
    TECHNOLOGY = "technology"

    @property
    def unit(self) -> str:
        """What its amount counts."""
        return _UNITS[self]


_UNITS = {
    CommitmentKind.DATA: "deliveries",
    CommitmentKind.STAFF: "staff months",
    CommitmentKind.TRAINING: "training hours",
    CommitmentKind.TECHNOLOGY: "items",
}


class Standing(StrEnum):
    """Where an agreement is in its life at some moment."""

    NOT_YET = "not yet in force"
    IN_FORCE = "in force"
    BETWEEN = "between two terms"
    EXPIRED = "expired"
    ENDED = "ended early"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredDataset:
    """A data set as agreements name it: all of its declaration that is not about reading files."""

    id: DatasetId
    title: str
    partner: PartnerId
    origin: Origin
    legal_basis: LegalBasis
    marking: Marking
    grade: SourceGrade
    retention: str
    personal: bool
    name_partner: bool
    share_with: tuple[PartnerId, ...] | None
    """None: whoever the marking permits. Sorted."""
    upstream: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """A person who signed for a party."""

    party: PartnerId | None
    """None: the hub."""
    name: str
    capacity: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One signed term, the first or a renewal; whole days in UTC, both ends included."""

    signed: date
    document: str
    """SHA-256 of what was signed, in hex."""
    starts: date
    ends: date | None
    """None: until it is ended."""

    def __post_init__(self) -> None:
        """Raise ValueError for a term that ends before it starts."""
        if self.ends is not None and self.ends < self.starts:
            raise ValueError(f"a term from {self.starts} to {self.ends}")

    def covers(self, at: datetime) -> bool:
        """Is this instant within the term?"""
        day = at.astimezone(UTC).date()
        return self.starts <= day and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Iep:
    """FIRST Information Exchange Policy 2.0; None: it says nothing on this."""

    iep_id: UUID | None
    description: str | None
    start_date: date | None
    end_date: date | None
    encrypt_in_transit: EncryptInTransit | None
    permitted_actions: PermittedActions | None
    affected_party_notifications: MayOrMustNot | None
    tlp: Marking | None
    """Never amber+strict, which IEP 2.0 cannot say."""
    provider_attribution: ProviderAttribution | None
    unmodified_resale: MayOrMustNot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How data under an agreement is handled."""

    marking: Marking
    """The strictest marking that data under the agreement may have."""
    pap: Pap | None
    iep: Iep | None
    handling: tuple[HandlingCode, ...]
    handling_text: str | None
    """The limits in words that H3 stands for."""
    retention: str | None
    """ISO 8601 duration; None: each data set's own."""
    onward_sharing: OnwardSharing
    transfers: tuple[TransferGround, ...]
    """Grounds on which personal data may leave the hub's legal area; empty: it may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What one side promised, in the unit of its kind."""

    id: CommitmentId
    party: PartnerId | None
    """None: the hub."""
    kind: CommitmentKind
    what: str
    amount: Decimal
    dataset: DatasetId | None
    due: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """What was delivered against a commitment on a day; below zero it corrects an earlier entry."""

    commitment: CommitmentId
    day: date
    amount: Decimal
    note: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """That an agreement was ended before its term."""

    at: datetime
    """From this instant on it is not in force."""
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a hub and partners signed. Renewals are further terms on the same conditions; other conditions are another
    agreement, which names this one as its predecessor."""

    id: AgreementId
    title: str
    predecessor: AgreementId | None
    signatories: tuple[Signatory, ...]
    terms: tuple[Term, ...]
    """At least one, the earliest first."""
    purposes: tuple[Purpose, ...]
    data_in: tuple[DatasetId, ...]
    data_out: tuple[DatasetId, ...]
    limits: Limits
    commitments: tuple[Commitment, ...]
    ended: Ending | None

    @property
    def partners(self) -> frozenset[PartnerId]:
        """The partners for which somebody signed."""
        return frozenset(one.party for one in self.signatories if one.party is not None)

    def datasets(self, direction: Direction) -> tuple[DatasetId, ...]:
        """The data sets that it covers in one direction."""
        return self.data_in if direction is Direction.IN else self.data_out

    def standing(self, at: datetime) -> Standing:
        """Where it is in its life at an instant."""
        if self.ended is not None and at >= self.ended.at:
            return Standing.ENDED
        if any(term.covers(at) for term in self.terms):
            return Standing.IN_FORCE
        day = at.astimezone(UTC).date()
        if day < self.terms[0].starts:
            return Standing.NOT_YET
        return Standing.BETWEEN if any(day < term.starts for term in self.terms) else Standing.EXPIRED

    def standing_told(self, at: datetime) -> str:
        """The same in words that follow its name: of one that was ended early when it was, else as of that instant."""
        if self.ended is not None and at >= self.ended.at:
            return f"was {Standing.ENDED} on {self.ended.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"is {self.standing(at)} on {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def begins_after(self, at: datetime) -> date | None:
        """The first day of its next term; None: there is none."""
        day = at.astimezone(UTC).date()
        return next((term.starts for term in self.terms if day < term.starts), None)

    def refusal(self, dataset: DatasetId, direction: Direction, purpose: Purpose | None, at: datetime) -> str | None:
        """Why it does not let a data set pass in this direction, for this purpose (None: any), now; None: it does."""
        if dataset not in self.datasets(direction):
            return f"it does not cover {dataset} in direction '{direction}'"
        if self.standing(at) is not Standing.IN_FORCE:
            return f"it {self.standing_told(at)}"
        if purpose is not None and purpose not in self.purposes:
            return f"it is not for {purpose}, but for {', '.join(self.purposes)}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What a hub has signed: partners, data sets, agreements by their ids."""

    partners: Mapping[PartnerId, Partner]
    datasets: Mapping[DatasetId, RegisteredDataset]
    agreements: Mapping[AgreementId, Agreement]

    def partner(self, name: str, where: str) -> PartnerId:
        """A partner's id as somebody has named it; `where`, for the error. Raises SettingsError."""
        found = next((one for one in self.partners if one == name), None)
        if found is not None:
            return found
        raise SettingsError(
            "There is no such partner.",
            where=where,
            expected="one of " + (", ".join(sorted(self.partners)) or "none: no partner is recorded yet"),
            got=name,
            remedy="`accord partner list` lists them; `accord partner add` and `accord partner apply` record one",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why an agreement cannot stand: the key, what was expected there, what was found."""

    key: str
    expected: str
    got: str | None
    what: str | None = None
    """Where more can be said than that the key is wrong."""
    remedy: str | None = None


def covering(
    agreements: Iterable[Agreement], dataset: DatasetId, direction: Direction, purpose: Purpose | None, at: datetime
) -> tuple[Agreement, ...]:
    """The agreements under which a data set may pass, by id; empty: none, and so it may not."""
    found = [one for one in agreements if one.refusal(dataset, direction, purpose, at) is None]
    return tuple(sorted(found, key=lambda one: one.id))


def find_fault(agreement: Agreement, register: Register) -> Fault | None:
    """The first thing about an agreement that cannot be, among the others of the register; None: it can stand."""
    checks = (_parties, _terms, _predecessor, _purposes, _covered, _handling, _promises, _ending)
    return next((fault for check in checks if (fault := check(agreement, register)) is not None), None)


def _parties(agreement: Agreement, register: Register) -> Fault | None:
    for one in agreement.signatories:
        if one.party is not None and one.party not in register.partners:
            return Fault(key="signatory", expected=f"'{HUB}' or the id of a partner", got=one.party)
    signed = {one.party for one in agreement.signatories}
    if None not in signed or len(signed) < 2:
        expected = f"somebody who signed for the hub (party = '{HUB}') and somebody for a partner"
        return Fault(key="signatory", expected=expected, got=", ".join(sorted(one or HUB for one in signed)) or None)
    return None


def _terms(agreement: Agreement, _register: Register) -> Fault | None:
    for before, after in zip(agreement.terms, agreement.terms[1:], strict=False):
        if before.ends is None:
            return Fault(
                key="renewal",
                what="The agreement holds on: its last term has no end, and needs no renewal.",
                expected="a term that has an end, to be renewed",
                got=f"a term from {before.starts} without an end, and one from {after.starts}",
                remedy="end it by `accord agreement end`, and record what is signed after it as another agreement, "
                "with this one as its `predecessor`",
            )
        if after.starts <= before.ends:
            return Fault(
                key="renewal",
                what="A term begins after the one before it has ended.",
                expected=f"a renewal that begins after {before.ends}",
                got=f"from {after.starts} to {after.ends or 'no end'}",
            )
    return None


def _predecessor(agreement: Agreement, register: Register) -> Fault | None:
    seen = {agreement.id}
    older = agreement.predecessor
    while older is not None:
        if older in seen:
            return Fault(key="predecessor", expected="an agreement that does not follow this one", got=older)
        if older not in register.agreements:
            known = ", ".join(sorted(register.agreements)) or "there is none"
            return Fault(key="predecessor", expected=f"the id of an agreement ({known})", got=older)
        seen.add(older)
        older = register.agreements[older].predecessor
    if agreement.predecessor is not None:
        first = register.agreements[agreement.predecessor].terms[0].starts
        if agreement.terms[0].starts < first:
            got = f"{agreement.predecessor}, from {first}"
            return Fault(key="predecessor", expected="an agreement that began no later than this one", got=got)
    return None


def _purposes(agreement: Agreement, _register: Register) -> Fault | None:
    if agreement.purposes:
        return None
    return Fault(key="purposes", expected="at least one of " + ", ".join(Purpose), got=None)


def _covered(agreement: Agreement, register: Register) -> Fault | None:
    for direction in Direction:
        for name in agreement.datasets(direction):
            dataset = register.datasets.get(name)
            if dataset is None:
                known = ", ".join(sorted(register.datasets)) or "there is none"
                return Fault(key=direction.value, expected=f"ids of data sets ({known})", got=name)
            if direction is Direction.IN and dataset.partner not in agreement.partners:
                expected = f"data sets of partners that signed ({', '.join(sorted(agreement.partners))})"
                return Fault(key=direction.value, expected=expected, got=f"{name}, of {dataset.partner}")
            if dataset.marking.code > agreement.limits.marking.code:
                expected = f"data sets marked {agreement.limits.marking} or wider, as limits.marking says"
                return Fault(key=direction.value, expected=expected, got=f"{name}, marked {dataset.marking}")
    return None


def _handling(agreement: Agreement, _register: Register) -> Fault | None:
    limits = agreement.limits
    if (HandlingCode.H3 in limits.handling) == (limits.handling_text is not None):
        return None
    expected = "the other limits in words exactly when handling lists H3"
    return Fault(key="limits.handling_text", expected=expected, got=limits.handling_text)


def _promises(agreement: Agreement, _register: Register) -> Fault | None:
    names = [one.id for one in agreement.commitments]
    for one in agreement.commitments:
        if names.count(one.id) > 1:
            return Fault(key="commitment", expected="each id once", got=one.id)
        if one.party is not None and one.party not in agreement.partners:
            expected = f"'{HUB}' or a partner that signed ({', '.join(sorted(agreement.partners))})"
            return Fault(key="commitment", expected=expected, got=f"{one.id}, of {one.party}")
        if one.dataset is not None and one.dataset not in {*agreement.data_in, *agreement.data_out}:
            return Fault(key="commitment", expected="a data set that it covers", got=f"{one.id}, of {one.dataset}")
    return None


def _ending(agreement: Agreement, _register: Register) -> Fault | None:
    if agreement.ended is None:
        return None
    first, last = agreement.terms[0].starts, agreement.terms[-1]
    if agreement.ended.at < _midnight(first) or (
        last.ends is not None and agreement.ended.at >= _midnight(last.ends + timedelta(days=1))
    ):
        expected = f"a moment within its terms, from {first} to {last.ends or 'no end'}"
        return Fault(key="ended", expected=expected, got=agreement.ended.at.isoformat())
    if _midnight(last.starts) > agreement.ended.at:
        expected = "no renewal from a day after it was ended: make an agreement that names this one as predecessor"
        return Fault(key="renewal", expected=expected, got=f"from {last.starts}")
    return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
