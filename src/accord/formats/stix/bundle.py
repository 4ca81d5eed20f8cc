"""A delivered JSON text as the STIX objects in it, or the refusal of the file as a whole.

Taken: a bundle of STIX 2.0 or 2.1 (`{"type": "bundle", "objects": [...]}`), a TAXII 2.1 envelope
(`{"objects": [...]}` whose members look like STIX objects; TAXII 2.1, section 3.7), and one STIX object by itself. An
envelope may have, under REFERRED, objects that came before: others refer to them, and they are no records.
Refused: STIX 1 (XML or JSON), anything that is no JSON object, and bundles of another version.

Nothing after this module sees the JSON of another format.
"""

import json
import re
from collections.abc import Iterable, Mapping

import msgspec

from accord.columns.instants import read_instant
from accord.columns.reading import Document
from accord.vocabulary.errors import RefusedFileError

Body = Mapping[str, object]
"""A JSON object of a STIX document."""

VERSIONS = frozenset({"2.0", "2.1"})

REFERRED = "x_accord_referred"
"""Of an envelope: objects that its own refer to and that came before."""

STIX_ID = re.compile(r"[a-z0-9][a-z0-9-]*--[0-9a-fA-F-]{36}", re.ASCII)
"""An identifier of STIX 2 (STIX 2.1, 2.9), the UUID's version unasked."""

STIX_1_XML = re.compile(r"<(?:[\w.-]+:)?STIX_Package\b|stix\.mitre\.org/stix-1|cti/ns/stix", re.ASCII)
"""The element or a namespace of a STIX 1 package."""

STIX_1_ID = re.compile(r".*:(?:STIX)?Package-.*", re.ASCII | re.IGNORECASE | re.DOTALL)
"""An identifier of a STIX 1 package, `example:Package-...`."""

STIX_1_NAMES = frozenset({"stix_header", "STIX_Package", "stix:STIX_Package"})
"""Names at the root of a STIX 1 package that was written as JSON."""

_LONG_NUMBER = 300
"""Digits beyond which an integer is no number that any property here can have."""


class Repeated(dict[str, object]):
    """A JSON object in which a name stands twice: readers differ in which value they take (RFC 8259, section 4)."""


class Member(msgspec.Struct, frozen=True):
    """One element of the document's `objects`: a record."""

    pointer: str
    """RFC 6901, from the document's root."""
    content: object
    repeated: bool
    """A name stands twice in it, at whatever depth."""


class Bundle(msgspec.Struct, frozen=True):
    """The records of a document, and its objects by id."""

    members: tuple[Member, ...]
    latest: Mapping[str, Body]
    """Id -> the object's latest version (STIX 2.1, 3.6), without those in which a name stands twice; those of REFERRED
    where no record has the id."""

    def superseded(self, body: Body) -> bool:
        """Does the bundle hold a later version of this object?"""
        latest = self.latest.get(text_of(body, "id") or "")
        return latest is not None and latest is not body and _version(body) < _version(latest)


def open_bundle(document: Document) -> Bundle:
    """Read a document's objects; raises RefusedFileError for a file that is no STIX 2 as a whole."""
    reader = _JsonReader(document)
    root = reader.read()
    members = reader.members(_elements(root, document.path))
    return Bundle(members, _latest(reader.members(_referred(root, document.path))) | _latest(members))


def _latest(members: Iterable[Member]) -> dict[str, Body]:
    latest: dict[str, Body] = {}
    for member in members:
        body = member.content
        if member.repeated or not isinstance(body, dict):
            continue
        name = body.get("id")
        if isinstance(name, str):
            known = latest.get(name)
            if known is None or _version(known) < _version(body):
                latest[name] = body
    return latest


def text_of(body: Body, name: str) -> str | None:
    """The property as a string; None when it is missing or of another type."""
    value = body.get(name)
    return value if isinstance(value, str) else None


def texts_of(body: Body, name: str) -> tuple[str, ...]:
    """The strings of a list property; a lone string counts as a list of one, anything else as none."""
    value = body.get(name)
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple([one for one in value if isinstance(one, str)])
    return (value,) if isinstance(value, str) else ()


def bodies_of(body: Body, name: str) -> tuple[Body, ...]:
    """The objects of a list property."""
    value = body.get(name)
    return tuple([one for one in value if isinstance(one, dict)]) if isinstance(value, list) else ()


def body_of(body: Body, name: str) -> Body | None:
    """The property as an object; None when it is missing or of another type."""
    value = body.get(name)
    return value if isinstance(value, dict) else None


def kind_of(body: Body) -> str:
    """The object's type; empty when it has none that is a string."""
    return text_of(body, "type") or ""


def _version(body: Body) -> int:
    for name in ("modified", "created"):
        instant = read_instant(text_of(body, name) or "")
        if instant is not None:
            return instant
    return -1


def _elements(root: object, path: str) -> list[tuple[str, object]]:
    if not isinstance(root, dict):
        raise RefusedFileError(
            "the file is not a STIX bundle",
            where=path,
            expected='a JSON object with "type": "bundle"',
            got=f"a JSON {_json_type(root)}",
            remedy="deliver the objects in a STIX 2.1 bundle",
        )
    if (version := _stix_1_version(root)) is not None:
        raise stix_1_refused(path, version)
    if isinstance(root, Repeated):
        raise RefusedFileError(
            "a name stands twice at the top of the bundle, and readers differ in which value they take",
            where=path,
            expected="every name once (RFC 8259, section 4)",
            got=", ".join(sorted(root)[:10]),
            remedy="write the bundle again with each property once",
        )
    kind = root.get("type")
    if kind == "bundle":
        _require_version(root, path)
        return _listed(root, path)
    if kind is None and "objects" in root:
        elements = _listed(root, path)
        if not elements or any(_looks_like_stix(content) for _, content in elements):
            return elements
    elif isinstance(kind, str) and _looks_like_stix(root):
        return [("", root)]
    raise RefusedFileError(
        "the file is not a STIX bundle",
        where=path,
        expected='"type": "bundle", a TAXII 2.1 envelope, or one STIX object with type and id',
        got=f"a JSON object with {', '.join(map(shown, list(root)[:8])) or 'nothing in it'}",
        remedy="deliver the objects in a STIX 2.1 bundle, or name the file's own format in the data set",
    )


def _referred(root: object, path: str) -> list[tuple[str, object]]:
    """What an envelope brings along without delivering it."""
    return _listed(root, path, REFERRED) if isinstance(root, dict) and "type" not in root else []


def _listed(root: Body, path: str, name: str = "objects") -> list[tuple[str, object]]:
    # STIX 2.1, section 8: a bundle may be empty, and then has no `objects`
    objects = root.get(name, [])
    if not isinstance(objects, list):
        raise RefusedFileError(
            "the bundle's objects are not a list",
            where=f"{path}, /{name}",
            expected="a list of STIX objects",
            got=f"a JSON {_json_type(objects)}",
            remedy=f"write the bundle again with `{name}` as a list",
        )
    return [(f"/{name}/{place}", content) for place, content in enumerate(objects)]


def _require_version(root: Body, path: str) -> None:
    # 2.0 requires it of the bundle; 2.1 leaves it to the objects
    version = root.get("spec_version")
    if version is not None and not (isinstance(version, str) and version in VERSIONS):
        raise RefusedFileError(
            "the bundle is of a STIX version that is not read",
            where=f"{path}, /spec_version",
            expected="2.0 or 2.1",
            got=shown(version),
            remedy="export it as STIX 2.1",
        )


def stix_1_refused(path: str, version: str) -> RefusedFileError:
    """The refusal of a STIX 1 package; `version` as it names itself, or its form."""
    return RefusedFileError(
        "STIX 1 is not read: its packages hold CybOX objects that STIX 2 replaced in 2017",
        where=path,
        expected="a STIX 2.0 or 2.1 bundle",
        got=f"STIX {version}",
        remedy="export it as STIX 2.1 (MISP can), or convert it with the OASIS tool stix2-elevator",
    )


def _stix_1_version(root: Body) -> str | None:
    if not STIX_1_NAMES.isdisjoint(root):
        return f"{shown(root.get('version', '1'))} (JSON)"
    name, version = root.get("id"), root.get("version")
    if isinstance(name, str) and STIX_1_ID.fullmatch(name):
        return f"{shown(version)} (JSON)"
    return None


def _looks_like_stix(content: object) -> bool:
    if not isinstance(content, dict):
        return False
    name = content.get("id")
    return isinstance(content.get("type"), str) and isinstance(name, str) and STIX_ID.fullmatch(name) is not None


def _has_repeated(content: object) -> bool:
    # Without recursion: a hostile text may be nested as deep as the JSON reader lets it
    pending: list[object] = [content]
    while pending:
        one = pending.pop()
        if isinstance(one, Repeated):
            return True
        if isinstance(one, dict):
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)
    return False


def shown(value: object) -> str:
    """A value for a message: short, and without looking into objects and lists."""
    text = str(value) if isinstance(value, (str, int, float)) else _json_type(value)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 60 else f"{text[:59]}…"


def _json_type(value: object) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "null")


class _JsonReader:
    """Strict JSON: UTF-8, no NaN, bounded depth; notes whether any object has a name twice."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.repeated = False

    def read(self) -> object:
        """The document's value; raises RefusedFileError with the place where it stops to be JSON."""
        text = self._text()
        try:
            return json.loads(text, object_pairs_hook=self._object, parse_int=_integer, parse_constant=self._constant)
        except json.JSONDecodeError as error:
            ended = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
            raise self._refused(
                "the JSON is cut off" if ended else "the JSON is broken",
                f"{self._document.path}, line {error.lineno}, column {error.colno}",
                got="the end of the file" if ended else repr(text[error.pos : error.pos + 40]),
                expected=_expected(error.msg),
            ) from None
        except RecursionError:
            raise self._refused(
                "the JSON is nested too deep", self._document.path, expected="a few dozen levels at most"
            ) from None

    def members(self, elements: Iterable[tuple[str, object]]) -> tuple[Member, ...]:
        """Elements of what was read, by their pointers."""
        return tuple(
            Member(pointer, content, self.repeated and _has_repeated(content)) for pointer, content in elements
        )

    def _text(self) -> str:
        data = self._document.data
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise self._refused(
                "the file is not UTF-8",
                f"{self._document.path}, byte {error.start + 1}",
                expected="UTF-8 (RFC 8259, section 8.1)",
                got=f"the byte 0x{data[error.start]:02x}",
            ) from None
        if text.lstrip()[:1] == "<" and STIX_1_XML.search(text, 0, 65_536):
            raise stix_1_refused(self._document.path, "1 (XML)")
        if not text.strip():
            raise self._refused("the file is empty", self._document.path, expected="a STIX 2.0 or 2.1 bundle")
        return text

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        content = dict(pairs)
        if len(content) != len(pairs):
            self.repeated = True
            return Repeated(content)
        return content

    def _constant(self, word: str) -> object:
        raise self._refused(
            "the JSON is broken", self._document.path, expected="a number", got=f"{word}, which JSON does not know"
        )

    def _refused(
        self, what: str, where: str, *, expected: str | None = None, got: str | None = None
    ) -> RefusedFileError:
        return RefusedFileError(
            what, where=where, expected=expected, got=got, remedy="ask the partner to deliver the file again"
        )


def _expected(message: str) -> str:
    """What the standard library's JSON reader would have had instead."""
    if message.startswith("Unterminated string"):
        return "a closing quote"
    if message.startswith("Expecting "):
        return message.removeprefix("Expecting ")
    return f"valid JSON ({message})"


def _integer(digits: str) -> object:
    # a longer one is kept as text: of the wrong type wherever it stands, and no cause to lose the other objects
    return int(digits) if len(digits) <= _LONG_NUMBER else digits
