"""Does a member that starts like this hold STIX? Decided on the names at its root, not on words anywhere in it."""

import re
from collections.abc import Iterator

from accord.formats.stix.bundle import STIX_1_ID, STIX_1_NAMES, STIX_1_XML, STIX_ID

# A text that is cut off is a piece too: passed over, it would be tried again from every later quote.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|(?P<cut>\\?\Z))|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)


def looks_like_stix(head: str) -> bool:
    """Does a text that starts like this hold STIX? STIX 1 counts: it is to be refused with a clear word."""
    start = head.lstrip()[:1]
    if start == "<":
        return STIX_1_XML.search(head) is not None
    return start == "{" and any(_tells(depth, name, value) for depth, name, value in _values(head))


def _tells(depth: int, name: str, value: str) -> bool:
    if depth == 1 and name in STIX_1_NAMES:
        return True
    if depth == 1 and name == "type":
        return value == "bundle"
    # a bundle's own id, that of an object by itself, or of an element of `objects`
    return name == "id" and (
        STIX_ID.fullmatch(value) is not None or (depth == 1 and STIX_1_ID.fullmatch(value) is not None)
    )


def _values(head: str) -> Iterator[tuple[int, str, str]]:
    """Depth, name and text of the values at the root (1) and of the elements of a list `objects` there (3).

    An object or list at the root is given with an empty text; a text that is cut off just ends.
    """
    depth, name, in_objects, after_colon = 0, "", False, False
    for match in _PIECE.finditer(head):
        piece = match[0]
        if match["cut"] is not None:
            return
        if piece in ("{", "["):
            if after_colon and depth == 1:
                in_objects = name == "objects" and piece == "["
                yield 1, name, ""
            depth += 1
            after_colon = False
        elif piece in ("}", "]"):
            depth -= 1
            after_colon = False
        elif piece in (":", ","):
            after_colon = piece == ":"
        elif not after_colon:
            name = piece.strip('"')
        elif depth == 1 or (depth == 3 and in_objects):
            yield depth, name, piece.strip('"')
