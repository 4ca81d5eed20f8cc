"""What goes with the events of a MISP feed: the manifest that lists them, and hashes by which values are found.

    manifest.json    {"<uuid>": {"info": "...", "date": "...", "timestamp": 1793491200, ...}, ...}
    hashes.csv       <MD5 of a value>,<uuid of its event>, a line each

Neither holds a record. Where one lies in the folder of events, in one delivery, what does not agree is said in words.
A composite value (`ip-dst|port`) has an MD5 for each of its parts.

Source: MISP core format (draft-dulaunoy-misp-core-format), section 3; `pymisp` (MISPAttribute.hash_values).
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from accord.columns.reading import Document
from accord.formats.misp.document import HASH_LINE, Json, Place
from accord.vocabulary.errors import RefusedFileError

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MD5_BYTES = 16
_NAMED = 3
"""Events that a note names; of more it says how many."""

Digests = Mapping[str, frozenset[bytes]]
"""By event, the MD5s of its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The events of a manifest."""

    folder: str
    events: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """The values of a hashes.csv."""

    folder: str
    digests: Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The events of a file, each with the MD5s of its values, one after the other."""

    folder: str
    events: tuple[tuple[str, bytes], ...]


def is_hashes(data: bytes) -> bool:
    """Does a member begin as a hashes.csv does?"""
    return HASH_LINE.match(data) is not None


def is_manifest(tree: object) -> bool:
    """Does every key name an event, and say something of it?"""
    return (
        isinstance(tree, dict)
        and bool(tree)
        and all(_UUID.fullmatch(key) and isinstance(value, dict) for key, value in tree.items())
    )


def read_manifest(tree: object, path: str) -> Listed:
    """What a manifest lists (`is_manifest`)."""
    return Listed(
        folder=_folder(path), events=frozenset(map(str.lower, tree)) if isinstance(tree, dict) else frozenset()
    )


def read_hashes(document: Document) -> Hashed:
    """Every line of a hashes.csv. Raises RefusedFileError for a line that is none."""
    found: defaultdict[str, set[bytes]] = defaultdict(set)
    for number, line in enumerate(document.data.splitlines(keepends=True), 1):
        if HASH_LINE.fullmatch(line) is None:
            raise RefusedFileError(
                "this is no hashes.csv of a MISP feed",
                where=f"{document.path}, line {number}",
                expected="an MD5, a comma and the UUID of an event on each line",
                got=ascii(line[:60].decode("utf-8", "replace")),
                remedy="correct it, or leave it out: the events can be read without",
            )
        digest, _, uuid = line.rstrip().decode("ascii").partition(",")
        found[uuid.lower()].add(bytes.fromhex(digest))
    return Hashed(folder=_folder(document.path), digests={uuid: frozenset(digests) for uuid, digests in found.items()})


def read_event(places: Sequence[Place], path: str) -> Held:
    """The events of a document, for what lists them."""
    named = [
        (str(one.value["uuid"]).lower(), b"".join(_digests(one.value)))
        for one in places
        if isinstance(one.value, dict) and isinstance(one.value.get("uuid"), str)
    ]
    return Held(folder=_folder(path), events=tuple(named))


def hold_together(asides: Sequence[object]) -> Sequence[str]:
    """What does not agree between manifests, hashes and events that lie in one folder; nothing where none lists any."""
    folders: defaultdict[str, list[object]] = defaultdict(list)
    for one in asides:
        if isinstance(one, (Listed, Hashed, Held)):
            folders[one.folder].append(one)
    return [note for name in sorted(folders) for note in _held_together(folders[name])]


def _held_together(asides: Iterable[object]) -> Iterator[str]:
    listed: set[str] | None = None
    hashed: dict[str, frozenset[bytes]] | None = None
    held: dict[str, frozenset[bytes]] = {}
    twice: set[str] = set()
    for one in asides:
        match one:
            case Listed():
                listed = (listed or set()) | one.events
            case Hashed():
                hashed = {**(hashed or {}), **one.digests}
            case Held():
                for uuid, digests in one.events:
                    if uuid in held:
                        twice.add(uuid)
                    held[uuid] = held.get(uuid, frozenset()) | frozenset(_split(digests))
    if listed is not None or hashed is not None:
        yield from _said("more than once in the delivery, each time counted", twice)
    if listed is not None:
        yield from _said("in the feed's manifest and not in the delivery", listed - held.keys())
        yield from _said("in the delivery and not in the feed's manifest", held.keys() - listed)
    if hashed is not None:
        yield from _said("in the feed's hashes.csv and not in the delivery", hashed.keys() - held.keys())
        none: frozenset[bytes] = frozenset()
        more = {uuid for uuid, digests in hashed.items() if uuid in held and digests - held[uuid]}
        yield from _said("with hashes in the feed's hashes.csv that none of its values has", more)
        less = {uuid for uuid, digests in held.items() if digests - hashed.get(uuid, none)}
        yield from _said("with values whose hashes are not in the feed's hashes.csv", less)


def _said(what: str, events: Iterable[str]) -> Iterator[str]:
    names = sorted(events)
    if names:
        shown = ", ".join(names[:_NAMED]) + (" and more" if len(names) > _NAMED else "")
        yield f"{len(names):,} event{'' if len(names) == 1 else 's'} {what}: {shown}"


def _split(digests: bytes) -> Iterator[bytes]:
    for at in range(0, len(digests), _MD5_BYTES):
        yield digests[at : at + _MD5_BYTES]


def _digests(event: Json) -> Iterator[bytes]:
    """MD5 of each value of an event, and of each part of a composite one."""
    for attribute in _attributes(event):
        kind, value = attribute.get("type"), attribute.get("value")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(kind, str) or not isinstance(value, str):
            continue
        for part in value.split("|") if "|" in kind or kind == "malware-sample" else [value]:
            yield hashlib.md5(part.encode("utf-8", "replace"), usedforsecurity=False).digest()


def _attributes(event: Json) -> Iterator[Json]:
    objects = event.get("Object")
    for holder in (event, *(objects if isinstance(objects, list) else ())):
        listed = holder.get("Attribute") if isinstance(holder, dict) else None
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict):
                yield one


def _folder(path: str) -> str:
    """The folder of a member; `a.zip!/b.json` and `a.zip!/c.json` lie in one."""
    return path.rpartition("/")[0]
