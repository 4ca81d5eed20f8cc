"""A bundle.json as a file: one object a line, and what an earlier one says about the versions of its objects.

An object that says the same as in the earlier bundle keeps its `created` and `modified`; one that says something
else keeps `created`, and its `modified` moves on; a new one has the operation's `as_of` for both (OASIS STIX 2.1,
section 3.6). So `modified` moves only when what this audience is told does.
"""

import hashlib
import mmap
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from accord.reports import stix
from accord.vocabulary.errors import UnreadableError


class _Published(Struct):
    id: str
    published: datetime


def read_report(path: Path) -> tuple[str, datetime]:
    """The report object of a bundle.json: the UUID in its id, and the `as_of` that it was published for (UTC).

    Raises OSError when it cannot be read, UnreadableError when it is no bundle that Accord wrote.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise _foreign(path, "an empty file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = data.rfind(b'\n{"type":"report",')
            line = data[at + 1 : data.find(b"\n", at + 1)] if at >= 0 else b""
    try:
        report = msgspec.json.decode(line, type=_Published)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _foreign(path, str(error)) from error
    return report.id.partition("--")[2], report.published


_STAMP = 24
"""Characters of an instant."""

_BATCH = 4096
"""Lines that are written at once."""

_HEAD = re.compile(
    rb'\{"type":"[a-z-]+","spec_version":"2\.1","id":"([a-z-]+--[0-9a-f-]{36})",'
    rb'"created":"([0-9TZ:.-]{24})","modified":"([0-9TZ:.-]{24})",'
)
# objects without versions: observables and marking-definitions
_OTHER = re.compile(rb'\{"type":"[a-z0-9-]+","spec_version":"2\.1","id":"')


class Version(Struct, frozen=True, gc=False):
    """What an earlier bundle says of one object: its two instants, and a digest of all that follows them."""

    created: bytes
    modified: bytes
    digest: bytes


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def version_of(line: bytes) -> Version | None:
    """The version of one object as Accord writes it; None: it has none, being an observable or a marking."""
    match = _HEAD.match(line)
    return None if match is None else Version(match[2], match[3], _digest(memoryview(line)[match.end() :]))


def read_versions(path: Path) -> dict[bytes, Version]:
    """The versions in a bundle.json that Accord wrote, by id. The content is kept as a digest of what follows."""
    versions: dict[bytes, Version] = {}
    instants: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        if not file.readline().startswith(b'{"type":"bundle","id":"bundle--'):
            raise _foreign(path, "another first line")
        for number, line in enumerate(file, 2):
            if (match := _HEAD.match(line)) is not None:
                # the line ends in `,` and a line feed, but for the last object's
                content = memoryview(line)[match.end() : -2 if line.endswith(b",\n") else -1]
                created, modified = (instants.setdefault(each, each) for each in match.group(2, 3))
                versions[match[1]] = Version(created, modified, _digest(content))
            elif line != b"]}\n" and _OTHER.match(line) is None:
                raise _foreign(path, f"line {number}: {line[:60].decode('utf-8', 'replace')}")
    return versions


def _foreign(path: Path, got: str) -> UnreadableError:
    return UnreadableError(
        "the earlier report's bundle cannot be compared with",
        where=str(path),
        expected="the bundle.json of an earlier run, unchanged",
        got=got,
        remedy="point --since at an output folder as Accord wrote it, or leave it out",
    )


@dataclass(slots=True, kw_only=True)
class Sink:
    """Writes objects one a line, gives each its version, and remembers which there were."""

    file: BinaryIO
    earlier: Mapping[bytes, Version]
    objects: int = 0
    references: bytearray = field(default_factory=lambda: bytearray(b"["))
    """A JSON array of the ids of all that was put, not closed yet."""
    _lines: list[bytes] = field(default_factory=list)

    def begin(self, identifier: str) -> None:
        """Open the bundle with this UUID."""
        self.file.write(b'{"type":"bundle","id":"bundle--%s","objects":[\n' % identifier.encode())

    def put(self, thing: stix.Object, _about: Collection[str]) -> None:
        """A domain or relationship object whose `created` and `modified` are the operation's `as_of`."""
        line = stix.encode(thing)
        self._refer(thing.id)
        if self.earlier and (known := self.earlier.get(thing.id.encode())) is not None:
            line = versioned(line, known)
        self._line(line)

    def put_observable(self, thing: stix.Observable, _about: Collection[str]) -> None:
        """A cyber observable: it has no versions."""
        self._refer(thing.id)
        self._line(stix.encode(thing))

    def put_marking(self, thing: stix.MarkingDefinition) -> None:
        """A marking-definition: it has no versions, and a report does not refer to it."""
        self._line(stix.encode(thing))

    def end(self) -> None:
        """Close the bundle."""
        self._flush()
        self.file.write(b"\n]}\n")

    def _refer(self, identifier: str) -> None:
        self.references += b'%s"%s"' % (b"," if len(self.references) > 1 else b"", identifier.encode())

    def _line(self, line: bytes) -> None:
        self._lines.append(line)
        self.objects += 1
        if len(self._lines) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        written = self.objects - len(self._lines)
        if self._lines:
            self.file.write((b",\n" if written else b"") + b",\n".join(self._lines))
            self._lines.clear()


def versioned(line: bytes, known: Version) -> bytes:
    """An object that was there before: with its `created`, and its `modified` unless it says something else."""
    head = _HEAD.match(line)
    if head is None:
        raise AssertionError("an object is not written as it is read")
    modified = known.modified
    if _digest(memoryview(line)[head.end() :]) != known.digest:
        modified = head[3]
        if modified <= known.modified:
            # section 3.6: a version is known by its `modified`, so another content needs a later one
            later = datetime.fromisoformat(known.modified.decode()) + timedelta(milliseconds=1)
            modified = stix.stamp(later).encode()
    created_at, modified_at = head.start(2), head.start(3)
    return b"".join(
        (
            line[:created_at],
            known.created,
            line[created_at + _STAMP : modified_at],
            modified,
            line[modified_at + _STAMP :],
        )
    )
