"""Figures: sums of what entries open, within bounds where a count is told as below ten only."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.journal.facts import PUBLIC, TAKES_BACK, Fact, Kind, read_fact
from accord.journal.figures import (
    Bounds,
    Tally,
    differences,
    encode_figures,
    figures_of,
    published_size,
)
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.commitments import Opening
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import MalformedError
from accord.vocabulary.markings import Marking

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def public(fact: Fact) -> dict[str, bytes]:
    return {name: value for name, value in fact.values().items() if name in PUBLIC}


def delivery(count: int, dataset: str = "Infected machines", year: int = 2026) -> Fact:
    return Fact(
        kind=Kind.DELIVERY,
        at=AT.replace(year=year),
        dataset=dataset,
        origin=Origin.SINKHOLE,
        partner="vendor",
        marking=Marking.AMBER,
        count=count,
    )


def disclosure(count: int, country: str = "TH", purpose: Purpose = Purpose.VICTIM_NOTIFICATION) -> Fact:
    return Fact(
        kind=Kind.DISCLOSURE,
        at=AT,
        dataset="Infected machines",
        origin=Origin.SINKHOLE,
        partner="csirt",
        country=country,
        purpose=purpose,
        marking=Marking.AMBER,
        count=count,
    )


def outcome(count: int, country: str = "TH", purpose: Purpose = Purpose.VICTIM_NOTIFICATION) -> Fact:
    return Fact(kind=Kind.OUTCOME, at=AT, partner="csirt", country=country, purpose=purpose, count=count, refers=7)


def tally(*facts: Fact) -> Tally:
    found = Tally()
    for one in facts:
        found.add(public(one))
    return found


def checkpoint(size: int) -> Checkpoint:
    return Checkpoint(origin="hub.example/ledger", size=size, root=bytes(range(32)))


def test_a_worked_example() -> None:
    figures = figures_of(
        tally(
            delivery(1240),
            delivery(0),
            delivery(9),
            delivery(50, dataset="Sinkholed names", year=2025),
            disclosure(700),
            disclosure(3),
            disclosure(12, country="KE", purpose=Purpose.INVESTIGATION),
            Fact(kind=Kind.RECEIPT, at=AT, partner="csirt"),
            Fact(kind=Kind.ERASURE, at=AT, dataset="Infected machines", count=11),
            # of no data set, such as what `accord ledger forget` destroys
            Fact(kind=Kind.ERASURE, at=AT, count=1),
            Fact(kind=Kind.RECALL, at=AT, dataset="Infected machines", count=9),
            # recipients that were told are nothing that the hub took out of use
            Fact(kind=Kind.RECALL, at=AT, dataset="Infected machines", country="TH", count=700),
        ),
        size=15,
    )
    assert json.loads(encode_figures(figures, checkpoint(15))) == {
        "format": "accord-figures/v1",
        "log": "hub.example/ledger",
        "size": 15,
        "root": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "opened": 12,
        "closed": 3,
        "years": [
            {
                "year": "2026",
                "held": [
                    {"dataset": "Infected machines", "origin": "sinkhole", "deliveries": 3, "records": [1240, 1258]}
                ],
                "passed_on": [
                    {
                        "country": "KE",
                        "purpose": "investigation",
                        "marking": "amber",
                        "disclosures": 1,
                        "records": [12, 12],
                    },
                    {
                        "country": "TH",
                        "purpose": "victim-notification",
                        "marking": "amber",
                        "disclosures": 2,
                        "records": [700, 709],
                    },
                ],
                "happened": [
                    {"kind": "erasure", "entries": 2, "records": [11, 20]},
                    {"kind": "recall", "entries": 1, "records": [0, 9]},
                    {"kind": "recall-notice", "entries": 1, "records": [700, 700]},
                    {"kind": "receipt", "entries": 1, "records": [0, 0]},
                ],
                "taken_out": [
                    {"dataset": "Infected machines", "kind": "erasure", "entries": 1, "records": [11, 11]},
                    {"dataset": "Infected machines", "kind": "recall", "entries": 1, "records": [0, 9]},
                ],
                # what was recalled is kept until it is purged
                "held_at_end": [
                    {"dataset": "Infected machines", "origin": "sinkhole", "records": [1229, 1258]},
                    {"dataset": "Sinkholed names", "origin": "sinkhole", "records": [50, 50]},
                ],
            },
            {
                "year": "2025",
                "held": [{"dataset": "Sinkholed names", "origin": "sinkhole", "deliveries": 1, "records": [50, 50]}],
                "passed_on": [],
                "happened": [],
                "held_at_end": [{"dataset": "Sinkholed names", "origin": "sinkhole", "records": [50, 50]}],
            },
        ],
    }


def test_what_is_reported_as_done_adds_up_by_country_and_purpose() -> None:
    said = tally(
        outcome(700),
        outcome(12),
        outcome(0),
        outcome(9, country="KE", purpose=Purpose.INVESTIGATION),
        Fact(kind=Kind.RECEIPT, at=AT, partner="csirt"),
    )
    (year,) = json.loads(encode_figures(figures_of(said, 5), checkpoint(5)))["years"]
    assert year["reported_done"] == [
        {"country": "KE", "purpose": "investigation", "reports": 1, "records": [0, 9]},
        {"country": "TH", "purpose": "victim-notification", "reports": 3, "records": [712, 721]},
    ]
    assert year["happened"] == [{"kind": "receipt", "entries": 1, "records": [0, 0]}]


def purge(count: int, year: int = 2026) -> Fact:
    return replace(delivery(count, year=year), kind=Kind.PURGE)


def erasure(count: int, year: int = 2026) -> Fact:
    return Fact(kind=Kind.ERASURE, at=AT.replace(year=year), dataset="Infected machines", count=count)


def held(*facts: Fact) -> dict[str, list[tuple[str, int, int]]]:
    """By year: the data sets that are held at its end, each with the least and the most."""
    return {
        year.year: [(one.dataset, one.records.least, one.records.most) for one in year.kept]
        for year in figures_of(tally(*facts), 99).years
    }


def test_what_is_held_is_what_came_up_to_then_without_what_was_purged() -> None:
    here = "Infected machines"
    came = [delivery(1000, year=2024), delivery(4, year=2024), delivery(300, year=2025), delivery(7, year=2026)]
    assert held(*came) == {
        "2024": [(here, 1000, 1009)],
        "2025": [(here, 1300, 1309)],
        "2026": [(here, 1300, 1318)],
    }
    # the `<10` that was purged is the one that came: what is left is exact
    assert held(*came, purge(4, 2025), purge(1000))["2025"] == [(here, 1300, 1300)]
    assert held(*came, purge(4, 2025), purge(1000))["2026"] == [(here, 300, 309)]
    assert held(*came, *map(purge, (1000, 4, 300, 7)))["2026"] == []
    # erased values may have been of what was purged since
    assert held(*came, erasure(12, 2025), purge(1000))["2026"] == [(here, 288, 318)]
    assert held(*came, erasure(12, 2025), *map(purge, (1000, 4, 300)))["2026"] == [(here, 0, 9)]
    # an older Accord told what was purged as erased, and a delivery may not be told any more
    assert held(*came, erasure(1000))["2026"] == [(here, 300, 1318)]
    assert held(delivery(12), purge(1000)) == {"2026": []}
    assert held(replace(delivery(12), kind=Kind.CHECK_DATA)) == {"2026": []}


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.integers(0, 40)), max_size=20))
def test_what_is_truly_held_is_always_within_the_bounds(deliveries: list[tuple[int, bool, int]]) -> None:
    facts, truly = [], 0
    for count, purged, taken_out in deliveries:
        facts += [delivery(count), erasure(taken_out)]
        facts += [purge(count)] if purged else []
        # of what an erasure reaches not every record was accepted
        truly += 0 if purged else max(count - taken_out, 0)
    rows = held(*facts).get("2026", [])
    least, most = (rows[0][1], rows[0][2]) if rows else (0, 0)
    assert least <= truly <= most
    assert most <= sum(count + 9 for count, purged, _ in deliveries if not purged)


def test_check_data_is_told_by_data_set() -> None:
    shown = replace(delivery(0), kind=Kind.CHECK_DATA, country="001", purpose=Purpose.VICTIM_NOTIFICATION)
    never = replace(shown, count=30)
    said = tally(
        replace(shown, count=700),
        replace(shown, count=3),
        replace(shown, count=40, dataset="Sinkholed names", origin=Origin.SCAN),
        # that rests on nothing, and a session with an organisation: no data set is told
        replace(shown, count=0, dataset="", origin=None),
        never,
        never.taken_back(Kind.NEVER_SHOWN, 4, AT),
    )
    (year,) = json.loads(encode_figures(figures_of(said, 6), checkpoint(6)))["years"]
    assert year["check_data"] == [
        {"dataset": "Infected machines", "origin": "sinkhole", "publications": 2, "records": [700, 709]},
        {"dataset": "Sinkholed names", "origin": "scan", "publications": 1, "records": [40, 40]},
    ]
    assert year["happened"][0] == {"kind": "check-data", "entries": 4, "records": [740, 758]}


@given(st.lists(st.integers(0, 40) | st.integers(0, 10**12), max_size=60))
def test_the_true_sum_is_always_within_the_bounds(counts: list[int]) -> None:
    rows = [bounds for _, _, bounds in tally(*map(delivery, counts)).rows()]
    found = sum(rows, Bounds(least=0, most=0))
    assert found.least <= sum(counts) <= found.most
    # and they are no wider than the small counts make them
    assert found.most - found.least == 9 * sum(count < 10 for count in counts)


facts = st.builds(
    Fact,
    kind=st.sampled_from([one for one in Kind if one not in TAKES_BACK]),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2023, 1, 1), timezones=st.just(UTC)),
    dataset=st.sampled_from(["", "Infected machines", "data set 0123456789ab", "الأجهزة"]),
    origin=st.none() | st.sampled_from(Origin),
    country=st.sampled_from(["", "TH", "KE"]),
    purpose=st.none() | st.sampled_from(Purpose),
    marking=st.none() | st.sampled_from(Marking),
    count=st.none() | st.integers(0, 30),
)


@given(st.lists(facts, max_size=30), st.lists(facts, max_size=30))
def test_tallies_add_up_are_taken_back_and_survive_being_written(one: list[Fact], other: list[Fact]) -> None:
    both = tally(*one, *other)
    merged = tally(*one)
    merged.merge(tally(*other))
    assert list(merged.rows()) == list(both.rows())
    assert list(Tally.parse(merged.encode()).rows()) == list(both.rows())
    assert merged.encode() == both.encode()
    merged.merge(tally(*one), -1)
    assert merged.encode() == tally(*other).encode()
    # each entry is in exactly one table, and none is lost
    figures = figures_of(both, len(one) + len(other) + 2)
    assert (figures.opened, figures.closed) == (len(one) + len(other), 2)
    told = sum(
        sum(row.deliveries for row in year.held)
        + sum(row.disclosures for row in year.passed)
        + sum(row.reports for row in year.done)
        + sum(row.entries for row in year.happened)
        for year in figures.years
    )
    assert told == len(one) + len(other)


def test_what_was_never_handed_over_or_shown_is_not_counted_as_that_in_the_year_in_which_it_was_entered() -> None:
    small, large = disclosure(3), disclosure(700)
    version = replace(disclosure(40, country="001"), kind=Kind.CHECK_DATA)
    later = AT.replace(year=2027)
    said = tally(
        small,
        small,
        large,
        version,
        small.taken_back(Kind.NEVER_HANDED_OVER, 0, later),
        version.taken_back(Kind.NEVER_SHOWN, 3, AT),
    )
    (year,) = json.loads(encode_figures(figures_of(said, 6), checkpoint(6)))["years"]
    # of 3, 3 and 700 one 3 is taken back: one `<10` less, which is 0 to 9, and not 3
    assert year["year"] == "2026"
    assert [(one["disclosures"], one["records"]) for one in year["passed_on"]] == [(2, [700, 709])]
    assert year["happened"] == [
        {"kind": "never-handed-over", "entries": 1, "records": [0, 9]},
        {"kind": "never-shown", "entries": 1, "records": [40, 40]},
    ]


@given(st.lists(st.integers(0, 40), max_size=20), st.lists(st.integers(0, 40), max_size=20))
def test_what_is_taken_back_leaves_the_bounds_of_what_stands(stands: list[int], refused: list[int]) -> None:
    back = [disclosure(one).taken_back(Kind.NEVER_HANDED_OVER, 0, AT) for one in refused]
    passed = [one for year in figures_of(tally(*map(disclosure, [*stands, *refused]), *back), 99).years
              for one in year.passed]  # fmt: skip
    assert passed == [one for year in figures_of(tally(*map(disclosure, stands)), 99).years for one in year.passed]


@pytest.mark.parametrize("opened", [[], [disclosure(12)], [disclosure(3)], [replace(disclosure(700), country="KE")]])
def test_nothing_is_taken_back_that_was_not_opened(opened: list[Fact]) -> None:
    with pytest.raises(MalformedError, match="take back what no opened entry says"):
        figures_of(tally(*opened, disclosure(700).taken_back(Kind.NEVER_HANDED_OVER, 0, AT)), 9)


def test_a_year_that_is_not_its_own_is_read_in_what_takes_back_alone() -> None:
    fact = disclosure(700).taken_back(Kind.NEVER_HANDED_OVER, 4, AT.replace(year=2027))
    assert read_fact(openings(fact.values())) == fact
    with pytest.raises(MalformedError):
        read_fact(openings(disclosure(700).values() | {"year": b"2025"}))


def openings(values: dict[str, bytes]) -> list[Opening]:
    return [Opening(name=name, salt=bytes(32), value=value) for name, value in values.items()]


def test_an_entry_of_which_a_field_was_destroyed_counts_as_closed() -> None:
    values = public(delivery(1240))
    del values["records"]
    found = Tally()
    found.add(values)
    assert figures_of(found, 1).closed == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": b"gift"},
        {"year": b"26"},
        {"records": b"9"},
        {"records": b"-12"},
        {"records": b"<11"},
        {"country": b"Thailand"},
        {"dataset": b"\xff"},
        {"partner": b"vendor"},
        {"marking": b"amber\n"},
    ],
)
def test_what_no_fact_says_is_refused(changed: dict[str, bytes]) -> None:
    with pytest.raises(MalformedError):
        Tally().add(public(delivery(1240)) | changed)


def test_a_difference_is_named_by_the_row_that_it_is_in() -> None:
    figures = figures_of(tally(delivery(1240), disclosure(700)), 2)
    told = encode_figures(figures, checkpoint(2))
    assert differences(told, figures, checkpoint(2)) == ()
    assert differences(told.replace(b"700", b"701"), figures, checkpoint(2)) == (
        "years 2026 passed_on TH victim-notification amber records 0: the file says 701, the log 700",
        "years 2026 passed_on TH victim-notification amber records 1: the file says 701, the log 700",
    )
    assert differences(told + b" ", figures, checkpoint(2)) == ("it is spelled otherwise",)
    with pytest.raises(MalformedError):
        differences(b"{", figures, checkpoint(2))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": "accord-figures/v1", "size": true}', b"\xff"])
def test_what_is_no_file_of_figures_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        published_size(data)
