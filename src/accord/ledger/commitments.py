"""Entries of the log: a list of commitments, one for each field, each to be opened by itself or never (docs/ledger.md).

    accord-entry/v1
    kind QemIPsy4mD+USzNp83qb3m0e5K3kEhvHXe5A0WhGvik=
    records XEvkruQI6U0ksWSO8lg9laVIFX5oY21j7HMGTpGgsIM=

Whoever sees an entry sees the names of its fields and nothing else. A field is opened by telling its salt and its
value. A salt is 32 random bytes: without it nobody can find the value by trying, and once it is destroyed the value
is gone for good, while the log still verifies.
"""

import hashlib
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from itertools import cycle

from accord.ledger.notes import decode_base64, encode_base64
from accord.vocabulary.errors import MalformedError, UnprovenError

SALT_BYTES = 32
DIGEST_BYTES = 32
MAX_FIELDS = 256
MAX_OPENED_BYTES = 64 << 20

_ENTRY = "accord-entry/v1"
_OPENINGS = "accord-openings/v1"
_OPENED = "accord-opened/v1"
_DOMAIN = b"accord-commitment/v1\x00"
_NUMBER = re.compile("entry (0|[1-9][0-9]{0,18})")
_ENTRY_LINE, _OPENINGS_LINE = f"{_ENTRY}\n".encode(), f"{_OPENINGS}\n".encode()
_NAME = re.compile("[a-z][a-z0-9-]{0,63}")
_NO_SHAPE = re.compile(rb"(?!)")
_NUMBER_LINE = re.compile(_NUMBER.pattern.encode())
_NOTHING = "-"
"""How an empty value is written, because a line would end in a space otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A field of an entry, opened: whoever holds the entry can verify that this is what it committed to."""

    name: str
    salt: bytes = field(repr=False)
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _demand_name(self.name)
        if len(self.salt) != SALT_BYTES:
            raise MalformedError("A salt is of the wrong length.", where=self.name, expected=f"{SALT_BYTES} bytes")

    @property
    def digest(self) -> bytes:
        """The commitment: SHA-256("accord-commitment/v1", 0x00, length of name in one byte, name, salt, value)."""
        started = _started(self.name).copy()
        started.update(self.salt + self.value)
        return started.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """A field of an entry, closed."""

    name: str
    digest: bytes

    def __post_init__(self) -> None:
        _demand_name(self.name)
        if len(self.digest) != DIGEST_BYTES:
            raise MalformedError("A commitment is of the wrong length.", where=self.name, expected="32 bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the log: its commitments in the order of their names, each name once."""

    commitments: tuple[Commitment, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.commitments) <= MAX_FIELDS:
            raise MalformedError("An entry has too few or too many fields.", expected=f"1 to {MAX_FIELDS}")
        names = [one.name for one in self.commitments]
        if names != sorted(set(names)):
            # a name that stood twice could be opened one way for some and another way for others
            raise MalformedError("An entry's fields are not in order, each once.", got=" ".join(names)[:200])

    def encode(self) -> bytes:
        """The entry's only spelling: the bytes that are a leaf of the tree."""
        lines = [_ENTRY, *(f"{one.name} {encode_base64(one.digest)}" for one in self.commitments), ""]
        return "\n".join(lines).encode("ascii")

    def verify(self, opening: Opening) -> None:
        """Verify that the entry committed to this field. Raises UnprovenError."""
        for one in self.commitments:
            if one.name == opening.name:
                if one.digest != opening.digest:
                    raise UnprovenError("A field's opening is not what the entry committed to.", where=opening.name)
                return
        raise UnprovenError("The entry has no field of this name.", where=opening.name)


def commit(fields: Mapping[str, bytes], draw: Callable[[int], bytes]) -> tuple[Entry, tuple[Opening, ...]]:
    """The entry that commits to these fields, and what opens them, in the order of their names.

    `draw` gives as many random bytes as it is asked for; no two fields may get the same. Raises MalformedError.
    """
    openings = tuple(Opening(name=name, salt=draw(SALT_BYTES), value=fields[name]) for name in sorted(fields))
    if len({one.salt for one in openings}) != len(openings):
        raise MalformedError("Two fields would have one salt.", remedy="draw salts from a source that is random")
    return Entry(commitments=tuple(Commitment(name=one.name, digest=one.digest) for one in openings)), openings


def commit_encoded(entries: Sequence[Mapping[str, bytes]], draw: Callable[[int], bytes]) -> list[tuple[bytes, bytes]]:
    """Entries whose fields all have the same names, each as of `commit`: `Entry.encode()` and `encode_openings()`.

    Raises MalformedError.
    """
    if not entries:
        return []
    if not 0 < len(entries[0]) <= MAX_FIELDS:
        raise MalformedError("An entry has too few or too many fields.", expected=f"1 to {MAX_FIELDS}")
    shape = _shape(tuple(entries[0]))
    count = len(shape.names)
    if any(len(one) != count for one in entries):
        raise MalformedError("Entries have not the same fields.", expected=" ".join(shape.names))
    drawn = draw(SALT_BYTES * count * len(entries))
    salts = [drawn[at : at + SALT_BYTES] for at in range(0, len(drawn), SALT_BYTES)]
    if len(set(salts)) != count * len(entries) or len(drawn) != SALT_BYTES * count * len(entries):
        raise MalformedError("Two fields would have one salt.", remedy="draw salts from a source that is random")
    try:
        values = [one[name] for one in entries for name in shape.names]
    except KeyError as error:
        raise MalformedError("Entries have not the same fields.", expected=" ".join(shape.names)) from error
    # a hundred thousand entries have some million of these: bytes throughout, and no record for each field
    digests: list[bytes] = []
    for started, salt, value in zip(cycle(shape.started), salts, values, strict=False):
        hashed = started.copy()
        hashed.update(salt + value)
        digests.append(hashed.digest())
    closed, coded = _all_base64(digests), _all_base64(salts)
    said = [b2a_base64(value) if value else b"-\n" for value in values]
    made = []
    for at in range(0, len(values), count):
        end = at + count
        opened = [b""] * (2 * count)
        opened[::2], opened[1::2] = coded[at:end], said[at:end]
        made.append((shape.entry % tuple(closed[at:end]), shape.openings % tuple(opened)))
    return made


@dataclass(frozen=True, slots=True)
class _Shape:
    """What entries with the same fields have in common."""

    names: tuple[str, ...]
    started: tuple["hashlib._Hash", ...]
    entry: bytes
    """With places for the digests."""
    openings: bytes
    """With places for the salts and values."""


@cache
def _shape(names: tuple[str, ...]) -> _Shape:
    ordered = tuple(sorted(names))
    labels = [name.encode("ascii") for name in ordered]
    return _Shape(
        names=ordered,
        started=tuple(map(_started, ordered)),
        entry=_ENTRY_LINE + b"".join(label + b" %b\n" for label in labels),
        openings=_OPENINGS_LINE + b"".join(label + b" %b %b" for label in labels),
    )


def _all_base64(values: list[bytes]) -> list[bytes]:
    """Each of some values of 32 bytes in base64: with a zero byte behind it in one call for all, and cut apart."""
    coded = b2a_base64(b"\0".join([*values, b""]), newline=False)
    # 33 bytes give 44 digits, the last of which stands for the zero byte, where the value by itself has its padding
    return [coded[at : at + 43] + b"=" for at in range(0, len(coded), 44)]


def parse_entry(data: bytes) -> Entry:
    """Read an entry. Raises MalformedError."""
    rows = [_words(line, 2) for line in _lines(data, _ENTRY, "entry")]
    entry = Entry(commitments=tuple(Commitment(name=name, digest=decode_base64(digest)) for name, digest in rows))
    if entry.encode() != data:
        raise MalformedError("An entry is spelled otherwise.")
    return entry


def encode_openings(openings: Iterable[Opening]) -> bytes:
    """Openings of one entry as a text: after a first line `accord-openings/v1`, for each its name, salt and value.

    Raises MalformedError unless they are in the order of their names, each once.
    """
    rows = list(openings)
    names = [one.name for one in rows]
    if names != sorted(set(names)):
        raise MalformedError("Openings are not in order, each once.", got=" ".join(names)[:200])
    lines = [f"{one.name} {encode_base64(one.salt)} {encode_base64(one.value) or _NOTHING}" for one in rows]
    return "\n".join([_OPENINGS, *lines, ""]).encode("ascii")


def parse_openings(data: bytes) -> tuple[Opening, ...]:
    """Read openings of one entry. Raises MalformedError; nothing is verified before `Entry.verify` says so."""
    rows = [_words(line, 3) for line in _lines(data, _OPENINGS, "list of openings")]
    openings = tuple(
        Opening(name=name, salt=decode_base64(salt), value=b"" if value == _NOTHING else decode_base64(value))
        for name, salt, value in rows
    )
    if encode_openings(openings) != data:
        raise MalformedError("A list of openings is spelled otherwise.")
    return openings


def encode_opened(opened: Mapping[int, Iterable[Opening]]) -> bytes:
    """Openings of several entries: after `accord-opened/v1`, for each a line `entry <number>` and its openings.

    Ascending by number; an entry of which nothing is opened is not named. Raises MalformedError.
    """
    lines = [_OPENED]
    for number in sorted(opened):
        rows = encode_openings(opened[number]).decode("ascii").split("\n")[1:-1]
        lines += [f"entry {number}", *rows] if rows else []
    return "\n".join([*lines, ""]).encode("ascii")


def parse_opened(data: bytes) -> dict[int, tuple[Opening, ...]]:
    """Read openings of several entries. Raises MalformedError; nothing is verified."""
    blocks: dict[int, list[str]] = {}
    lines: list[str] | None = None
    if len(data) > MAX_OPENED_BYTES:
        raise MalformedError("A list of openings is too large.", expected=f"at most {MAX_OPENED_BYTES:,} bytes")
    for line in _split(data, _OPENED, "list of openings of entries"):
        number = _NUMBER.fullmatch(line)
        if number is not None:
            lines = blocks.setdefault(int(number[1]), [])
        elif lines is None:
            raise MalformedError("An opening is of no entry.", expected="a line `entry <number>` above it")
        else:
            lines.append(line)
    opened = {
        number: parse_openings("\n".join([_OPENINGS, *rows, ""]).encode("ascii")) for number, rows in blocks.items()
    }
    if encode_opened(opened) != data:
        raise MalformedError("A list of openings is spelled otherwise.")
    return opened


def pick_openings(data: bytes, names: Collection[str]) -> tuple[list[str], dict[str, bytes]]:
    """Of encoded openings of one entry those with these names: their lines, and their values by name.

    It is for openings that were encoded here: how they are spelled is not looked at.
    """
    lines, values = [], {}
    for line in data.decode("ascii").split("\n")[1:-1]:
        # a name and a value have no space, a salt is of one length
        name = line[: line.index(" ")]
        if name in names:
            lines.append(line)
            value = line[len(name) + 46 :]
            values[name] = b"" if value == _NOTHING else a2b_base64(value)
    return lines, values


def join_opened(blocks: Mapping[int, list[str]]) -> bytes:
    """As `encode_opened`, of the lines that `pick_openings` gives for each entry."""
    lines = [_OPENED]
    for number in sorted(blocks):
        lines += [f"entry {number}", *blocks[number]] if blocks[number] else []
    return "\n".join([*lines, ""]).encode("ascii")


def verify_opened(data: bytes, entries: Mapping[int, bytes]) -> dict[int, dict[str, bytes]]:
    """Openings of several entries, each verified against its entry: the values by number and name.

    `parse_opened`, `parse_entry` and `Entry.verify` in one, for logs of millions of entries. Raises MalformedError,
    also for an opening of none of these entries, and UnprovenError, which names the entry.
    """
    try:
        said = _verified(data, entries)
    except (ValueError, KeyError, Base64Error):
        said = None
    return _verified_slowly(data, entries) if said is None else said


def _verified(data: bytes, entries: Mapping[int, bytes]) -> dict[int, dict[str, bytes]] | None:
    """None or an error: something is not as it should be, and the slow way says what."""
    header, *lines, last = data.split(b"\n")
    if header != _OPENED.encode() or last or len(data) > MAX_OPENED_BYTES:
        return None
    found: dict[int, dict[str, bytes]] = {}
    committed: dict[bytes, bytes] = {}
    values: dict[str, bytes] | None = None
    names: tuple[bytes, ...] = ()
    shape = _NO_SHAPE
    number, before = -1, b""
    for line in lines:
        words = line.split(b" ")
        if len(words) == 2:
            if _NUMBER_LINE.fullmatch(line) is None or int(words[1]) <= number or values == {}:
                return None
            number, before = int(words[1]), b""
            entry = entries[number]
            spelled = shape.fullmatch(entry)
            if spelled is None:
                # it has other fields than the one before
                names = _names(entry)
                shape = _shaped(names)
                spelled = shape.fullmatch(entry)
                if spelled is None:
                    return None
            committed = dict(zip(names, spelled.groups(), strict=True))
            values = found[number] = {}
            continue
        name, salt, value = words
        drawn = a2b_base64(salt)
        text, begun = _named(name)
        content = _content(value)
        started = begun.copy()
        started.update(drawn + content)
        digest = started.digest()
        if (
            values is None
            or name <= before
            or len(drawn) != SALT_BYTES
            or b2a_base64(drawn, newline=False) != salt
            or b2a_base64(digest, newline=False) != committed[name]
        ):
            return None
        values[text], before = content, name
    return None if values == {} else found


@lru_cache(MAX_FIELDS)
def _named(name: bytes) -> "tuple[str, hashlib._Hash]":
    """A name, and the hash of what a commitment begins with. Raises ValueError and MalformedError for none."""
    text = name.decode("ascii")
    return text, _started(text)


@lru_cache(1 << 12)
def _content(value: bytes) -> bytes:
    """What an opening's value says. Raises ValueError when it is spelled otherwise."""
    if value == _NOTHING.encode():
        return b""
    content = a2b_base64(value)
    if not content or b2a_base64(content, newline=False) != value:
        raise ValueError("no base64")
    return content


def _names(entry: bytes) -> tuple[bytes, ...]:
    """The names of an entry's fields, in order. Raises ValueError when it is none."""
    names = tuple(line.split(b" ")[0] for line in entry.split(b"\n")[1:-1])
    if not names or len(names) > MAX_FIELDS or [*names] != sorted({*names}):
        raise ValueError("no entry")
    for name in names:
        _named(name)
    return names


@lru_cache(64)
def _shaped(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """How an entry with these fields is spelled; base64's unused bits are 0."""
    lines = [re.escape(name) + rb" ([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)\n" for name in names]
    return re.compile(_ENTRY.encode() + rb"\n" + b"".join(lines))


def _verified_slowly(data: bytes, entries: Mapping[int, bytes]) -> dict[int, dict[str, bytes]]:
    found: dict[int, dict[str, bytes]] = {}
    for number, openings in parse_opened(data).items():
        if number not in entries:
            raise MalformedError("Openings are of an entry that is not among these.", where=f"entry {number}")
        try:
            entry = parse_entry(entries[number])
            for opening in openings:
                entry.verify(opening)
        except (MalformedError, UnprovenError) as error:
            where = f"entry {number}" if error.where is None else f"entry {number}, {error.where}"
            raise type(error)(error.what, where=where, expected=error.expected, got=error.got) from error
        found[number] = {one.name: one.value for one in openings}
    return found


def _lines(data: bytes, header: str, what: str) -> list[str]:
    lines = _split(data, header, what)
    if len(lines) > MAX_FIELDS:
        raise MalformedError(f"A {what} has too many fields.", expected=f"at most {MAX_FIELDS}")
    return lines


def _split(data: bytes, header: str, what: str) -> list[str]:
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(f"This is no {what}.", expected="ASCII", got=f"byte {error.start}") from error
    if lines[0] != header or lines.pop():
        raise MalformedError(f"This is no {what}.", expected=f"{header}, and lines that end in a newline")
    return lines[1:]


def _words(line: str, count: int) -> list[str]:
    words = line.split(" ")
    if len(words) != count:
        raise MalformedError("A line is not understood.", expected=f"{count} words", got=f"{len(words)}")
    return words


@lru_cache(MAX_FIELDS)
def _started(name: str) -> "hashlib._Hash":
    """A hash that has taken what stands before a field's salt. Raises MalformedError for no name."""
    _demand_name(name)
    return sha256(_DOMAIN + bytes([len(name)]) + name.encode("ascii"))


def _demand_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise MalformedError(
            "A field has no name that an entry can hold.",
            expected="1 to 64 small letters, digits and hyphens, a letter first", got=repr(name[:200]),
        )  # fmt: skip
