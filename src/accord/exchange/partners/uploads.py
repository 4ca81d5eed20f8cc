"""Resumable uploads as tus 1.0.0 has them (tus.io/protocols/resumable-upload, 2016): what requests say.

Spoken are its core and the extensions creation, creation-with-upload, checksum, expiration and termination. Beside what
tus asks for, an upload says in `Upload-Metadata` what it is: `dataset`, `filename` and `sha256`, each in Base64.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from accord.web.problems import ProblemError

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
ALGORITHMS = ("sha256", "sha1")
MOST_BYTES = 1 << 30
"""Of one upload."""
CONTENT = "application/offset+octet-stream"
CHECKSUM_MISMATCH = 460
"""As tus calls what it has a status of its own for."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST_NAME = 200


class ChecksumError(Exception):
    """Bytes that are not those that were said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a client wants to upload."""

    dataset: str
    file: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload as far as it has come."""

    id: str
    size: int
    offset: int
    expires_at: datetime
    delivery: str | None
    """By which one asks what became of it; None: it is not whole yet."""


def demand_version(headers: Mapping[str, str]) -> None:
    """Raise ProblemError (412) for another version of tus."""
    if headers.get("tus-resumable") != VERSION:
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, f"Tus-Resumable: {VERSION} is what is spoken here.")


def read_wanted(headers: Mapping[str, str]) -> Wanted:
    """What a creation asks for. Raises ProblemError (400, 413)."""
    size = read_number(headers, "upload-length")
    if size > MOST_BYTES:
        raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"An upload has at most {MOST_BYTES:,} bytes.")
    if not size:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "An upload of no bytes is no delivery.")
    said = _metadata(headers.get("upload-metadata", ""))
    file, digest = said.get("filename", ""), said.get("sha256", "").lower()
    if not said.get("dataset"):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Upload-Metadata names no dataset.")
    printable = file.isprintable() and not file.startswith(".") and not set("/\\") & set(file)
    if not file or not printable or len(file.encode()) > _LONGEST_NAME:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Upload-Metadata names no filename of one part.")
    if _DIGEST.fullmatch(digest) is None:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Upload-Metadata has no sha256: 64 hexadecimal digits.")
    return Wanted(dataset=said["dataset"], file=file, sha256=digest, size=size)


def read_number(headers: Mapping[str, str], name: str) -> int:
    """A number in a header. Raises ProblemError (400)."""
    said = headers.get(name, "")
    if _NUMBER.fullmatch(said) is None:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name} is no number.")
    return int(said)


def demand_content(headers: Mapping[str, str]) -> None:
    """Raise ProblemError (415) unless a body is a piece of an upload."""
    if headers.get("content-type", "").strip().lower() != CONTENT:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"A piece of an upload is {CONTENT}.")


def demand_checksum(headers: Mapping[str, str], body: bytes) -> None:
    """Raise ChecksumError when a piece is not what its checksum says, ProblemError (400) when that is none."""
    said = headers.get("upload-checksum")
    if said is None:
        return
    name, _, digest = said.partition(" ")
    if name not in ALGORITHMS:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"Upload-Checksum is one of {', '.join(ALGORITHMS)}.")
    if _decoded(digest) != hashlib.new(name, body, usedforsecurity=False).digest():
        raise ChecksumError


def _metadata(said: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in said.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            text = _decoded(value).decode("utf-8")
        except UnicodeDecodeError:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "Upload-Metadata is no text in UTF-8.") from None
        if name in found:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "Upload-Metadata says something twice.")
        found[name] = text
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "A header is no Base64.") from None
