"""Partners, data sets and agreements as JSON, under the keys by which a TOML file declares them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from accord.agreements.agreement import HUB, Agreement, Commitment, Fulfilment, Register, RegisteredDataset, Term
from accord.agreements.declarations import Partner

STATE = "accord-agreement/v2"
"""The first line of what an entry's digest is of."""

ALONE = "accord-agreement/v1"
"""The same in an entry of an older Accord: the agreement was told without its data sets and partners."""


def state_digest(document: str, told: Mapping[str, object], version: str = STATE) -> str:
    """SHA-256 that commits to what is told of an agreement, and to one of its documents (its SHA-256, in hex)."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{version}\n{document}\n{text}\n".encode()).hexdigest()


def state_told(agreement: Agreement, register: Register) -> dict[str, object]:
    """An agreement with the data sets that it covers and the partners that signed it, to which its entries commit."""
    return whole_told(
        agreement_told(agreement),
        {name: dataset_told(one) for name, one in register.datasets.items()},
        {name: partner_told(one) for name, one in register.partners.items()},
    )


def whole_told(
    agreement: Mapping[str, object],
    datasets: Mapping[str, Mapping[str, object]],
    partners: Mapping[str, Mapping[str, object]],
) -> dict[str, object]:
    """An agreement as it is told, with those of these data sets and partners that belong to it, by their ids."""
    covered, signed = concerned(agreement)
    return {
        **agreement,
        "dataset": [datasets[one] for one in sorted(covered) if one in datasets],
        "partner": [partners[one] for one in sorted(signed) if one in partners],
    }


def concerned(agreement: Mapping[str, object]) -> tuple[set[str], set[str]]:
    """The ids of the data sets and of the partners that belong to an agreement as it is told."""
    covered = {str(one) for way in ("in", "out") for one in _listed(agreement.get(way))}
    parties = {str(one["party"]) for one in _listed(agreement.get("signatory")) if isinstance(one, Mapping)}
    return covered, parties - {HUB}


def _listed(told: object) -> list[object]:
    return told if isinstance(told, list) else []


def documents_told(told: Mapping[str, object]) -> Iterator[str]:
    """The documents of an agreement as it is told, in the order in which they were signed."""
    terms = [told, *(one for one in _listed(told.get("renewal")) if isinstance(one, Mapping))]
    yield from (str(one["document"]) for one in terms if "document" in one)


def partner_told(partner: Partner) -> dict[str, object]:
    """A partner."""
    return {
        "id": partner.id,
        "name": partner.name,
        "kind": partner.kind.value,
        "country": partner.country,
        "age": partner.age,
        "receipts": None if partner.receipts is None else str(partner.receipts),
        **({"networks": list(partner.networks)} if partner.networks else {}),
    }


def dataset_told(dataset: RegisteredDataset) -> dict[str, object]:
    """A data set."""
    return {
        "id": dataset.id,
        "title": dataset.title,
        "partner": dataset.partner,
        "origin": dataset.origin.value,
        "legal_basis": dataset.legal_basis.value,
        "marking": dataset.marking.value,
        "grade": dataset.grade.value,
        "retention": dataset.retention,
        "personal_data": dataset.personal,
        "name_partner": dataset.name_partner,
        "share_with": None if dataset.share_with is None else list(dataset.share_with),
        "upstream": dataset.upstream,
    }


def agreement_told(agreement: Agreement) -> dict[str, object]:
    """An agreement."""
    limits, ended = agreement.limits, agreement.ended
    return {
        "id": agreement.id,
        "title": agreement.title,
        "predecessor": agreement.predecessor,
        "signatory": [
            {"party": one.party or HUB, "name": one.name, "capacity": one.capacity} for one in agreement.signatories
        ],
        **_term_told(agreement.terms[0]),
        "renewal": [_term_told(one) for one in agreement.terms[1:]],
        "purposes": [one.value for one in agreement.purposes],
        "in": list(agreement.data_in),
        "out": list(agreement.data_out),
        "limits": {
            "marking": limits.marking.value,
            "pap": _plain(limits.pap),
            "iep": None
            if limits.iep is None
            else {name: _plain(getattr(limits.iep, name)) for name in limits.iep.__slots__},
            "handling": [one.value for one in limits.handling],
            "handling_text": limits.handling_text,
            "retention": limits.retention,
            "onward_sharing": limits.onward_sharing.value,
            "transfers": [one.value for one in limits.transfers],
        },
        "commitment": [_commitment_told(one) for one in agreement.commitments],
        "ended": None
        if ended is None
        else {"at": _plain(ended.at), "reason": ended.reason, "recorded_at": _plain(ended.recorded_at)},
    }


def fulfilment_told(fulfilment: Fulfilment) -> dict[str, object]:
    """What was delivered against a commitment."""
    return {
        "commitment": fulfilment.commitment,
        "on": _plain(fulfilment.day),
        "amount": number(fulfilment.amount),
        "note": fulfilment.note,
        "recorded_at": _plain(fulfilment.recorded_at),
    }


def number(amount: Decimal) -> int | float:
    """An amount for JSON: whole where it is whole; else a float, whose text has the two decimals exactly."""
    return int(amount) if amount == int(amount) else float(amount)


def differences(before: Mapping[str, object] | None, after: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Key, before and after of everything that differs, tables taken apart; before is empty where there was nothing."""
    older, newer = _flat(before or {}), _flat(after)
    return [
        (key, _words(older.get(key)), _words(newer.get(key)))
        for key in [*newer, *(key for key in older if key not in newer)]
        if older.get(key) != newer.get(key)
    ]


def _flat(told: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in told.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        elif value not in (None, []):
            found[prefix + key] = value
    return found


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        between = ", " if all(isinstance(one, str) for one in value) else "; "
        return between.join(map(_words, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(one)}" for key, one in _flat(value).items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def _term_told(term: Term) -> dict[str, object]:
    return {
        "signed": _plain(term.signed),
        "document": term.document,
        "from": _plain(term.starts),
        "to": _plain(term.ends),
    }


def _commitment_told(commitment: Commitment) -> dict[str, object]:
    return {
        "id": commitment.id,
        "party": commitment.party or HUB,
        "kind": commitment.kind.value,
        "what": commitment.what,
        "amount": number(commitment.amount),
        "dataset": commitment.dataset,
        "due": _plain(commitment.due),
    }


def _plain(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value.value) if isinstance(value, Enum) else str(value)
