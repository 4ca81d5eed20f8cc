"""From a delivered file on disk to its members' bytes: recognised by content, streamed, bounded.

What a file may be: plain; gzip or zstd of one thing; zip or tar, also compressed; members that are such files again.
A member is handed out as it comes and must be read before the next one; what is left of it is passed over.

    with Opening(path, where="vendor/feed.tar.gz") as opening:
        for member in opening:            # RefusedFileError here: the file is refused whole, drop what it gave so far
            for block in member.blocks():  # RefusedFileError here: this member is refused, go on with the next
                ...
        custody = opening.finish()         # SHA-256 and size of all bytes on disk, refused or not

A nested archive is looked through before its first member is handed out, so that its refusal is one member's.
"""

import hashlib
import os
import stat
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from accord.intake import tar
from accord.intake import zip as zipped
from accord.intake.paths import MemberName, duplicate_name, read_member_name
from accord.intake.unpacking import BLOCK, Budget, Feed, Limits, gunzip, unzstd
from accord.vocabulary.errors import OutputError, RefusedFileError, UnreadableError

_SPOOL_IN_MEMORY = 16 << 20
"""Bytes of a nested archive that are held in memory; a larger one lies in an unnamed temporary file."""

_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"LZIP\x01", "lzip"),
    (b"\x1f\x9d", "compress (.Z)"),
    (b"MSCF\0\0\0\0", "Cabinet"),
    (b"PK\x07\x08", "a zip archive split over several files"),
)
"""First bytes of wrappings that are known and not read, so that the refusal can say which it is."""

_MARKED = frozenset(mark[:1] for mark, _ in _MARKS)

_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_BYTE_ORDER_MARKED = frozenset(mark[:1] for mark, _ in _BYTE_ORDER_MARKS)
_UTF8_MARK = b"\xef\xbb\xbf"


class Wrapping(StrEnum):
    """What a file's first bytes say it is."""

    NONE = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"
    ZIP = "zip"
    TAR = "tar"


_COMPRESSIONS = {Wrapping.GZIP: gunzip, Wrapping.ZSTD: unzstd}


def recognise(head: bytes, where: str) -> Wrapping:
    """Tell by its first `tar.RECORD` bytes (fewer: all there are) what a file is wrapped in.

    Raises RefusedFileError for a wrapping that is known and not read.
    """
    if head[:3] == b"\x1f\x8b\x08":
        return Wrapping.GZIP
    # RFC 8878, 3.1: a frame, or a skippable frame before it.
    if head[:4] == b"\x28\xb5\x2f\xfd" or (len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return Wrapping.ZSTD
    if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return Wrapping.ZIP
    if tar.is_tar(head):
        return Wrapping.TAR
    for mark, name in _MARKS if head[:1] in _MARKED else ():
        if head.startswith(mark) and (name != "bzip2" or head[4:10] == b"1AY&SY"):
            raise RefusedFileError(
                f"its wrapping is not read: {name}",
                where=where,
                expected="plain, gzip, zstd, zip or tar",
                got=name,
                remedy="pack it again as gzip, zstd, zip or tar",
            )
    return Wrapping.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """What was received, byte for byte."""

    sha256: str
    """Of all bytes on disk, in lower-case hexadecimal."""
    size: int
    """Bytes on disk."""


class Member:
    """One member's bytes, or the file's own. Its methods raise RefusedFileError when it cannot be taken."""

    __slots__ = ("_fault", "_feed", "_hash", "_left", "_limit", "_ready", "_where", "name", "size")

    def __init__(self, *, name: str | None, where: str, feed: Feed, limit: int, size: int | None = None) -> None:
        self.name = name
        """Path in the archive, `!/` between an archive inside it and that one's member; None: the file itself."""
        self.size = size
        """Bytes that it unpacks to, as the archive or the disk says; None: not known before it is read."""
        self._where = where
        self._feed = feed
        self._limit = limit
        self._left = False
        self._ready = False
        self._fault: RefusedFileError | None = None
        self._hash: hashlib._Hash | None = None

    def watch(self) -> None:
        """Hash what `blocks` gives, for `digest`; before anything is read."""
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str | None:
        """SHA-256, in hex, of what `blocks` has given; None: nobody watched it."""
        return None if self._hash is None else self._hash.hexdigest()

    def head(self, count: int) -> bytes:
        """The first `count` bytes (fewer only when there are no more), left for `blocks` to give again."""
        return self._begun().peek(count)

    def blocks(self) -> Iterator[bytes]:
        """All its bytes, once, in blocks of at most BLOCK bytes, without a byte-order mark."""
        for block in _within(self._begun().blocks(), self._limit, self._where):
            if self._hash is not None:
                self._hash.update(block)
            yield block
            self._verify_turn()

    def read(self, limit: int) -> bytes:
        """All its bytes at once; refused when they are more than `limit`."""
        pieces, held = [], 0
        for block in self.blocks():
            held += len(block)
            if held > limit:
                self._refuse(
                    "the member is too large to be read as one document", f"at most {limit:,} bytes",
                    f"{held:,} and more", "deliver it in several smaller files",
                )  # fmt: skip
            pieces.append(block)
        return b"".join(pieces)

    def leave(self) -> None:
        """The opening has gone on: nothing more can be read here."""
        self._left = True

    def refuse_with(self, fault: RefusedFileError) -> Self:
        """Make every attempt to read it raise `fault`."""
        self._fault = fault
        return self

    def _begun(self) -> Feed:
        self._verify_turn()
        if self._fault is not None:
            raise self._fault
        if self._ready:
            return self._feed
        head = self._feed.peek(4)
        for mark, name in _BYTE_ORDER_MARKS if head[:1] in _BYTE_ORDER_MARKED else ():
            if head.startswith(mark):
                self._refuse(
                    f"its text is {name}", "UTF-8, with or without byte-order mark", f"the mark of {name}",
                    f"convert it: iconv -f {name} -t UTF-8",
                )  # fmt: skip
        if head.startswith(_UTF8_MARK):
            self._feed.skip(len(_UTF8_MARK))
            head = self._feed.peek(1)
        if not head:
            self._refuse("empty", "at least one byte", "none", "leave it out, or ask for it again")
        self._ready = True
        return self._feed

    def _verify_turn(self) -> None:
        if self._left:
            raise ValueError(f"{self._where}: a member is read before the next one is asked for")

    def _refuse(self, what: str, expected: str, got: str, remedy: str) -> None:
        self._fault = RefusedFileError(what, where=self._where, expected=expected, got=got, remedy=remedy)
        raise self._fault


class Opening:
    """One delivered file, open: iterate it once for its members, then `finish` it. Not to be shared between threads."""

    def __init__(
        self,
        path: Path,
        *,
        where: str | None = None,
        limits: Limits | None = None,
        copy: Callable[[bytes], object] | None = None,
    ) -> None:
        """Open the file. `where` is what errors call it (its path relative to the root); None: `path` as it is.

        `copy` is given all bytes on disk once, in their order, by the time `finish` has returned.
        Raises UnreadableError when it is missing, not permitted, or no regular file.
        """
        self.where = str(path) if where is None else where
        self.limits = limits or Limits()
        try:
            # Without O_NONBLOCK a named pipe would wait for its writer.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise self._unreadable("the file cannot be opened", error.strerror or str(error)) from error
        self._begin = os.fstat(descriptor)
        if not stat.S_ISREG(self._begin.st_mode):
            os.close(descriptor)
            raise self._unreadable("it is no regular file", "a folder, device or pipe")
        self._file: BinaryIO = os.fdopen(descriptor, "rb", buffering=0)
        self._hash = hashlib.sha256()
        self._copy = copy
        self._read = 0
        self._complete = False
        self._budget = Budget(self.limits, self._begin.st_size, self.where)
        self._spools: list[BinaryIO] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and of temporary ones."""
        for file in (*self._spools, self._file):
            file.close()

    @property
    def bytes_read(self) -> int:
        """Bytes of the disk's file that have been read so far, for progress."""
        return self._read

    @property
    def size(self) -> int:
        """Bytes of the file on disk when it was opened."""
        return self._begin.st_size

    def finish(self) -> Custody:
        """Read what is left of the file and say what it was.

        Raises UnreadableError when the disk fails, or when the file changed while it was read.
        """
        while not self._complete:
            for _ in self._disk():
                pass
        end = os.fstat(self._file.fileno())
        if self._read != self._begin.st_size or (end.st_size, end.st_mtime_ns) != (
            self._begin.st_size,
            self._begin.st_mtime_ns,
        ):
            raise UnreadableError(
                "the file changed while it was read",
                where=self.where,
                expected=f"{self._begin.st_size:,} bytes",
                got=f"{self._read:,} bytes read, {end.st_size:,} there now",
                remedy="wait until it is complete, and run again",
            )
        return Custody(sha256=self._hash.hexdigest(), size=self._read)

    def __iter__(self) -> Iterator[Member]:
        """The members in order. Raises RefusedFileError: the file is refused whole; UnreadableError: the disk fails."""
        for member in self._open_file():
            # a plain file's own hash is its content's
            if self._copy is not None and (member.name is not None or member.size is None):
                member.watch()
            yield member
            member.leave()
            self._budget.verify()

    def _disk(self) -> Iterator[bytes]:
        """The file's bytes from where it stands, hashed on the way."""
        while True:
            try:
                block = self._file.read(BLOCK)
            except OSError as error:
                raise self._unreadable("the disk cannot read it", error.strerror or str(error)) from error
            if not block:
                self._complete = True
                return
            self._hash.update(block)
            if self._copy is not None:
                self._copy(block)
            self._read += len(block)
            yield block

    def _open_file(self) -> Iterator[Member]:
        feed, wrapping, depth = self._unwrap(Feed(self._disk()), self.where, 0)
        if wrapping is Wrapping.ZIP:
            if depth == 0:
                for _ in feed.blocks():
                    pass  # a zip is read by its directory, back and forth: hash it first
                yield from self._open_zip(self._file, "", 1)
            else:
                yield from self._open_zip(self._spool(feed, self.where), "", depth + 1)
        elif wrapping is Wrapping.TAR:
            yield from self._tar_members(feed, self._tar_files(feed, self.where), "", max(depth, 1))
        else:
            # a plain file cannot turn out larger than it is: a log of any size is read piece by piece
            size, limit = (None, self.limits.member_bytes) if depth else (self._begin.st_size, sys.maxsize)
            yield Member(name=None, where=self.where, feed=feed, limit=limit, size=size)
            return
        # The checksum of a compressed archive stands at its very end.
        for _ in feed.blocks():
            pass

    def _unwrap(self, feed: Feed, where: str, depth: int) -> tuple[Feed, Wrapping, int]:
        """Take compressions off: the feed inside, what it holds, and how many wrappings deep that is."""
        while True:
            wrapping = recognise(feed.peek(tar.RECORD), where)
            unpack = _COMPRESSIONS.get(wrapping)
            if unpack is None:
                return feed, wrapping, depth
            depth += 1
            self._verify_depth(depth, where)
            feed = Feed(unpack(feed, self._budget, where))

    def _verify_depth(self, depth: int, where: str) -> None:
        if depth > self.limits.depth:
            raise RefusedFileError(
                "too many wrappings inside each other",
                where=where,
                expected=f"at most {self.limits.depth}",
                got=f"{depth} and maybe more",
                remedy="deliver what is inside",
            )

    def _open_zip(self, file: BinaryIO, prefix: str, depth: int) -> Iterator[Member]:
        """Check a zip's whole directory now, and give its members as they are asked for."""
        where = self._place(prefix)
        archive = zipped.open_archive(file, self.limits, where)
        size = file.seek(0, os.SEEK_END)
        entries = zipped.read_entries(archive, size, self.limits, self._budget, where)
        if any(entry.name.text == "[Content_Types].xml" for entry in entries):
            raise RefusedFileError(
                "it is an Office document",
                where=where,
                expected="a zip archive of data files",
                got="a document or spreadsheet",
                remedy="export it as CSV",
            )
        if all(entry.folder for entry in entries):
            raise _empty_archive(where)
        return self._zip_members(archive, entries, prefix, depth)

    def _zip_members(
        self, archive: zipfile.ZipFile, entries: list[zipped.ZipEntry], prefix: str, depth: int
    ) -> Iterator[Member]:
        for entry in entries:
            if not entry.folder:
                name = prefix + entry.name.text
                blocks = self._guarded(zipped.read_blocks(archive, entry, self._budget, self._place(name)))
                yield from self._open_member(Feed(blocks), name, depth, entry.fault, entry.info.file_size)

    def _guarded(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from blocks
        except OSError as error:
            raise self._unreadable("the disk cannot read it", error.strerror or str(error)) from error

    def _tar_members(
        self, feed: Feed, files: Iterator[tuple[tar.TarEntry, MemberName]], prefix: str, depth: int
    ) -> Iterator[Member]:
        for entry, name in files:
            fault = name.fault or entry.fault
            if fault is None and entry.size > self.limits.member_bytes:
                fault = f"it holds {entry.size:,} bytes, and a member may have {self.limits.member_bytes:,}"
            held = feed.take_held(entry.size)
            section = Feed(_section(feed, entry.size, self._place(prefix)) if held is None else iter(()), held or b"")
            yield from self._open_member(section, prefix + name.text, depth, fault, entry.size)

    def _tar_files(self, feed: Feed, where: str, *, counted: bool = False) -> Iterator[tuple[tar.TarEntry, MemberName]]:
        """A tar's entries without its folders; `counted`: an earlier pass has put them on the budget."""
        seen: set[str] = set()
        for entry in tar.read_entries(feed, where):
            if not counted:
                self._budget.enter_member()
            name = read_member_name(entry.name, where)
            if entry.folder:
                continue
            if name.text in seen:
                raise duplicate_name(name.text, where)
            seen.add(name.text)
            yield entry, name
        if not seen:
            raise _empty_archive(where)

    def _open_member(self, feed: Feed, name: str, depth: int, fault: str | None, size: int) -> Iterator[Member]:
        """One archive member: itself, or, where it is an archive, that one's members."""
        where = self._place(name)
        member = Member(name=name, where=where, feed=feed, limit=self.limits.member_bytes, size=size)
        if fault is not None:
            expected, remedy = "a regular file with a plain name", "pack the archive again without it"
            yield member.refuse_with(RefusedFileError(fault, where=where, expected=expected, remedy=remedy))
            return
        try:
            inner, wrapping, inside = self._unwrap(feed, where, depth)
            if wrapping is not Wrapping.NONE:
                inside += wrapping is Wrapping.ZIP or inside == depth
                self._verify_depth(inside, where)
                members = self._open_nested(inner, wrapping, name, inside)
            elif inner is feed:
                members = iter((member,))
            else:
                members = iter((Member(name=name, where=where, feed=inner, limit=self.limits.member_bytes),))
        except RefusedFileError as error:
            members = iter((member.refuse_with(error),))
        yield from members

    def _open_nested(self, feed: Feed, wrapping: Wrapping, name: str, depth: int) -> Iterator[Member]:
        """The members of an archive inside the archive, all of whose headers are checked now."""
        prefix = f"{name}!/"
        file = self._spool(feed, self._place(name))
        try:
            if wrapping is Wrapping.ZIP:
                members = self._open_zip(file, prefix, depth)
            else:
                for _ in self._tar_files(Feed(_blocks(file)), self._place(prefix)):
                    pass
                file.seek(0)
                again = Feed(_blocks(file))
                files = self._tar_files(again, self._place(prefix), counted=True)
                members = self._tar_members(again, files, prefix, depth)
        except RefusedFileError:
            self._drop(file)
            raise
        return self._until_read(file, members)

    def _spool(self, feed: Feed, where: str) -> BinaryIO:
        """Copy an archive inside another to where it can be read back and forth."""
        # Dropped by whoever reads it to its end, or with the opening.
        file: BinaryIO = tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY)  # type: ignore[assignment]  # noqa: SIM115
        self._spools.append(file)
        try:
            for block in _within(feed.blocks(), self.limits.member_bytes, where):
                file.write(block)
        except RefusedFileError:
            self._drop(file)
            raise
        except OSError as error:
            raise OutputError(
                "an archive inside another cannot be unpacked to a temporary file",
                where=where,
                expected=f"room in {tempfile.gettempdir()}",
                got=error.strerror or str(error),
                remedy="make room there, or set TMPDIR to where there is",
            ) from error
        file.seek(0)
        return file

    def _until_read(self, file: BinaryIO, members: Iterator[Member]) -> Iterator[Member]:
        yield from members
        self._drop(file)

    def _drop(self, file: BinaryIO) -> None:
        file.close()
        self._spools.remove(file)

    def _place(self, name: str) -> str:
        """How errors call a member, or (for a prefix) the archive whose members it begins."""
        name = name.removesuffix("!/")
        return f"{self.where}!/{name}" if name else self.where

    def _unreadable(self, what: str, got: str) -> UnreadableError:
        return UnreadableError(what, where=self.where, expected="a regular file that can be read", got=got)


def _section(feed: Feed, size: int, where: str) -> Iterator[bytes]:
    """The next `size` bytes of an archive's stream."""
    while size:
        block = feed.block(min(size, BLOCK))
        if not block:
            raise RefusedFileError(
                "the tar archive is cut off",
                where=where,
                expected=f"{size:,} bytes more of this member",
                got="the end of the file",
                remedy="ask for the file again",
            )
        size -= len(block)
        yield block


def _within(blocks: Iterator[bytes], limit: int, where: str) -> Iterator[bytes]:
    """A member's blocks, refused once they are more than `limit` bytes."""
    given = 0
    for block in blocks:
        given += len(block)
        if given > limit:
            raise RefusedFileError(
                "the member is too large",
                where=where,
                expected=f"at most {limit:,} bytes",
                got=f"{given:,} and more",
                remedy="deliver it in several smaller files",
            )
        yield block


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _empty_archive(where: str) -> RefusedFileError:
    return RefusedFileError(
        "empty", where=where, expected="an archive with at least one file", got="none", remedy="leave it out"
    )
