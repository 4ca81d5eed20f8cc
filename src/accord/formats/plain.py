"""Plain lists: one value a line, defanged or not.

    # exported 2026-11-23
    198.51.100.7
    hxxp://evil[.]example[.]com/panel
    2001:db8::1     # seen twice

Lines that begin with `#` or `;` are comments; a `#` after white space ends the value. The type of each value is told
from its form. What the file's name says (a family, say) is read by a rule of the data set: `path = "{family} IPs.txt"`.
"""

from collections.abc import Mapping

from accord.columns.lines import looks_like_text
from accord.columns.listing import read_listing
from accord.columns.reading import Chunk, Context, Parsed, Part
from accord.vocabulary.errors import RefusedFileError

NAME = "plain"
TITLE = "plain list, one value a line"
GRAIN = "lines"


def recognises(head: bytes, path: str) -> bool:
    """Any text may be a list."""
    return looks_like_text(head) and path != ""


def layout(head: bytes, path: str, context: Context) -> None:
    """A list has no header. Raises RefusedFileError for what is no text."""
    del context
    if not looks_like_text(head):
        raise RefusedFileError(
            "the content is no list of lines", where=path, expected="text, one value a line", got="binary, JSON or XML"
        )


def parse(chunk: Chunk, context: Context) -> Parsed:
    """Read a chunk of a list."""
    return read_listing(chunk, context, comments=b"#;", family=_says_nothing, fields=_no_fields)


def _says_nothing(part: Part) -> None:
    del part


def _no_fields(part: Part) -> Mapping[str, str | None]:
    del part
    return {}
