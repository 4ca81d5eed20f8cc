"""The entries in the database: in order, without a gap, together with what they tell of."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from accord.journal import book
from accord.journal.facts import Kind, read_fact
from accord.ledger.commitments import parse_entry
from accord.vocabulary.errors import OutputError, UnreadableError
from accord.workspace.database import migrate_database
from tests.journal.conftest import NOW, OpenLedger, fact, later


def test_entries_are_numbered_from_0_and_their_openings_open_them(open_ledger: OpenLedger) -> None:
    database = open_ledger().database
    with database.writing() as connection:
        assert book.append(connection, [fact(count=n) for n in (1, 2)], draw=secrets.token_bytes) == range(2)
    with database.writing() as connection:
        numbers = book.append(connection, [fact(count=3)], draw=secrets.token_bytes, reference="disclosure x")
        assert numbers == range(2, 3)
    with database.reading() as connection:
        assert book.size(connection) == 3
        held = book.kept(connection, range(3))
        assert [read_fact(one.openings).count for one in held] == [1, 2, 3]
        for one in held:
            entry = parse_entry(one.entry)
            for opening in one.openings:
                entry.verify(opening)
        assert [one.reference for one in held] == [None, None, "disclosure x"]
        assert book.referring(connection, "disclosure x") == (2,)
        assert [b for batch in book.entries(connection, 1, 3) for b in batch] == [one.entry for one in held[1:]]


def test_what_is_undone_leaves_no_entry(open_ledger: OpenLedger) -> None:
    database = open_ledger().database
    with database.writing(keep=False) as connection:
        book.append(connection, [fact()], draw=secrets.token_bytes)
    with database.reading() as connection:
        assert book.size(connection) == 0


def test_writers_at_once_leave_no_gap(open_ledger: OpenLedger) -> None:
    database = open_ledger().database

    def write(_: int) -> range:
        with database.writing() as connection:
            return book.append(connection, [fact(), fact()], draw=secrets.token_bytes)

    with ThreadPoolExecutor(4) as pool:
        got = sorted(number for numbers in pool.map(write, range(12)) for number in numbers)
    assert got == list(range(24))


def test_a_clock_that_was_set_back_is_refused_and_one_that_lags_by_seconds_is_not(open_ledger: OpenLedger) -> None:
    database = open_ledger().database
    with database.writing() as connection:
        book.append(connection, [fact(NOW)], draw=secrets.token_bytes)
    with database.writing() as connection:
        assert book.moment(connection, later(-9)) == NOW
        assert book.moment(connection, later(1)) == later(1)
        with pytest.raises(OutputError, match="clock is behind"):
            book.moment(connection, later(-11))
        with pytest.raises(OutputError, match="clock is behind"):
            book.append(connection, [fact(NOW - timedelta(days=1))], draw=secrets.token_bytes)
        with pytest.raises(ValueError, match="after"):
            book.append(connection, [fact(later(-1))], draw=secrets.token_bytes)
        with pytest.raises(ValueError, match="after"):
            book.append(connection, [fact(later(2)), fact(later(1))], draw=secrets.token_bytes)


def test_a_clock_that_is_a_year_ahead_is_refused_until_somebody_says_that_it_is_right(open_ledger: OpenLedger) -> None:
    database = open_ledger().database
    year, decade = NOW + timedelta(days=366), NOW + timedelta(days=3653)
    with database.writing() as connection:
        book.append(connection, [fact(NOW)], draw=secrets.token_bytes)
        assert book.moment(connection, year) == year
        with pytest.raises(OutputError, match="more than a year ahead"):
            book.moment(connection, decade)
    migrate_database(database._place, now=decade, clock_is_right=True)
    with database.writing() as connection:
        assert book.moment(connection, decade + timedelta(days=300)) == decade + timedelta(days=300)
        with pytest.raises(OutputError, match="more than a year ahead"):
            book.moment(connection, decade + timedelta(days=400))
        # and what was said of the clock takes nothing back
        assert book.moment(connection, NOW) == NOW


def test_the_first_entry_is_of_a_time_that_the_workspace_knows_or_that_somebody_vouches_for(
    open_ledger: OpenLedger,
) -> None:
    database = open_ledger().database
    decade = NOW + timedelta(days=3653)

    def refused(at: datetime, said: str) -> None:
        with database.writing() as connection:
            with pytest.raises(OutputError, match=said) as error:
                book.moment(connection, at)
            assert "nothing was entered yet" in error.value.what
            assert "accord migrate --clock-is-right" in (error.value.remedy or "")

    # the database was made at NOW
    refused(later(-11), "clock is behind")
    refused(decade, "more than a year ahead")
    with database.writing() as connection:
        assert book.moment(connection, later(-9)) == later(-9)
        assert book.moment(connection, later(86400)) == later(86400)
    # somebody says so by a clock that is wrong; nothing was entered, so that it can still be put right
    migrate_database(database._place, now=decade, clock_is_right=True)
    refused(NOW, "clock is behind")
    migrate_database(database._place, now=later(60), clock_is_right=True)
    refused(decade, "more than a year ahead")
    with database.writing() as connection:
        assert book.moment(connection, later(61)) == later(61)


def test_what_opens_a_field_is_destroyed_for_good_and_the_entry_stays(open_ledger: OpenLedger) -> None:
    database = open_ledger().database
    with database.writing() as connection:
        book.append(connection, [fact(), fact(kind=Kind.RECALL)], draw=secrets.token_bytes)
        before = book.kept(connection, [0, 1])
        assert book.destroy(connection, [0], {"digest", "partner"}) == 2
        assert book.destroy(connection, [0], {"digest", "partner"}) == 0
        after = book.kept(connection, [0, 1])
    assert after[1] == before[1]
    assert after[0].entry == before[0].entry
    assert {one.name for one in before[0].openings} - {one.name for one in after[0].openings} == {"digest", "partner"}


def test_an_entry_that_is_not_there_is_named(open_ledger: OpenLedger) -> None:
    with open_ledger().database.reading() as connection, pytest.raises(UnreadableError):
        book.kept(connection, [7])
