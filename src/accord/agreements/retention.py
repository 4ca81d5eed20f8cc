"""How long what was delivered may be kept: calendar arithmetic with ISO 8601 durations.

Years and months are added first: the same day of the month at the same time of day in UTC, and where that month has no
such day, its last one (31 January and a month: 28 or 29 February; 29 February and a year: 28 February). Weeks and days
follow, each of 24 hours.
"""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

CAP = "P5Y"
"""What is kept no longer whatever is agreed."""

END = datetime(9999, 12, 31, tzinfo=UTC)
"""Later than anything is kept."""

_DURATION = re.compile(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Until when something may be kept, and what says so."""

    at: datetime
    limit: str
    """The ISO 8601 duration that ends first."""
    source: str
    """What sets it, in words."""


def after(start: datetime, duration: str) -> datetime:
    """The instant a duration after another, at most END. Raises ValueError for what is no duration of days or more."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration} is no duration of years, months, weeks, days")
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    start = start.astimezone(UTC)
    month = start.month - 1 + months
    year, month = start.year + years + month // 12, month % 12 + 1
    if year >= END.year:
        return END
    day = min(start.day, calendar.monthrange(year, month)[1])
    try:
        return min(start.replace(year=year, month=month, day=day) + timedelta(weeks=weeks, days=days), END)
    except OverflowError:
        return END


def due(received_at: datetime, limits: Iterable[tuple[str, str]]) -> Due:
    """When what was received must go: by the limit (duration, what sets it) that ends first, and CAP at the latest."""
    ends = [Due(at=after(received_at, one), limit=one, source=source) for one, source in (*limits, (CAP, "the cap"))]
    return min(ends, key=lambda one: one.at)
