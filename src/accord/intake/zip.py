"""The members of a zip archive, by its central directory, and nothing that the directory does not own.

Format: PKWARE APPNOTE.TXT 6.3. `zipfile` reads the structures; what it takes on trust is checked here.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from accord.intake.paths import MemberName, duplicate_name, read_member_name
from accord.intake.unpacking import BLOCK, Budget, Limits
from accord.vocabulary.errors import RefusedFileError

_DIRECTORY_BYTES = 1_024
"""Bytes of the central directory for each permitted member: 46 fixed, the rest name, extra fields and comment."""

_LOCAL_HEADER = 30
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_METHOD_NAMES = {1: "shrink", 6: "implode", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipEntry:
    """One entry of the central directory."""

    name: MemberName
    info: zipfile.ZipInfo
    folder: bool
    fault: str | None
    """Why its data is not to be taken, in words; None: it can be tried."""


class _Bounded:
    """A file whose single reads are bounded, because a zip's directory is read in one piece of its own stated size."""

    def __init__(self, file: BinaryIO, most: int, where: str) -> None:
        self._file = file
        self._most = most
        self._where = where

    def read(self, count: int = -1) -> bytes:
        data = b"" if count > self._most else self._file.read(self._most + 1 if count < 0 else count)
        if count > self._most or len(data) > self._most:
            raise RefusedFileError(
                "the directory of the zip archive is too long",
                where=self._where,
                expected=f"at most {self._most:,} bytes",
                got=f"{max(count, len(data)):,} and maybe more",
                remedy="deliver it in several smaller archives",
            )
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def open_archive(file: BinaryIO, limits: Limits, where: str) -> zipfile.ZipFile:
    """Read the central directory. Raises RefusedFileError when there is none that holds together."""
    bounded = _Bounded(file, max(limits.members * _DIRECTORY_BYTES, BLOCK), where)
    try:
        # The four methods above are all that zipfile asks of a file that it reads.
        return zipfile.ZipFile(bounded)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        RuntimeError,
        ValueError,
        OSError,
        EOFError,
        OverflowError,
    ) as error:
        raise RefusedFileError(
            "the zip archive is damaged or cut off",
            where=where,
            expected="a central directory at its end",
            got=str(error),
            remedy="ask for the file again",
        ) from error


def read_entries(archive: zipfile.ZipFile, size: int, limits: Limits, budget: Budget, where: str) -> list[ZipEntry]:
    """Every entry, in the order of the directory, checked before the first is read; the archive has `size` bytes.

    Raises RefusedFileError for the whole archive: names that point outside or stand twice, data that two entries share
    (the "better zip bomb" of Fifield, WOOT 2019), more than the limits permit.
    """
    entries: list[ZipEntry] = []
    seen: set[str] = set()
    for info in archive.infolist():
        budget.enter_member()
        entry = _read_entry(info, size, limits, where)
        if not entry.folder and entry.name.text in seen:
            raise duplicate_name(entry.name.text, where)
        seen.add(entry.name.text)
        entries.append(entry)
    _refuse_overlaps(entries, where)
    return entries


def _read_entry(info: zipfile.ZipInfo, size: int, limits: Limits, where: str) -> ZipEntry:
    # Bit 11 says UTF-8 (APPNOTE, appendix D); without it zipfile takes code page 437, which can be undone exactly. Many
    # writers store UTF-8 and forget the bit, so that the bytes decide.
    raw = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    name = read_member_name(raw, where)
    folder = raw.endswith(b"/")
    fault = name.fault
    mode = info.external_attr >> 16
    if info.flag_bits & 0x2041:
        fault = "it is encrypted"
    elif stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        fault = f"it is {'a symbolic link' if stat.S_ISLNK(mode) else 'a device or pipe'}, and no regular file"
    elif info.compress_type not in _METHODS:
        method = _METHOD_NAMES.get(info.compress_type, "an unknown method")
        fault = f"it is compressed by {method} (method {info.compress_type}); deflate and stored are read"
    elif info.header_offset < 0 or info.header_offset + _LOCAL_HEADER + info.compress_size > size:
        fault = "its data lies outside the archive"
    elif info.file_size > limits.member_bytes:
        fault = f"it holds {info.file_size:,} bytes, and a member may have {limits.member_bytes:,}"
    return ZipEntry(name=name, info=info, folder=folder, fault=fault)


def _refuse_overlaps(entries: list[ZipEntry], where: str) -> None:
    end, owner = 0, ""
    for entry in sorted(entries, key=lambda entry: entry.info.header_offset):
        if entry.info.header_offset < end:
            raise RefusedFileError(
                "two members of the zip archive share their data",
                where=where,
                expected="data of its own for every member",
                got=f"{owner} and {entry.name.text}",
                remedy="ask for an archive made by an ordinary program",
            )
        end = entry.info.header_offset + _LOCAL_HEADER + entry.info.compress_size
        owner = entry.name.text


def read_blocks(archive: zipfile.ZipFile, entry: ZipEntry, budget: Budget, where: str) -> Iterator[bytes]:
    """A member's data. Raises RefusedFileError for this member when it is corrupt, and for the whole past a bound."""
    try:
        with archive.open(entry.info) as data:
            while block := data.read(BLOCK):
                budget.expand(len(block))
                yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise RefusedFileError(
            "the member is corrupt",
            where=where,
            expected="data that its CRC-32 confirms",
            got=str(error) or "the data ends early",
            remedy="ask for the archive again",
        ) from error
