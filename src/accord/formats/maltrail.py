"""Maltrail trails: one indicator a line, one file a malware family.

    # Copyright (c) 2014-2026 Maltrail developers
    # Reference: https://example.org/report
    198.51.100.7:443
    evil.example.com        # was: gateway
    evil.example.com/panel/
    /gate.php

Under a folder `malware` the file name is the family; elsewhere (`malicious`, `suspicious`) it is a category, which
a data set's rules can turn into a role. Fields for rules: `category` (file name without ending), `directory`.

Source: the trail files of the Maltrail project (`trails/static/`) and its `core/update.py`.
"""

from collections.abc import Mapping

from accord.columns.lines import looks_like_text
from accord.columns.listing import read_listing
from accord.columns.reading import Chunk, Context, Parsed, Part
from accord.vocabulary.errors import RefusedFileError

NAME = "maltrail"
TITLE = "Maltrail trails (text, one file a family)"
GRAIN = "lines"


def recognises(head: bytes, path: str) -> bool:
    """Any text may be trails: the publisher's header is a comment and often absent."""
    return looks_like_text(head) and path != ""


def layout(head: bytes, path: str, context: Context) -> None:
    """Trails have no header. Raises RefusedFileError for what is no text."""
    del context
    if not looks_like_text(head):
        raise RefusedFileError(
            "the content is no list of lines", where=path, expected="text, one value a line", got="binary, JSON or XML"
        )


def parse(chunk: Chunk, context: Context) -> Parsed:
    """Read a chunk of trails."""
    return read_listing(chunk, context, comments=b"#", family=_family, fields=_fields)


def _family(part: Part) -> str | None:
    category, directory = _named(part.path)
    return category if directory == "malware" else None


def _fields(part: Part) -> Mapping[str, str | None]:
    category, directory = _named(part.path)
    return {"category": category, "directory": directory}


def _named(path: str) -> tuple[str, str]:
    """The file's name without its ending, and the name of the folder that it lies in (empty: none)."""
    above, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return stem if stem and dot and ending else name, above.rpartition("/")[2]
