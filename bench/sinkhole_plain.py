"""The slow twin of `bench/sinkhole.py`: the same evidence, findings and rejects, line by line in plain Python.

    python bench/sinkhole_plain.py FILE

It shares no code with Accord, only the range tables, which it reads from the bundled files by their description
(`accord/reference/rangefiles.py`) and searches with `bisect`. It knows sinkhole events in the layout that the simulator
writes and nothing else.
"""

import bisect
import csv
import ipaddress
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq

# RFC 4180, section 2, and a quote ends on its line
FIELD = r'(?:"(?:[^"]|"")*"|[^",]*)'
LINE = re.compile(rf"{FIELD}(?:,{FIELD})*")
TEXT_LIMIT = 300
MAPPED = 0xFFFF_0000_0000
WORD = (1 << 64) - 1

Row = dict[str, object]


@dataclass(kw_only=True)
class Twin:
    evidence: list[Row] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)


@dataclass(kw_only=True)
class Seen:
    first: datetime
    last: datetime
    count: int = 0

    def add(self, first: datetime, last: datetime, count: int) -> None:
        self.first, self.last, self.count = min(self.first, first), max(self.last, last), self.count + count


class BadLineError(Exception):
    """A line, or a part of one, that is not taken: column, reason, text."""


class Ranges:
    """A bundled table: disjoint ranges of numbers, ascending, each with what stands there."""

    def __init__(self, stem: str) -> None:
        folder = files("accord.reference") / "bundled"
        labels = pq.read_table(folder / f"{stem}.labels.parquet").to_pylist()
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.labels: list[Row] = []
        end = -1
        for row in pq.read_table(folder / f"{stem}.parquet").to_pylist():
            start = end + 1 + _number(row["gap_high"], row["gap_low"])
            end = start + _number(row["width_high"], row["width_low"])
            self.starts.append(start)
            self.ends.append(end)
            self.labels.append(labels[row["label"]])

    def at(self, number: int) -> Row:
        place = bisect.bisect_right(self.starts, number) - 1
        if place < 0 or number > self.ends[place]:
            return {"name": None, "number": None}
        return self.labels[place]


def _number(high: int, low: int) -> int:
    return (high & WORD) << 64 | (low & WORD)


def read(path: Path) -> Twin:
    twin = Twin()
    seen: dict[tuple[int, str, str | None, datetime], Seen] = {}
    with path.open("rb") as lines:
        names = next(csv.reader([next(lines).decode()]))
        for number, line in enumerate(lines, 2):
            try:
                text = decoded(line.removesuffix(b"\n"))
                row = dict(zip(names, fields(text, len(names)), strict=True))
                when, address = instant(row), source(row, text)
            except BadLineError as error:
                twin.rejects.append(rejected(number, error, partial=False))
                continue
            try:
                check_port(row)
            except BadLineError as error:
                twin.rejects.append(rejected(number, error, partial=True))
            family = row["infection"] or row["family"] or None
            day = when.replace(hour=0, minute=0, second=0)
            key = (on_the_line(address), str(address), family, day)
            seen.setdefault(key, Seen(first=when, last=when)).add(when, when, 1)
    twin.evidence = evidence_of(seen)
    twin.findings = findings_of(seen)
    return twin


def decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadLineError(None, "encoding", line.decode(errors="replace")) from None


def fields(text: str, columns: int) -> list[str]:
    if not LINE.fullmatch(text):
        raise BadLineError(None, "quoting", text)
    found = next(csv.reader([text], strict=True))
    if len(found) != columns:
        raise BadLineError(None, "column-count", text)
    return found


def instant(row: dict[str, str]) -> datetime:
    text = row["timestamp"]
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadLineError("timestamp", "time", text) from None


def source(row: dict[str, str], line: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    text = row["src_ip"]
    if not text:
        raise BadLineError("src_ip", "empty-value", line)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise BadLineError("src_ip", "address", text) from None
    if not address.is_global:
        raise BadLineError("src_ip", "address-not-routable", text)
    return address


def check_port(row: dict[str, str]) -> None:
    text = row["src_port"]
    if text and not (re.fullmatch("[1-9][0-9]{0,4}", text) and int(text) <= 65_535):
        raise BadLineError("src_port", "port", text)


def rejected(number: int, error: BadLineError, *, partial: bool) -> Row:
    column, reason, text = error.args
    if len(text) > TEXT_LIMIT:
        text = text[: TEXT_LIMIT - 1] + "…"
    return {"record": number, "column": column, "reason": reason, "partial": partial, "text": text}


def on_the_line(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    """IPv4 stands among IPv6 where RFC 4291, 2.5.5.2 maps it."""
    return int(address) | MAPPED if address.version == 4 else int(address)


def evidence_of(seen: dict[tuple[int, str, str | None, datetime], Seen]) -> list[Row]:
    """One row for each address, family and day."""
    return [
        {
            "type": "ipv6" if ":" in text else "ipv4",
            "high": number >> 64,
            "low": number & WORD,
            "value": "",
            "role": "infected-system",
            "family": family,
            "marking": "amber",
            "day": day.date(),
            "first_seen": one.first,
            "last_seen": one.last,
            "count": one.count,
            "undated": False,
            "observations": one.count,
            "ports": [],
        }
        for (number, text, family, day), one in sorted(
            seen.items(), key=lambda item: (item[0][0], item[0][2] or "", item[0][3])
        )
    ]


def findings_of(seen: dict[tuple[int, str, str | None, datetime], Seen]) -> list[Row]:
    """One row for each address, and where it is."""
    country, second, network = Ranges("country"), Ranges("country-second"), Ranges("network")
    merged: dict[tuple[int, str], tuple[Seen, set[str]]] = {}
    for (number, text, family, _), one in seen.items():
        whole, families = merged.setdefault((number, text), (Seen(first=one.first, last=one.last), set()))
        whole.add(one.first, one.last, one.count)
        families.update({family} - {None})
    found = []
    for (number, text), (whole, families) in sorted(merged.items()):
        here, there, operator = country.at(number)["name"], second.at(number)["name"], network.at(number)
        found.append(
            {
                "value": text,
                "role": "infected-system",
                "families": sorted(families),
                "datasets": ["sinkhole"],
                "marking": "amber",
                "first_seen": whole.first,
                "last_seen": whole.last,
                "undated": False,
                "sightings": whole.count,
                "address": text,
                "country": here,
                "country_second": there,
                "country_conflict": here is not None and there is not None and here != there,
                "asn": operator["number"],
                "network_owner": operator["name"],
            }
        )
    return found


if __name__ == "__main__":
    told = read(Path(sys.argv[1]))
    print(f"{len(told.evidence):,} rows of evidence, {len(told.findings):,} findings, {len(told.rejects):,} rejects")
