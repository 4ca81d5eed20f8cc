"""The times of a STIX object: a period, and the instants at which it makes its observations.

Source: OASIS STIX 2.1, 3.11 (timestamps), 4.7 (valid_from, valid_until), 4.14 and 5.2 (first and last).
"""

from functools import lru_cache

import msgspec

from accord.columns.instants import read_instant
from accord.formats.stix.bundle import Body, shown


class PeriodError(ValueError):
    """A time that cannot be read, or a period that ends before it begins."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, text)
        self.name = name
        self.text = text


class TimeFault(msgspec.Struct, frozen=True):
    """A property whose time cannot be read."""

    name: str
    text: str


class Period(msgspec.Struct, frozen=True):
    """One instant, or two: a period's ends. `(None,)`: no time is said."""

    instants: tuple[int | None, ...]
    fault: TimeFault | None = None
    """The end that could not be read, beside the other that could."""

    def within(self, window: tuple[int, int] | None) -> tuple[int | None, ...]:
        """The instants of a value: the pattern's own START and STOP where it has them, else the period's."""
        return self.instants if window is None else window


def period_of(body: Body, begin_name: str, end_name: str, *, otherwise: str | None = "created") -> Period:
    """The period between two properties; without either the instant `otherwise`, without that no time.

    An end that cannot be read is a fault beside the other. Raises PeriodError when that leaves no time that was said,
    and for a period that ends before it begins: which of the two is wrong is not guessed.
    """
    begin, first_fault = _end(body, begin_name)
    end, last_fault = _end(body, end_name)
    fault = first_fault or last_fault
    if begin is None and end is None and fault is not None:
        raise PeriodError(fault.name, fault.text)
    if begin is None and end is None:
        return Period((None if otherwise is None else _instant(body, otherwise),))
    if begin is not None and end is not None and end < begin:
        raise PeriodError(end_name, f"{body[begin_name]} to {body[end_name]}")
    return Period(tuple(dict.fromkeys(one for one in (begin, end) if one is not None)), fault)


def _end(body: Body, name: str) -> tuple[int | None, TimeFault | None]:
    try:
        return _instant(body, name), None
    except PeriodError as error:
        return None, TimeFault(error.name, error.text)


_SHORT = 40
_read_short = lru_cache(maxsize=4096)(read_instant)


def _instant(body: Body, name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    instant = None
    if isinstance(value, str):
        # a bundle's objects share few instants
        instant = _read_short(value) if len(value) <= _SHORT else read_instant(value)
    if instant is None:
        raise PeriodError(name, shown(value))
    return instant
