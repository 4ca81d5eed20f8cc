"""What the simulator's tests share: a sinkhole log read line by line, slowly and plainly."""

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from pathlib import Path

import pytest

# RFC 4180, section 2, and a quote ends on its line
_FIELD = r'(?:"(?:[^"]|"")*"|[^",]*)'
_LINE = re.compile(rf"{_FIELD}(?:,{_FIELD})*")


@dataclass
class SlowLog:
    """What is in the files that were read."""

    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    six: int = 0
    """Good lines with an IPv6 source."""
    sightings: dict[str, list[datetime]] = field(default_factory=dict)
    """Times by address."""
    commas: int = 0
    doubled: int = 0
    """Good lines with a comma, or a quote, in a field before the infection's."""

    def read(self, path: Path) -> Counter[str]:
        """Add a file; its outcomes."""
        found: Counter[str] = Counter()
        with path.open("rb") as lines:
            names = next(csv.reader([next(lines).decode()]))
            for line in lines:
                found[self._outcome(line.removesuffix(b"\n"), names)] += 1
        self.lines += found.total()
        self.outcomes += found
        return found

    def _outcome(self, line: bytes, names: list[str]) -> str:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return "encoding"
        if not _LINE.fullmatch(text):
            return "quoting"
        fields = next(csv.reader([text], strict=True))
        if len(fields) != len(names):
            return "column-count"
        row = dict(zip(names, fields, strict=True))
        try:
            seen = datetime.strptime(row["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return "time"
        if not row["src_ip"]:
            return "empty-value"
        try:
            address = IPv6Address(row["src_ip"]) if ":" in row["src_ip"] else IPv4Address(row["src_ip"])
        except AddressValueError:
            return "address"
        if not address.is_global:
            return "address-not-routable"
        assert str(address) == row["src_ip"]
        self.six += address.version == 6
        self.sightings.setdefault(str(address), []).append(seen)
        early = fields[: names.index("infection")]
        self.commas += any("," in one for one in early)
        self.doubled += any('"' in one for one in early)
        return "good" if row["src_port"].isdigit() and 1 <= int(row["src_port"]) <= 65_535 else "port"


@pytest.fixture(scope="session")
def slow_log() -> type[SlowLog]:
    """How to read a log slowly."""
    return SlowLog
