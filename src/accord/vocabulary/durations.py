"""ISO 8601 durations of years, months, weeks and days, as retention is agreed in: `P1Y`, `P6M`, `P1Y6M`, `P90D`."""

import calendar
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

_FORM = re.compile(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", re.ASCII)
_LAST = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 -- takes the zone of what it is compared with


def is_duration(text: str) -> bool:
    """Is this a duration?"""
    return _FORM.fullmatch(text) is not None


def ends(begin: datetime, duration: str) -> datetime:
    """When a duration is over that began at an instant: years and months by the calendar first, then weeks and days.

    Where the month is too short it is its last day: a month from 31 January is over on 28 or 29 February, a year from
    29 February on 28 February. What is past the year 9999 is its last second. Raises ValueError when it is none.
    """
    found = _FORM.fullmatch(duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration of years, months, weeks and days")
    years, months, weeks, days = (int(one or 0) for one in found.groups())
    count = begin.year * 12 + begin.month - 1 + years * 12 + months
    year, month = divmod(count, 12)
    last = _LAST.replace(tzinfo=begin.tzinfo)
    if year > last.year:
        return last
    day = min(begin.day, calendar.monthrange(year, month + 1)[1])
    try:
        return begin.replace(year=year, month=month + 1, day=day) + timedelta(days=7 * weeks + days)
    except OverflowError:
        return last


def shortest(durations: Iterable[str]) -> str:
    """The one that is over first, begun on a 1 January after which no February has 29 days; among equals the first.

    Raises ValueError when there is none, or when one is no duration.
    """
    return min(durations, key=lambda one: ends(datetime(2001, 1, 1), one))  # noqa: DTZ001 -- a day of the calendar
