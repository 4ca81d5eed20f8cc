"""Archives with one spelling: a tar of files alone, of which every byte follows from names, sizes and contents.

A member is a header of 512 bytes (POSIX.1-1988, "ustar"), its data, and zeros up to the next multiple of 512; two
blocks of zeros end the archive, and nothing follows. Any tar reads it. What is written here is what is read here:

    0 name 100 | 100 mode 0000644 | 108 owner 0000000 | 116 group 0000000 | 124 size, 11 octal digits | 136 time 0
    148 checksum | 156 type 0 | 257 "ustar" 0x00 "00" | 345 prefix 155; everything else is 0x00

There are no folders, links, devices, times or owners, no extensions (pax, GNU), and no name that leaves the folder.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from accord.vocabulary.errors import MalformedError, UnreadableError
from accord.workspace.regular import open_regular

BLOCK = 512
"""Bytes of a header, and what data is padded to."""
MAX_MEMBER_BYTES = (1 << 33) - 1
"""The largest member of which a header can tell the size."""
PIECE = 1 << 18
"""Bytes of a file that are in memory at a time."""

_END = bytes(2 * BLOCK)
_SEGMENT = re.compile(r"[A-Za-z0-9_+](?:[A-Za-z0-9._+-]{0,98}[A-Za-z0-9_+-])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
"""Names that are devices where Windows opens them."""
_OCTAL = re.compile(rb"[0-7]{11}\x00")
_NAME_BYTES, _PREFIX_BYTES = 100, 155


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file on its way into an archive."""

    name: str
    size: int
    pieces: Callable[[], Iterator[bytes]] = field(repr=False)
    """Its bytes, `size` of them in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One file of an archive: where its bytes stand."""

    name: str
    offset: int
    size: int


def held(name: str, data: bytes) -> Member:
    """A member whose bytes are in memory."""
    return Member(name=name, size=len(data), pieces=lambda: iter((data,)))


def filed(name: str, path: Path, size: int, digest: str) -> Member:
    """A member that is a file on disk. Its bytes raise UnreadableError when they are not those of the SHA-256 (hex)."""

    def pieces() -> Iterator[bytes]:
        found, left = hashlib.sha256(), size
        with open_regular(path) as file:
            while piece := file.read(min(PIECE, left)):
                left -= len(piece)
                found.update(piece)
                yield piece
            grown = bool(file.read(1))
        if left or grown or found.hexdigest() != digest:
            raise UnreadableError(
                "A file changed while it was read.", where=str(path), remedy="wait until it is complete"
            )

    return Member(name=name, size=size, pieces=pieces)


def write_archive(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive of these members, in their order, a piece at a time."""
    for member in members:
        yield header(member.name, member.size)
        yield from member.pieces()
        yield bytes(-member.size % BLOCK)
    yield _END


def archive_bytes(sizes: Iterable[int]) -> int:
    """How long an archive of members of these sizes is."""
    return sum(BLOCK + size + -size % BLOCK for size in sizes) + len(_END)


def header(name: str, size: int) -> bytes:
    """The header of a member. Raises MalformedError for a name or a size that none can have."""
    demand_name(name)
    if not 0 <= size <= MAX_MEMBER_BYTES:
        raise MalformedError("A file is too large for a package.", where=name, expected=f"{MAX_MEMBER_BYTES:,} bytes")
    prefix, base = _split(name) or ("", "")
    block = bytearray(BLOCK)
    for at, text in (
        (0, base),
        (100, "0000644"),
        (108, "0000000"),
        (116, "0000000"),
        (124, f"{size:011o}"),
        (136, "00000000000"),
        (148, " " * 8),
        (156, "0"),
        (257, "ustar\0" + "00"),
        (345, prefix),
    ):
        block[at : at + len(text)] = text.encode("ascii")
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def read_archive(file: BinaryIO, *, most: int, where: str) -> list[Placed]:
    """The members of an archive that fills `file` from its beginning to its end, in their order.

    No data but zeros between members is read. Raises MalformedError for anything that `write_archive` would write
    otherwise, for more than `most` members, and for names of which one could take another's place.
    """
    size = file.seek(0, 2)
    found: list[Placed] = []
    at = 0
    while True:
        block = _at(file, at, BLOCK)
        if len(block) < BLOCK:
            raise MalformedError("The archive is cut off.", where=where, got=f"{size:,} bytes")
        at += BLOCK
        if block == _END[:BLOCK]:
            break
        if len(found) == most:
            raise MalformedError("The archive has too many members.", where=where, expected=f"at most {most:,}")
        member = _placed(block, at, where)
        at += member.size + -member.size % BLOCK
        if at > size:
            raise MalformedError("The archive is cut off.", where=f"{where}: {member.name}", got=f"{size:,} bytes")
        if any(_at(file, member.offset + member.size, -member.size % BLOCK)):
            raise MalformedError("Between members of the archive is something else than zeros.", where=where)
        found.append(member)
    if size != at + BLOCK or any(_at(file, at, BLOCK)):
        raise MalformedError("The archive does not end where it should.", where=where, expected=f"{at + BLOCK:,} bytes",
                             got=f"{size:,} bytes")  # fmt: skip
    demand_apart(member.name for member in found)
    return found


def pieces_of(file: BinaryIO, member: Placed) -> Iterator[bytes]:
    """A member's bytes. Raises MalformedError when the file has become shorter."""
    at, end = member.offset, member.offset + member.size
    while at < end:
        piece = _at(file, at, min(PIECE, end - at))
        if not piece:
            raise MalformedError("The archive became shorter while it was read.", where=member.name)
        at += len(piece)
        yield piece


def bytes_of(file: BinaryIO, member: Placed, *, most: int, where: str) -> bytes:
    """A small member's bytes. Raises MalformedError when it has more than `most`."""
    if member.size > most:
        raise MalformedError(
            "A member is too large.",
            where=f"{where}: {member.name}",
            expected=f"at most {most:,} bytes",
            got=f"{member.size:,} bytes",
        )
    return b"".join(pieces_of(file, member))


def digest_of(pieces: Iterable[bytes]) -> str:
    """Their SHA-256 in hex."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def demand_name(name: str) -> None:
    """Refuse a name that is not the same file on every system. Raises MalformedError."""
    segments = name.split("/")
    if any(_SEGMENT.fullmatch(one) is None or _RESERVED.fullmatch(one) for one in segments) or _split(name) is None:
        raise MalformedError(
            "A file has a name that no package holds.",
            expected="ASCII's letters, digits, '.', '_', '+' and '-', folders parted by '/', at most 255 in all; no "
            "part begins with '.' or '-', ends with '.', or is a device of Windows",
            got=repr(name[:300]),
        )


def demand_apart(names: Iterable[str]) -> None:
    """Refuse names that a system without capital letters would take for one, or of which one is another's folder.

    Raises MalformedError.
    """
    files: set[str] = set()
    folders: set[str] = set()
    for name in names:
        folded = name.lower()
        above = {folded[:at] for at, letter in enumerate(folded) if letter == "/"}
        if folded in files or folded in folders or not files.isdisjoint(above):
            raise MalformedError("Two files of the archive have one name.", got=name)
        files.add(folded)
        folders |= above


def _placed(block: bytes, offset: int, where: str) -> Placed:
    if block[257:265] != b"ustar\x0000":
        raise MalformedError(
            "This is no archive of a package.", where=where, expected="a ustar header", got="other bytes"
        )
    base, prefix = (block[at : at + length].partition(b"\0")[0] for at, length in ((0, 100), (345, 155)))
    size = block[124:136]
    name = (prefix + b"/" + base if prefix else base).decode("ascii", "backslashreplace")
    if _OCTAL.fullmatch(size) is None or header(name, int(size[:11], 8)) != block:
        raise MalformedError(
            "A header of the archive is spelled otherwise.",
            where=f"{where}: {name[:300]}",
            expected="a regular file without owner and time",
        )
    return Placed(name=name, offset=offset, size=int(size[:11], 8))


def _split(name: str) -> tuple[str, str] | None:
    """Prefix and name as a header holds them, the prefix as short as it may be; None: the name does not fit."""
    cuts = [-1, *(at for at, letter in enumerate(name) if letter == "/")]
    for cut in cuts:
        if len(name) - cut - 1 <= _NAME_BYTES:
            return (name[: max(cut, 0)], name[cut + 1 :]) if cut <= _PREFIX_BYTES else None
    return None


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    """The bytes there, fewer only at the end of the file."""
    file.seek(offset)
    return file.read(size)
