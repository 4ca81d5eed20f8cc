"""Situations in short form, as cases write them, made into what the rules are asked.

`{partners, legal_area, agreements, object, audience, purpose, at}`: see tests/cases/release/situation.yaml, which shows
every key. One data set is judged at a time, and its agreements say `in: true` and `out: true`.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from accord.agreements.agreement import (
    Agreement,
    AgreementId,
    Ending,
    Iep,
    Limits,
    Register,
    RegisteredDataset,
    Signatory,
    Term,
)
from accord.agreements.declarations import DatasetId, Partner, PartnerId, PartnerKind
from accord.agreements.networks import Network
from accord.operations.declaration import Recipient
from accord.release.question import Audience, Embargo, Item, Release
from accord.release.reviews import Answer, Decision, let_go, lets_go
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import LegalBasis, Origin, Purpose, SourceGrade
from accord.vocabulary.handling import (
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

Told = Mapping[str, Any]

DATASET = DatasetId("sinkhole")
_IEP = {
    "start_date": lambda value: value,
    "end_date": lambda value: value,
    "encrypt_in_transit": EncryptInTransit,
    "permitted_actions": PermittedActions,
    "affected_party_notifications": MayOrMustNot,
    "tlp": Marking,
    "provider_attribution": ProviderAttribution,
    "unmodified_resale": MayOrMustNot,
}


def register_of(told: Told) -> Register:
    """Partners, the data set and the agreements of a situation."""
    return Register(
        partners=partners_of(told),
        datasets={DATASET: dataset_of(told["object"])},
        agreements={AgreementId(name): agreement_of(name, one) for name, one in told["agreements"].items()},
    )


def partners_of(told: Told) -> dict[PartnerId, Partner]:
    return {
        PartnerId(name): Partner(
            id=PartnerId(name),
            name=one["name"],
            kind=PartnerKind(one["kind"]),
            country=one["country"],
            networks=tuple(map(Network, one.get("networks", []))),
        )
        for name, one in told["partners"].items()
    }


def dataset_of(told: Told) -> RegisteredDataset:
    shared = told["share_with"]
    return RegisteredDataset(
        id=DATASET,
        title="Infected machines",
        partner=PartnerId(told["provider"]),
        origin=Origin.SINKHOLE,
        legal_basis=LegalBasis.LEGITIMATE_INTEREST,
        marking=Marking.CLEAR,
        grade=SourceGrade.B,
        retention="P1Y",
        personal=False,
        name_partner=told["name_partner"],
        share_with=None if shared is None else tuple(sorted(PartnerId(one) for one in shared)),
        upstream=None,
    )


def agreement_of(name: str, told: Told) -> Agreement:
    iep = told["iep"]
    return Agreement(
        id=AgreementId(name),
        title=name,
        predecessor=None if told["follows"] is None else AgreementId(told["follows"]),
        signatories=(
            Signatory(party=None, name="A. Director", capacity=None),
            *(Signatory(party=PartnerId(one), name="B. Chief", capacity=None) for one in told["with"]),
        ),
        terms=tuple(Term(signed=date(2020, 1, 1), document="0" * 64, starts=a, ends=b) for a, b in told["terms"]),
        purposes=tuple(Purpose(one) for one in told["purposes"]),
        data_in=(DATASET,) if told["in"] else (),
        data_out=(DATASET,) if told["out"] else (),
        limits=Limits(
            marking=Marking(told["marking"]),
            pap=None if told["pap"] is None else Pap(told["pap"]),
            iep=None if iep is None else iep_of(iep),
            handling=tuple(HandlingCode(one) for one in told["handling"]),
            handling_text=told["handling_text"],
            retention=None,
            onward_sharing=OnwardSharing(told["onward"]),
            transfers=tuple(TransferGround(one) for one in told["transfers"]),
        ),
        commitments=(),
        ended=None if told["ended"] is None else Ending(at=told["ended"], reason="notice", recorded_at=told["ended"]),
    )


def iep_of(told: Told) -> Iep:
    assert set(told) <= set(_IEP), told
    said = {name: None if told.get(name) is None else read(told[name]) for name, read in _IEP.items()}
    return Iep(iep_id=None, description=None, **said)


def decisions_of(told: Told, finding: str) -> list[Decision]:
    """What analysts decided of the object of a situation."""
    return [
        Decision(
            number=number,
            at=datetime(2026, 1, 1, tzinfo=UTC),
            finding=finding,
            answer=Answer(one["answer"]),
            lists=tuple(sorted(f"{name} ({number})" for name in one["lists"])),
            person="A. Analyst",
            justification="looked at",
            until=one["until"],
        )
        for number, one in enumerate(told["decisions"], 1)
    ]


def item_of(told: Told, at: datetime) -> Item:
    """The policy class of the object of a situation at a moment."""
    released = let_go(decisions_of(told, "f"), at.replace(tzinfo=UTC) if at.tzinfo is None else at)
    lists = [f"{name} (20260101)" for name in told["lists"]]
    embargo = told["embargo"]
    return Item(
        dataset=dataset_of(told),
        marking=Marking(told["marking"]),
        came_in=tuple(sorted(AgreementId(one) for one in told["came_in"])),
        personal=told["personal"],
        purposes=None if told["taken_in_for"] is None else frozenset(map(Purpose, told["taken_in_for"])),
        in_review=bool(lists) and not lets_go(released, "f", lists),
        embargo=None
        if embargo is None
        else Embargo(
            operation=embargo["operation"],
            until=embargo["until"],
            recipients=frozenset(PartnerId(one) for one in embargo["recipients"]),
        ),
        networks=tuple(map(Network, told["networks"])),
    )


def audience_of(told: Told, partners: Mapping[PartnerId, Partner]) -> Audience:
    return Audience(
        recipients=tuple(
            Recipient(
                partner=partners[PartnerId(name)],
                country=CountryCode("AT"),
                persons=tuple(one["persons"]),
                languages=(),
                clients=told["clients"],
            )
            for name, one in told["recipients"].items()
        ),
        encrypted=told["encrypted"],
        by_token=told["by_token"],
        each_own=told["each_own"],
    )


def release_of(told: Told, register: Register) -> Release:
    at: datetime = told["at"]
    return Release(
        register=register,
        purpose=None if told["purpose"] is None else Purpose(told["purpose"]),
        at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        legal_area=frozenset(CountryCode(one) for one in told["legal_area"]),
    )
