"""Range tables as publishers give them: CSV of ranges, MaxMind DB, pyasn's dump. Read once, when imported.

Whatever the form, the answer is a `RangeTable`, flattened. A wrong line refuses the whole file: half a table would
give wrong countries without a word.
"""

import csv
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

import maxminddb
import numpy as np
import pyarrow as pa

from accord.reference.addresses import folded, pair
from accord.reference.flattening import Ranges
from accord.reference.manifest import Kind
from accord.reference.ranges import RangeTable
from accord.vocabulary.countries import COUNTRY_CODES
from accord.vocabulary.errors import ReferenceDataError, UnreadableError

Address = IPv4Address | IPv6Address
Label = tuple[str | None, int | None]
"""Country code or owner, and AS number."""

_LABELS = {
    Kind.COUNTRY: "start,end,country",
    Kind.COUNTRY_SECOND: "start,end,country",
    Kind.NETWORK: "start,end,asn,owner",
}
_RENAMED = {"UK": "GB", "EL": "GR"}
_NONE = {"", "-", "ZZ", "XX", "NONE", "NOT ROUTED"}
_LAST_ASN = 4_294_967_295


class TableBuilder:
    """Collects ranges with their labels and makes a `RangeTable` of them."""

    def __init__(self) -> None:
        self._words: list[tuple[int, int, int, int]] = []
        self._label: list[int] = []
        self._labels: dict[Label, int] = {}

    def add(self, start: Address, end: Address, label: Label) -> None:
        """One range, ends included, both of one family and in order."""
        self._words.append((*pair(start), *pair(end)))
        self._label.append(self._labels.setdefault(label, len(self._labels)))

    def __len__(self) -> int:
        return len(self._label)

    def build(self, *, numbered: bool, where: str) -> RangeTable:
        """The flattened table; labels in order of number and name. Raises ReferenceDataError when there is no range."""
        if not self._label:
            raise ReferenceDataError(
                "a range table without a single range",
                where=where,
                expected="at least one range",
                remedy="check that the file is the one you mean",
            )
        ordered = sorted(self._labels, key=lambda label: (label[1] or 0, label[0] or ""))
        place = np.empty(len(ordered), np.int32)
        for number, label in enumerate(ordered):
            place[self._labels[label]] = number
        words = np.array(self._words, np.uint64)
        columns = [np.ascontiguousarray(words[:, column]) for column in range(4)]
        ranges = Ranges(
            start_high=columns[0],
            start_low=columns[1],
            end_high=columns[2],
            end_low=columns[3],
            label=place[np.array(self._label, np.int64)],
        )
        numbers = np.array([-1 if label[1] is None else label[1] for label in ordered], np.int64) if numbered else None
        try:
            return RangeTable.build(ranges, pa.array([label[0] for label in ordered], pa.string()), numbers)
        except ValueError as error:
            raise ReferenceDataError("a range table with an impossible range", where=where, got=str(error)) from error


def read_table(kind: Kind, paths: tuple[Path, ...]) -> RangeTable:
    """Read one table from its files (IPv4 and IPv6 often come apart), each CSV, `.mmdb` or pyasn's `.dat`.

    `kind` is country, country-second or network. Raises UnreadableError, and ReferenceDataError that names the line.
    """
    builder = TableBuilder()
    for path in paths:
        if path.suffix == ".mmdb":
            _read_mmdb(kind, path, builder)
        elif path.suffix == ".dat":
            _read_pyasn(kind, path, builder)
        else:
            _read_csv(kind, path, builder)
    return builder.build(numbered=kind is Kind.NETWORK, where=", ".join(str(path) for path in paths))


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file (a byte-order mark is dropped), with their ends. Raises UnreadableError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from file
    except OSError as error:
        raise UnreadableError("a file cannot be read", where=str(path), got=error.strerror) from error
    except UnicodeDecodeError as error:
        raise ReferenceDataError(
            "the file is not UTF-8 text",
            where=f"{path}, byte {error.start}",
            expected="CSV in UTF-8, a MaxMind database named *.mmdb, or pyasn's dump named *.dat",
            remedy="convert it, or give it the extension of what it is",
        ) from error


def wrong_line(path: Path, line: int, what: str, expected: str, got: str) -> ReferenceDataError:
    """The error for one line of an imported file; nothing of the file was taken."""
    return ReferenceDataError(
        what,
        where=f"{path}, line {line}",
        expected=expected,
        got=repr(got),
        remedy="correct the line; the file was refused whole and nothing was changed",
    )


def read_asn(text: str) -> int | None:
    """`13335` or `AS13335`; None when it is no AS number from 0 to 4294967295."""
    digits = text.strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10 or int(digits) > _LAST_ASN:
        return None
    return int(digits)


def _read_csv(kind: Kind, path: Path, builder: TableBuilder) -> None:
    reader = csv.reader(read_lines(path), strict=True)
    try:
        for row in reader:
            if not row or row[0].startswith("#"):
                continue
            start = _read_address(row[0])
            if start is None and reader.line_num == 1:
                continue  # a header
            builder.add(*_read_row(kind, path, reader.line_num, row))
    except csv.Error as error:
        raise wrong_line(path, reader.line_num, "the line is not CSV", "quotes that close", str(error)) from error


def _read_row(kind: Kind, path: Path, line: int, row: list[str]) -> tuple[Address, Address, Label]:
    if len(row) < 3:
        raise wrong_line(path, line, "too few columns", _LABELS[kind], ",".join(row))
    ends = []
    for field in row[:2]:
        address = _read_address(field)
        if address is None:
            raise wrong_line(path, line, "not an address", "an IPv4 or IPv6 address, as text or as a number", field)
        ends.append(address)
    start, end = ends
    if start.version != end.version:
        # as numbers, low IPv6 addresses look like IPv4
        raise wrong_line(
            path, line, "a range of two families", "start and end both IPv4 or both IPv6", ",".join(row[:2])
        )
    if int(start) > int(end):
        raise wrong_line(path, line, "a range that ends before it starts", "start <= end", ",".join(row[:2]))
    if kind is Kind.NETWORK:
        asn = read_asn(row[2])
        if asn is None:
            raise wrong_line(path, line, "not an AS number", "0 to 4294967295, with or without 'AS'", row[2])
        owner = row[3].strip() if len(row) > 3 else ""
        return start, end, _network(asn, owner)
    country = row[2].strip().upper()
    if not (country in _NONE or (len(country) == 2 and country.isascii() and country.isalpha())):
        raise wrong_line(path, line, "not a country code", "two letters of ISO 3166-1", row[2])
    return start, end, (_country(country), None)


def _read_address(field: str) -> Address | None:
    field = field.strip()
    if field.isascii() and field.isdigit():
        number = int(field) if len(field) <= 39 else 1 << 128
        if number >> 128:
            return None
        return IPv4Address(number) if number < 1 << 32 else folded(IPv6Address(number))
    try:
        return folded(ip_address(field))
    except ValueError:
        return None


def _country(code: str) -> str | None:
    """A code that ISO 3166-1 does not assign (`EU`, `AP`, `AN`) names no country: its range has none."""
    code = _RENAMED.get(code, code)
    return code if code in COUNTRY_CODES else None


def _network(asn: int, owner: str) -> Label:
    """AS 0 means 'not routed' (RFC 7607): no network."""
    return (None, None) if asn == 0 else (owner or None, asn)


def _read_mmdb(kind: Kind, path: Path, builder: TableBuilder) -> None:
    try:
        with maxminddb.open_database(path, maxminddb.MODE_MEMORY) as reader:
            for network, record in reader:
                label = _mmdb_label(kind, record)
                if label is not None:
                    builder.add(folded(network.network_address), folded(network.broadcast_address), label)
    except OSError as error:
        raise UnreadableError("a file cannot be read", where=str(path), got=error.strerror) from error
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise ReferenceDataError(
            "not a MaxMind database", where=str(path), got=str(error), remedy="download it again"
        ) from error


def _mmdb_label(kind: Kind, record: object) -> Label | None:
    """The label that a record gives, in the layouts of MaxMind, DB-IP, IPinfo and ip-location-db; None: none."""
    if not isinstance(record, Mapping):
        return None
    if kind is Kind.NETWORK:
        number = record.get("autonomous_system_number", record.get("asn"))
        asn = read_asn(str(number)) if number is not None else None
        owner = record.get("autonomous_system_organization", record.get("as_name", record.get("name")))
        return None if asn is None else _network(asn, owner.strip() if isinstance(owner, str) else "")
    country = record.get("country", record.get("country_code"))
    if isinstance(country, Mapping):
        country = country.get("iso_code")
    if isinstance(record.get("country_code"), str):
        country = record["country_code"]
    return (_country(country.upper()), None) if isinstance(country, str) else None


def _read_pyasn(kind: Kind, path: Path, builder: TableBuilder) -> None:
    if kind is not Kind.NETWORK:
        raise ReferenceDataError(
            "a pyasn dump holds AS numbers, no countries",
            where=str(path),
            expected=f"a table of the kind '{kind}'",
            remedy="import it with --kind network",
        )
    for number, line in enumerate(read_lines(path), 1):
        text = line.strip()
        if not text or text.startswith((";", "#")):
            continue
        prefix, _, digits = text.partition("\t")
        asn = read_asn(digits)
        try:
            network: IPv4Network | IPv6Network = ip_network(prefix.strip())
        except ValueError as error:
            raise wrong_line(path, number, "not a network", "prefix<TAB>AS number", text) from error
        if asn is None:
            raise wrong_line(path, number, "not an AS number", "prefix<TAB>AS number", text)
        builder.add(folded(network.network_address), folded(network.broadcast_address), _network(asn, ""))
