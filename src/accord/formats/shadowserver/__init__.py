"""Shadowserver's daily reports: CSV whose columns are read from the header, and whose meaning is the report's type.

    "timestamp","protocol","src_ip","src_port",...,"infection","family",...
    "2026-06-17 11:00:37","tcp","107.27.103.143","34213",...,"virut","virut",...

The type stands in the file name (`2026-06-17-event4_sinkhole-country.csv`); without it, the header must be one that
only one kind of report has. docs/formats/shadowserver.md says what each type gives.

Source: The Shadowserver Foundation, report schema (column order is not static) and report file names.
"""

from accord.formats.shadowserver.reader import (
    GRAIN,
    NAME,
    TITLE,
    ShadowserverLayout,
    layout,
    parse,
    recognises,
    shortcut,
)

__all__ = ["GRAIN", "NAME", "TITLE", "ShadowserverLayout", "layout", "parse", "recognises", "shortcut"]
