"""Partners, data sets and agreements as a TOML file declares them: read as a whole, every mistake named."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from accord.agreements.agreement import (
    HUB,
    Agreement,
    AgreementId,
    Commitment,
    CommitmentId,
    CommitmentKind,
    Iep,
    Limits,
    Register,
    RegisteredDataset,
    Signatory,
    Term,
    find_fault,
)
from accord.agreements.declarations import DatasetId, Partner, PartnerId, read_duration, read_label, read_partner
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
from accord.vocabulary.markings import Marking, read_marking
from accord.workspace.settings import TABLES, SettingsTable, known, unique

_Name = TypeVar("_Name", bound=str)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OTHERS = (*TABLES, "root", "operation", "recipient", "report")
"""What a workspace's settings or an operation file may hold besides."""
_ABOUT_FILES = ("format", "paths", "collected_at", "role", "family", "csv", "rule")
"""Keys of a data set that are about reading files."""


def read_register(table: SettingsTable, standing: Register) -> Register:
    """What a file declares, and it alone; it may refer to what stands already. Raises SettingsError.

    The file may be a workspace's settings, or hold only `[[partner]]`, `[[dataset]]` and `[[agreement]]`.
    """
    table.pass_over(*_OTHERS)
    named = [(one, _read_partner(one)) for one in table.tables("partner")]
    unique([(one, partner.id) for one, partner in named], "id")
    partners = {partner.id: partner for _, partner in named}
    all_partners = {**standing.partners, **partners}
    held = [(one, read_registered(one, all_partners)) for one in table.tables("dataset")]
    unique([(one, dataset.id) for one, dataset in held], "id")
    datasets = {dataset.id: dataset for _, dataset in held}
    tables = {}
    agreements: dict[AgreementId, Agreement] = {}
    rows = [(one, read_agreement(one)) for one in table.tables("agreement")]
    unique([(one, agreement.id) for one, agreement in rows], "id")
    for one, agreement in rows:
        # how it was ended is said by a command, and stays
        before = standing.agreements.get(agreement.id)
        agreements[agreement.id] = with_ending(agreement, before)
        tables[agreement.id] = one
    table.done()
    declared = Register(partners=partners, datasets=datasets, agreements=agreements)
    whole = merged(standing, declared)
    for name, agreement in agreements.items():
        fault = find_fault(agreement, whole)
        if fault is not None:
            raise tables[name].wrong(fault.key, fault.expected, fault.got, fault.remedy, fault.what)
        older = standing.agreements.get(name)
        if older is not None and len(older.terms) > len(agreement.terms):
            raise tables[name].wrong(
                "renewal",
                f"{len(older.terms) - 1} or more: what was renewed stays renewed",
                str(len(agreement.terms) - 1),
                "take over the renewals that `accord agreement show` shows",
            )
    return declared


def merged(standing: Register, declared: Register) -> Register:
    """What stands once what is declared has been taken over."""
    return Register(
        partners={**standing.partners, **declared.partners},
        datasets={**standing.datasets, **declared.datasets},
        agreements={**standing.agreements, **declared.agreements},
    )


def with_ending(agreement: Agreement, before: Agreement | None) -> Agreement:
    """The agreement, ended as it was before."""
    return agreement if before is None else replace(agreement, ended=before.ended)


def _read_partner(table: SettingsTable) -> Partner:
    partner = read_partner(table)
    if partner.id == HUB:
        raise table.wrong("id", f"an id other than '{HUB}', by which agreements name the hub itself", partner.id)
    return partner


def read_registered(table: SettingsTable, partners: Mapping[PartnerId, Partner]) -> RegisteredDataset:
    """Read one `[[dataset]]`; what it says about reading files is passed over."""
    table.pass_over(*_ABOUT_FILES)
    dataset = RegisteredDataset(
        id=DatasetId(table.identifier("id")),
        title=table.title("title"),
        partner=known(table, "partner", table.text("partner"), partners, "partner"),
        origin=table.choice("origin", Origin),
        legal_basis=table.choice("legal_basis", LegalBasis),
        marking=read_label(table),
        grade=table.choice("grade", SourceGrade),
        retention=read_duration(table),
        personal=table.flag("personal_data"),
        name_partner=table.flag("name_partner", default=False),
        share_with=tuple(
            sorted({known(table, "share_with", one, partners, "partner") for one in table.texts("share_with")})
        )
        if table.offers("share_with")
        else None,
        upstream=table.optional_text("upstream"),
    )
    table.done()
    return dataset


def read_agreement(table: SettingsTable) -> Agreement:
    """Read one `[[agreement]]`; whether it can stand among the others is not looked at."""
    name = AgreementId(table.identifier("id"))
    agreement = Agreement(
        id=name,
        title=table.title("title"),
        predecessor=AgreementId(table.identifier("predecessor")) if table.offers("predecessor") else None,
        signatories=tuple(_read_signatory(one) for one in table.tables("signatory", required=True)),
        terms=(_read_term(table), *map(read_renewal, table.tables("renewal"))),
        purposes=_each(Purpose, table.choices("purposes", Purpose)),
        data_in=tuple(sorted({DatasetId(one) for one in table.texts("in")})),
        data_out=tuple(sorted({DatasetId(one) for one in table.texts("out")})),
        limits=_read_limits(table.table("limits")),
        commitments=tuple(sorted(map(_read_commitment, table.tables("commitment")), key=lambda one: one.id)),
        ended=None,
    )
    table.done()
    return agreement


def _each(order: Iterable[_Name], found: tuple[_Name, ...]) -> tuple[_Name, ...]:
    return tuple(one for one in order if one in found)


def read_renewal(table: SettingsTable) -> Term:
    """Read one `[[agreement.renewal]]`."""
    term = _read_term(table)
    table.done()
    return term


def _read_term(table: SettingsTable) -> Term:
    signed, starts, ends = table.day("signed"), table.day("from"), table.optional_day("to")
    document = table.text("document").lower()
    if _DIGEST.fullmatch(document) is None:
        raise table.wrong(
            "document", "the SHA-256 of what was signed, 64 hexadecimal digits (sha256sum FILE)", document
        )
    if ends is not None and ends < starts:
        raise table.wrong("to", f"a day not before {starts}", str(ends))
    return Term(signed=signed, document=document, starts=starts, ends=ends)


def _read_party(table: SettingsTable, name: str) -> PartnerId | None:
    party = table.identifier(name)
    return None if party == HUB else PartnerId(party)


def _read_signatory(table: SettingsTable) -> Signatory:
    signatory = Signatory(
        party=_read_party(table, "party"), name=table.title("name"), capacity=table.optional_text("capacity")
    )
    table.done()
    return signatory


def _read_commitment(table: SettingsTable) -> Commitment:
    kind = table.choice("kind", CommitmentKind)
    commitment = Commitment(
        id=CommitmentId(table.identifier("id")),
        party=_read_party(table, "party"),
        kind=kind,
        what=table.text("what"),
        amount=table.amount("amount"),
        dataset=DatasetId(table.identifier("dataset")) if table.offers("dataset") else None,
        due=table.optional_day("due"),
    )
    table.done()
    if commitment.dataset is not None and kind is not CommitmentKind.DATA:
        raise table.wrong("dataset", f"only with kind = '{CommitmentKind.DATA}'", commitment.dataset)
    return commitment


def _read_limits(table: SettingsTable) -> Limits:
    limits = Limits(
        marking=read_label(table),
        pap=table.optional_choice("pap", Pap),
        iep=_read_iep(table.table("iep")) if table.offers("iep") else None,
        handling=_each(HandlingCode, table.choices("handling", HandlingCode)),
        handling_text=table.optional_text("handling_text"),
        retention=read_duration(table) if table.offers("retention") else None,
        onward_sharing=table.choice("onward_sharing", OnwardSharing, OnwardSharing.FORBIDDEN),
        transfers=_each(TransferGround, table.choices("transfers", TransferGround)),
    )
    table.done()
    return limits


def _read_iep(table: SettingsTable) -> Iep:
    begin, end = table.optional_day("start_date"), table.optional_day("end_date")
    if begin is not None and end is not None and end < begin:
        raise table.wrong("end_date", f"a day not before {begin}", str(end))
    if table.offers("iep_version") and (said := table.content["iep_version"]) not in (2, "2", "2.0"):
        raise table.wrong("iep_version", "2.0, whose words these are", said)
    iep = Iep(
        iep_id=_read_uuid(table, "iep_id") if table.offers("iep_id") else None,
        description=table.optional_text("description"),
        start_date=begin,
        end_date=end,
        encrypt_in_transit=table.optional_choice("encrypt_in_transit", EncryptInTransit),
        permitted_actions=table.optional_choice("permitted_actions", PermittedActions),
        affected_party_notifications=table.optional_choice("affected_party_notifications", MayOrMustNot),
        tlp=_read_iep_tlp(table) if table.offers("tlp") else None,
        provider_attribution=table.optional_choice("provider_attribution", ProviderAttribution),
        unmodified_resale=table.optional_choice("unmodified_resale", MayOrMustNot),
    )
    table.done()
    return iep


def _read_uuid(table: SettingsTable, name: str) -> UUID:
    value = table.text(name)
    try:
        return UUID(value)
    except ValueError:
        raise table.wrong(name, "a UUID", value) from None


def _read_iep_tlp(table: SettingsTable) -> Marking:
    value = table.text("tlp")
    marking = read_marking(value)
    if marking is None or marking is Marking.AMBER_STRICT:
        raise table.wrong(
            "tlp", "clear, green, amber or red (IEP 2.0 cannot say amber+strict: limits.marking can)", value
        )
    return marking
