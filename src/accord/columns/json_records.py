"""Records of JSON formats: an object a line, or one document that is an object or a list of objects.

    {"ip": "192.0.2.7"}          [{"ip": "192.0.2.7"},
    {"ip": "192.0.2.8"}           {"ip": "192.0.2.8"}]

Strict by RFC 8259: UTF-8, no NaN, no lone surrogate, and no name twice in an object, because readers differ in which
of the two they take. A line that breaks this is one rejected record, and so is an element of a list; a document that
is no JSON at all is refused.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import lru_cache

from accord.columns.builder import ParsedBuilder
from accord.columns.fields import COUNT_LIMIT
from accord.columns.instants import read_instant
from accord.columns.lines import cut
from accord.columns.reading import LINE_VALUES, Chunk, Context, Document, Parsed, values_in
from accord.columns.values import ADDRESSES, read_host, read_ipv4, read_value, url_host
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

Json = Mapping[str, object]
"""A JSON object."""

_DISTINCT = 65_536
"""Distinct texts whose reading is remembered: logs say the same addresses again and again."""
_LONG_NUMBER = 300
"""Digits beyond which an integer is no number that any member here can have."""

_STARTS_DOCUMENT = re.compile(rb"\s*+(?:\[|\{[ \t\r]*+\n)")
_DOTTED = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}", re.ASCII)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# A text that is cut off is a piece too: passed over, it would be tried again from every later quote.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|(?P<cut>\\?\Z))|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)
_NAMED = frozenset({IndicatorType.DOMAIN, IndicatorType.URL})
_KINDS = ((str, "a string"), (bool, "a truth value"), ((int, float), "a number"), (list, "a list"), (dict, "an object"))


class Repeated(dict[str, object]):
    """A JSON object in which a name stands twice."""


class Entry:
    """One record's object while it is read; what is wrong with its members goes to the record's rejects."""

    __slots__ = ("_builder", "_readings", "_rule_fields", "content", "refused")

    def __init__(self, content: Json, builder: ParsedBuilder, readings: "Readings", rule_fields: Sequence[str]) -> None:
        self.content = content
        self.refused = False
        """A fault was found for which the record cannot be taken: it must get no observation."""
        self._builder = builder
        self._readings = readings
        self._rule_fields = rule_fields

    def fault(self, reason: Rejected, column: str, value: object, *, whole: bool = True) -> None:
        """The member `column` cannot be taken; `whole`: nor can the record."""
        self._builder.reject(reason, shown(value), column=column)
        self.refused |= whole

    def ignore(self, reason: Ignored) -> None:
        """The record makes no claim about an indicator."""
        self._builder.ignore(reason)

    def text(self, name: str, *, whole: bool = True) -> str | None:
        """A string without white space around it; None: absent, null, empty, or of another type, which is a fault."""
        value = self.content.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(Rejected.MALFORMED_OBJECT, name, value, whole=whole)
            return None
        return value.strip() or None

    def instant(self, name: str, *, whole: bool = True) -> int | None:
        """A time in microseconds since 1970 in UTC; None: absent, or no time, which is a fault."""
        text = self.text(name, whole=whole)
        if text is None:
            return None
        read = self._readings.instant(text)
        if read is None:
            self.fault(Rejected.TIME, name, text, whole=whole)
        return read

    def port(self, name: str) -> int | None:
        """A port; None: absent, or none, which costs nothing but itself."""
        return self._number(name, 65_535, Rejected.PORT, whole=False)

    def count(self, name: str) -> int | None:
        """A count of sightings; None: absent, or none, which is a fault."""
        return self._number(name, COUNT_LIMIT, Rejected.COUNT, whole=True)

    def indicator(self, name: str, kinds: Set[IndicatorType] | None = None) -> Indicator | None:
        """The indicator that a member names; None: absent, or none of these kinds, which costs nothing but itself."""
        text = self.text(name, whole=False)
        return None if text is None else self.read(text, name, kinds)

    def read(self, text: str, column: str, kinds: Set[IndicatorType] | None = None) -> Indicator | None:
        """The indicator that a text names; None when it is none of these kinds."""
        read = self._readings.value(text, None if kinds is None else frozenset(kinds))
        if isinstance(read, Indicator):
            return read
        if isinstance(read, Ignored):
            self._builder.ignore(read)
        else:
            self.fault(read, column, text, whole=False)
        return None

    def observe(
        self,
        indicator: Indicator,
        *,
        role: Role | None,
        family: str | None,
        seen_at_us: int | None,
        count: int = 1,
        port: int | None = None,
        marking: Marking | None,
    ) -> None:
        """One observation; `port` is the one that the record says, before which goes the one that the value names."""
        self._builder.observe(
            indicator,
            role=role,
            family=family,
            seen_at_us=seen_at_us,
            count=count,
            port=indicator.port or port,
            marking=marking,
            fields={name: _said(self._at(name)) for name in self._rule_fields},
        )

    def resolve(
        self, subject: Indicator, address: Indicator, *, seen_at_us: int | None, marking: Marking | None
    ) -> None:
        """The name that `subject` is, or on which it stands, had `address` at that instant; of no name, nothing."""
        name = url_host(subject.value) if subject.kind is IndicatorType.URL else subject.value
        if subject.kind in _NAMED and isinstance(read := read_host(name), Indicator) and read.kind not in ADDRESSES:
            self._builder.resolve(
                name, address.value, first_seen_us=seen_at_us, last_seen_us=seen_at_us, marking=marking
            )

    def _number(self, name: str, most: int, reason: Rejected, *, whole: bool) -> int | None:
        value = self.content.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return value
        self.fault(reason, name, value, whole=whole)
        return None

    def _at(self, name: str) -> object:
        """A member by its name, or by its path, as in `reporter.org`."""
        if name in self.content:
            return self.content[name]
        value: object = self.content
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value


class Readings:
    """Reads values and times, each distinct text once."""

    def __init__(self, context: Context) -> None:
        def value(text: str, kinds: frozenset[IndicatorType] | None) -> Indicator | Rejected | Ignored:
            if kinds is not None and IndicatorType.IPV4 in kinds and _DOTTED.fullmatch(text):
                # what most records name: nothing but an address has this form
                return read_ipv4(text)
            return read_value(text, context.is_public_suffix, kinds)

        self.value = lru_cache(_DISTINCT)(value)
        """A text as an indicator of one of these kinds (None: any), or why it is none."""
        self.instant = lru_cache(_DISTINCT)(read_instant)
        """A text as microseconds since 1970 in UTC; None when it is no time."""


Take = Callable[[Entry], None]
"""Makes observations of one record, or says why not."""


def grain(head: bytes) -> str:
    """Is a member that starts like this a "document" (a list, or an object over several lines) or "lines"?"""
    return "document" if _STARTS_DOCUMENT.match(head) else "lines"


def root_names(head: bytes) -> frozenset[str]:
    """The names at the root of the first object that `head` holds, and those one level below, as `outer.inner`."""
    text = head.decode("utf-8", "replace").lstrip()
    base = 2 if text[:1] == "[" else 1
    names: set[str] = set()
    outer, opened, expects_name = "", "", False
    for match in _PIECE.finditer(text):
        piece = match[0]
        if match["cut"] is not None:
            break
        if piece in ("{", "["):
            opened += piece
            expects_name = piece == "{"
        elif piece in ("}", "]"):
            opened = opened[:-1]
            if len(opened) < base:
                break
        elif piece in (":", ","):
            expects_name = piece == "," and opened[-1:] == "{"
        elif expects_name and piece[0] == '"':
            if len(opened) == base:
                outer = piece[1:-1]
                names.add(outer)
            elif len(opened) == base + 1 and opened[base - 1] == "{":
                names.add(f"{outer}.{piece[1:-1]}")
    return frozenset(names)


def read_records(read: Chunk | Document, context: Context, expected: str, take: Take) -> Parsed:
    """Read every record by `take`; raises RefusedFileError for a document that is no JSON, or neither object nor list.

    `expected` says in words what the format's records are.
    """
    if isinstance(read, Document):
        builder = ParsedBuilder(read.member, context.rule_fields)
        records = _elements(read, expected, builder)
    else:
        builder = ParsedBuilder(0, context.rule_fields)
        records = _lines(read, builder)
    readings = Readings(context)
    for content in records:
        take(Entry(content, builder, readings, context.rule_fields))
    return builder.finish()


def packed_object(text: str) -> Json | None:
    """The object that a member holds as a JSON text in a string; None when it holds none."""
    reader = _Reader()
    try:
        content = reader.read(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and not reader.repeated and not _is_unwritable(content) else None


def shown(value: object) -> str:
    """A value for a reject: itself where it is a string or a number, else of which kind it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "null")


def _said(value: object) -> str | None:
    """What rules see of a member: scalars as they are written, those of a list joined by `|`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return "|".join(said for one in value if not isinstance(one, list) and (said := _said(one)) is not None) or None
    return None


def _lines(chunk: Chunk, builder: ParsedBuilder) -> Iterator[Json]:
    """The objects of a chunk's lines; every other line is settled here."""
    start, end, owner, number = cut(chunk)
    members = [part.member for part in chunk.parts]
    data = chunk.data.tobytes()
    reader = _Reader()
    for s, e, part, line in zip(start.tolist(), end.tolist(), owner.tolist(), number.tolist(), strict=True):
        builder.line(members[part], line)
        raw = data[s:e]
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            builder.reject(Rejected.ENCODING, raw[:2048].decode("utf-8", "replace"))
            continue
        if len(raw) > LINE_VALUES and values_in(raw) > LINE_VALUES:
            builder.reject(Rejected.TOO_LONG, text)
            continue
        try:
            content = reader.read(text)
        except (ValueError, RecursionError):
            if text.strip():
                builder.reject(Rejected.MALFORMED_OBJECT, text)
            else:
                builder.ignore(Ignored.BLANK)
            continue
        if isinstance(content, dict) and not reader.repeated and not _has_lone_surrogate(text, content):
            yield content
        else:
            builder.reject(Rejected.MALFORMED_OBJECT, text)


def _elements(document: Document, expected: str, builder: ParsedBuilder) -> Iterator[Json]:
    """The objects of a document; every other element is settled here."""
    reader = _Reader()
    try:
        text = document.data.decode()
    except UnicodeDecodeError as error:
        raise _refused(
            "the file is not UTF-8",
            f"{document.path}, byte {error.start + 1}",
            "UTF-8 (RFC 8259, section 8.1)",
            f"the byte 0x{document.data[error.start]:02x}",
        ) from None
    try:
        root = reader.read(text)
    except json.JSONDecodeError as error:
        ended = error.pos >= len(text.rstrip())
        raise _refused(
            "the JSON is cut off" if ended else "the JSON is broken",
            f"{document.path}, line {error.lineno}, column {error.colno}",
            expected,
            "the end of the file" if ended else repr(text[error.pos : error.pos + 40]),
        ) from None
    except RecursionError:
        raise _refused("the JSON is nested too deep", document.path, expected, None) from None
    except ValueError as error:
        raise _refused("the JSON is broken", document.path, expected, str(error)) from None
    if not isinstance(root, (dict, list)):
        raise _refused("the file holds no records", document.path, expected, shown(root)[:60])
    escaped = _SURROGATE.search(text) is not None
    for place, content in enumerate(root) if isinstance(root, list) else (("", root),):
        builder.record(f"/{place}" if place != "" else "")
        broken = (reader.repeated and _has_repeated(content)) or (escaped and _is_unwritable(content))
        if isinstance(content, dict) and not broken:
            yield content
        else:
            builder.reject(Rejected.MALFORMED_OBJECT, shown(content))


def _refused(what: str, where: str, expected: str, got: str | None) -> RefusedFileError:
    return RefusedFileError(
        what,
        where=where,
        expected=expected,
        got=got,
        remedy="ask the partner to send the file again; the rest of the delivery is not touched",
    )


class _Reader:
    """Reads JSON texts, and notes whether the last one had a name twice in an object."""

    def __init__(self) -> None:
        self.repeated = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=_integer, parse_constant=_not_a_number
        )

    def read(self, text: str) -> object:
        """The value; raises ValueError or RecursionError when the text is no JSON."""
        self.repeated = False
        return self._decoder.decode(text)

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        content = dict(pairs)
        if len(content) != len(pairs):
            self.repeated = True
            return Repeated(content)
        return content


def _integer(digits: str) -> object:
    # a longer one is kept as text: of the wrong type wherever it stands, and no cause to lose the other members
    return int(digits) if len(digits) <= _LONG_NUMBER else digits


def _not_a_number(word: str) -> object:
    raise ValueError(f"{word}, which JSON does not know")


def _has_lone_surrogate(text: str, content: object) -> bool:
    return _SURROGATE.search(text) is not None and _is_unwritable(content)


def _is_unwritable(content: object) -> bool:
    """Does it hold a string that UTF-8 cannot write?"""
    return any(_cannot_be_written(one) for one in _strings(content))


def _cannot_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _has_repeated(content: object) -> bool:
    return any(isinstance(one, Repeated) for one in _inner(content))


def _strings(content: object) -> Iterator[str]:
    for one in _inner(content):
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from one


def _inner(content: object) -> Iterator[object]:
    """A value and all that it holds, without recursion: a hostile text may be nested as deep as the reader lets it."""
    pending = [content]
    while pending:
        one = pending.pop()
        yield one
        if isinstance(one, dict):
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)
