"""What holds for every format of the catalogue, whatever bytes it gets.

A format's cases (tests/cases) give what is needed to know it: paths, column mappings, and records that are good. An
input is two bytes that choose among them and a text. The text is read twice:

- as a member by itself: it is refused, or every record is accounted for, and cutting it elsewhere changes nothing;
- amid good records of a case, before, between and after its lines: whatever they are, the good ones say what they say
  alone, at their own line numbers.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from accord.columns.instants import EARLIEST_US, LATEST_US
from accord.columns.mapping import Columns
from accord.columns.reading import HEAD_LIMIT, Chunk, Context, Document, Parsed, Part, grain_of
from accord.columns.schema import OBSERVATIONS, REJECTS, RESOLUTIONS, TEXT_LIMIT
from accord.columns.values import read_value
from accord.formats.catalogue import FORMATS
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import INDICATOR_TYPES, Indicator, IndicatorType
from accord.vocabulary.markings import MARKINGS
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role
from fuzz.target import Target, promise, same

CASES = Path(__file__).parents[1] / "tests/cases"
EXPECTATIONS = (".toml", ".expected.json", ".md", ".yaml")
FIELDS = ("tag", "meta.desc", "comment")
MEMBER = 7
FAR = 1_000_001
"""A line number that no header has."""

FOREIGN_PATHS = ("a.txt", "é/2026-06-17-event4_sinkhole-x.csv", "x.zip!/b", "malware/b.txt")
PREFIX = 2
_REASONS = frozenset(Rejected)
_ROLES = frozenset(Role)
_DEEPEST = 60
"""Brackets that may be open in an inserted JSON value: readers bound it, and a document past the bound is refused."""

Rows = list[dict[str, Any]]


class Read:
    """What a format made of a chunk or document, and its rows."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.observations: Rows = parsed.observations.to_pylist()
        self.resolutions: Rows = parsed.resolutions.to_pylist()
        self.rejects: Rows = parsed.rejects.to_pylist()

    @property
    def rows(self) -> tuple[Rows, Rows, Rows]:
        """All three."""
        return self.observations, self.resolutions, self.rejects

    @property
    def accepted(self) -> set[int]:
        """Records that an observation or resolution came from."""
        return {row["record"] for rows in (self.observations, self.resolutions) for row in rows}

    def of(self, numbers: Mapping[int, int]) -> tuple[Rows, Rows, Rows]:
        """The rows of some records, under other numbers."""
        found = [
            [row | {"record": numbers[row["record"]]} for row in rows if row["record"] in numbers] for rows in self.rows
        ]
        return found[0], found[1], found[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A case and the good records in it."""

    path: str
    data: bytes
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpecimen(Specimen):
    """A case of a format of lines: what stands before its good lines, and some of those with what they say."""

    opening: bytes
    opened: int
    """Lines of the opening."""
    layout: object
    good: tuple[bytes, ...]
    said: tuple[tuple[Rows, Rows, Rows], ...]
    """Observations, resolutions and rejects of each good line, without record numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """A place in a JSON document where records are listed."""

    before: str
    elements: tuple[str, ...]
    after: str
    said: frozenset[tuple[int, str]]
    """Type and value of everything that the document says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSpecimen(Specimen):
    """A case of a format of whole documents: where records are listed in it."""

    lists: tuple[Records, ...]
    names: frozenset[str]
    """Identifiers in it. What repeats one may replace the record that had it."""


def format_target(name: str) -> Target:
    """The target of one format of the catalogue."""
    module = FORMATS[name]
    specimens = specimens_of(module)

    def check(data: bytes) -> None:
        choice, cut = (*data[:PREFIX], 0, 0)[:PREFIX]
        text = data[PREFIX:]
        specimen = specimens[choice % len(specimens)]
        path = specimen.path if choice < 192 else FOREIGN_PATHS[choice % len(FOREIGN_PATHS)]
        if isinstance(specimen, LineSpecimen) and choice < 128:
            check_amid_lines(module, specimen, text, cut)
            return
        check_alone(module, text, path, specimen.context, cut)
        if isinstance(specimen, DocumentSpecimen):
            check_amid_records(module, specimen, text, cut)

    return Target(
        name=name,
        check=check,
        seeds=tuple(_seeds(specimens)),
        words=tuple(_words(specimens)),
        prefix=PREFIX,
        longest=4_096 if any(isinstance(one, DocumentSpecimen) for one in specimens) else 1_500,
    )


# Cases -------------------------------------------------------------------------------------------------------------


def deliveries(module: ModuleType) -> list[Path]:
    """The bytes among a format's cases."""
    folder = CASES / module.NAME
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(EXPECTATIONS))


def context_of(case: Path | None = None) -> Context:
    """A context with the case's own column mapping, and one that generated headers can meet."""
    mapping: dict[str, Any] = {"indicators": {"ip": "ip", "host": "any"}, "seen_at": ["seen"], "port": "port"}
    told = case.with_suffix(".toml") if case else None
    columns = [mapping]
    if told is not None and told.exists() and "mapping" in (found := tomllib.loads(told.read_text("utf-8"))):
        columns.insert(0, found["mapping"])
    return Context(
        is_public_suffix=lambda name: name in {"com", "net", "org", "co.uk"},
        has_known_suffix=lambda name: name.rsplit(".", 1)[-1] in {"com", "net", "org", "uk", "example"},
        columns=tuple(_columns(one) for one in columns),
        rule_fields=FIELDS,
    )


def _columns(mapping: Mapping[str, Any]) -> Columns:
    told = {key: tuple(value) if isinstance(value, list) else value for key, value in mapping.items()}
    indicators = dict(told.pop("indicators"))
    # An operation file writes "any" where the contract has None.
    return Columns(indicators={name: None if kind == "any" else kind for name, kind in indicators.items()}, **told)


def without_mark(data: bytes) -> bytes:
    """The bytes without a byte-order mark, as intake hands them on."""
    return data.removeprefix(b"\xef\xbb\xbf")


@cache
def specimens_of(module: ModuleType) -> tuple[Specimen, ...]:
    """What a format's cases hold; those that it refuses are specimens without good records."""
    found: list[Specimen] = []
    for case in deliveries(module):
        data, context = without_mark(case.read_bytes()), context_of(case)
        document = grain_of(module, data[:HEAD_LIMIT]) == "document"
        make = _document_specimen if document else _line_specimen
        made = make(module, case.name, data, context)
        found.append(made or Specimen(path=case.name, data=data, context=context))
    if not any(isinstance(one, LineSpecimen | DocumentSpecimen) for one in found):
        raise LookupError(f"{module.NAME}: no case under {CASES / module.NAME} holds a good record")
    return tuple(found)


def _line_specimen(module: ModuleType, path: str, data: bytes, context: Context) -> LineSpecimen | None:
    try:
        layout = module.layout(data[:HEAD_LIMIT], path, context)
    except RefusedFileError:
        return None
    lines = slow_lines(data)
    taken = parse_lines(module, [(data, 1)], path, layout, context).accepted
    if not taken:
        return None
    opening = b"".join(lines[: min(taken) - 1])
    good, said = [], []
    for number in sorted(taken)[:12]:
        line = lines[number - 1].rstrip(b"\r\n") + b"\n"
        good.append(line)
        said.append(parse_lines(module, [(line, FAR)], path, layout, context).of({FAR: 0}))
    return LineSpecimen(
        path=path,
        data=data,
        context=context,
        opening=opening,
        opened=min(taken) - 1,
        layout=layout,
        good=tuple(good),
        said=tuple(said),
    )


def _document_specimen(module: ModuleType, path: str, data: bytes, context: Context) -> DocumentSpecimen | None:
    try:
        whole = parse_document(module, data, path, context)
        tree = json.loads(data)
    except (RefusedFileError, ValueError):
        return None
    names = frozenset(value for key, value in _leaves(tree) if key in {"id", "uuid"} and isinstance(value, str))
    lists = []
    for place in _arrays(tree):
        # What another element adds a record to is a list of records.
        probe = _listed(tree, place, whole)
        try:
            more = parse_document(module, _with_values(probe, ["{}"], 0).encode(), path, context)
        except RefusedFileError:
            continue
        if more.parsed.records == whole.parsed.records + 1:
            lists.append(probe)
    if not lists or not whole.observations:
        return None
    return DocumentSpecimen(path=path, data=data, context=context, lists=tuple(lists), names=names)


def _arrays(tree: object, place: tuple[str | int, ...] = ()) -> Iterable[tuple[str | int, ...]]:
    """Where arrays with objects in them stand in a JSON value."""
    if isinstance(tree, list):
        if any(isinstance(one, dict) for one in tree):
            yield place
        for at, one in enumerate(tree):
            yield from _arrays(one, (*place, at))
    elif isinstance(tree, dict):
        for key, one in tree.items():
            yield from _arrays(one, (*place, key))


def _leaves(tree: object, key: str = "") -> Iterable[tuple[str, object]]:
    if isinstance(tree, list):
        for one in tree:
            yield from _leaves(one, key)
    elif isinstance(tree, dict):
        for name, one in tree.items():
            yield from _leaves(one, name)
    else:
        yield key, tree


def _listed(tree: object, place: Sequence[str | int], whole: Read) -> Records:
    copy = msgspec.json.decode(msgspec.json.encode({"root": tree}))
    holder: Any = copy
    steps = ["root", *place]
    for step in steps[:-1]:
        holder = holder[step]
    elements = tuple(json.dumps(one) for one in holder[steps[-1]])
    holder[steps[-1]] = "\ue000here"
    before, after = json.dumps(copy["root"], ensure_ascii=False).split('"\ue000here"')
    said = frozenset((row["type"], row["value"]) for row in whole.observations)
    return Records(before=before, elements=elements, after=after, said=said)


# Reading -----------------------------------------------------------------------------------------------------------


def slow_lines(data: bytes) -> list[bytes]:
    """Physical lines with their ends, found the obvious way."""
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", data)


def parse_lines(
    module: ModuleType, pieces: Sequence[tuple[bytes, int]], path: str, layout: object, context: Context
) -> Read:
    """One chunk of several parts of a member, each with the number of its first line."""
    parts, at = [], 0
    for piece, first in pieces:
        parts.append(Part(member=MEMBER, path=path, start=at, end=at + len(piece), first_line=first, layout=layout))
        at += len(piece)
    data = np.frombuffer(b"".join(piece for piece, _ in pieces), np.uint8)
    return Read(module.parse(Chunk(data=data, parts=tuple(parts)), context))


def parse_document(module: ModuleType, data: bytes, path: str, context: Context) -> Read:
    """A member whole; RefusedFileError when it cannot be read."""
    return Read(module.parse(Document(member=MEMBER, path=path, data=data), context))


def check_alone(module: ModuleType, text: bytes, path: str, context: Context, cut: int) -> None:
    """A member that is this text is refused, or accounted for, wherever it is cut."""
    claimed = module.recognises(text[:HEAD_LIMIT], path)
    promise(claimed is True or claimed is False, "recognises says yes or no", claimed)
    if not text:
        return  # intake refuses an empty member before a format sees it
    try:
        if grain_of(module, text[:HEAD_LIMIT]) == "document":
            verify(parse_document(module, text, path, context), context, None)
            return
        layout = module.layout(text[:HEAD_LIMIT], path, context)
    except RefusedFileError:
        return
    lines = slow_lines(text)
    whole = parse_lines(module, [(text, 1)], path, layout, context)
    verify(whole, context, len(lines))
    at = cut % len(lines)
    if at:
        first, second = b"".join(lines[:at]), b"".join(lines[at:])
        halves = [
            parse_lines(module, [(first, 1)], path, layout, context),
            parse_lines(module, [(second, at + 1)], path, layout, context),
        ]
        verify_sum(whole, halves)


def check_amid_lines(module: ModuleType, specimen: LineSpecimen, text: bytes, cut: int) -> None:
    """Good lines before, between and after others say what they say alone, and so do the others."""
    lines = slow_lines(text)
    if lines and not lines[-1].endswith(b"\n"):
        lines[-1] += b"\n"
    at = cut % (len(lines) + 1)
    first, second = b"".join(lines[:at]), b"".join(lines[at:])
    chosen = [(cut + step) % len(specimen.good) for step in range(3)]
    good = [specimen.good[one] for one in chosen]
    member = b"".join((specimen.opening, good[0], first, good[1], second, good[2]))
    numbers = [specimen.opened + 1, specimen.opened + 2 + at, specimen.opened + 3 + len(lines)]
    # The layout is the case's own, as when the others stand beyond the head.
    read = parse_lines(module, [(member, 1)], specimen.path, specimen.layout, specimen.context)
    verify(read, specimen.context, specimen.opened + 3 + len(lines))
    place = {number: index for index, number in enumerate(numbers)}
    expected: tuple[Rows, Rows, Rows] = ([], [], [])
    for index, one in enumerate(chosen):
        for kind, rows in enumerate(specimen.said[one]):
            expected[kind].extend(row | {"record": index} for row in rows)
    same(read.of(place), expected, "a good line says what it says alone")
    pieces = [(first, specimen.opened + 2), (second, specimen.opened + 3 + at)]
    alone = parse_lines(module, [one for one in pieces if one[0]], specimen.path, specimen.layout, specimen.context)
    others = {number: number for number in range(specimen.opened + 2, numbers[-1]) if number not in place}
    same(alone.rows, read.of(others), "a line says the same with and without good ones around it")
    if cut % 4 == 0:
        _check_head(module, specimen, member)


def _check_head(module: ModuleType, specimen: LineSpecimen, member: bytes) -> None:
    """Where the others do stand in the head: the member is refused whole, or no good value is lost."""
    try:
        layout = module.layout(member[:HEAD_LIMIT], specimen.path, specimen.context)
    except RefusedFileError:
        return
    if layout != specimen.layout:
        read = parse_lines(module, [(member, 1)], specimen.path, layout, specimen.context)
        verify(read, specimen.context, len(slow_lines(member)))


def check_amid_records(module: ModuleType, specimen: DocumentSpecimen, text: bytes, cut: int) -> None:
    """Values that are put among a document's records take nothing from the good ones."""
    values = [value for value in json_values(text) if not _repeats(value, specimen.names)]
    if not values:
        return
    listed = specimen.lists[cut % len(specimen.lists)]
    read = parse_document(module, _with_values(listed, values, cut).encode(), specimen.path, specimen.context)
    verify(read, specimen.context, None)
    lost = listed.said - {(row["type"], row["value"]) for row in read.observations}
    promise(not lost, "no good record is lost to what stands beside it", sorted(lost))


def json_values(text: bytes) -> list[str]:
    """The JSON values in a text: all of it, or those of its lines that are some. Both readers must agree that it is."""
    whole = _json_value(text)
    if whole is not None:
        return [whole]
    return [value for line in text.split(b"\n") if (value := _json_value(line)) is not None][:20]


def _json_value(text: bytes) -> str | None:
    if text.count(b"[") + text.count(b"{") > _DEEPEST:
        return None
    try:
        decoded = text.decode()
        json.loads(decoded, parse_constant=_no_constant)
        msgspec.json.decode(text)
    except (ValueError, msgspec.DecodeError):
        return None
    return decoded.strip()


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _repeats(value: str, names: frozenset[str]) -> bool:
    return any(isinstance(leaf, str) and leaf in names for _, leaf in _leaves(json.loads(value)))


def _with_values(listed: Records, values: Sequence[str], cut: int) -> str:
    """The document with values before, between and after its records."""
    elements = list(listed.elements)
    middle = len(elements) // 2
    first, second = cut % (len(values) + 1), cut // 16 % (len(values) + 1)
    first, second = min(first, second), max(first, second)
    put = [*values[:first], *elements[:middle], *values[first:second], *elements[middle:], *values[second:]]
    return f"{listed.before}[{','.join(put)}]{listed.after}"


# What must hold ----------------------------------------------------------------------------------------------------


def verify(read: Read, context: Context, records: int | None) -> None:
    """What a format hands over is what the contract says (columns.reading, columns.schema)."""
    parsed = read.parsed
    for batch, schema in (
        (parsed.observations, _observation_types(context.rule_fields)),
        (parsed.resolutions, _types(RESOLUTIONS)),
        (parsed.rejects, _types(REJECTS)),
    ):
        same([(one.name, one.type) for one in batch.schema], schema, "the schema is the contract's")
        batch.validate(full=True)
    if records is not None:
        same(parsed.records, records, "every physical line is a record")
    _verify_account(read)
    for row in read.observations:
        _verify_observation(row, context)
    for row in read.resolutions:
        for name in ("domain", "address"):
            found = read_value(row[name], context.is_public_suffix)
            promise(isinstance(found, Indicator) and found.value == row[name], "a resolution is canonical", row)
        promise(_is_instant(row["first_seen"]) and _is_instant(row["last_seen"]), "its times can be", row)
        promise(row["marking"] is None or 0 <= row["marking"] < len(MARKINGS), "its marking is known", row)
    for row in read.rejects:
        promise(row["reason"] in _REASONS, "a reason to reject is of the closed list", row)
        promise(len(row["text"]) <= TEXT_LIMIT, "a rejected text is kept short", row)


@cache
def _types(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [(one.name, one.type) for one in schema]


@cache
def _observation_types(fields: tuple[str, ...]) -> list[tuple[str, pa.DataType]]:
    named = [(f"field:{name}", pa.dictionary(pa.int32(), pa.string())) for name in fields]
    return [*_types(OBSERVATIONS), *named]


def _verify_account(read: Read) -> None:
    """Every record is accepted, ignored or rejected, and only one of them."""
    parsed, accepted = read.parsed, read.accepted
    rejected = [row["record"] for row in read.rejects if not row["partial"]]
    promise(len(rejected) == len(set(rejected)), "a record is rejected once", rejected)
    promise(accepted.isdisjoint(rejected), "no record is accepted and rejected", accepted.intersection(rejected))
    partial = {row["record"] for row in read.rejects if row["partial"]}
    promise(partial <= accepted.union(rejected), "a partial reject has a record that counts", partial)
    promise(set(parsed.ignored) <= set(Ignored), "a reason to ignore is of the closed list", dict(parsed.ignored))
    promise(all(count > 0 for count in parsed.ignored.values()), "nothing is ignored no times", dict(parsed.ignored))
    same(
        len(accepted) + len(rejected) + sum(parsed.ignored.values()),
        parsed.records,
        "accepted + ignored + rejected = records",
    )
    members = {row["member"] for rows in read.rows for row in rows}
    promise(members <= {MEMBER}, "every row is of the member that was read", members)


def _verify_observation(row: Mapping[str, Any], context: Context) -> None:
    kind = INDICATOR_TYPES[row["type"]]
    expected = {kind} if kind is IndicatorType.ASN else None
    read = read_value(row["value"], context.is_public_suffix, expected)
    promise(
        isinstance(read, Indicator) and (read.kind, read.value) == (kind, row["value"]),
        "a canonical value is read again as itself",
        row,
        read,
    )
    promise(row["count"] >= 1, "an observation stands for at least one sighting", row)
    promise(row["port"] is None or 1 <= row["port"] <= 65_535, "a port is one", row)
    promise(row["role"] is None or row["role"] in _ROLES, "a role is known", row)
    promise(row["family"] is None or row["family"] != "", "no family is the empty name", row)
    promise(row["marking"] is None or 0 <= row["marking"] < len(MARKINGS), "a marking is known", row)
    promise(_is_instant(row["seen_at"]), "a time can be", row)


def _is_instant(value: Any) -> bool:
    return value is None or EARLIEST_US <= value.timestamp() * 1e6 < LATEST_US


def verify_sum(whole: Read, pieces: Sequence[Read]) -> None:
    """The pieces of a member say together what it says whole."""
    same(sum(piece.parsed.records for piece in pieces), whole.parsed.records, "records, however cut")
    ignored: Counter[str] = Counter()
    for piece in pieces:
        ignored.update(piece.parsed.ignored)
    same(dict(ignored), dict(whole.parsed.ignored), "ignored, however cut")
    for kind, name in enumerate(("observations", "resolutions", "rejects")):
        same([row for piece in pieces for row in piece.rows[kind]], whole.rows[kind], f"{name}, however cut")


# What to begin with ------------------------------------------------------------------------------------------------


def _seeds(specimens: Sequence[Specimen]) -> Iterable[bytes]:
    for index, specimen in enumerate(specimens):
        choice = bytes((index, 1))
        alone = bytes((len(specimens) * (128 // len(specimens) + 1) + index, 1))
        yield alone + specimen.data[:4000]
        yield alone + specimen.data[: len(specimen.data) // 2][:4000]
        if isinstance(specimen, DocumentSpecimen):
            for listed in specimen.lists:
                for element in listed.elements:
                    yield choice + element.encode()[:4000]
        elif isinstance(specimen, LineSpecimen):
            for line in slow_lines(specimen.data)[:40]:
                yield choice + line[:2000]


def _words(specimens: Sequence[Specimen]) -> Iterable[bytes]:
    found: dict[bytes, None] = {}
    for specimen in specimens:
        for word in re.findall(rb'"[^"\n]{0,60}"|[^\s,;"|]{1,80}', specimen.data):
            found[word] = None
    return list(found)[:600]
