"""TAXII 2.1 messages: which media types are spoken, what an error looks like, and an answer.

    {"title":"Not Found","description":"There is no such collection.","http_status":"404"}

Source: OASIS TAXII 2.1 (OS, 10 June 2021), sections 1.6.8 (content negotiation) and 3.6 (errors); RFC 9110, 12.5.1.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

MEDIA_TYPE = "application/taxii+json;version=2.1"
STIX_MEDIA_TYPE = "application/stix+json;version=2.1"

# nothing that may be long stands before what it must begin with: else each place in it would be tried to its end
_PARAMETER = re.compile(r';\s*([a-z0-9_-]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)
_RANGE = re.compile(r"\s*([a-z0-9.+*-]+/[a-z0-9.+*-]+)", re.IGNORECASE)
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered to one request."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = MEDIA_TYPE
    person: str = ""
    """Who is answered, as the log of consultations names them; empty: nobody known."""


class TaxiiError(Exception):
    """A request that is refused, and why, in words for whoever asked."""

    def __init__(
        self, status: HTTPStatus, description: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.description = description
        self.headers = headers or {}
        super().__init__(status, description)

    @property
    def answer(self) -> Answer:
        """The error message."""
        told = {"title": self.status.phrase, "http_status": str(self.status.value)}
        if self.description is not None:
            told["description"] = self.description
        return Answer(status=self.status, body=json.dumps(told).encode(), headers=self.headers)


def demand_acceptable(accept: str | None) -> None:
    """Raise TaxiiError (406) unless a client takes TAXII 2.1 messages. One that says nothing takes what there is."""
    if accept is None:
        return
    best: tuple[int, float] | None = None
    for one in _split(accept):
        weight = _weight(one)
        if weight is not None and (best is None or weight[0] > best[0]):
            best = weight
    if best is None or best[1] == 0:
        raise TaxiiError(HTTPStatus.NOT_ACCEPTABLE, f"Here is spoken {MEDIA_TYPE}.")


def demand_content(content_type: str | None) -> None:
    """Raise TaxiiError (415) unless a body is a TAXII 2.1 message (1.6.8)."""
    named = _RANGE.match(content_type or "")
    said = {} if named is None else {name.lower(): a or b for name, a, b in _PARAMETER.findall(content_type or "")}
    if named is None or named[1].lower() != "application/taxii+json" or said.get("version", "2.1") != "2.1":
        raise TaxiiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"What is added is {MEDIA_TYPE}.")


def _split(header: str) -> list[str]:
    """The members of a list, commas within quotes left alone (RFC 9110, 5.6.1)."""
    return re.findall(r'(?:[^,"]|"[^"]*")+', header)


def _weight(text: str) -> tuple[int, float] | None:
    """How exactly a media range names what is spoken here, and its quality; None: it names something else."""
    named = _RANGE.match(text)
    if named is None:
        return None
    said = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(text, named.end())}
    quality = said.pop("q", "1")
    if _QUALITY.fullmatch(quality) is None:
        return None
    kind = named[1].lower()
    if kind == "application/taxii+json":
        if said.get("version", "2.1") != "2.1":
            return None
        exact = 3 if "version" in said else 2
    elif kind == "application/*":
        exact = 1
    elif kind == "*/*":
        exact = 0
    else:
        return None
    return exact, float(quality)
