"""Which language a reader gets (RFC 9110, 12.5.4; RFC 4647, 3.4)."""

import re
from collections.abc import Sequence

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*[qQ]\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_LONGEST = 1000
"""Bytes of a header that are looked at."""


def choose_language(accepted: str | None, offered: Sequence[str]) -> str:
    """The offered language that `Accept-Language` likes best, the first of equals; else the first that is offered."""
    best, liked = offered[0], 0.0
    for part in (accepted or "")[:_LONGEST].split(","):
        found = _RANGE.fullmatch(part)
        if found is None:
            continue
        language = offered[0] if found[1] == "*" else found[1].lower()
        quality = 1.0 if found[2] is None else float(found[2])
        if language in offered and quality > liked:
            best, liked = language, quality
    return best
