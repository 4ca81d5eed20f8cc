r"""The members of a tar stream, in order, strictly.

Read here and not by `tarfile`, because that one ends quietly at a damaged or missing header: a delivery cut off between
two members would count as whole.

A header is one block of 512 bytes (POSIX.1-1988, "ustar"; the older form lacks the magic):

    0 name 100 | 124 size 12, octal | 148 checksum 8 | 156 type 1 | 157 link name 100 | 257 magic 6 | 345 prefix 155

Before it may stand pax records (POSIX.1-2001, type x and g: `27 path=some/long/name\n`) or GNU long names (type L, K).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from accord.intake.unpacking import Feed
from accord.vocabulary.errors import RefusedFileError

RECORD = 512
"""Bytes of a header, and what the data of a member is padded to."""

_EXTENSION_LIMIT = 1 << 20
"""Bytes of one pax or long-name header that are held; a real one has some hundred."""

_REGULAR = frozenset({b"0", b"\0", b"7"})
_FOLDERS = frozenset({b"5", b"D"})
_WITHOUT_DATA = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a named pipe",
    b"M": "a continuation from another volume",
    b"S": "a sparse file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TarEntry:
    """One entry, with its `size` bytes of data next in the feed."""

    name: bytes
    size: int
    folder: bool
    fault: str | None
    """Why its data is not to be taken, in words; None: a regular file."""


def is_tar(head: bytes) -> bool:
    """Do these bytes, at least RECORD of them, begin with a tar header? Its checksum says so, whatever its age."""
    return len(head) >= RECORD and head[0] != 0 and _checks(head[:RECORD])


def read_entries(feed: Feed, where: str) -> Iterator[TarEntry]:
    """Every entry of a tar stream; what the caller leaves of an entry's data is passed over.

    Raises RefusedFileError when the stream is cut off, a header is damaged, or data follows the end mark.
    """
    names: dict[str, bytes] = {}
    while True:
        header = feed.take(RECORD)
        if len(header) < RECORD:
            raise _refusal("the tar archive is cut off", where, "two empty records at its end", "nothing")
        if not header.strip(b"\0"):
            _verify_end(feed, where)
            return
        if not _checks(header):
            raise _refusal(
                "the tar archive is damaged", where, "a header with a right checksum",
                f"none at byte {feed.position - RECORD:,}",
            )  # fmt: skip
        kind, size = header[156:157], _number(header[124:136], where)
        if kind in {b"x", b"X", b"g", b"L", b"K"}:
            found = _extension(kind, _held(feed, size, where), where)
            if kind == b"g" and not found.keys().isdisjoint({"path", "size", "linkpath"}):
                raise _refusal(
                    "the tar archive names all its members at once", where, "one name a member", "a global path"
                )
            names |= found if kind != b"g" else {}
            continue
        size = _decimal(names["size"], where) if "size" in names else size
        if kind in _WITHOUT_DATA:
            size = 0  # some writers repeat the size of what a link points at; no data follows
        if kind == b"S":
            _skip_sparse_map(feed, header, where)
        name = names.get("path", _name(header))
        start = feed.position
        yield TarEntry(
            name=name, size=size, folder=kind in _FOLDERS or (kind in _REGULAR and name.endswith(b"/")),
            fault=_fault(kind, names),
        )  # fmt: skip
        names = {}
        end = start + size + -size % RECORD
        feed.skip(end - feed.position)
        if feed.position < end:
            raise _refusal("the tar archive is cut off", where, f"{size:,} bytes of {name!a}", "fewer")


def _fault(kind: bytes, names: dict[str, bytes]) -> str | None:
    if any(key.startswith("GNU.sparse.") for key in names):
        return "it is a sparse file"
    if names.get("hdrcharset") == b"BINARY":
        return "its name is not UTF-8"
    if kind in _REGULAR or kind in _FOLDERS or kind == b"V":
        return None
    return f"it is {_KINDS.get(kind, 'of an unknown kind')}, and no regular file"


def _name(header: bytes) -> bytes:
    name = header[:100].rstrip(b"\0")
    # GNU tar uses the prefix's place for times; only POSIX archives ("ustar\0") have one.
    prefix = header[345:500].rstrip(b"\0") if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _checks(header: bytes) -> bool:
    field = header[148:156].strip(b" \0")
    if not field or field.strip(b"01234567"):
        return False
    # The checksum is taken with its own field as eight blanks.
    return int(field, 8) == sum(header) - sum(header[148:156]) + 8 * 32


def _number(field: bytes, where: str) -> int:
    """An octal number, or GNU's binary one with the first bit set for what octal cannot hold."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise _refusal("the tar archive is damaged", where, "a size in octal digits", ascii(field))
    return int(digits or b"0", 8)


def _decimal(text: bytes, where: str) -> int:
    if not text.isdigit() or len(text) > 20:
        raise _refusal("the tar archive is damaged", where, "a size in decimal digits", ascii(text[:40]))
    return int(text)


def _held(feed: Feed, size: int, where: str) -> bytes:
    if size > _EXTENSION_LIMIT:
        raise _refusal("a tar header is too long", where, f"at most {_EXTENSION_LIMIT:,} bytes", f"{size:,}")
    data = feed.take(size + -size % RECORD)
    if len(data) < size:
        raise _refusal("the tar archive is cut off", where, f"{size:,} bytes of a header", f"{len(data):,}")
    return data[:size]


def _extension(kind: bytes, data: bytes, where: str) -> dict[str, bytes]:
    """What an extension header says of the entry after it: `path`, `linkpath`, and all other pax keywords."""
    if kind in {b"L", b"K"}:
        return {"path" if kind == b"L" else "linkpath": data.rstrip(b"\0")}
    found: dict[str, bytes] = {}
    while data:
        length, blank, _ = data.partition(b" ")
        end = int(length) if blank and length.isdigit() and len(length) < 8 else 0
        keyword, equals, value = data[len(length) + 1 : end - 1].partition(b"=")
        if not len(length) < end <= len(data) or data[end - 1 : end] != b"\n" or not equals:
            raise _refusal("the tar archive is damaged", where, "pax records: length keyword=value", ascii(data[:40]))
        found[keyword.decode("utf-8", "backslashreplace")] = value
        data = data[end:]
    return found


def _skip_sparse_map(feed: Feed, header: bytes, where: str) -> None:
    """Pass over the blocks of GNU's old sparse map, which stand between header and data."""
    more = header[482]
    while more:
        block = feed.take(RECORD)
        if len(block) < RECORD:
            raise _refusal("the tar archive is cut off", where, "the rest of a sparse map", "nothing")
        more = block[504]


def _verify_end(feed: Feed, where: str) -> None:
    if len(second := feed.take(RECORD)) < RECORD:
        raise _refusal("the tar archive is cut off", where, "two empty records at its end", "one")
    while second:
        if second.strip(b"\0"):
            raise _refusal(
                "something follows the end of the tar archive", where, "nothing but padding",
                f"data before byte {feed.position:,}",
            )  # fmt: skip
        second = feed.block(RECORD * 20)


def _refusal(what: str, where: str, expected: str, got: str) -> RefusedFileError:
    return RefusedFileError(what, where=where, expected=expected, got=got, remedy="ask for the file again")
