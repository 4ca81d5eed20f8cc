"""The reference point for speed: one process, plain Python, the same question answered the straightforward way.

    python bench/plain.py ../shared/feeds

Reads the deliveries of the six publishers line by line with `csv`, `json`, `tarfile`, `zipfile` and `ipaddress`,
looks each line's address up with `bisect` in the country table, and prints as JSON how many distinct addresses stand
in each of the ten countries: the addresses that are findings, or that stand as the host of a finding's URL.
It knows nothing of roles, times, rejects or reports. `--sets` prints the addresses themselves, for comparison.

The country table is Accord's own bundled one, flattened, turned into plain lists of (start, end, country).
"""

import argparse
import bisect
import csv
import gzip
import io
import json
import re
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from pathlib import Path

from accord.reference.store import load

COUNTRIES = ("BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "VN")
Add = Callable[[str], None]

ADDRESS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")
HOST_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?(\d{1,3}(?:\.\d{1,3}){3})(?::(\d*))?(?:[/?#].*)?", re.I
)
NETWORK = re.compile(r"[\d.]+/\d{1,3}")
PATTERN_VALUE = re.compile(
    r"(?:ipv[46]-addr:value|network-traffic:(?:dst|src)_ref\.value|url:value|ISSUBSET)\s*=\s*'((?:[^'\\]|\\.)*)'"
)
TEXT_ADDRESS = re.compile(
    r"(?<![\w.-])(?:[\w+.-]+://)?(\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?(?![\w.-]*\w)(/\d{1,2}(?!\S))?"
)
MISP_ADDRESSES = {"ip-src", "ip-dst", "ip-src|port", "ip-dst|port", "domain|ip", "url", "uri"}


class Table:
    """Ranges as (start, end, country), ascending and disjoint, and the search in them."""

    def __init__(self, rows: list[tuple[int, int, str]]) -> None:
        self.rows = rows
        self.starts = [start for start, _, _ in rows]

    def country(self, number: int) -> str | None:
        at = bisect.bisect_right(self.starts, number) - 1
        if at < 0:
            return None
        _, end, country = self.rows[at]
        return country if number <= end else None


def read_tables() -> tuple[Table, Table]:
    """IPv4 and IPv6 ranges of the bundled country table."""
    table = load(None).country
    flat, names = table.ranges, table.names.to_pylist()
    first, last = table.first_v4, table.first_v4 + len(table.start_v4)
    labels = [names[label] for label in flat.label.tolist()]
    v4 = list(zip(table.start_v4.tolist(), table.end_v4.tolist(), labels[first:last], strict=True))
    starts = ((high << 64) | low for high, low in zip(flat.start_high.tolist(), flat.start_low.tolist(), strict=True))
    ends = ((high << 64) | low for high, low in zip(flat.end_high.tolist(), flat.end_low.tolist(), strict=True))
    v6 = [row for at, row in enumerate(zip(starts, ends, labels, strict=True)) if not first <= at < last]
    return Table(v4), Table(v6)


def refang(text: str) -> str:
    for form, plain in (
        ("[.]", "."),
        ("(.)", "."),
        ("[.", "."),
        (".]", "."),
        ("[:]", ":"),
        ("[/]", "/"),
        ("hxxp", "http"),
    ):
        text = text.replace(form, plain)
    return text


def value_address(text: str, add: Add) -> None:
    """The address that a value is, or that its URL stands on."""
    if ":" in text and text.count(":") > 1 and "//" not in text:
        add(text.strip("[]"))
    elif not NETWORK.fullmatch(text) and (match := HOST_ADDRESS.fullmatch(text)):
        port = match[2]
        if not port or (port[0] != "0" and int(port) <= 65535):
            add(match[1])


def read_maltrail(path: Path, add: Add) -> None:
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isfile():
                continue
            stream = archive.extractfile(member)
            for raw in io.TextIOWrapper(stream, encoding="utf-8", errors="replace"):
                line = raw.strip()
                # most lines are names: only what has an address in it is looked at closely
                if not line or line[0] == "#" or not (line[0].isdigit() or "://" in line or ":" in line):
                    continue
                value_address(line.split(" #")[0].rstrip(), add)


def read_zeek(path: Path, add: Add) -> None:
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        header: list[str] = []
        for row in rows:
            if row and row[0] == "#fields":
                header = row[1:]
            elif row and not row[0].startswith("#"):
                record = dict(zip(header, row, strict=False))
                if record.get("indicator_type") in {"Intel::ADDR", "Intel::URL"}:
                    value_address(record["indicator"], add)


def read_stix(bundle: dict, add: Add) -> None:
    for item in bundle.get("objects", []):
        if item.get("type") == "indicator" and not item.get("revoked"):
            for value in PATTERN_VALUE.findall(item.get("pattern", "")):
                value_address(refang(value), add)
        elif item.get("type") == "observed-data":
            for observable in item.get("objects", {}).values():
                if observable.get("type") in {"ipv4-addr", "ipv6-addr", "url"}:
                    value_address(refang(observable.get("value", "")), add)


def misp_attributes(event: dict) -> Iterator[dict]:
    yield from event.get("Attribute", [])
    for item in event.get("Object", []):
        yield from item.get("Attribute", [])


def read_misp(tree: object, add: Add) -> None:
    if isinstance(tree, dict) and "response" in tree:
        tree = tree["response"]
    for holder in tree if isinstance(tree, list) else [tree]:
        for attribute in misp_attributes(holder.get("Event", holder)):
            kind = attribute.get("type")
            if kind not in MISP_ADDRESSES or not attribute.get("to_ids") or attribute.get("deleted"):
                continue
            value = refang(attribute["value"])
            if kind == "domain|ip":
                value = value.partition("|")[2]
            elif kind.endswith("|port"):
                value = value.partition("|")[0]
            value_address(value, add)


def read_json(data: bytes, add: Add) -> None:
    try:
        tree = json.loads(data)
    except ValueError:
        return
    if isinstance(tree, dict) and tree.get("type") == "bundle":
        read_stix(tree, add)
    elif isinstance(tree, list) or "Event" in tree or "response" in tree or "Attribute" in tree:
        read_misp(tree, add)


def read_talos(path: Path, add: Add) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            read_json(archive.read(name), add)


def read_text(path: Path, add: Add) -> None:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            for address, prefix in TEXT_ADDRESS.findall(refang(line)):
                if not prefix:
                    add(address)


def read_unit42_csv(path: Path, add: Add) -> None:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            value_address(refang((row.get("C2 Server") or "").strip()), add)


def read_c2tracker(folder: Path, add: Add) -> None:
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                add(row["ip"])
    for path in sorted((folder / "current").glob("*.txt")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                add(line.strip())


def read_all(root: Path, add: Add) -> None:
    for path in sorted((root / "maltrail").glob("*.tar.gz")):
        read_maltrail(path, add)
    for path in sorted((root / "zeek").glob("*.intel")):
        read_zeek(path, add)
    for path in sorted((root / "talos").glob("*.zip")):
        read_talos(path, add)
    for path in sorted((root / "unit42").rglob("*")):
        if path.suffix == ".csv":
            read_unit42_csv(path, add)
        elif path.suffix == ".json":
            read_json(path.read_bytes(), add)
        elif path.suffix in {".txt", ".text"}:
            read_text(path, add)
    for path in sorted((root / "eset").rglob("*.json")):
        read_json(path.read_bytes(), add)
    read_c2tracker(root / "c2tracker", add)


class Finder:
    """Looks up one address after another, and keeps those of the ten countries."""

    def __init__(self, v4: Table, v6: Table) -> None:
        self.v4 = v4
        self.v6 = v6
        self.found: dict[str, set[str]] = {country: set() for country in COUNTRIES}

    def add(self, text: str) -> None:
        try:
            address: IPv4Address | IPv6Address = IPv6Address(text) if ":" in text else IPv4Address(text)
        except AddressValueError:
            return
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        table = self.v4 if isinstance(address, IPv4Address) else self.v6
        country = table.country(int(address))
        if country in self.found:
            self.found[country].add(str(address))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--sets", action="store_true", help="print the addresses, not their numbers")
    options = parser.parse_args()
    begin = time.perf_counter()
    finder = Finder(*read_tables())
    tables = time.perf_counter()
    read_all(options.root, finder.add)
    end = time.perf_counter()
    json.dump(
        {
            "countries": {
                country: sorted(addresses) if options.sets else len(addresses)
                for country, addresses in finder.found.items()
            },
            "seconds": {
                "tables": round(tables - begin, 3),
                "reading": round(end - tables, 3),
                "total": round(end - begin, 3),
            },
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
