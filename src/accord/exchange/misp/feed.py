"""A MISP feed as files: events, what lists them, and by which values are looked up.

    manifest.json       {"<uuid>": {"Orgc": {...}, "Tag": [...], "info": "...", "date": "2026-11-01", "analysis": 2,
                        "threat_level_id": 4, "timestamp": 1793491200}, ...}
    <uuid>.json         {"Event": {..., "Attribute": [...]}}, an attribute a line
    hashes.csv          MD5 of a value, comma, UUID of its event

An event has all of one role that was put into the channel on one day. Its UUID follows from these; its `timestamp`
stays while it says what it said, and grows when anything of it changes or goes.

Source: MISP core format (draft-dulaunoy-misp-core-format), sections 2 and 3; `pymisp.tools.feed_meta_generator`.
"""

import filecmp
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid5

import msgspec

from accord.exchange.misp.attributes import Entry, Tag
from accord.vocabulary.roles import Role

MANIFEST, HASHES = "manifest.json", "hashes.csv"

TAGS = (Tag(name="tlp:clear"), Tag(name="PAP:CLEAR"))
"""Of every event: nothing else is published."""

_HELD = 8 << 20
"""Bytes of attributes that are held before they are written to their events."""

Key = tuple[str, Role, bool]
"""Day, role, and whether it is simulated: which event it is."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Whose feed it is, and of what."""

    namespace: UUID
    """The hub's, for ids."""
    hub: str
    channel: str
    title: str
    at_s: int
    """When the channel last changed, in seconds since 1970: no event that is new is older."""

    def event(self, key: Key) -> str:
        """The UUID of an event."""
        day, role, simulated = key
        return str(uuid5(self.namespace, "\0".join(("misp-event", self.channel, day, role, str(simulated)))))

    @property
    def creator(self) -> dict[str, str]:
        """The hub, as MISP names organisations."""
        return {"name": self.hub, "uuid": str(uuid5(self.namespace, "hub"))}

    def info(self, key: Key) -> str:
        """An event's title."""
        day, role, simulated = key
        return f"{'SIMULATED: ' if simulated else ''}{self.title}: {role}, new on {day}"


@dataclass(slots=True, kw_only=True)
class _Event:
    """An event in the making: what is held of it, and since when it says what it says."""

    uuid: str
    attributes: list[bytes] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    changed_s: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a feed holds."""

    events: int
    attributes: int


def write_feed(feed: Feed, entries: Iterable[Entry], folder: Path, scratch: Path, before: Path) -> Written:
    """Write a feed into an empty folder; `scratch` is another one, `before` where the feed stood until now, if it did.

    The same entries before and now give the same bytes. Raises OSError.
    """
    events: dict[Key, _Event] = {}
    held = 0
    for entry in entries:
        key = (entry.day.isoformat(), entry.role, entry.simulated)
        event = events.get(key)
        if event is None:
            event = events[key] = _Event(uuid=feed.event(key))
        line = _encode(entry.attribute)
        event.attributes.append(line)
        event.hashes += entry.digests
        event.changed_s = max(event.changed_s, entry.changed_s)
        held += len(line)
        if held >= _HELD:
            for one in events.values():
                _flush(one, scratch)
            held = 0
    earlier = _read_manifest(before / MANIFEST)
    manifest: dict[str, object] = {}
    with (folder / HASHES).open("w", encoding="ascii", newline="") as hashes:
        for key, event in sorted(events.items(), key=lambda item: item[1].uuid):
            _flush(event, scratch)
            timestamp = _write_event(feed, key, event, folder, scratch, before, earlier.get(event.uuid))
            manifest[event.uuid] = _listed(feed, key, timestamp)
            with (scratch / f"{event.uuid}.csv").open(encoding="ascii") as lines:
                shutil.copyfileobj(lines, hashes)
    (folder / MANIFEST).write_bytes(_encode(manifest) + b"\n")
    return Written(events=len(events), attributes=sum(one.count for one in events.values()))


def _flush(event: _Event, scratch: Path) -> None:
    """Write what is held of an event to its end."""
    with (scratch / f"{event.uuid}.lines").open("ab") as file:
        for line in event.attributes:
            file.write((b",\n" if event.count else b"") + line)
            event.count += 1
    with (scratch / f"{event.uuid}.csv").open("a", encoding="ascii", newline="") as hashes:
        hashes.writelines(f"{one},{event.uuid}\n" for one in event.hashes)
    event.attributes.clear()
    event.hashes.clear()


def _write_event(
    feed: Feed, key: Key, event: _Event, folder: Path, scratch: Path, before: Path, earlier: int | None
) -> int:
    """Write an event's file; its timestamp, which is the earlier one if it says the same as then."""
    path = folder / f"{event.uuid}.json"
    timestamp = max(event.changed_s, feed.at_s)
    if earlier is not None:
        _compose(path, _head(feed, key, event.uuid, earlier), scratch / f"{event.uuid}.lines")
        old = before / path.name
        if old.is_file() and filecmp.cmp(path, old, shallow=False):
            return earlier
        timestamp = max(timestamp, earlier + 1)
    _compose(path, _head(feed, key, event.uuid, timestamp), scratch / f"{event.uuid}.lines")
    return timestamp


def _compose(path: Path, head: bytes, lines: Path) -> None:
    with path.open("wb") as file, lines.open("rb") as attributes:
        file.write(head)
        shutil.copyfileobj(attributes, file)
        file.write(b"\n]}}\n")


def _head(feed: Feed, key: Key, uuid: str, timestamp: int) -> bytes:
    """An event up to its first attribute, with the keys of a MISP feed in its order."""
    told: dict[str, object] = {
        "analysis": "2",
        "date": key[0],
        "extends_uuid": "",
        "info": feed.info(key),
        "protected": False,
        "publish_timestamp": str(timestamp),
        "published": True,
        "threat_level_id": "4",
        "timestamp": str(timestamp),
        "uuid": uuid,
        "Orgc": feed.creator,
        "Tag": TAGS,
    }
    return b'{"Event":' + _encode(told)[:-1] + b',"Attribute":[\n'


def _listed(feed: Feed, key: Key, timestamp: int) -> dict[str, object]:
    return {
        "Orgc": feed.creator,
        "Tag": TAGS,
        "info": feed.info(key),
        "date": key[0],
        "analysis": 2,
        "threat_level_id": 4,
        "timestamp": timestamp,
    }


def _read_manifest(path: Path) -> Mapping[str, int]:
    """The timestamps of the events that a feed had; of one that is not there or damaged none."""
    try:
        told = json.loads(path.read_bytes())
        return {str(uuid): int(one["timestamp"]) for uuid, one in told.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
