"""Durations by the calendar, worked by hand."""

from datetime import UTC, datetime

import pytest

from accord.vocabulary.durations import ends, is_duration, shortest


@pytest.mark.parametrize(
    ("begin", "duration", "over"),
    [
        ("2026-01-31T10:00:00", "P1M", "2026-02-28T10:00:00"),
        ("2024-01-31T10:00:00", "P1M", "2024-02-29T10:00:00"),
        ("2024-02-29T00:00:00", "P1Y", "2025-02-28T00:00:00"),
        ("2024-02-29T00:00:00", "P4Y", "2028-02-29T00:00:00"),
        ("2026-11-27T08:30:00", "P1Y6M", "2028-05-27T08:30:00"),
        ("2026-12-31T23:59:59", "P2M", "2027-02-28T23:59:59"),
        # the month first, then the days: from 28 February
        ("2026-01-31T00:00:00", "P1M1D", "2026-03-01T00:00:00"),
        ("2026-11-27T00:00:00", "P2W", "2026-12-11T00:00:00"),
        ("2026-11-27T00:00:00", "P90D", "2027-02-25T00:00:00"),
        ("2026-11-27T00:00:00", "P0D", "2026-11-27T00:00:00"),
        ("2026-11-27T00:00:00", "P12M", "2027-11-27T00:00:00"),
        ("2026-11-27T00:00:00", "P9000Y", "9999-12-31T23:59:59"),
        ("2026-11-27T00:00:00", "P99999999999D", "9999-12-31T23:59:59"),
    ],
)
def test_a_duration_is_over_by_the_calendar(begin: str, duration: str, over: str) -> None:
    at = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    assert ends(at, duration) == datetime.fromisoformat(over).replace(tzinfo=UTC)


def test_the_shortest_is_the_one_that_is_over_first() -> None:
    assert shortest(["P1Y", "P366D", "P12M"]) == "P1Y"
    assert shortest(["P5Y", "P365D"]) == "P365D"
    assert shortest(["P1M", "P30D", "P4W"]) == "P4W"
    assert shortest(["P99999Y"]) == "P99999Y"


@pytest.mark.parametrize("text", ["", "P", "1Y", "PT1H", "P1Y ", "P-1Y", "P1.5Y", "P1D1Y", "p1y", "P١Y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert not is_duration(text)
    with pytest.raises(ValueError, match="no duration"):
        ends(datetime(2026, 1, 1, tzinfo=UTC), text)
