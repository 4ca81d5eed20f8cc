"""Partners' deliveries and answers over HTTP: uploads that go on where they were cut off, and what became of them.

    POST   /deliveries                      begin an upload (tus 1.0.0)
    HEAD, PATCH, DELETE /deliveries/uploads/ID
    GET    /deliveries                      the partner's deliveries, a page at a time
    GET    /deliveries/NAME                 what became of one; NAME is the data set's id, `.`, and its SHA-256
    GET    /deliveries/NAME/rejects         records of it that were not taken, and why
    GET    /deliveries/NAME/receipt         its entry in the ledger, opened for its partner, with the proof
    POST   /outcomes                        what became of what the partner was handed
    GET    /acknowledgements                the notices of recalls that the partner has still to answer
    GET    /acknowledgements/NAME           one of them with its files; NAME is the recall's id, `.`, and the package's
    POST   /acknowledgements                a signed answer to one

What a request is answered is worked out here, and done by a `Desk`. What is another partner's does not exist for it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from accord.access.clients import Client
from accord.access.tokens import Scope
from accord.exchange.partners import uploads
from accord.exchange.partners.routes import DELIVERIES, UPLOADS, methods_of
from accord.exchange.partners.uploads import ChecksumError, Upload, Wanted
from accord.vocabulary.errors import AccordError
from accord.web.entrance import NotLetInError
from accord.web.problems import MEDIA_TYPE, ProblemError, problem

PAGE, MOST = 100, 100
"""Deliveries, or rejects, of a page where a client says nothing, and at most."""

RECEIPT_TYPE = "text/plain; charset=utf-8"
NOTICE_TYPE = "application/zip"

_NAME = re.compile(r"([a-z0-9._-]+)\.([0-9a-f]{64})", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NOTICE_NAME = re.compile(rf"({_UUID})\.({_UUID})", re.ASCII)
"""By what a notice is asked for: the recall's id and the package's."""
_TUS = {"tus-resumable": uploads.VERSION}
_Done = TypeVar("_Done")


class _NoMethodError(Exception):
    """A method that an endpoint does not have."""

    def __init__(self, methods: tuple[str, ...]) -> None:
        self.methods = methods
        super().__init__(methods)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    """By lower-case names; those that come once."""
    body: bytes = b""
    address: str = ""
    """Whence it came."""
    client: Client | None = None
    """Who asks, where that was asked before; None: it is asked by what the headers say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered to one request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str | None = "application/json"
    person: str = ""
    """Who is answered, as the log of consultations names them; empty: nobody known."""


class Desk(Protocol):
    """Does what partners ask for. All raise AccordError where that cannot be done now."""

    def now(self) -> datetime:
        """The time by which it is decided what counts."""

    def enter(self, headers: Mapping[str, str], address: str, now: datetime) -> Client:
        """Who asks. Raises NotLetInError."""

    def begin(self, wanted: Wanted, client: Client, now: datetime) -> Upload:
        """Begin an upload. Raises ProblemError when nothing lets it in."""

    def find_upload(self, upload: str, client: Client, now: datetime) -> Upload:
        """An upload; one that is whole is taken in. Raises ProblemError when there is none."""

    def write(self, upload: str, offset: int, piece: bytes, client: Client, now: datetime) -> Upload:
        """Add a piece at an offset, on the disk; a whole one is taken in. Raises ProblemError, ChecksumError."""

    def drop(self, upload: str, client: Client, now: datetime) -> None:
        """Remove an upload that is not whole. Raises ProblemError when there is none."""

    def deliveries(self, client: Client, after: str, limit: int, now: datetime) -> tuple[list[dict[str, object]], bool]:
        """What became of a partner's deliveries, by name, and whether there are more."""

    def delivery(self, dataset: str, sha256: str, client: Client, now: datetime) -> dict[str, object]:
        """What became of one. Raises ProblemError when there is none."""

    def rejects(
        self, dataset: str, sha256: str, client: Client, after: int, limit: int, now: datetime
    ) -> tuple[list[dict[str, object]], bool]:
        """Its records that were not taken, in their order. Raises ProblemError when there is none."""

    def receipt(self, dataset: str, sha256: str, client: Client) -> bytes:
        """Its receipt. Raises ProblemError when there is none."""

    def take_outcomes(self, body: bytes, client: Client) -> dict[str, object]:
        """Take in what a partner says. Raises ProblemError when it is no such file."""

    def notices(self, client: Client, after: str, limit: int, now: datetime) -> tuple[list[dict[str, object]], bool]:
        """The notices of recalls that a partner has still to answer, by name, and whether there are more."""

    def notice(self, recall: UUID, package: UUID, client: Client, now: datetime) -> bytes:
        """One with its files, as a ZIP archive. Raises ProblemError when there is none."""

    def take_acknowledgement(self, body: bytes, client: Client) -> dict[str, object]:
        """Take in a signed answer to one. Raises ProblemError when it is none, or not the partner's."""


def greet(asked: Question, desk: Desk) -> Client | Answer:
    """Who asks, or the answer to whoever may not: before a body is kept."""
    return _told_wrong(asked, lambda: _entered(asked, desk, desk.now()))


def answer(asked: Question, desk: Desk) -> Answer:
    """The answer to a request; whatever is wrong with it is said as problem details."""
    return _told_wrong(asked, lambda: _answer(asked, desk))


def _told_wrong(asked: Question, done: Callable[[], _Done]) -> _Done | Answer:
    spoken = _TUS if asked.method in {"POST", "PATCH", "DELETE", "HEAD"} and asked.path.startswith(DELIVERIES) else {}
    try:
        return done()
    except ProblemError as refusal:
        more = {"tus-version": uploads.VERSION} if refusal.status is HTTPStatus.PRECONDITION_FAILED else {}
        if refusal.status is HTTPStatus.TOO_MANY_REQUESTS:
            more = {"retry-after": "60"}
        return _problem(refusal.status, refusal.detail, {**spoken, **more})
    except _NoMethodError as refusal:
        return _problem(HTTPStatus.METHOD_NOT_ALLOWED, None, {"allow": ", ".join(refusal.methods), **spoken})
    except ChecksumError:
        # a status of tus's own, which has no name elsewhere
        told = {"type": "about:blank", "title": "Checksum Mismatch", "status": uploads.CHECKSUM_MISMATCH}
        return Answer(
            status=uploads.CHECKSUM_MISMATCH, body=msgspec.json.encode(told), headers=_TUS, media_type=MEDIA_TYPE
        )
    except NotLetInError as refusal:
        return _problem(refusal.status, refusal.words, {**spoken, **refusal.headers})
    except AccordError:
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "It cannot be done now.", {"retry-after": "30", **spoken})


def _entered(asked: Question, desk: Desk, now: datetime) -> Client:
    """Who asks, if they may ask that. Raises NotLetInError, ProblemError, _NoMethodError."""
    client = asked.client or desk.enter(asked.headers, asked.address, now)
    path = [one for one in asked.path.split("/") if one]
    methods = methods_of(path)
    if not methods:
        raise ProblemError(HTTPStatus.NOT_FOUND)
    if asked.method not in methods:
        raise _NoMethodError(methods)
    needed = Scope.WRITE if path[0] == "deliveries" else Scope.REPORT
    if needed not in client.scopes:
        raise ProblemError(HTTPStatus.FORBIDDEN, f"That takes the scope `{needed}`.")
    return client


def _answer(asked: Question, desk: Desk) -> Answer:
    path = [one for one in asked.path.split("/") if one]
    if asked.method == "OPTIONS" and "OPTIONS" in methods_of(path):
        told = {
            **_TUS,
            "tus-version": uploads.VERSION,
            "tus-extension": uploads.EXTENSIONS,
            "tus-max-size": str(uploads.MOST_BYTES),
            "tus-checksum-algorithm": ",".join(uploads.ALGORITHMS),
        }
        return Answer(status=HTTPStatus.NO_CONTENT, headers=told, media_type=None)
    now = desk.now()
    client = _entered(asked, desk, now)
    return replace(_answer_client(path, asked, desk, client, now), person=client.person)


def _answer_client(path: Sequence[str], asked: Question, desk: Desk, client: Client, now: datetime) -> Answer:
    match path:
        case ["outcomes"]:
            return _json(desk.take_outcomes(asked.body, client))
        case ["acknowledgements"] if asked.method == "POST":
            return _json(desk.take_acknowledgement(asked.body, client))
        case ["acknowledgements"]:
            said = _query(asked.query)
            rows, more = desk.notices(client, said.get("after", ""), _limit(said), now)
            return _json({"notices": rows, "more": more})
        case ["acknowledgements", name] if found := NOTICE_NAME.fullmatch(name):
            return Answer(body=desk.notice(UUID(found[1]), UUID(found[2]), client, now), media_type=NOTICE_TYPE)
        case ["deliveries"] if asked.method == "POST":
            return _begin(asked, desk, client, now)
        case ["deliveries"]:
            said = _query(asked.query)
            rows, more = desk.deliveries(client, said.get("after", ""), _limit(said), now)
            return _json({"deliveries": rows, "more": more})
        case ["deliveries", "uploads", upload]:
            return _upload(asked, desk, client, upload, now)
        case ["deliveries", name, *rest] if found := _NAME.fullmatch(name):
            if not rest:
                return _json(desk.delivery(found[1], found[2], client, now))
            if rest == ["receipt"]:
                return Answer(body=desk.receipt(found[1], found[2], client), media_type=RECEIPT_TYPE)
            said = _query(asked.query)
            rows, more = desk.rejects(found[1], found[2], client, _number(said, "after", 0), _limit(said), now)
            return _json({"rejects": rows, "more": more})
        case _:
            raise ProblemError(HTTPStatus.NOT_FOUND)


def _begin(asked: Question, desk: Desk, client: Client, now: datetime) -> Answer:
    uploads.demand_version(asked.headers)
    wanted = uploads.read_wanted(asked.headers)
    if asked.body:
        uploads.demand_content(asked.headers)
        uploads.demand_checksum(asked.headers, asked.body)
    begun = desk.begin(wanted, client, now)
    if asked.body:
        begun = desk.write(begun.id, 0, asked.body, client, now)
    return _told(begun, HTTPStatus.CREATED, {"location": f"{UPLOADS}/{begun.id}"})


def _upload(asked: Question, desk: Desk, client: Client, upload: str, now: datetime) -> Answer:
    uploads.demand_version(asked.headers)
    if _ID.fullmatch(upload) is None:
        raise ProblemError(HTTPStatus.NOT_FOUND)
    if asked.method == "DELETE":
        desk.drop(upload, client, now)
        return Answer(status=HTTPStatus.NO_CONTENT, headers=_TUS, media_type=None)
    if asked.method == "HEAD":
        found = desk.find_upload(upload, client, now)
        return _told(found, HTTPStatus.OK, {"upload-length": str(found.size), "cache-control": "no-store"})
    uploads.demand_content(asked.headers)
    offset = uploads.read_number(asked.headers, "upload-offset")
    uploads.demand_checksum(asked.headers, asked.body)
    return _told(desk.write(upload, offset, asked.body, client, now), HTTPStatus.NO_CONTENT, {})


def _told(upload: Upload, status: HTTPStatus, more: Mapping[str, str]) -> Answer:
    headers = {
        **_TUS,
        "upload-offset": str(upload.offset),
        "upload-expires": format_datetime(upload.expires_at, usegmt=True),
        **more,
    }
    if upload.delivery is not None:
        headers["content-location"] = f"{DELIVERIES}/{upload.delivery}"
    return Answer(status=status, headers=headers, media_type=None)


def _query(query: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "The query cannot be read.") from None
    said = dict(pairs)
    if len(said) != len(pairs) or not said.keys() <= {"after", "limit"}:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "A query says `after` and `limit`, each once.")
    return said


def _limit(said: Mapping[str, str]) -> int:
    return min(_number(said, "limit", PAGE), MOST) or 1


def _number(said: Mapping[str, str], name: str, default: int) -> int:
    text = said.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name} is no number.")
    return int(text)


def _json(told: object) -> Answer:
    return Answer(body=msgspec.json.encode(told))


def _problem(status: HTTPStatus, detail: str | None, headers: Mapping[str, str]) -> Answer:
    return Answer(status=status, body=problem(status, detail), headers=headers, media_type=MEDIA_TYPE)
