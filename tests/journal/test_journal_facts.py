"""What an entry says: the same fields whatever its kind, read back as it was written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.journal.facts import NAMES, PUBLIC, Fact, Kind, read_fact
from accord.ledger.commitments import Opening
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import MalformedError
from accord.vocabulary.markings import Marking

FACTS = st.builds(
    Fact,
    kind=st.sampled_from(Kind),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    agreement=st.text(max_size=20),
    dataset=st.text(max_size=20),
    origin=st.none() | st.sampled_from(Origin),
    partner=st.text(max_size=20),
    country=st.sampled_from(["", "TH", "SG"]),
    purpose=st.none() | st.sampled_from(Purpose),
    marking=st.none() | st.sampled_from(Marking),
    count=st.none() | st.integers(0, 10**12),
    digest=st.text("0123456789abcdef", max_size=64),
    refers=st.none() | st.integers(0, 10**9),
)


def openings(values: dict[str, bytes]) -> list[Opening]:
    return [Opening(name=name, salt=bytes(32), value=value) for name, value in sorted(values.items())]


@given(FACTS)
def test_a_fact_comes_back_as_it_was_said_and_no_entry_shows_its_kind_by_its_fields(fact: Fact) -> None:
    values = fact.values()
    assert tuple(sorted(values)) == NAMES
    assert read_fact(openings(values)) == fact


def test_what_the_public_gets_is_neither_a_partner_nor_a_time_of_day_nor_a_small_number() -> None:
    assert {"kind", "year", "dataset", "origin", "country", "records", "marking", "purpose"} == PUBLIC
    for count, said in ((0, b"<10"), (9, b"<10"), (10, b"10"), (770_000, b"770000"), (None, b"")):
        fact = Fact(kind=Kind.DELIVERY, at=datetime(2026, 12, 31, 23, 59, tzinfo=UTC), count=count)
        assert fact.values()["records"] == said
        assert fact.values()["year"] == b"2026"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", b"gift"),
        ("records", b"11"),
        ("year", b"2025"),
        ("count", b"+5"),
        ("count", b"05"),
        ("at", b"2026-11-27"),
        ("at", b"2026-11-27T08:00:00Z"),
        ("marking", b"TLP:AMBER"),
        ("partner", b"\xff"),
    ],
)
def test_a_field_that_no_fact_says_is_refused(name: str, value: bytes) -> None:
    fact = Fact(kind=Kind.DELIVERY, at=datetime(2026, 11, 27, 8, tzinfo=UTC), count=5)
    with pytest.raises(MalformedError):
        read_fact(openings(fact.values() | {name: value}))


def test_a_field_that_is_missing_or_too_much_is_refused() -> None:
    values = Fact(kind=Kind.DELIVERY, at=datetime(2026, 11, 27, 8, tzinfo=UTC)).values()
    with pytest.raises(MalformedError):
        read_fact(openings(values)[1:])
    with pytest.raises(MalformedError):
        read_fact(openings(values | {"more": b""}))
