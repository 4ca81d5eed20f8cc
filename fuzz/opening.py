"""Opening what is delivered: an archive comes out whole, or is refused, and what comes out is what was packed.

An input is one byte that chooses and the rest. With an odd choice the rest is the file. Else it is a recipe: an archive
is packed from it, and then perhaps damaged, so that checksums and structures hold that random bytes would never meet.
"""

import gzip
import hashlib
import io
import os
import re
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import zstandard

from accord.intake.opening import Opening
from accord.intake.unpacking import Limits
from accord.vocabulary.errors import RefusedFileError
from fuzz.target import Target, promise, same

LIMITS = (
    Limits(),
    Limits(members=4, expanded_bytes=40_000, member_bytes=9_000, ratio=20, ratio_from_bytes=5_000, depth=2),
    Limits(depth=4),
    Limits(members=3, depth=1),
)
NAMES = (
    "a.txt", "b/c.csv", "./d", "é.json", "../up", "/absolute", "a.txt", "c\\d", "x" * 120, "e/", "f\x01g", "C:\\h",
    "i!/j", "[Content_Types].xml", "k.gz", " l", "..", "m/../n", "",
)  # fmt: skip
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What turns the direction of the text after it, so that a name would be shown as another."""
_FOLDER = Path(tempfile.gettempdir())
_MARK = b"\xef\xbb\xbf"


class Picker:
    """Choices and texts out of an input's bytes; when they end, the first choice and the empty text."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def choice(self, count: int) -> int:
        """A number below `count`, at most 256."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1] % count

    def text(self) -> bytes:
        """Some bytes; now and then many equal ones."""
        length, times = self.choice(256), self.choice(8)
        taken = self._data[self._at : self._at + length]
        self._at += len(taken)
        return taken * (1 if times else 2_000)

    def rest(self) -> bytes:
        """What is left."""
        return self._data[self._at :]


def check_opening(data: bytes) -> None:
    """Whatever the file: members or refusals, within bounds, the custody right, nothing left open."""
    choice, rest = (data[0] if data else 0), data[1:]
    limits = LIMITS[choice // 2 % len(LIMITS)]
    if choice % 2:
        _check_file(rest, limits, choice)
        return
    picker = Picker(rest)
    members = [(NAMES[picker.choice(len(NAMES))], picker.text()) for _ in range(1 + picker.choice(5))]
    pack = PACKINGS[picker.choice(len(PACKINGS))]
    wrapping = picker.choice(len(WRAPPINGS))
    packed = WRAPPINGS[wrapping](pack(members))
    damaged = _damage(packed, picker)
    given, whole = _check_file(damaged, limits, choice)
    plain = all(name in {"a.txt", "b/c.csv", "./d", "é.json"} and text for name, text in members)
    distinct = len({name for name, _ in members}) == len(members)
    sound = damaged == packed and plain and distinct and pack in FLAT and wrapping < SINGLE
    if sound and limits == Limits() and choice < 128:
        promise(whole is None, "a sound archive is not refused", whole)
        expected = {name.removeprefix("./"): text.removeprefix(_MARK) for name, text in members}
        readable = {name: text for name, text in expected.items() if _is_plain(text)}
        same({name: given.get(name) for name in readable}, readable, "what was packed comes out")


def _is_plain(text: bytes) -> bool:
    """Are these bytes no wrapping of their own, in no other encoding, and not none?"""
    return re.fullmatch(rb"[\n -~]+", text) is not None and not text.startswith(
        (b"PK", b"BZh", b"Rar", b"LZIP", b"MSCF", b"7z")
    )


def _damage(packed: bytes, picker: Picker) -> bytes:
    for _ in range(picker.choice(4)):
        at = (picker.choice(256) << 8 | picker.choice(256)) % (len(packed) + 1)
        gone, put = picker.choice(24), bytes(picker.choice(256) for _ in range(picker.choice(5)))
        packed = packed[:at] if gone == 23 else packed[:at] + put + packed[at + min(gone, len(put)) :]
    return packed


def _check_file(data: bytes, limits: Limits, choice: int) -> tuple[dict[str | None, bytes], RefusedFileError | None]:
    """Open the bytes as intake does; what came out, and what it was refused for as a whole."""
    open_before = _open_files()
    given: dict[str | None, bytes] = {}
    refused: RefusedFileError | None = None
    names: list[str | None] = []
    with tempfile.NamedTemporaryFile(dir=_FOLDER, prefix="accord-fuzz-") as file:
        file.write(data)
        file.flush()
        with Opening(Path(file.name), where="delivery", limits=limits) as opening:
            try:
                for number, member in enumerate(opening):
                    names.append(member.name)
                    if choice >= 128 and (choice + number) % 3 == 0:
                        continue  # a member that nobody reads shifts no other
                    try:
                        head = member.head(16)
                        given[member.name] = b"".join(member.blocks())
                        promise(given[member.name].startswith(head), "the head is given again", member.name)
                    except RefusedFileError as error:
                        promise(bool(error.what) and error.where is not None, "a refusal says what and where", error)
            except RefusedFileError as error:
                refused = error
            custody = opening.finish()
        same(custody.sha256, hashlib.sha256(data).hexdigest(), "custody is of every byte")
        same(custody.size, len(data), "custody counts every byte")
    same(_open_files(), open_before, "nothing is left open")
    _verify_members(names, given, limits, data)
    if refused is None:
        _verify_against_library(data, given)
    return given, refused


def _open_files() -> int | None:
    """How many files this process has open; None: the machine does not say."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- ten times as fast
    except OSError:
        return None


def _verify_members(names: Sequence[str | None], given: dict[str | None, bytes], limits: Limits, data: bytes) -> None:
    same(len(set(names)), len(names), "no name is given twice")
    promise(len(names) <= limits.members, "members are bounded", len(names))
    for name, content in given.items():
        promise(content != b"", "what is empty is refused", name)
        if content != data.removeprefix(_MARK):  # a plain file may have any size
            promise(len(content) <= limits.member_bytes, "a member is bounded", name, len(content))
        if name is not None:
            for part in name.split("!/"):
                inside = not part.startswith("/") and ".." not in part.split("/")
                steering = any(unicodedata.category(one) in {"Cc", "Zl", "Zp"} or one in _TURNING for one in part)
                promise(inside and not steering and part != "", "a name stays inside and can be shown", name)
    unpacked = sum(len(content) for content in given.values() if content != data.removeprefix(_MARK))
    promise(unpacked <= limits.expanded_bytes, "what it unpacks to is bounded", unpacked)


def _verify_against_library(data: bytes, given: dict[str | None, bytes]) -> None:
    """What was given of the outermost archive is what the standard library reads there."""
    try:
        expected = _by_library(data)
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        zlib.error,
        zipfile.BadZipFile,
        tarfile.TarError,
        NotImplementedError,
    ):
        return
    for name, content in given.items():
        if name is None and None in expected:
            same(content, expected[None].removeprefix(_MARK), "the file is what the library unpacks")
        elif name is not None and "!/" not in name and name in expected and not _is_wrapped(expected[name]):
            same(content, expected[name].removeprefix(_MARK), f"member {name} is what the library reads")


def _is_wrapped(data: bytes) -> bool:
    return data.startswith((b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK")) or data[1:4] == b"\x2a\x4d\x18"


def _by_library(data: bytes) -> dict[str | None, bytes]:
    if data.startswith(b"\x1f\x8b\x08"):
        inside = gzip.decompress(data)
        if _is_wrapped(inside) or len(inside) >= 512:
            return {}  # perhaps an archive, which is opened further
        return {None: inside}
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found: dict[str | None, bytes] = {}
            for info in archive.infolist():
                try:
                    found[info.filename.removeprefix("./")] = archive.read(info)
                except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
                    continue
            return found
    return {}


# Packing -----------------------------------------------------------------------------------------------------------

Members = Sequence[tuple[str, bytes]]


def _alone(members: Members) -> bytes:
    return members[0][1]


def _zip(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, text in members:
            info = zipfile.ZipInfo(name or "-", (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            # Of two equal names the library warns, and that is a test of ours.
            archive.NameToInfo.pop(info.filename, None)
            archive.writestr(info, text)
    return out.getvalue()


def _stored(members: Members) -> bytes:
    return _zip(members, zipfile.ZIP_STORED)


def _tar(members: Members, form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    return out.getvalue()


def _pax(members: Members) -> bytes:
    return _tar(members, tarfile.PAX_FORMAT)


def _links(members: Members) -> bytes:
    """A tar whose last member is a link to the first."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, members[0][0]
        archive.addfile(link)
    return out.getvalue()


def _nested(members: Members) -> bytes:
    return _tar([("inner.zip", _zip(members[1:] or members)), members[0]])


def _nested_tar(members: Members) -> bytes:
    return _zip([("inner.tar.gz", _gzip(_tar(members[1:] or members))), members[0]])


def _bare(data: bytes) -> bytes:
    return data


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def _twice(data: bytes) -> bytes:
    return _gzip(data[: len(data) // 2]) + _gzip(data[len(data) // 2 :])


def _skippable(data: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18\x03\0\0\0abc" + _zstd(data)


PACKINGS: tuple[Callable[[Members], bytes], ...] = (
    _alone, _zip, _stored, _tar, _pax, _links, _nested, _nested_tar,
)  # fmt: skip
FLAT = (_zip, _stored, _tar, _pax, _links)
"""Packings that keep every member under its own name."""

WRAPPINGS: tuple[Callable[[bytes], bytes], ...] = (
    _bare, _gzip, _zstd, _twice, _skippable, lambda data: _gzip(_zstd(data)), lambda data: _zstd(_gzip(_gzip(data))),
)  # fmt: skip
SINGLE = 5
"""How many of them compress once at most, so that the limits' depth permits what they hold."""


def _seeds() -> Iterator[bytes]:
    members = (("a.txt", b"8.8.8.8\n9.9.9.9\n"), ("b/c.csv", _MARK + b"ip\n8.8.8.8\n"))
    for pack in PACKINGS:
        for wrap in WRAPPINGS:
            yield b"\x01" + wrap(pack(members))
    for packing in range(len(PACKINGS)):
        for wrapping in range(len(WRAPPINGS)):
            yield bytes((0, 1)) + b"\x00\x05\x01hello" + b"\x01\x04\x01more" + bytes((packing, wrapping, 0))
    yield bytes((2, 4)) + b"\x00\x09\x00\x00hello\n" * 5 + bytes((3, 1, 0))


def opening_target() -> Target:
    """The target of this module."""
    marks = (
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\x1f\x8b\x08\0",
        b"\x28\xb5\x2f\xfd",
        b"ustar\x00",
        b"ustar  ",
    )
    return Target(
        name="opening",
        check=check_opening,
        seeds=tuple(_seeds()),
        words=(
            *marks,
            b"\0" * 512,
            b"27 path=some/long/name\n",
            b"GNU.sparse.",
            b"0000644\0",
            b"\xff\xff\xff\xff",
            _MARK,
        ),
        prefix=1,
        longest=4_096,
    )
