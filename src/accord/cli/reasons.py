"""Reasons in words: they go to others, or into logs that are never changed, so that no value may stand in them."""

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from accord.columns.values import ADDRESSES, read_value, refang, url_host
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.lengths import MAX_REASON
from accord.vocabulary.reasons import Rejected

if TYPE_CHECKING:
    from accord.reference.suffixes import SuffixRules

_SPEAKING = re.compile(
    r"\S[.:@/\u3002\uff0e\uff61]\S|[\[({]\s*(?:[.:@/\u3002\uff0e]|dot|at)|[0-9A-Fa-f]{32}|AS\d", re.IGNORECASE
)
"""Without one of these no value stands in a text, and nothing about names need be known."""
_SIGNS = frozenset(".:/@%+-_")
"""No value has another character than these, letters, marks and digits, once it is refanged."""
_PIECES = re.compile(r"[:/%+_-]")
_EDGES = "".join(_SIGNS)
_SPREAD = re.compile(r"\s+[\[({<]\s*(?:(dot|\.)|at|@)\s*[\])}>]\s+", re.IGNORECASE)
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff61\u2024\u00b7\u2027\u30fb", "."))


def demand_no_value(text: str, option: str) -> None:
    """Raise SettingsError when something stands in a reason that could be an indicator: in doubt it is one."""
    if len(text) > MAX_REASON:
        raise SettingsError(
            "A reason is too long.",
            where=option,
            expected=f"at most {MAX_REASON:,} characters",
            got=f"{len(text):,}",
            remedy="say it shorter, and name the document that says more",
        )
    plain = _plain(text)
    found = next(_values(plain), None) if _SPEAKING.search(plain) else None
    if found is not None:
        raise SettingsError(
            "A reason must not hold the value itself, nor any other: it goes to others, or stands for ever.",
            where=option,
            expected="words without an address, name on the net, mail address, URL, hash or AS number",
            got=found,
            remedy="say it without: name the case, or a delivery by the first 12 digits of its SHA-256. If it is no "
            "value, spell it otherwise: a blank after a full stop",
        )


def demand_public(title: str, where: str) -> None:
    """Raise SettingsError when a value stands in what everybody will read; a name on the net may be who collects."""
    plain = _plain(title)
    found = next((one for one in _values(plain) if not _is_name(one)), None) if _SPEAKING.search(plain) else None
    if found is not None:
        raise SettingsError(
            "A title that everybody will read must not hold a value.",
            where=where,
            expected="words without an address, mail address, URL, hash or AS number, and without a person's name",
            got=found,
            remedy="say what is collected, and how; or let `name_partner = false` keep the title from the public",
        )


def _is_name(text: str) -> bool:
    from accord.cli.places import reference_in_use

    read = read_value(text, reference_in_use().suffixes.is_public_suffix)
    return isinstance(read, Indicator) and read.kind is IndicatorType.DOMAIN


def _plain(text: str) -> str:
    # what cannot be seen parts no value
    seen = "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")
    return seen.translate(_DOTS)


def _values(plain: str) -> Iterator[str]:
    # most texts have nothing that speaks for a value, and most commands no text
    from accord.cli.places import reference_in_use

    suffixes = reference_in_use().suffixes
    undone = refang(_SPREAD.sub(lambda found: "." if found[1] else "@", plain))
    whole = "".join(each if each in _SIGNS or unicodedata.category(each)[0] in "LMN" else " " for each in undone)
    for token in whole.split():
        bare = token.strip(_EDGES)
        said = refang(bare)
        pieces = [said, *(piece.strip(_EDGES) for piece in (*said.split("%"), *_PIECES.split(said)))]
        yield from (
            piece for piece in pieces if piece and _is_value(piece, suffixes, defanged=undone != plain or said != bare)
        )


def _is_value(text: str, suffixes: "SuffixRules", *, defanged: bool) -> bool:
    read = read_value(text, suffixes.is_public_suffix)
    if not isinstance(read, Indicator):
        # an address in somebody's own network is one, too
        return read is Rejected.ADDRESS_NOT_ROUTABLE
    if defanged or "://" in text or read.kind not in {IndicatorType.DOMAIN, IndicatorType.URL}:
        return True
    host = url_host(read.value) if read.kind is IndicatorType.URL else read.value
    of_address = read_value(host, suffixes.is_public_suffix)
    return (isinstance(of_address, Indicator) and of_address.kind in ADDRESSES) or suffixes.has_known_suffix(host)
