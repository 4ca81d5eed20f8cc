"""Durations by the calendar; expected values worked by hand, or by another library's calendar (PostgreSQL's rule)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.agreements.retention import after, due


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2024-01-31", "P1M", "2024-02-29"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-02-29", "P4Y", "2028-02-29"),
        ("2026-11-30", "P3M", "2027-02-28"),
        ("2026-12-31T23:59:59", "P1D", "2027-01-01T23:59:59"),
        ("2026-01-31", "P1M1D", "2026-03-01"),
        ("2026-10-05", "P2W", "2026-10-19"),
        ("2026-03-15", "P0D", "2026-03-15"),
        ("2026-03-15", "P9999Y", "9999-12-31"),
        ("2026-03-15", "P99999999999D", "9999-12-31"),
    ],
)
def test_a_duration_ends_where_the_calendar_says(start: str, duration: str, end: str) -> None:
    assert after(day(start), duration) == day(end)


@given(st.dates(date(1990, 1, 1), date(2090, 12, 31)), st.integers(0, 100))
def test_a_month_after_is_the_same_day_or_the_last_of_that_month(start: date, months: int) -> None:
    end = after(datetime(start.year, start.month, start.day, tzinfo=UTC), f"P{months}M")
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)


def test_the_limit_that_ends_first_counts_and_five_years_at_the_latest() -> None:
    received = day("2024-02-29")
    assert due(received, [("P1Y", "data set a"), ("P6M", "agreement b")]).source == "agreement b"
    # which is shorter hangs on the month: 28 days are February's, and less than other months
    assert due(day("2026-02-01"), [("P29D", "days"), ("P1M", "month")]).source == "month"
    assert due(day("2026-03-01"), [("P29D", "days"), ("P1M", "month")]).source == "days"
    capped = due(received, [("P9Y", "data set a")])
    assert (capped.at, capped.source) == (day("2029-02-28"), "the cap")


@pytest.mark.parametrize("wrong", ["", "P", "1Y", "PT1H", "P-1D", "P1D1Y"])
def test_what_is_no_duration_of_days_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        after(day("2026-01-01"), wrong)
