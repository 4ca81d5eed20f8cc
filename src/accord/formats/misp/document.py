"""A MISP member's outer form: JSON to events, in all the ways that events are wrapped.

    {"Event": {...}}                                one event, as MISP downloads and feeds give it
    {"response": [{"Event": {...}}, ...]}           a search's answer
    {"response": {"Event": {...}}}, [{"Event": ...}, {...}], {"Attribute": [...], "info": ...}
    {"response": {"Attribute": [{...}, ...]}}       an attribute search's answer

Source: MISP core format (draft-dulaunoy-misp-core-format), section 2.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from accord.columns.reading import Document
from accord.vocabulary.errors import RefusedFileError

Json = dict[str, object]

HASH_LINE = re.compile(rb"[0-9a-fA-F]{32},[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\r?(?:\n|\Z)")
"""A line of hashes.csv: MD5 of a value, and the UUID of its event."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# A string that has no end ends the text: looked for from every later quote again, a head of quotes would take minutes.
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?|\\?\Z)|[{}\[\]]', re.DOTALL)
_EVENT_KEYS = frozenset({"info", "orgc_id", "Orgc", "threat_level_id", "analysis", "date"})
_EXPECTED = "a MISP event: an object with `Event`, `response`, or `Attribute` and `info`"
_SEND_AGAIN = "ask the partner to send the file again; the rest of the delivery is not touched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An object of the document and its JSON pointer (RFC 6901)."""

    pointer: str
    value: object


def load(document: Document) -> object:
    """The document as Python values; raises RefusedFileError with line, column and offset when it is not JSON."""
    if not document.data.strip():
        raise RefusedFileError("the file is empty", where=document.path, expected=_EXPECTED, remedy=_SEND_AGAIN)
    try:
        return msgspec.json.decode(document.data)
    except RecursionError:
        raise RefusedFileError(
            "the JSON is nested too deeply", where=document.path, expected=_EXPECTED, remedy=_SEND_AGAIN
        ) from None
    except UnicodeDecodeError:
        # the decoder counts from the start of the string that it was in, not from the start of the file
        raise _broken(document, "the file is not UTF-8", *_wrong_byte(document.data)) from None
    except msgspec.DecodeError as error:
        raise _broken(document, "the file is not valid JSON", *_fault(document.data, str(error))) from None


def events(tree: object, path: str) -> list[Place]:
    """Every event of a document, in order; raises RefusedFileError when it holds none and is no empty answer."""
    if isinstance(tree, dict):
        if "response" in tree:
            return list(_wrapped(tree["response"], "/response"))
        if "Event" in tree:
            return list(_wrapped(tree, ""))
        if _is_event(tree):
            return [Place(pointer="", value=tree)]
    if isinstance(tree, list):
        return list(_wrapped(tree, ""))
    got = "a STIX bundle" if isinstance(tree, dict) and tree.get("type") == "bundle" else _kind(tree)
    raise RefusedFileError("the file holds no MISP event", where=path, expected=_EXPECTED, got=got)


def recognises(head: bytes, path: str) -> bool:
    """JSON whose first keys are those of MISP events or of a feed's manifest; or lines of a feed's hashes.csv."""
    del path
    if HASH_LINE.match(head):
        return True
    if head.lstrip()[:1] not in (b"{", b"["):
        return False
    listed = head.lstrip()[:1] == b"["
    outer: set[str] = set()
    depth = 0
    wrapped = foreign = False
    for token in _TOKEN.finditer(head):
        mark = token[0]
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth <= 0:
                break
        elif token[2] is not None and depth <= 4:
            key = token[1].decode("utf-8", "replace")
            level = depth - 1 if listed else depth
            if level == 1 and _UUID.fullmatch(key):
                return b'"Orgc"' in head or b'"info"' in head
            if level == 1 and key == "spec_version":
                return False
            if (level == 1 or wrapped) and (key == "Event" or (wrapped and key in {"Attribute", "Object"})):
                return True
            if level == 1:
                outer.add(key)
                wrapped = wrapped or key == "response"
            elif wrapped:
                foreign = True
    if wrapped:
        return not foreign
    return bool(outer & {"Attribute", "Object"}) or ("info" in outer and bool(outer & _EVENT_KEYS - {"info", "date"}))


def _wrapped(tree: object, pointer: str) -> Iterator[Place]:
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _one(item, f"{pointer}/{index}")
    else:
        yield from _one(tree, pointer)


def _one(item: object, pointer: str) -> Iterator[Place]:
    if isinstance(item, dict) and "Event" in item and not _is_event(item):
        inner = item["Event"]
        if isinstance(inner, list):
            for index, event in enumerate(inner):
                yield Place(pointer=f"{pointer}/Event/{index}", value=event)
        else:
            yield Place(pointer=f"{pointer}/Event", value=inner)
    else:
        yield Place(pointer=pointer, value=item)


def _is_event(tree: Json) -> bool:
    return ("Attribute" in tree or "Object" in tree) and bool(_EVENT_KEYS & tree.keys())


def _kind(tree: object) -> str:
    if isinstance(tree, dict):
        return "an object with " + (", ".join(f"`{key[:40]}`" for key in list(tree)[:5]) or "no keys")
    return {list: "a list", str: "a string", bool: "a truth value", type(None): "null"}.get(type(tree), "a number")


def _fault(data: bytes, message: str) -> tuple[str, str]:
    """Where and what a JSON fault is. The fast decoder does not say where a cut-off document ends; `json` does."""
    text = data.decode("utf-8", "replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        offset = len(text[: error.pos].encode())
        return f"line {error.lineno}, column {error.colno}, byte {offset}", error.msg
    except (ValueError, RecursionError):
        return f"byte {len(data)}", message
    match = re.search(r"byte (\d+)", message)
    return _byte_place(data, int(match[1])) if match else f"byte {len(data)}", message


def _wrong_byte(data: bytes) -> tuple[str, str]:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _byte_place(data, error.start), error.reason
    return f"byte {len(data)}", "a lone surrogate"


def _byte_place(data: bytes, offset: int) -> str:
    line = data.count(b"\n", 0, offset) + 1
    column = offset - data.rfind(b"\n", 0, offset)
    return f"line {line}, column {column}, byte {offset}"


def _broken(document: Document, what: str, where: str, got: str) -> RefusedFileError:
    return RefusedFileError(what, where=f"{document.path}, {where}", expected=_EXPECTED, got=got, remedy=_SEND_AGAIN)
