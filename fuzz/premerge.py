"""The short way of sightings: what it merges while reading is what the format's own reading of every line gives.

An input is two bytes that choose (a layout, room for groups, where the lines are cut into pieces) and lines of that
layout. Each line must be taken, late, or left to the format, and only lines of one observation may be taken or late.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address
from types import ModuleType
from typing import Any

import numpy as np

from accord.columns.premerge import SLACK, Groups, Premerger
from accord.columns.reading import Context, Shortcut
from accord.formats.catalogue import FORMATS
from fuzz.formats import FAR, FIELDS, LineSpecimen, Read, parse_lines, slow_lines, specimens_of
from fuzz.target import Target, promise, same

AS_OF_US = 1_430_000_000_000_000
"""2015-04-25 22:13:20 UTC: some of the seeds' times lie behind it."""

ROOMS = (4_096, 600, 40, 3, 1)
"""Groups that are held before they are handed on."""

_DAY_US = 86_400_000_000
_SINKHOLE = "2015-04-01-event4_sinkhole-x.csv"
_HEADERS = (
    "timestamp,protocol,src_ip,src_port,src_asn,src_geo,dst_ip,dst_port,infection,family,tag,application,count",
    "src_ip,timestamp,infection",
    "family,tag,count,infection,src_port,timestamp,severity,src_ip",
)
_ROWS = (
    "2015-04-01 00:00:00,tcp,8.8.8.8,1024,64500,DE,192.0.2.1,80,simda,,,http,7",
    '"2015-04-01 23:59:59","tcp","8.8.8.8","","64500","DE","192.0.2.1","80","virut","a, b","x ""y""","http","1"',
    "2015-04-02T12:00:00Z,tcp,2a02::1,65535,64500,DE,192.0.2.1,80,Größe,,,http,",
    "2015-04-25 23:00:00,tcp,1.0.0.1,80,64500,DE,192.0.2.1,80,simda,,,http,1",
    "2015-04-01 00:00:00,tcp,10.0.0.1,x,64500,DE,192.0.2.1,80,simda,,,http,0",
    "8.8.8.8,2015-04-01 00:00:00,simda",
    "2A02:0:0:0::1,2015-04-01 00:00:01,",
    '"::ffff:8.8.8.8","2015-02-29 00:00:00","simda"',
    "virut,x,1,simda,1024,2015-04-01 00:00:00,high,8.8.8.8",
    '"vi,rut","",999999999,,65536,2015-04-01 00:00:00,high,223.255.255.254',
)

Key = tuple[object, ...]
Merged = dict[Key, tuple[int, int, int, int]]
"""Address, what the label means and day -> first and last time, count, lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way that lines may stand."""

    module: ModuleType
    path: str
    layout: object
    context: Context
    shortcut: Shortcut


@cache
def layouts() -> tuple[Layout, ...]:
    """Those of the cases of every format that offers a short way, and some more."""
    found = []
    for module in FORMATS.values():
        if not hasattr(module, "shortcut"):
            continue
        for specimen in specimens_of(module):
            if isinstance(specimen, LineSpecimen):
                found.append((module, specimen.path, specimen.layout, specimen.context))
    shadowserver = FORMATS["shadowserver"]
    for fields in ((), ("tag",), FIELDS):
        context = Context(is_public_suffix={"com"}.__contains__, has_known_suffix=bool, rule_fields=fields)
        for header in _HEADERS:
            layout = shadowserver.layout(header.encode() + b"\n", _SINKHOLE, context)
            found.append((shadowserver, _SINKHOLE, layout, context))
    offered = [(*one, one[0].shortcut(one[2], one[3])) for one in found]
    return tuple(
        Layout(module=module, path=path, layout=layout, context=context, shortcut=shortcut)
        for module, path, layout, context, shortcut in offered
        if shortcut is not None
    )


def check_premerge(data: bytes) -> None:
    """Groups, late lines and lines that are left say together what the format says of all lines."""
    choice, cut = (*data[:2], 0, 0)[:2]
    lines = slow_lines(data[2:])
    layout = layouts()[choice % len(layouts())]
    at = cut % (len(lines) + 1)
    groups: list[Groups] = []
    premerger = Premerger(AS_OF_US, groups.append, ROOMS[choice // 32 % len(ROOMS)])
    left: list[int] = []
    kept: list[bytes] = []
    sound = 0
    late = 0
    for first, piece in ((0, lines[:at]), (at, lines[at:])):
        text = b"".join(piece)
        # Nothing more than what the reader of pieces promises behind the last line.
        room = np.zeros(len(text) + SLACK, np.uint8)
        room[: len(text)] = np.frombuffer(text, np.uint8)
        taken = premerger.take(room, 0, len(text), 3, layout.shortcut)
        same(taken.lines, len(piece), "every line is counted")
        same(taken.taken + taken.late + len(taken.start), taken.lines, "a line is taken, late or left")
        left += [first + number for number in taken.number.tolist()]
        kept += [text[start:end] for start, end in zip(taken.start.tolist(), taken.end.tolist(), strict=True)]
        sound += taken.taken
        late += taken.late
    premerger.flush()
    same(left, sorted(set(left)), "lines are left once and in order")
    same(kept, [lines[number - 1] for number in left], "a line that is left is left whole")
    exact = parse_lines(layout.module, [(b"".join(lines), FAR)], layout.path, layout.layout, layout.context)
    _check_taken(exact, groups, {FAR - 1 + number for number in left}, sound, late, layout)


def _check_taken(exact: Read, groups: Sequence[Groups], left: set[int], sound: int, late: int, layout: Layout) -> None:
    spared = [row for row in exact.observations if row["record"] not in left]
    wrong = [row["record"] for row in exact.rejects if row["record"] not in left]
    promise(not wrong, "no line with a fault is taken", wrong)
    same(len({row["record"] for row in spared}), len(spared), "a line that is taken gives one observation")
    same(len(spared), sound + late, "whatever is taken or late gives an observation")
    timely = [row for row in spared if _us(row) <= AS_OF_US]
    same(len(spared) - len(timely), late, "a line is late when its time is")
    expected: Merged = {}
    for row in timely:
        key = (row["value"], *_meaning(row), _us(row) // _DAY_US)
        _add(expected, key, (_us(row), _us(row), row["count"], 1))
    same(_merged(groups, layout), expected, "groups are the lines merged")


def _merged(groups: Sequence[Groups], layout: Layout) -> Merged:
    found: Merged = {}
    for one in groups:
        promise(set(one.label_member.tolist()) <= {3}, "a label is of the member that was read")
        pieces = [(line + b"\n", FAR + at) for at, line in enumerate(one.label_line)]
        said = defaultdict(list)
        for row in parse_lines(layout.module, pieces, layout.path, layout.layout, layout.context).observations:
            said[row["record"] - FAR].append(_meaning(row))
        for at in range(len(one.label)):
            meanings = said[int(one.label[at])]
            same(len(meanings), 1, "a label's line gives one observation")
            key = (_address(int(one.high[at]), int(one.low[at])), *meanings[0], int(one.day[at]))
            _add(found, key, tuple(int(column[at]) for column in (one.first_us, one.last_us, one.count, one.lines)))
    return found


def _add(merged: Merged, key: Key, more: Any) -> None:
    first, last, count, lines = merged.get(key, (1 << 62, 0, 0, 0))
    merged[key] = (min(first, more[0]), max(last, more[1]), count + more[2], lines + more[3])


def _meaning(row: dict[str, Any]) -> tuple[object, ...]:
    """What an observation says beside its address, time, count and port."""
    return tuple(row[name] for name in row if name not in {"member", "record", "value", "seen_at", "count", "port"})


def _us(row: dict[str, Any]) -> int:
    promise(row["seen_at"] is not None, "a line that is taken has a time", row)
    seconds = int(row["seen_at"].timestamp())
    return seconds * 1_000_000 + int(row["seen_at"].microsecond)


def _address(high: int, low: int) -> str:
    address = IPv6Address(high << 64 | low)
    return str(address.ipv4_mapped or address)


def premerge_target() -> Target:
    """The target of this module."""
    return Target(
        name="premerge",
        check=check_premerge,
        seeds=tuple(_seeds()),
        words=(
            *(cell.encode() for row in _ROWS for cell in row.split(",")),
            *(
                b'"',
                b'""',
                b",",
                b",,",
                b'","',
                b"\r",
                b"\xff",
                b"\xc3",
                b"\0",
                b" ",
                b" UTC",
                b"Z",
                b"x" * 70,
                b"," * 65,
            ),
        ),
        prefix=2,
        longest=1_500,
    )


def _seeds() -> Iterator[bytes]:
    for choice in range(len(layouts())):
        yield bytes((choice + 32 * (choice % len(ROOMS)), 3)) + "\n".join(_ROWS).encode() + b"\n"
        for row in _ROWS:
            yield bytes((choice, 0)) + row.encode() + b"\r\n" + row.encode()
