"""Files for everybody, out of one folder: no path leads out, no link is followed, and caches are told the truth."""

import asyncio
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from io import FileIO
from pathlib import Path

from accord.web.asgi import Scope, Send, header, headers_of
from accord.web.problems import ProblemError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DEEPEST = 12
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_PIECE = 1 << 16

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of a file beside its bytes."""

    media_type: str
    cache_control: str
    more: dict[str, str] = field(default_factory=dict)


def open_inside(root: Path, name: str) -> FileIO:
    """Open a regular file by its relative path. Raises ProblemError: everything else is not found.

    No component is a link, `..` or hidden: each is opened in the folder before it, so that nobody can swap one
    meanwhile.
    """
    parts = name.split("/")
    if len(parts) > _DEEPEST or not all(_NAME.fullmatch(part) for part in parts):
        raise ProblemError(HTTPStatus.NOT_FOUND)
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise ProblemError(HTTPStatus.NOT_FOUND) from None
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
        # a pipe is not waited for
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = FileIO(os.open(parts[-1], flags, dir_fd=folder))
    except OSError:
        raise ProblemError(HTTPStatus.NOT_FOUND) from None
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ProblemError(HTTPStatus.NOT_FOUND)
    return file


async def answer_file(scope: Scope, send: Send, root: Path, name: str, told: Told) -> None:
    """Answer a GET or HEAD with a file, whole or one range of it (RFC 9110, 14). Raises ProblemError."""
    file = await asyncio.to_thread(open_inside, root, name)
    try:
        found = os.fstat(file.fileno())
        tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"'
        said = {
            "content-type": told.media_type,
            "cache-control": told.cache_control,
            "etag": tag,
            "accept-ranges": "bytes",
            **told.more,
        }
        if _matches(header(scope, b"if-none-match"), tag):
            kept = {name: value for name, value in said.items() if name not in {"content-type", "accept-ranges"}}
            await send({"type": "http.response.start", "status": 304, "headers": headers_of(kept)})
            await send({"type": "http.response.body", "body": b""})
            return
        status, begin, end = HTTPStatus.OK, 0, found.st_size
        wanted = header(scope, b"range")
        if wanted is not None and scope["method"] == "GET" and header(scope, b"if-range") in {None, tag}:
            begin, end = _part(wanted, found.st_size)
            if (begin, end) != (0, found.st_size):
                status = HTTPStatus.PARTIAL_CONTENT
                said["content-range"] = f"bytes {begin}-{end - 1}/{found.st_size}"
        said["content-length"] = str(end - begin)
        await send({"type": "http.response.start", "status": status.value, "headers": headers_of(said)})
        if scope["method"] == "GET":
            file.seek(begin)
            while begin < end:
                piece = await asyncio.to_thread(file.read, min(_PIECE, end - begin))
                if not piece:
                    # it became shorter: better an answer that is cut off, and seen to be, than a wrong one
                    raise ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR)
                begin += len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        with suppress(OSError):
            file.close()


def _matches(wanted: str | None, tag: str) -> bool:
    tags = [] if wanted is None else [one.strip().removeprefix("W/") for one in wanted.split(",")]
    return tag in tags or tags == ["*"]


def _part(wanted: str, size: int) -> tuple[int, int]:
    """What a range asks for; all of it where it asks for several, or is none (RFC 9110, 14.2)."""
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    begin, end = (size - int(last), size) if not first else (int(first), size if not last else int(last) + 1)
    if first and last and int(last) < int(first):
        return 0, size
    begin, end = max(begin, 0), min(end, size)
    if begin >= end:
        raise ProblemError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    return begin, end
