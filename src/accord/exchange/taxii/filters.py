"""What a client asks for of a collection: which objects, which versions, after when, how many (TAXII 2.1, 3.4, 3.5)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

from accord.columns.instants import microseconds
from accord.exchange.taxii.messages import TaxiiError

PAGE, MOST = 1000, 10_000
"""Objects of a page where a client says nothing, and at most."""

MOST_MATCHES = 1000
"""Values of one filter."""

_LAST = microseconds(datetime.max.replace(tzinfo=UTC))
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z", re.ASCII)
_KNOWN = frozenset({"id", "type", "version", "spec_version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a client asks for."""

    after: int = -1
    """Microseconds since 1970: what was added later than that."""
    limit: int = PAGE
    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    versions: tuple[str, ...] = ("last",)
    """`first`, `last`, `all`, or versions as timestamps."""
    spec_versions: tuple[str, ...] = ()
    """Empty: the latest of each object."""


def read_filters(query: bytes) -> Filters:
    """Read a request's query. Raises TaxiiError (400)."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise _wrong("The query cannot be read.") from error
    said: dict[str, str] = {}
    for name, value in pairs:
        if name in said:
            raise _wrong(f"{name} is said twice.")
        said[name] = value
    matches: dict[str, tuple[str, ...]] = {}
    for name, value in said.items():
        if name.startswith("match[") and name.endswith("]"):
            field = name[6:-1]
            if field not in _KNOWN:
                raise _wrong(f"There is no filter {field}: only {', '.join(sorted(_KNOWN))}.")
            matches[field] = _values(field, value)
    versions = matches.get("version", ("last",))
    for one in versions:
        if one not in {"first", "last", "all"}:
            read_time(one, "match[version]")
    after = read_time(said["added_after"], "added_after") if "added_after" in said else -1
    if "next" in said:
        after = max(after, _next(said["next"]))
    return Filters(
        after=after,
        limit=_limit(said["limit"]) if "limit" in said else PAGE,
        ids=matches.get("id", ()),
        types=matches.get("type", ()),
        versions=versions,
        spec_versions=matches.get("spec_version", ()),
    )


def read_time(text: str, name: str) -> int:
    """An instant as TAXII writes it (1.6.7), in microseconds since 1970; what is finer is cut. Raises TaxiiError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise _no_time(name)
    try:
        whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError as error:
        raise _no_time(name) from error
    return microseconds(whole) + int((found[2] or "0")[:6].ljust(6, "0"))


def is_time(text: str) -> bool:
    """Is it written as an instant of TAXII?"""
    return _TIME.fullmatch(text) is not None


def _no_time(name: str) -> TaxiiError:
    return _wrong(f"{name} is no time such as 2026-11-27T10:00:00.000000Z.")


def write_next(added: int) -> str:
    """What a client says to go on after an object: it stands for itself, and nothing is kept of it."""
    return str(added)


def _next(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) > _LAST:
        raise _wrong("next is nothing that was given here.")
    return int(text)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < 1:
        raise _wrong("limit is no whole number from 1 on.")
    return min(int(text), MOST)


def _values(name: str, text: str) -> tuple[str, ...]:
    values: Sequence[str] = text.split(",")
    if not all(values):
        raise _wrong(f"match[{name}] has an empty value.")
    if "\0" in text:
        # no database has it in a text, and PostgreSQL takes no question with it
        raise _wrong(f"match[{name}] has a character that stands in no name.")
    if len(values) > MOST_MATCHES:
        raise _wrong(f"match[{name}] has more than {MOST_MATCHES} values.")
    return tuple(dict.fromkeys(values))


def _wrong(description: str) -> TaxiiError:
    return TaxiiError(HTTPStatus.BAD_REQUEST, description)
