"""What is taken in under an agreement, at which moment, and what is said when none lets it; how the public names it."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from accord.agreements.agreement import Ending, Register
from accord.agreements.declarations import Dataset, read_dataset, read_partner
from accord.agreements.naming import public_name
from accord.agreements.passing import permit_intake
from accord.agreements.reading import read_register
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import NotAgreedError, SettingsError
from accord.workspace.settings import SettingsTable

PARTNER = {"id": "vendor", "name": "A vendor"}
DATASET = {
    "id": "sinkhole",
    "title": "Machines that speak to the sinkhole",
    "partner": "vendor",
    "origin": "sinkhole",
    "legal_basis": "contract",
    "marking": "amber",
    "grade": "b",
    "retention": "P1Y",
    "personal_data": True,
    "share_with": ["vendor", "vendor"],
}
SIGNED = {
    "title": "Of two terms",
    "signatory": [{"party": "hub", "name": "A"}, {"party": "vendor", "name": "B"}],
    "signed": date(2024, 1, 1),
    "document": "0" * 64,
    "from": date(2024, 1, 10),
    "to": date(2024, 1, 31),
    "renewal": [
        {"signed": date(2024, 2, 1), "document": "1" * 64, "from": date(2024, 3, 1), "to": date(2024, 3, 31)},
    ],
    "purposes": ["training", "research"],
    "in": ["sinkhole"],
    "limits": {"marking": "amber"},
}
SECOND = timedelta(seconds=1)


def table(**content: object) -> SettingsTable:
    return SettingsTable(file=Path("hub/workspace.toml"), path="", content=content)


def register(*agreements: dict[str, object], **changed: object) -> Register:
    content = {"partner": [PARTNER], "dataset": [DATASET | changed], "agreement": list(agreements)}
    if not agreements:
        del content["agreement"]
    return read_register(table(**content), Register(partners={}, datasets={}, agreements={}))


def declared(**changed: object) -> Dataset:
    partner = read_partner(table(**PARTNER))
    return read_dataset(table(**DATASET, format="plain", **changed), {partner.id: partner}, {"plain": 1}, located=False)


def taken(signed: Register, at: datetime, purpose: Purpose | None = None, dataset: Dataset | None = None) -> list[str]:
    found = permit_intake(signed, dataset or declared(), purpose, at, settings="hub/workspace.toml")
    return [one.id for one in found]


def day(month: int, number: int) -> datetime:
    return datetime(2024, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "after"), [(day(1, 10), day(2, 1)), (day(3, 1), day(4, 1))], ids=["first term", "renewal"]
)
def test_data_is_taken_from_the_first_moment_of_a_term_to_its_last_and_nobody_has_to_stop_it(
    first: datetime, after: datetime
) -> None:
    signed = register({"id": "a", **SIGNED})
    for at in (first, after - SECOND):
        assert taken(signed, at) == ["a"]
    for at in (first - SECOND, after):
        with pytest.raises(NotAgreedError):
            taken(signed, at)


@pytest.mark.parametrize(
    ("at", "purpose", "said", "remedies"),
    [
        (day(1, 9), None, "a: it is not yet in force on 2024-01-09 00:00 UTC", ["take it in from 2024-01-10 on"]),
        (
            day(2, 10),
            None,
            "a: it is between two terms on 2024-02-10 00:00 UTC",
            ["take it in from 2024-03-01 on", "`accord agreement renew`"],
        ),
        (day(4, 1), None, "a: it is expired on 2024-04-01 00:00 UTC", ["`accord agreement renew`"]),
        (day(3, 20), None, "a: it was ended early on 2024-03-15 00:00 UTC", ["record another agreement"]),
        (
            day(3, 2),
            Purpose.PREVENTION,
            "a: it is not for prevention, but for training, research",
            ["take it in for what an agreement is for, or record that one is for prevention"],
        ),
    ],
)
def test_a_refusal_says_what_each_agreement_says_against_it_and_what_helps_against_that(
    at: datetime, purpose: Purpose | None, said: str, remedies: list[str]
) -> None:
    signed = register({"id": "a", **SIGNED}, {"id": "b", **SIGNED, "in": []})
    if at == day(3, 20):
        ended = Ending(at=day(3, 15), reason="notice", recorded_at=day(3, 1))
        signed = replace(signed, agreements={"a": replace(signed.agreements["a"], ended=ended)})
        assert taken(signed, day(3, 15) - SECOND) == ["a"]
    with pytest.raises(NotAgreedError) as raised:
        taken(signed, at, purpose)
    assert raised.value.got == said
    assert raised.value.exit_code == 8
    assert "sinkhole" in raised.value.where
    told = raised.value.remedy.split("; ")
    assert [one.startswith(remedy) for one, remedy in zip(told, remedies, strict=True)] == [True] * len(remedies)


def test_a_data_set_that_no_agreement_names_is_refused_and_the_first_of_many_refusals_are_told() -> None:
    with pytest.raises(NotAgreedError) as raised:
        taken(register(), day(1, 10))
    assert raised.value.got == "no agreement covers it"
    assert raised.value.remedy == "record what was signed: `accord agreement apply`"
    with pytest.raises(NotAgreedError, match="z") as raised:
        taken(register(*({"id": f"z{number}", **SIGNED} for number in range(7))), day(1, 1))
    assert raised.value.got.count("not yet in force") == 5
    assert raised.value.got.endswith("; and 2 more")


def test_every_agreement_that_lets_it_pass_is_named_in_order() -> None:
    signed = register({"id": "b", **SIGNED}, {"id": "a", **SIGNED, "purposes": ["training"]})
    assert taken(signed, day(1, 10)) == ["a", "b"]
    assert taken(signed, day(1, 10), Purpose.RESEARCH) == ["b"]


def test_a_data_set_that_is_declared_otherwise_than_it_is_registered_is_refused_by_its_keys() -> None:
    signed = register({"id": "a", **SIGNED}, retention="P2Y", share_with=None)
    with pytest.raises(SettingsError) as raised:
        taken(signed, day(1, 10))
    assert "retention = P2Y" in raised.value.expected
    assert raised.value.got == "retention = P1Y, share_with = vendor"
    assert raised.value.where == "hub/workspace.toml: dataset (sinkhole)"
    assert "accord dataset apply" in raised.value.remedy
    with pytest.raises(SettingsError, match="not recorded"):
        taken(Register(partners={}, datasets={}, agreements={}), day(1, 10))


def test_the_public_learns_a_title_only_where_the_partner_may_be_named() -> None:
    key = bytes(range(32))
    # HMAC of RFC 2104, written out
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key.ljust(64, b"\0")) + b"dataset\0sinkhole").digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key.ljust(64, b"\0")) + inner).hexdigest()
    dataset = declared()
    assert public_name(dataset, key) == f"data set {outer[:12]}"
    assert public_name(register().datasets[dataset.id], key) == f"data set {outer[:12]}"
    assert public_name(dataset, key[::-1]) != f"data set {outer[:12]}"
    assert public_name(declared(name_partner=True), key) == "Machines that speak to the sinkhole"
