"""The columns of a CSV file, as a data set declares them; here because settings are read without what reads files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A data set's declared column mapping for the mapped CSV format. Names are the file's header names."""

    indicators: Mapping[str, str | None]
    """Column name -> what it must hold: an `IndicatorType`, `ip` (ipv4 or ipv6), `hash` (any of them), or None: any.
    One observation for each filled column."""
    role: str | None = None
    family: str | None = None
    seen_at: tuple[str, ...] = ()
    """Columns of times: one, or the two ends of a period."""
    time_format: str | None = None
    """strptime format in UTC; None: ISO 8601 and `YYYY-MM-DD HH:MM:SS[ UTC]`."""
    port: str | None = None
    count: str | None = None
    marking: str | None = None
    delimiter: str = ","
