"""Adds: what a partner's client hands over as an envelope, and what became of each object (TAXII 2.1, 4.3, 5.5, 5.6).

The body of a request is kept as it came, byte for byte, and becomes a delivery of one of the partner's data sets; how
that is done is passed in (`Desk`). Nothing is kept of a status: it is read from where the delivery waits or lies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol
from uuid import UUID

from accord.access.clients import Client
from accord.columns.instants import microseconds
from accord.columns.reading import Document
from accord.exchange.taxii.collections import write_time
from accord.exchange.taxii.filters import is_time
from accord.exchange.taxii.messages import STIX_MEDIA_TYPE, TaxiiError, demand_content
from accord.formats.stix.bundle import STIX_ID, Bundle, open_bundle, text_of
from accord.vocabulary.errors import RefusedFileError

MOST = 10_000
"""Objects of one add."""
LONGEST_BODY = 1 << 20
"""Bytes of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A data set that takes adds of its partner's clients, as a collection."""

    id: UUID
    alias: str
    title: str
    dataset: str

    def told(self) -> dict[str, object]:
        """As a collection resource: nothing is read from it."""
        return {
            "id": str(self.id),
            "title": self.title,
            "alias": self.alias,
            "can_read": False,
            "can_write": True,
            "media_types": [STIX_MEDIA_TYPE],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """An add that was accepted."""

    name: str
    """By which its status is asked for."""
    at: datetime
    """When it was asked for."""
    body: bytes
    pending: bool
    """It waits to be taken in."""
    refused: str | None = None
    """Why all of it was refused in the end, in words for the partner."""
    failed: Mapping[int, str]
    """Objects that were rejected, by their places from 1, and why."""


class Desk(Protocol):
    """Takes what is added, and knows what became of it."""

    def targets(self, partner: str) -> Sequence[Target]:
        """The collections to which a partner's clients may add."""

    def accept(self, target: Target, body: bytes, client: Client, now: datetime) -> Added:
        """Keep an add for good, so that it is taken in whoever is killed. Raises TaxiiError when nothing lets it in,
        and when too much waits.
        """

    def find(self, partner: str, name: str) -> Added | None:
        """An add of a partner's."""


def read_envelope(body: bytes, content_type: str | None) -> Bundle:
    """The objects of an add. Raises TaxiiError: 415, and 422 for what is no envelope of STIX objects."""
    demand_content(content_type)
    try:
        found = open_bundle(Document(member=0, path="the body", data=body))
    except RefusedFileError as error:
        raise TaxiiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"It is no envelope of STIX objects: {error.what}") from error
    if not body.lstrip().startswith(b"{") or any(not one.pointer.startswith("/objects/") for one in found.members):
        raise TaxiiError(HTTPStatus.UNPROCESSABLE_ENTITY, "The objects of an envelope stand in `objects`.")
    if not found.members or len(found.members) > MOST:
        raise TaxiiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"An envelope has from 1 to {MOST:,} objects.")
    for number, one in enumerate(found.members, 1):
        content = one.content
        if not isinstance(content, dict) or STIX_ID.fullmatch(text_of(content, "id") or "") is None:
            raise TaxiiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"Object {number} is no STIX object with an `id`.")
    return found


def status_of(added: Added, envelope: Bundle) -> dict[str, object]:
    """The status resource of an add: each object is accounted for."""
    successes: list[dict[str, str]] = []
    failures: list[dict[str, str]] = []
    pendings: list[dict[str, str]] = []
    at = write_time(microseconds(added.at))
    for number, one in enumerate(envelope.members, 1):
        content = one.content if isinstance(one.content, dict) else {}
        told = {"id": text_of(content, "id") or "", "version": _version(content) or at}
        if added.refused is not None:
            failures.append({**told, "message": added.refused})
        elif added.pending:
            pendings.append(told)
        elif number in added.failed:
            failures.append({**told, "message": added.failed[number]})
        else:
            successes.append(told)
    counted = {"success": successes, "failure": failures, "pending": pendings}
    lists = {"successes": successes, "failures": failures, "pendings": pendings}
    return {
        "id": added.name,
        "status": "pending" if pendings else "complete",
        "request_timestamp": at,
        "total_count": len(envelope.members),
        **{f"{name}_count": len(each) for name, each in counted.items()},
        **{name: each for name, each in lists.items() if each},
    }


def _version(content: Mapping[str, object]) -> str | None:
    """How an object says which version it is, as an instant; None where it says none, or anything else."""
    said = (text_of(content, name) or "" for name in ("modified", "created"))
    return next((one for one in said if is_time(one)), None)
