"""A TAXII 2.1 client (OASIS Standard, 10 June 2021): one collection of another server, within bounds.

What the server says is believed no more than a file from outside: how long an answer takes, how large it is and how
many there are is bounded; redirects and compressed answers are refused, and its certificate is verified.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

from accord.exchange.asking import BOUNDS, Asking, Bounds, unfit
from accord.exchange.taxii.collections import write_time
from accord.exchange.taxii.filters import read_time
from accord.exchange.taxii.messages import MEDIA_TYPE, TaxiiError
from accord.vocabulary.errors import AccordError, OutputError, UnreadableError

_Told = TypeVar("_Told")

LIMIT = 1000
"""Objects that are asked for at a time; a server may give fewer."""


_NAMED, _VERSIONS = 40, 1000
"""Ids in one question, because servers bear some thousand bytes of it; and pages that are read of the answer."""


_UNFIT = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
"""What a server answers to an envelope that is not to its liking (5.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One object as it came."""

    name: str
    """Its id and version, by which it is the same wherever it comes again."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Objects that a server gave at once."""

    objects: tuple[Found, ...]
    last: int
    """When the last of them was added at the server, in microseconds since 1970."""


class Detail(msgspec.Struct, frozen=True):
    """What a status says of one object."""

    id: str = ""
    version: str = ""
    message: str = ""


class Status(msgspec.Struct, frozen=True):
    """What became of an add (4.3)."""

    id: str
    status: str
    total_count: int = 0
    success_count: int = 0
    failure_count: int = 0
    pending_count: int = 0
    failures: list[Detail] = []


class _Envelope(msgspec.Struct, frozen=True):
    objects: list[msgspec.Raw] = []
    more: bool = False
    next: str | None = None


class _Paging(msgspec.Struct, frozen=True):
    more: bool = False
    next: str | None = None


class _Versioned(msgspec.Struct, frozen=True):
    id: str
    modified: str = ""
    created: str = ""


class _Manifest(msgspec.Struct, frozen=True):
    objects: list[Detail] = []


class _Error(msgspec.Struct, frozen=True):
    title: str = ""
    description: str = ""


class _Root(msgspec.Struct, frozen=True):
    max_content_length: int = 1 << 20


class Collection:
    """A collection of another server; as a context its connections are closed at the end."""

    def __init__(
        self,
        url: str,
        *,
        authorization: str | None,
        ca_file: Path | None = None,
        bounds: Bounds = BOUNDS,
        in_time: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is asked yet. `url` has no slash at its end. Raises SettingsError when `ca_file` is unfit.

        `in_time` is called before each question, and raises when there is no time left for one.
        """
        self._url, self._bounds, self._in_time = url, bounds, in_time
        headers = {"accept": MEDIA_TYPE}
        if authorization is not None:
            headers["authorization"] = authorization
        self._asking = Asking(headers, ca_file=ca_file, bounds=bounds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._asking.__exit__(kind, error, trace)

    def pages(self, after: int | None, *, until: int) -> Iterator[Page]:
        """All objects, or those that were added after `after` (microseconds since 1970), as the server gives them.

        Raises UnreadableError when it gives what is no page, pages without end, or objects that it says were added
        after `until`: who believed it would ask for nothing before that day again.
        """
        asked: dict[str, str] = {"limit": str(LIMIT)}
        if after is not None:
            asked["added_after"] = write_time(after)
        last = -1 if after is None else after
        seen: frozenset[str] = frozenset()
        for _ in range(self._bounds.pages):
            headers, body = self._asked("GET", "/objects/", asked)
            envelope = self._decoded(body, _Envelope)
            objects = tuple(map(_found, envelope.objects))
            if objects:
                first, now = (self._date(headers, f"x-taxii-date-added-{one}") for one in ("first", "last"))
                if now < first or now < last:
                    raise self._wrong("objects in the order in which they were added", "a page that goes back in time")
                if now > until:
                    # headers are what somebody else wrote
                    raise self._wrong(f"objects that were added until {write_time(until)}", write_time(now))
                last = now
                yield Page(objects=objects, last=last)
            if not envelope.more:
                return
            names = frozenset(one.name for one in objects)
            if names <= seen:
                raise self._wrong("an end, or something new with each page", "a page with nothing new, and more")
            seen = names
            if envelope.next is not None:
                asked["next"] = envelope.next
            else:
                # one asks after the last date then (3.5); for the last instant once more, of which there may be more
                asked.pop("next", None)
                asked["added_after"] = write_time(last - 1)
        raise self._wrong(f"an end after at most {self._bounds.pages:,} pages", "more")

    def longest(self) -> int:
        """The bytes of the longest request that the server takes, as its API root says."""
        root = self._url.rpartition("/collections/")[0]
        _, body = self._asked("GET", "/", {}, base=root)
        return max(self._decoded(body, _Root).max_content_length, 1)

    def add(self, body: bytes) -> Status:
        """Hand over an envelope. Raises OutputError when it is not accepted, UnfitEnvelopeError for what is in it."""
        _, answer = self._asked("POST", "/objects/", {}, body)
        return self._decoded(answer, Status)

    def status(self, name: str) -> Status | None:
        """What became of an add; None: the server tells no more."""
        root = self._url.rpartition("/collections/")[0]
        try:
            _, answer = self._asked("GET", f"/status/{name}/", {}, base=root)
        except _GoneError:
            return None
        return self._decoded(answer, Status)

    def holds(self, ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Of some objects those that the server has, with the versions; none where it does not say."""
        found: dict[str, frozenset[str]] = {}
        try:
            for body in self._named(ids, "/manifest/", "all"):
                for one in self._decoded(body, _Manifest).objects:
                    found[one.id] = found.get(one.id, frozenset()) | {one.version}
        except (UnreadableError, OutputError):
            # what may not be read is told of by nobody
            return found
        return found

    def find(self, ids: Sequence[str]) -> Iterator[bytes]:
        """The last versions of some objects that the server has. Raises UnreadableError."""
        for body in self._named(ids, "/objects/", "last"):
            yield from (bytes(one) for one in self._decoded(body, _Envelope).objects)

    def _named(self, ids: Sequence[str], path: str, version: str) -> Iterator[bytes]:
        """The pages that tell of some objects."""
        for at in range(0, len(ids), _NAMED):
            asked = {"match[id]": ",".join(ids[at : at + _NAMED]), "match[version]": version, "limit": str(LIMIT)}
            for _ in range(_VERSIONS):
                _, body = self._asked("GET", path, asked)
                yield body
                paging = self._decoded(body, _Paging)
                if not paging.more or paging.next is None:
                    break
                asked["next"] = paging.next

    def _asked(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None = None, base: str | None = None
    ) -> tuple[httpx.Headers, bytes]:
        self._in_time()
        url = (self._url if base is None else base) + path
        told = self._asking.ask(method, url, query, body, None if body is None else {"content-type": MEDIA_TYPE})
        if told.status not in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
            raise self._refused(method, url, told.status, told.body)
        if told.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/taxii+json":
            raise self._wrong(MEDIA_TYPE, told.headers.get("content-type", "no media type")[:100])
        return told.headers, told.body

    def _refused(self, method: str, url: str, status: int, answer: bytes) -> Exception:
        try:
            told = msgspec.json.decode(answer, type=_Error)
            words = f": {told.title} {told.description}".rstrip()[:200]
        except (msgspec.MsgspecError, RecursionError):
            words = ""
        if status == HTTPStatus.NOT_FOUND and "/status/" in url:
            return _GoneError("The server tells no more of it.", where=url)
        what = "The peer does not take it." if method == "POST" else "The peer does not give it."
        remedies = {
            HTTPStatus.UNAUTHORIZED: "see scheme, user and secret of the peer in the settings",
            HTTPStatus.FORBIDDEN: "ask the partner what this secret may do in the collection",
            HTTPStatus.NOT_FOUND: "see the collection's URL in the settings",
            HTTPStatus.TOO_MANY_REQUESTS: "come again later",
        }
        remedy = remedies.get(HTTPStatus(status)) if status in set(HTTPStatus) else None
        kind: type[AccordError] = UnreadableError
        if method == "POST":
            kind = UnfitEnvelopeError if status in _UNFIT else OutputError
            if status == HTTPStatus.INTERNAL_SERVER_ERROR:
                kind = FailedEnvelopeError
        return kind(what, where=url, expected="status 200 or 202", got=f"status {status}{words}", remedy=remedy)

    def _decoded(self, body: bytes, kind: type[_Told]) -> _Told:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise self._wrong("a message of TAXII 2.1", str(error)[:200]) from error

    def _date(self, headers: httpx.Headers, name: str) -> int:
        try:
            return read_time(headers.get(name, ""), name)
        except TaxiiError as error:
            raise self._wrong(f"{name} with every page of objects", headers.get(name, "none")[:100]) from error

    def _wrong(self, expected: str, got: str) -> UnreadableError:
        return unfit(self._url, expected, got)


class UnfitEnvelopeError(OutputError):
    """A server refuses an envelope for what is in it: another may be taken."""


class FailedEnvelopeError(UnfitEnvelopeError):
    """A server fails over an envelope (500): at what is in it, or at whatever it is given."""


class _GoneError(UnreadableError):
    """A status that a server has forgotten."""


def authorization(scheme: str, user: str | None, secret: str | None) -> str | None:
    """The header that says who asks (RFC 7617, RFC 6750); None: nobody is told."""
    if secret is None:
        return None
    if user is not None:
        return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
    return f"{scheme.capitalize()} {secret}"


def _found(raw: msgspec.Raw) -> Found:
    content = bytes(raw)
    try:
        one = msgspec.json.decode(content, type=_Versioned)
        name = f"{one.id} {one.modified or one.created}"
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        # what has no id is no object of STIX; the delivery's account says so
        name = content.decode("utf-8", "replace")
    return Found(name=name, content=content)
