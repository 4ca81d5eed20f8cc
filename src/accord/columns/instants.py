"""Instants as partners write them, as microseconds since 1970 in UTC."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_US = 0
LATEST_US = int((datetime(2101, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * 1_000_000
"""Times from 1970 to 2100 are taken; others are no time that a sighting can have."""

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)

# How programs write it: the form of nearly all times in logs, on few days.
_COMMON = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:Z|\+00:00)", re.ASCII)


def read_instant(text: str) -> int | None:
    """Read `2026-06-17`, `2026-06-17 11:00:37[.5][ UTC]` or RFC 3339 as microseconds since 1970 in UTC.

    A time without a zone is UTC, a date is its midnight. None when it is no such time, or outside 1970..2100.
    """
    common = _COMMON.fullmatch(text)
    if common is not None:
        day, hour, minute, second = common.groups()
        midnight = _midnight(day)
        return None if midnight is None else midnight + (int(hour) * 3600 + int(minute) * 60 + int(second)) * 1_000_000
    return _read_instant(text)


@lru_cache(4096)
def _midnight(day: str) -> int | None:
    return _read_instant(day)


def _read_instant(text: str) -> int | None:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        instant = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    if zone and zone[0] in "+-":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        if int(zone[1:3]) > 23 or int(zone[-2:]) > 59:
            return None
        try:
            instant -= timedelta(minutes=minutes if zone[0] == "+" else -minutes)
        except OverflowError:
            return None
    return _bounded(microseconds(instant) + int(((fraction or "") + "000000")[:6]))


def read_epoch(text: str) -> int | None:
    """Read decimal seconds since 1970 (a fraction allowed) as microseconds; None when it is none, or out of range."""
    match = re.fullmatch(r"(\d{1,11})(?:\.(\d{1,9}))?", text.strip(), re.ASCII)
    if match is None:
        return None
    return _bounded(int(match[1]) * 1_000_000 + int(((match[2] or "") + "000000")[:6]))


def microseconds(instant: datetime) -> int:
    """An aware instant as microseconds since 1970 in UTC, exactly."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def _bounded(value: int) -> int | None:
    return value if EARLIEST_US <= value < LATEST_US else None
