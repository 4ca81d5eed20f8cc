"""The short way of sightings: whatever lines come, it says what the format's own reading of every line says."""

import csv
import io
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.agreements.declarations import Dataset, DatasetRule, Partner, PartnerKind
from accord.columns.premerge import SLACK, Groups, Premerger
from accord.columns.reading import Chunk, Context, Parsed, Shortcut
from accord.columns.scanner import compiled
from accord.columns.schema import EVIDENCE
from accord.columns.words import BLOCK, equal_mask, high_mask, load_word, ones, trailing_zeros
from accord.formats.catalogue import FORMATS
from accord.fusion.engines.files import engine, merge_parts
from accord.fusion.standing import merge_sightings
from accord.intake import opening, premerging, receiving
from accord.intake.parts import Parts
from accord.intake.receiving import Received, Receiver
from accord.intake.spool import Spool
from accord.reference.addresses import text
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.roles import ROLES, Role

DAY_US = 86_400_000_000
AS_OF_US = 1_430_000_000_000_000
"""2015-04-25 22:13:20 UTC: some of the times below lie behind it."""

CONTEXT = Context(is_public_suffix={"com"}.__contains__, has_known_suffix=bool)
HEADER = (
    "timestamp,protocol,src_ip,src_port,src_asn,src_geo,src_city,dst_ip,dst_port,infection,family,tag,application,count"
)

TIMES = (
    "2015-04-01 00:00:00", "2015-04-01 23:59:59", "2015-04-02T12:00:00Z", "2015-04-02 12:00:00 UTC", "2015-04-02",
    "2015-04-25 23:00:00", "2015-02-29 00:00:00", "2015-13-01 00:00:00", "2015-04-01 24:00:00", "2015-04-01 1:00:00",
    "1969-12-31 23:59:59", "2101-01-01 00:00:00", " 2015-04-01 00:00:01", "2015-04-01 00:00:00.5", "",
)  # fmt: skip
ADDRESSES = (
    "8.8.8.8", "8.8.8.9", "1.0.0.1", "223.255.255.254", "10.0.0.1", "127.0.0.1", "224.0.0.1", "8.8.8.8:80",
    "008.8.8.8", "8.8.8", "8.8.8.256", "2a02::1",
    "2A02:0:0:0::1", "2a02:1:2:3:4:5:6:7", "::1", "fe80::1", "2001:db8::1",
    "::ffff:8.8.8.8",
    "2a02::8.8.8.8", "2a02::1%eth0", "2a02:::1", "2a02:1:2:3:4:5:6:7:8", "evil.example", " 8.8.4.4 ", "",
)  # fmt: skip
PORTS = ("1024", "65535", "", "0", "65536", "x", " 80 ", "080")
NAMES = ("simda", "virut", "Größe", "a b", "", "-", "x" * 70)
CITIES = ("CITY", "San José", 'a "quoted" word', "comma, inside", "", "x" * 80, "\ufeff", "tab\there")
COUNTS = ("1", "7", "", "0", "-1", "999999999", "1000000000")


def quoted(cell: str, mode: int) -> str:
    if mode == 0 and not any(mark in cell for mark in ',"'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


@st.composite
def rows(draw: st.DrawFn) -> bytes:
    """A row, nearly always sound."""

    def one(good: tuple[str, ...], count: int) -> str:
        return draw(st.sampled_from(good[:count] if draw(st.integers(0, 3)) else good))

    cells = [
        one(TIMES, 3), "tcp", one(ADDRESSES, 4), one(PORTS, 3), "64500", "DE", draw(st.sampled_from(CITIES)),
        "192.0.2.1", "80", one(NAMES, 3), one(NAMES, 2), "", draw(st.sampled_from(CITIES)), one(COUNTS, 3),
    ]  # fmt: skip
    mode = draw(st.integers(0, 1))
    row = ",".join(quoted(cell, mode) for cell in cells).encode()
    match draw(st.integers(0, 30)):
        case 0:
            row = row[: draw(st.integers(0, len(row)))]
        case 1:
            at = draw(st.integers(0, len(row)))
            row = row[:at] + draw(st.sampled_from([b'"', b",", b"\xff", b"\r", b"\xc3", b"\0", b'""', b" "])) + row[at:]
        case 2:
            row = draw(st.sampled_from([b"", b" ", HEADER.encode(), b"," * 13, b'"' * 9, b'"",' * 14]))
    return row


files = st.builds(
    lambda lines, ends, last: b"".join(line + end for line, end in zip(lines, ends, strict=False)) + last,
    st.lists(rows(), max_size=25),
    st.lists(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"]), min_size=25, max_size=25),
    st.one_of(st.just(b""), rows()),
)

RULES = (
    DatasetRule(path=None, when_family="virut", field=None, value=None, role=None, family="Virut"),
    DatasetRule(path=None, when_family=None, field="tag", value="x*", role=None, family="Tagged"),
    DatasetRule(path=None, when_family=None, field="indicator_type", value="ipv6", role=None, family="Six"),
)


def dataset(rules: tuple[DatasetRule, ...]) -> Dataset:
    return Dataset(
        id="set", title="A data set", partner=Partner(id="v", name="V", kind=PartnerKind.VENDOR, country=None),
        formats=("shadowserver",), paths=("2015-04-01-event4_sinkhole-x.csv",),
        collected_at=datetime(2015, 4, 2, tzinfo=UTC),
        origin=Origin.SINKHOLE, legal_basis=LegalBasis.PUBLIC_TASK, role=None, family=None, marking=Marking.AMBER,
        grade=SourceGrade.B, retention="P1Y", personal=True, name_partner=False, share_with=None, upstream=None,
        columns=(), rules=rules,
    )  # fmt: skip


def receive(folder: Path, spool: Spool, rules: tuple[DatasetRule, ...]) -> Received:
    receiver = Receiver(root=folder, spool=spool, formats=FORMATS, context=CONTEXT, as_of_us=AS_OF_US, workers=2)
    return receiver.receive([dataset(rules)])


def evidence_by_hand(folder: Path, families: list[str]) -> dict[tuple[object, ...], tuple[object, ...]]:
    """What the exact way has spooled, row by row, merged as design says: the slow and obvious twin."""
    merged: dict[tuple[object, ...], list[dict[str, object]]] = defaultdict(list)
    for path in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            family = None if row["family"] < 0 else families[row["family"]]
            kind, role, marking = INDICATOR_TYPES[row["type"]], ROLES[row["role"]], MARKINGS[row["marking"]]
            merged[(kind.value, row["value"], role.value, family, marking.value, row["seen_at"] // DAY_US)].append(row)
    return {
        key: (
            min(row["seen_at"] for row in group),
            max(row["seen_at"] for row in group),
            sum(row["count"] for row in group),
            all(row["undated"] for row in group),
            len(group),
        )
        for key, group in merged.items()
    }


def evidence_of(parts: Parts, received: Received, scratch: Path) -> dict[tuple[object, ...], tuple[object, ...]]:
    """What the short way has merged."""
    tables = list(merge_sightings(parts.runs, parts.meanings, received.refused_members[0], received.families, 2))
    with engine(scratch / "spill", 1) as connection:
        tables += merge_parts(connection, parts.files, received.families)
    found: dict[tuple[object, ...], tuple[object, ...]] = {}
    for table in tables:
        assert table.schema == EVIDENCE
        day = table["day"].cast("int32").to_pylist()
        first, last = (table[name].cast("int64").to_pylist() for name in ("first_seen", "last_seen"))
        for at, row in enumerate(table.drop_columns(["day", "first_seen", "last_seen"]).to_pylist()):
            value = row["value"] or text(row["high"], row["low"])
            key = (row["type"], value, row["role"], row["family"], row["marking"], day[at])
            assert key not in found, "evidence that should have been merged"
            found[key] = (first[at], last[at], row["count"], row["undated"], row["observations"])
    return found


@settings(max_examples=150)
@given(body=files, header=st.booleans(), with_rules=st.booleans(), block=st.sampled_from([64, 200, 1 << 20]))
def test_the_short_way_gives_what_the_exact_reading_of_every_line_gives(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, header: bool, with_rules: bool, block: int
) -> None:
    folder = tmp_path_factory.mktemp("short")
    data = (HEADER.encode() + b"\n" if header else b"\n" + HEADER.encode() + b"\r\n") + body
    (folder / "2015-04-01-event4_sinkhole-x.csv").write_bytes(data)
    rules = RULES if with_rules else ()
    exact = receive(folder, Spool(folder / "exact"), rules)
    parts = Parts(folder / "parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "BLOCK", block)
        patch.setattr(receiving, "PIECE_BYTES", 3 * block)
        short = receive(folder, parts, rules)
    assert short.deliveries == exact.deliveries
    assert short.rejects.first(1_000_000) == exact.rejects.first(1_000_000)
    assert evidence_of(parts, short, folder) == evidence_by_hand(folder / "exact", list(exact.families))


def piece(lines: list[str]) -> tuple[np.ndarray, int]:
    body = "".join(line + "\n" for line in lines).encode()
    data = np.zeros(len(body) + SLACK, np.uint8)
    data[: len(body)] = np.frombuffer(body, np.uint8)
    return data, len(body)


SHORTCUT = Shortcut(
    columns=4, delimiter=",", timestamp=0, address=1, count=None, port=2, role="infected-system", labels=(3,)
)


def collected(lines: list[str], capacity: int) -> tuple[dict[tuple[object, ...], tuple[int, ...]], list[Groups]]:
    groups: list[Groups] = []
    premerger = Premerger(AS_OF_US, groups.append, capacity)
    data, size = piece(lines)
    taken = premerger.take(data, 0, size, 3, SHORTCUT)
    premerger.flush()
    assert taken.taken + taken.late + len(taken.start) == taken.lines == len(lines)
    found: dict[tuple[object, ...], tuple[int, ...]] = {}
    for one in groups:
        names = [next(csv.reader(io.StringIO(line.decode())))[3] for line in one.label_line]
        for at in range(len(one.label)):
            address = text(int(one.high[at]), int(one.low[at]))
            key = (address, names[one.label[at]], int(one.day[at]))
            said = (int(one.first_us[at]), int(one.last_us[at]), int(one.count[at]), int(one.lines[at]))
            old = found.get(key, (1 << 62, 0, 0, 0))
            found[key] = (min(old[0], said[0]), max(old[1], said[1]), old[2] + said[2], old[3] + said[3])
    return found, groups


def test_groups_handed_on_early_add_up_to_the_same() -> None:
    lines = [
        f"2015-04-{1 + n % 20:02d} 00:00:{n % 60:02d},8.8.{n % 7}.{n % 11},{1024 + n},{'abc'[n % 3]}"
        for n in range(4000)
    ]
    whole, once = collected(lines, 1 << 12)
    small, often = collected(lines, 16)
    assert len(once) == 1
    assert len(often) > 20
    assert small == whole
    assert len(whole) == len({(n % 7, n % 11, n % 3, n % 20) for n in range(4000)})
    assert sum(said[3] for said in whole.values()) == 4000


def test_a_single_group_that_was_handed_on_stays_what_it_was() -> None:
    lines = [f"2015-04-01 00:00:00,8.8.8.{n},80,x" for n in range(3)]
    found, groups = collected(lines, 1)
    assert len(groups) == 3
    assert set(found) == {(f"8.8.8.{n}", "x", 16_526) for n in range(3)}


def test_more_labels_than_there_is_room_for_are_handed_on_in_between() -> None:
    lines = [f"2015-04-01 00:00:00,8.8.8.8,80,family-{n}" for n in range(40_000)]
    found, groups = collected(lines, 1 << 16)
    assert len(groups) > 1
    assert {name for _, name, _ in found} == {f"family-{n}" for n in range(40_000)}


def test_a_group_says_its_member_and_a_whole_line_of_its_label() -> None:
    _, groups = collected(['2015-04-01 00:00:00,8.8.8.8,80,"a, b"', "2015-04-01 00:00:00,2a02::1,,c"], 16)
    assert groups[0].label_member.tolist() == [3, 3]
    assert groups[0].label_line == (b'2015-04-01 00:00:00,8.8.8.8,80,"a, b"', b"2015-04-01 00:00:00,2a02::1,,c")


def test_an_array_without_room_behind_its_end_is_refused() -> None:
    premerger = Premerger(AS_OF_US, [].append, 16)
    with pytest.raises(ValueError, match="bytes behind"):
        premerger.take(np.zeros(SLACK, np.uint8), 0, 1, 0, SHORTCUT)


@compiled
def _ask(data: np.ndarray, at: int, byte: int) -> tuple[int, int, int]:
    return equal_mask(data, at, np.uint8(byte)), high_mask(data, at), load_word(data, at)


@compiled
def _count(word: np.uint64) -> tuple[int, int]:
    return trailing_zeros(word), ones(word)


@given(data=st.binary(min_size=BLOCK + 3, max_size=BLOCK + 3), at=st.integers(0, 3), byte=st.integers(0, 255))
def test_words_of_bytes_say_what_a_loop_would(data: bytes, at: int, byte: int) -> None:
    equal, high, word = _ask(np.frombuffer(bytearray(data), np.uint8), at, byte)
    block = data[at : at + BLOCK]
    assert equal == sum(1 << place for place, one in enumerate(block) if one == byte)
    assert high == sum(1 << place for place, one in enumerate(block) if one > 127)
    assert word == int.from_bytes(block[:8], "little")


@given(word=st.integers(0, 2**64 - 1))
def test_bits_are_counted_as_python_counts_them(word: int) -> None:
    zeros, bits = _count(np.uint64(word))
    assert bits == word.bit_count()
    assert zeros == ((word & -word).bit_length() - 1 if word else 64)


def test_a_role_of_servers_keeps_its_ports_by_the_exact_way(tmp_path: Path) -> None:
    header = "timestamp,severity,ip,protocol,port,hostname,tag,asn,beacon_type,beacon_host"
    name = "2015-04-01-scan_post_exploitation_framework-x.csv"
    (tmp_path / name).write_text(f"{header}\n2015-04-01 00:00:00,high,8.8.8.8,tcp,443,,cobalt-strike,1,,\n", "utf-8")
    parts = Parts(tmp_path / "parts")
    receiver = Receiver(root=tmp_path, spool=parts, formats=FORMATS, context=CONTEXT, as_of_us=AS_OF_US, workers=1)
    received = receiver.receive_file(dataset(()), tmp_path / name, len)
    assert received.deliveries[0].accepted == 1
    assert parts.runs == []
    with engine(tmp_path / "spill", 1) as connection:
        (table,) = merge_parts(connection, parts.files, received.families)
    assert table["ports"].to_pylist() == [[443]]
    assert table["role"].to_pylist() == [Role.C2_SERVER.value]


def test_lines_that_are_left_are_read_a_few_at_once_and_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        f"2015-04-01 00:00:{number % 60:02d},{'10.0.0.1' if number % 3 else '8.8.8.8'},Gamut" for number in range(500)
    ]
    name = "2015-04-01-event4_sinkhole-x.csv"
    (tmp_path / name).write_text("\n".join(["timestamp,src_ip,infection", *rows]), "ascii")
    shadowserver = FORMATS["shadowserver"]
    read: list[int] = []
    parse = shadowserver.parse

    def counting(chunk: Chunk, context: Context) -> Parsed:
        parsed = parse(chunk, context)
        read.append(parsed.records)
        return parsed

    monkeypatch.setattr(shadowserver, "parse", counting)
    monkeypatch.setattr(premerging, "LEFT_AT_ONCE", 20)
    monkeypatch.setattr(premerging, "LEFT_LINES", 30)
    parts = Parts(tmp_path / "parts")
    receiver = Receiver(root=tmp_path, spool=parts, formats=FORMATS, context=CONTEXT, as_of_us=AS_OF_US, workers=2)
    received = receiver.receive_file(dataset(()), tmp_path / name, len)
    (delivery,) = received.deliveries
    assert (delivery.records, delivery.accepted, delivery.rejected) == (501, 167, {"address-not-routable": 333})
    assert [row["record"] for row in received.rejects.first(1_000)] == [n + 2 for n in range(500) if n % 3]
    assert max(read) < 20 + 30
