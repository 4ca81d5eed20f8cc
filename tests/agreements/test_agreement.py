"""Whether an agreement is in force and lets a data set pass, against a slow twin; what cannot be an agreement."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.agreements.agreement import Agreement, Register, Standing, covering
from accord.agreements.reading import read_register
from accord.agreements.telling import agreement_told, differences
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.handling import Direction
from accord.workspace.settings import SettingsTable

NOTHING = Register(partners={}, datasets={}, agreements={})
FIRST = date(2024, 2, 20)
"""The days of these tests are the sixty from here: a leap day and the ends of months are among them."""


def partner(name: str = "vendor", **more: object) -> dict[str, object]:
    return {"id": name, "name": f"Partner {name}", **more}


def dataset(name: str = "sinkhole", **more: object) -> dict[str, object]:
    told = {
        "id": name,
        "title": f"Data of {name}",
        "partner": "vendor",
        "origin": "sinkhole",
        "legal_basis": "contract",
        "marking": "amber",
        "grade": "b",
        "retention": "P1Y",
        "personal_data": True,
    }
    return told | more


def agreement(name: str = "a", **more: object) -> dict[str, object]:
    told: dict[str, object] = {
        "id": name,
        "title": f"Agreement {name}",
        "signatory": [{"party": "hub", "name": "A"}, {"party": "vendor", "name": "B"}],
        "signed": FIRST,
        "document": "0" * 64,
        "from": FIRST,
        "to": FIRST + timedelta(days=20),
        "purposes": ["training"],
        "in": ["sinkhole"],
        "limits": {"marking": "amber"},
    }
    return {key: value for key, value in (told | more).items() if value is not None}


def read(*agreements: dict[str, object], standing: Register = NOTHING, **more: object) -> Register:
    content = {"partner": [partner()], "dataset": [dataset()], "agreement": list(agreements), **more}
    # a list of tables that is there has tables
    told = [{key: value for key, value in one.items() if value != [] or key == "purposes"} for one in agreements]
    content = {key: value for key, value in (content | {"agreement": told}).items() if value}
    return read_register(SettingsTable(file=Path("agreements.toml"), path="", content=content), standing)


def one(told: dict[str, object]) -> Agreement:
    (found,) = read(told).agreements.values()
    return found


days = st.integers(0, 59).map(lambda number: FIRST + timedelta(days=number))
instants = st.datetimes(
    datetime(2024, 2, 18),
    datetime(2024, 4, 25),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-11, minutes=-30))]),
)
midnights = days.map(lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC))
moments = st.one_of(
    instants, midnights, midnights.map(lambda at: at - timedelta(microseconds=1)), midnights.map(lambda at: at)
)


@st.composite
def agreements_drawn(draw: st.DrawFn) -> dict[str, Any]:
    """An agreement of up to four terms, with gaps or next to each other, perhaps without an end."""
    number = draw(st.integers(1, 4))
    starts = sorted(draw(st.lists(days, min_size=number, max_size=number, unique=True)))
    last = [after - timedelta(days=1) for after in starts[1:]] + [FIRST + timedelta(days=60)]
    ends: list[date | None] = [draw(st.dates(start, max(start, end))) for start, end in zip(starts, last, strict=True)]
    if draw(st.booleans()):
        ends[-1] = None
    terms: list[dict[str, object]] = [
        {"signed": FIRST, "document": "0" * 64, "from": start, **({} if end is None else {"to": end})}
        for start, end in zip(starts, ends, strict=True)
    ]
    told = (
        agreement(to=None) | terms[0] | {"purposes": draw(st.lists(st.sampled_from(Purpose), min_size=1, unique=True))}
    )
    return told | {
        "renewal": terms[1:],
        "in": draw(st.sampled_from([["sinkhole"], []])),
        "out": draw(st.sampled_from([["sinkhole"], []])),
    }


def days_in_force(told: Mapping[str, Any]) -> set[date]:
    """The slow twin: every single day on which one of the terms runs."""
    found = set()
    for term in (told, *told["renewal"]):
        day = term["from"]
        while day <= term.get("to", FIRST + timedelta(days=90)):
            found.add(day)
            day += timedelta(days=1)
    return found


@settings(max_examples=400)
@given(told=agreements_drawn(), at=moments, ended=st.none() | moments)
def test_an_agreement_is_in_force_on_the_days_of_its_terms_until_it_is_ended(
    told: dict[str, Any], at: datetime, ended: datetime | None
) -> None:
    from dataclasses import replace

    from accord.agreements.agreement import Ending

    held = one(told)
    if ended is not None:
        held = replace(held, ended=Ending(at=ended, reason="Notice", recorded_at=ended))
    expected = at.astimezone(UTC).date() in days_in_force(told) and (ended is None or at < ended)
    assert (held.standing(at) is Standing.IN_FORCE) == expected


@settings(max_examples=300)
@given(
    told=st.lists(agreements_drawn(), max_size=3),
    at=moments,
    direction=st.sampled_from(Direction),
    purpose=st.none() | st.sampled_from(Purpose),
)
def test_a_data_set_passes_under_exactly_the_agreements_that_let_it(
    told: list[dict[str, Any]], at: datetime, direction: Direction, purpose: Purpose | None
) -> None:
    named = [each | {"id": f"a{number}"} for number, each in enumerate(told)]
    register = read(*named)
    name = register.datasets.popitem()[0] if isinstance(register.datasets, dict) else None
    assert name is not None
    expected = [
        each["id"]
        for each in named
        if at.astimezone(UTC).date() in days_in_force(each)
        and "sinkhole" in each[direction.value]
        and (purpose is None or purpose in each["purposes"])
    ]
    found = covering(register.agreements.values(), name, direction, purpose, at)
    assert [each.id for each in found] == expected
    for each in register.agreements.values():
        assert (each.refusal(name, direction, purpose, at) is None) == (each.id in expected)


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def test_an_agreement_goes_through_its_life_by_itself() -> None:
    """2014, renewed in 2019 for five years after a gap of a year: what a reader of the document would say."""
    held = one(
        agreement(
            **{"from": date(2014, 7, 1), "to": date(2019, 6, 30)},
            renewal=[
                {"signed": date(2019, 6, 3), "document": "1" * 64, "from": date(2020, 7, 1), "to": date(2025, 6, 30)}
            ],
        )
    )
    said = {
        date(2014, 6, 30): Standing.NOT_YET,
        date(2014, 7, 1): Standing.IN_FORCE,
        date(2019, 6, 30): Standing.IN_FORCE,
        date(2019, 7, 1): Standing.BETWEEN,
        date(2020, 6, 30): Standing.BETWEEN,
        date(2020, 7, 1): Standing.IN_FORCE,
        date(2025, 6, 30): Standing.IN_FORCE,
        date(2025, 7, 1): Standing.EXPIRED,
    }
    assert {day: held.standing(at_noon(day)) for day in said} == said


RENEWAL = {"signed": FIRST, "document": "1" * 64, "from": FIRST + timedelta(days=21)}


@pytest.mark.parametrize(
    ("told", "where"),
    [
        (agreement(signatory=[{"party": "vendor", "name": "B"}]), "signatory"),
        (agreement(signatory=[{"party": "hub", "name": "A"}]), "signatory"),
        (agreement(signatory=[{"party": "hub", "name": "A"}, {"party": "nobody", "name": "B"}]), "signatory"),
        (agreement(signatory=[{"party": "hub", "name": "A", "nmae": "B"}]), "nmae"),
        (agreement(signatory="A. Director"), "signatory"),
        (agreement(signatory=None), "signatory"),
        (agreement(document="signed.pdf"), "document"),
        (agreement(document="0" * 63 + "g"), "document"),
        (agreement(to=FIRST - timedelta(days=1)), r"\.to"),
        (agreement(signed="soon"), "signed"),
        (agreement(to=None, renewal=[RENEWAL]), "renewal"),
        (agreement(renewal=[RENEWAL | {"from": FIRST}]), "renewal"),
        (
            agreement(renewal=[RENEWAL | {"to": FIRST + timedelta(days=3), "from": FIRST + timedelta(days=2)}]),
            "renewal",
        ),
        (agreement(renewal=[RENEWAL | {"id": "x"}]), "renewal"),
        (agreement(predecessor="a"), "predecessor"),
        (agreement(predecessor="nothing"), "predecessor"),
        (agreement(purposes=[]), "purposes"),
        (agreement(purposes=["profit"]), "purposes"),
        (agreement(**{"in": ["nothing"]}), r"\.in"),
        (agreement(out=["nothing"]), r"\.out"),
        (agreement(limits={"marking": "green"}), r"\.in"),
        (agreement(limits=None), "limits"),
        (agreement(limits={}), "limits.marking"),
        (agreement(limits={"marking": "amber", "handling": ["H3"]}), "handling_text"),
        (agreement(limits={"marking": "amber", "handling": ["H4"]}), "handling"),
        (agreement(limits={"marking": "amber", "handling_text": "none"}), "handling_text"),
        (agreement(limits={"marking": "amber", "retention": "5 years"}), "retention"),
        (agreement(limits={"marking": "amber", "transfers": ["anywhere"]}), "transfers"),
        (agreement(limits={"marking": "amber", "iep": {"tlp": "amber+strict"}}), "iep.tlp"),
        (agreement(limits={"marking": "amber", "iep": {"iep_id": "7"}}), "iep_id"),
        (agreement(limits={"marking": "amber", "iep": {"iep_version": 1.0}}), "iep_version"),
        (agreement(limits={"marking": "amber", "iep": {"encrypt": "must"}}), "encrypt"),
        (
            agreement(limits={"marking": "amber", "iep": {"start_date": "2024-02-02", "end_date": "2024-02-01"}}),
            "end_date",
        ),
        (agreement(commitment=[{"id": "c", "party": "hub", "kind": "money", "what": "x", "amount": 1}]), "kind"),
        (agreement(commitment=[{"id": "c", "party": "hub", "kind": "staff", "what": "x", "amount": 0}]), "amount"),
        (
            agreement(commitment=[{"id": "c", "party": "nobody", "kind": "staff", "what": "x", "amount": 1}]),
            "commitment",
        ),
        (
            agreement(commitment=[{"id": "c", "party": "hub", "kind": "staff", "what": "x", "amount": 1}] * 2),
            "commitment",
        ),
        (
            agreement(
                commitment=[
                    {"id": "c", "party": "hub", "kind": "staff", "what": "x", "amount": 1, "dataset": "sinkhole"}
                ]
            ),
            "dataset",
        ),
        (
            agreement(
                commitment=[{"id": "c", "party": "vendor", "kind": "data", "what": "x", "amount": 1, "dataset": "y"}]
            ),
            "commitment",
        ),
        (agreement(ended={"at": FIRST}), "ended"),
        (agreement(titel="x"), "titel"),
        (agreement(title="a\u0000b"), "title"),
    ],
)
def test_what_cannot_be_an_agreement_is_refused_by_its_key(told: dict[str, object], where: str) -> None:
    with pytest.raises(SettingsError, match=where) as caught:
        read(told)
    assert "agreements.toml: agreement[1] (a)" in str(caught.value)
    assert "expected" in str(caught.value)


def test_agreements_that_follow_each_other_in_a_circle_are_refused() -> None:
    with pytest.raises(SettingsError, match="predecessor"):
        read(agreement("a", predecessor="b"), agreement("b", predecessor="a"))


def test_an_agreement_follows_one_that_began_before_it() -> None:
    late = agreement("late", **{"from": FIRST + timedelta(days=5)})
    assert set(read(agreement("a"), late | {"predecessor": "a"}).agreements) == {"a", "late"}
    with pytest.raises(SettingsError, match="no later"):
        read(late, agreement("a", predecessor="late"))


def test_only_partners_that_signed_hand_over_data() -> None:
    with pytest.raises(SettingsError, match="partners that signed"):
        read(
            agreement(**{"in": ["others"]}),
            partner=[partner(), partner("other")],
            dataset=[dataset(), dataset("others", partner="other")],
        )


def test_no_partner_is_called_as_the_hub_is() -> None:
    with pytest.raises(SettingsError, match="the hub itself"):
        read(partner=[partner("hub")], dataset=[])


def test_a_file_names_each_thing_once_and_knows_what_stands_already() -> None:
    with pytest.raises(SettingsError, match="taken"):
        read(agreement(), agreement())
    standing = read(agreement())
    later = read(agreement("b"), standing=standing, partner=[], dataset=[])
    assert (set(later.partners), set(later.agreements)) == (set(), {"b"})


def test_an_agreement_is_told_under_the_keys_that_a_file_has() -> None:
    told = agreement_told(one(agreement(commitment=[], renewal=[RENEWAL], out=["sinkhole"])))
    again = {key: value for key, value in told.items() if value not in (None, []) and key != "ended"}

    def given(value: object) -> object:
        if isinstance(value, dict):
            return {key: given(inner) for key, inner in value.items() if inner not in (None, [])}
        return [given(inner) for inner in value] if isinstance(value, list) else value

    assert agreement_told(one(given(again))) == told  # type: ignore[arg-type]


def test_differences_are_shown_key_by_key() -> None:
    before = {"id": "a", "to": None, "limits": {"marking": "amber", "pap": None}, "in": ["x"]}
    after = {"id": "a", "to": "2026-01-01", "limits": {"marking": "green", "pap": None}, "in": []}
    assert differences(before, after) == [
        ("to", "", "2026-01-01"),
        ("limits.marking", "amber", "green"),
        ("in", "x", ""),
    ]


def test_what_is_new_is_shown_in_words_and_not_as_programs_get_it() -> None:
    told = {
        "signatory": [
            {"party": "hub", "name": "A. Director", "capacity": "Executive director"},
            {"party": "vendor", "name": "B. Chief", "capacity": None},
        ],
        "member": [{"partner": "csirt-th", "persons": []}, {"partner": "police", "persons": ["C", "D"]}],
        "personal_data": True,
        "amount": 58.5,
    }
    assert differences(None, told) == [
        ("signatory", "", "party hub, name A. Director, capacity Executive director; party vendor, name B. Chief"),
        ("member", "", "partner csirt-th; partner police, persons C, D"),
        ("personal_data", "", "true"),
        ("amount", "", "58.5"),
    ]
