"""Mapped CSV: rules by example, and every line against a slow twin that goes row by row."""

import csv as python_csv
import pickle
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.builder import ParsedBuilder
from accord.columns.instants import microseconds, read_instant
from accord.columns.mapping import Columns
from accord.columns.reading import Chunk, Context, Part
from accord.columns.values import read_value
from accord.formats import csv
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.markings import read_marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

CASES = Path(__file__).parents[1] / "cases" / "csv"
FEEDS = Path(__file__).parents[2] / ".." / "shared" / "feeds"


def is_public_suffix(name):
    return name in {"com", "net", "example"}


def context_of(*columns, rule_fields=()):
    return Context(
        is_public_suffix=is_public_suffix,
        has_known_suffix=lambda _: True,
        columns=columns,
        rule_fields=rule_fields,
    )


def read(data, context, path="table.csv", cuts=()):
    """Parse `data` in chunks that end after the lines numbered in `cuts`; rows as they come."""
    layout = pickle.loads(pickle.dumps(csv.layout(data, path, context)))  # noqa: S301 -- our own bytes
    lines = data.splitlines(keepends=True) if b"\r" not in data.replace(b"\r\n", b"") else [data]
    pieces, first = [], 0
    for cut in [*sorted({cut for cut in cuts if 0 < cut < len(lines)}), len(lines)]:
        pieces.append((first + 1, b"".join(lines[first:cut])))
        first = cut
    parsed = []
    for number, piece in pieces:
        part = Part(member=3, path=path, start=0, end=len(piece), first_line=number, layout=layout)
        parsed.append(csv.parse(Chunk(data=np.frombuffer(piece, np.uint8), parts=(part,)), context))
    return gather(parsed)


def gather(parsed):
    ignored = {}
    for one in parsed:
        for reason, count in one.ignored.items():
            ignored[reason] = ignored.get(reason, 0) + count
    return {
        "records": sum(one.records for one in parsed),
        "observations": [row for one in parsed for row in one.observations.to_pylist()],
        "rejects": [row for one in parsed for row in one.rejects.to_pylist()],
        "ignored": ignored,
    }


def accounted(result):
    accepted = {row["record"] for row in result["observations"]}
    rejected = [row["record"] for row in result["rejects"] if not row["partial"]]
    assert len(set(rejected)) == len(rejected)
    assert not accepted & set(rejected)
    return len(accepted) + len(rejected) + sum(result["ignored"].values())


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seen(result):
    return [(row["value"], row["seen_at"]) for row in result["observations"]]


IP = Columns(indicators={"ip": "ip"})


def one_row(header, row, **mapping):
    columns = Columns(**{"indicators": {"ip": "ip"}} | mapping)
    return read(f"{header}\n{row}\n".encode(), context_of(columns))


# --- what a row says -------------------------------------------------------------------------------------------


def test_a_period_gives_one_observation_at_each_end():
    result = one_row("ip,from,to", "8.8.4.4,2022-11-23,2023-01-18", seen_at=("from", "to"))
    assert seen(result) == [("8.8.4.4", utc("2022-11-23")), ("8.8.4.4", utc("2023-01-18"))]
    assert accounted(result) == result["records"] == 2


def test_a_period_of_one_instant_gives_one_observation():
    result = one_row("ip,from,to", "8.8.4.4,2022-11-23,2022-11-23 00:00:00 UTC", seen_at=("from", "to"))
    assert seen(result) == [("8.8.4.4", utc("2022-11-23"))]


@pytest.mark.parametrize(("row", "column"), [("8.8.4.4,soon,2023-01-18", "from"), ("8.8.4.4,2023-01-18,later", "to")])
def test_one_unreadable_end_is_a_partial_reject_and_the_other_is_taken(row, column):
    result = one_row("ip,from,to", row, seen_at=("from", "to"))
    assert seen(result) == [("8.8.4.4", utc("2023-01-18"))]
    assert [(r["column"], r["reason"], r["partial"]) for r in result["rejects"]] == [(column, "time", True)]


@pytest.mark.parametrize("row", ["8.8.4.4,soon,", "8.8.4.4,,soon", "8.8.4.4,soon,later", "8.8.4.4,1969-12-31,"])
def test_a_row_whose_only_times_are_unreadable_is_rejected(row):
    result = one_row("ip,from,to", row, seen_at=("from", "to"))
    assert result["observations"] == []
    assert [r["reason"] for r in result["rejects"]] == ["time"]
    assert accounted(result) == 2


def test_empty_times_leave_the_observation_undated():
    assert seen(one_row("ip,from,to", "8.8.4.4, ,", seen_at=("from", "to"))) == [("8.8.4.4", None)]


def test_a_declared_time_format_is_read_as_utc_unless_it_says_a_zone():
    plain = one_row("ip,t", "8.8.4.4,18/01/2023 13.30", seen_at=("t",), time_format="%d/%m/%Y %H.%M")
    assert seen(plain) == [("8.8.4.4", utc("2023-01-18 13:30"))]
    zoned = one_row("ip,t", "8.8.4.4,18/01/2023 13.30 +0200", seen_at=("t",), time_format="%d/%m/%Y %H.%M %z")
    assert seen(zoned) == [("8.8.4.4", utc("2023-01-18 11:30"))]
    other = one_row("ip,t", "8.8.4.4,2023-01-18", seen_at=("t",), time_format="%d/%m/%Y %H.%M")
    assert [r["reason"] for r in other["rejects"]] == ["time"]


def test_several_indicator_columns_give_several_observations():
    columns = Columns(indicators={"sha256": "sha256", "c2": None})
    data = f"sha256,c2\n{'A' * 64},gate[.]host.example\n,8.8.4.4:8080\n{'b' * 64},\n".encode()
    result = read(data, context_of(columns))
    assert [(row["record"], row["value"], row["port"]) for row in result["observations"]] == [
        (2, "a" * 64, None),
        (2, "gate.host.example", None),
        (3, "8.8.4.4", 8080),
        (4, "b" * 64, None),
    ]
    assert result["rejects"] == []


def test_one_bad_indicator_among_good_ones_is_a_partial_reject():
    columns = Columns(indicators={"ip": "ip", "host": "domain"})
    result = read(b"ip,host\n10.0.0.1,a.host.example\n10.0.0.1,-bad-\n", context_of(columns))
    assert [row["value"] for row in result["observations"]] == ["a.host.example"]
    assert [(r["record"], r["column"], r["reason"], r["partial"]) for r in result["rejects"]] == [
        (2, "ip", "address-not-routable", True),
        (3, "ip", "address-not-routable", False),
        (3, "host", "host-name", True),
    ]
    assert accounted(result) == 3


def test_a_row_without_any_indicator_is_rejected_as_empty():
    result = one_row("ip,x", " ,y")
    assert [(r["column"], r["reason"], r["text"]) for r in result["rejects"]] == [("ip", "empty-value", " ,y")]


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("ip", "2001:4860:4860:0::8888", ["2001:4860:4860::8888"]),
        ("ip", "host.example.org", []),
        ("domain", "8.8.4.4", []),
        ("url", "host.example.org/x", ["http://host.example.org/x"]),
        ("hash", "d" * 32, ["d" * 32]),
        ("sha256", "d" * 32, []),
        ("asn", "3333", ["3333"]),
        (None, "8.8.0.0/16", ["8.8.0.0/16"]),
    ],
)
def test_a_column_holds_what_is_declared(kind, value, taken):
    result = one_row("v", value, indicators={"v": kind})
    assert [row["value"] for row in result["observations"]] == taken
    assert [r["reason"] for r in result["rejects"]] == ([] if taken else ["type-mismatch"])


def test_a_bare_path_is_ignored_when_it_is_all_a_row_has():
    result = one_row("v", "/gate.php", indicators={"v": None})
    assert result["ignored"] == {"header": 1, "path-without-host": 1}


@pytest.mark.parametrize("port", ["0", "65536", "0443", "https"])
def test_an_impossible_port_is_a_partial_reject(port):
    result = one_row("ip,port", f"8.8.4.4,{port}", port="port")
    assert [row["port"] for row in result["observations"]] == [None]
    assert [(r["column"], r["reason"], r["partial"], r["text"]) for r in result["rejects"]] == [
        ("port", "port", True, port)
    ]


def test_the_port_column_goes_before_the_port_in_the_value_and_never_to_a_hash():
    columns = Columns(indicators={"c2": None, "md5": "md5"}, port="port")
    result = read(f"c2,md5,port\n8.8.4.4:80,{'a' * 32},443\n8.8.8.8:80,,\n".encode(), context_of(columns))
    assert [row["port"] for row in result["observations"]] == [443, None, 80]


def test_a_count_of_a_period_is_shared_between_its_ends():
    columns = {"count": "n", "seen_at": ("from", "to")}
    result = one_row("ip,n,from,to", "8.8.4.4,9,2023-01-01,2023-01-05", **columns)
    assert [row["count"] for row in result["observations"]] == [1, 8]
    alone = one_row("ip,n,from,to", "8.8.4.4,9,2023-01-01,", **columns)
    assert [row["count"] for row in alone["observations"]] == [9]


def test_a_count_of_zero_refuses_the_row_and_an_unreadable_one_counts_once():
    assert [r["reason"] for r in one_row("ip,n", "8.8.4.4,0", count="n")["rejects"]] == ["count"]
    odd = one_row("ip,n", "8.8.4.4,many", count="n")
    assert [row["count"] for row in odd["observations"]] == [1]
    assert [(r["reason"], r["partial"]) for r in odd["rejects"]] == [("count", True)]


def test_counts_are_bounded_so_that_no_sum_of_them_can_leave_64_bits():
    most = one_row("ip,n", "8.8.4.4,999999999", count="n")
    assert ([row["count"] for row in most["observations"]], most["rejects"]) == ([999_999_999], [])
    for text in ("1000000000", "999999999999", "9223372036854775807"):
        over = one_row("ip,n", f"8.8.4.4,{text}", count="n")
        assert [row["count"] for row in over["observations"]] == [1]
        assert [(r["reason"], r["partial"]) for r in over["rejects"]] == [("count", True)]


@pytest.mark.parametrize(("text", "code"), [("TLP:AMBER+STRICT", 3), ("white", 0), ("", None)])
def test_a_marking_is_read_as_tlp(text, code):
    assert [r["marking"] for r in one_row("ip,tlp", f"8.8.4.4,{text}", marking="tlp")["observations"]] == [code]


def test_an_unknown_marking_refuses_the_row_because_confidentiality_is_never_guessed():
    result = one_row("ip,tlp", "8.8.4.4,internal", marking="tlp")
    assert result["observations"] == []
    assert [(r["column"], r["reason"], r["text"]) for r in result["rejects"]] == [("tlp", "marking", "internal")]


def test_an_unknown_role_is_left_to_the_rules():
    columns = Columns(indicators={"ip": "ip"}, role="role", family="fam")
    data = b"ip,role,fam\n8.8.4.4,C2-server, Emotet \n8.8.8.8,bad guy,\n"
    rows = read(data, context_of(columns, rule_fields=("role", "absent")))["observations"]
    assert [(r["role"], r["family"], r["field:role"], r["field:absent"]) for r in rows] == [
        ("c2-server", "Emotet", "C2-server", None),
        (None, None, "bad guy", None),
    ]


# --- lines -----------------------------------------------------------------------------------------------------


def test_an_unclosed_quote_costs_one_line():
    columns = Columns(indicators={"ip": "ip"}, family="note")
    data = b'ip,note\n8.8.4.4,"open\n8.8.8.8,"a ""b"", c"\n1.1.1.1,x"y\n9.9.9.9,"x"y\n'
    result = read(data, context_of(columns))
    assert [(r["value"], r["family"]) for r in result["observations"]] == [("8.8.8.8", 'a "b", c')]
    assert [(r["record"], r["reason"]) for r in result["rejects"]] == [(2, "quoting"), (4, "quoting"), (5, "quoting")]


def test_a_line_that_is_not_utf_8_is_rejected_and_its_text_kept():
    result = read(b"ip,x\n8.8.4.4,\xff\n8.8.8.8,y\n", context_of(IP))
    assert [(r["record"], r["reason"], r["text"]) for r in result["rejects"]] == [(2, "encoding", "8.8.4.4,\ufffd")]
    assert [row["record"] for row in result["observations"]] == [3]


def test_blank_lines_comments_and_repeated_headers_are_ignored():
    data = b"# made by hand\n\nip,x\n8.8.4.4,\n  \n# more\nip,x\n8.8.8.8,\n"
    result = read(data, context_of(IP), cuts=(4, 6))
    assert result["ignored"] == {"comment": 2, "blank": 2, "header": 2}
    assert [row["record"] for row in result["observations"]] == [4, 8]
    assert accounted(result) == 8


@pytest.mark.parametrize(("row", "taken"), [("8.8.4.4,a", 1), ("8.8.4.4,a,", 1), ("8.8.4.4", 0), ("8.8.4.4,a,,", 0)])
def test_a_nameless_column_at_the_end_of_the_header_may_be_left_out(row, taken):
    result = read(f"ip,x,\n{row}\n".encode(), context_of(IP))
    assert len(result["observations"]) == taken
    assert [r["reason"] for r in result["rejects"]] == ["column-count"] * (1 - taken)


def test_crlf_and_a_last_line_without_a_line_end_are_lines_too():
    result = read(b"ip,x\r\n8.8.4.4,\r\n8.8.8.8,", context_of(IP))
    assert [row["value"] for row in result["observations"]] == ["8.8.4.4", "8.8.8.8"]
    assert result["records"] == 3


def test_members_of_one_chunk_are_read_each_by_its_own_header():
    context = context_of(Columns(indicators={"ip": "ip"}), Columns(indicators={"host": "domain"}, delimiter=";"))
    texts = [b"x,ip\nno,8.8.4.4\n", b"host;x\na.host.example;no\n", b"x,ip\nno,8.8.8.8\n"]
    parts, at = [], 0
    for member, text in enumerate(texts):
        layout = csv.layout(text, f"{member}.csv", context)
        parts.append(
            Part(member=member, path=f"{member}.csv", start=at, end=at + len(text), first_line=1, layout=layout)
        )
        at += len(text)
    parsed = csv.parse(Chunk(data=np.frombuffer(b"".join(texts), np.uint8), parts=tuple(parts)), context)
    rows = sorted((row["member"], row["record"], row["value"]) for row in parsed.observations.to_pylist())
    assert rows == [(0, 2, "8.8.4.4"), (1, 2, "a.host.example"), (2, 2, "8.8.8.8")]
    assert parsed.ignored == {"header": 3}


# --- the header ------------------------------------------------------------------------------------------------


def test_header_names_lose_white_space_and_a_byte_order_mark_and_nothing_else():
    assert csv.layout('\ufeff ip ,"x"\n'.encode(), "t.csv", context_of(IP)).names == ("ip", "x")
    with pytest.raises(RefusedFileError, match="ip"):
        csv.layout(b"IP,x\n", "t.csv", context_of(IP))


def test_the_first_mapping_whose_columns_are_all_there_is_taken():
    context = context_of(Columns(indicators={"ip": "ip", "url": "url"}), Columns(indicators={"url": "url"}), IP)
    layout = csv.layout(b"url,ip2\n", "t.csv", context)
    assert (
        layout.indicators == csv.layout(b"url,x\n", "t.csv", context_of(Columns(indicators={"url": "url"}))).indicators
    )


def test_a_header_that_fits_no_mapping_is_refused_and_the_missing_columns_are_named():
    with pytest.raises(RefusedFileError) as refused:
        csv.layout(b"addr,seen\n", "in/t.csv", context_of(Columns(indicators={"ip": "ip"}, seen_at=("seen",))))
    assert "ip" in refused.value.what
    assert "seen" not in refused.value.what
    assert refused.value.where == "in/t.csv"
    assert refused.value.got == "addr, seen"
    assert refused.value.remedy


def test_a_mapped_name_that_stands_twice_is_refused_and_another_is_not():
    with pytest.raises(RefusedFileError, match="more than once"):
        csv.layout(b"ip,x,ip\n", "t.csv", context_of(IP))
    assert csv.layout(b"ip,x,x\n", "t.csv", context_of(IP)).names == ("ip", "x", "x")
    with pytest.raises(RefusedFileError, match="more than once"):
        csv.layout(b"ip,x,x\n", "t.csv", context_of(IP, rule_fields=("x",)))


@pytest.mark.parametrize("head", [b"", b"\n\n", b"# only\n", b"\xff\xfe,ip\n", b'"ip,x\n'])
def test_a_file_without_a_readable_header_is_refused(head):
    with pytest.raises(RefusedFileError):
        csv.layout(head, "t.csv", context_of(IP))


def test_a_header_in_the_last_comment_line_is_found():
    result = read(b"# feed of today\n# ip,x\n8.8.4.4,\n", context_of(IP))
    assert [row["record"] for row in result["observations"]] == [3]
    assert result["ignored"] == {"comment": 1, "header": 1}


@pytest.mark.parametrize(
    ("head", "path", "claim"),
    [
        (b"ip,family\n8.8.4.4,x\n", "a", True),
        (b"# by\nip;family\n8.8.4.4;x\n", "a", True),
        (b"SHA256,C2,\nab,cd,\n", "a.csv", True),
        (b"# today\n# ip,family\n8.8.4.4,x\n8.8.8.8,y\n", "a", True),
        (b"# a list, made by hand\n8.8.4.4\n8.8.8.8\n", "a.txt", False),
        (b'ip,family\n8.8.4.4\n"8.8.8.8,y\n', "a.csv", True),
        (b'ip,family\n8.8.4.4\n"8.8.8.8,y\n', "a", False),
        (b"ip,x,,x\n8.8.4.4,1,2,3\n", "a", True),
        (b"ip\n8.8.4.4\n", "a.csv", True),
        (b"ip\n8.8.4.4\n", "a.txt", False),
        (b"8.8.4.4,x\n8.8.8.8,y\n", "a.csv", False),
        (b"http://a.example/x,y\n", "a.csv", False),
        (b'{"type": "bundle", "id": "x"}\n', "a.json", False),
        (b"[\n", "a.json", False),
        (b"#fields\tindicator\tindicator_type\nx.example\tIntel::DOMAIN\n", "a", False),
        (b"The group, known since 2019, is back\nIt uses a.example\nand more\n", "a.txt", False),
        (b"", "a.csv", False),
    ],
)
def test_a_table_is_recognised_by_its_header(head, path, claim):
    assert csv.recognises(head, path) is claim


# --- the slow twin ---------------------------------------------------------------------------------------------

TWIN = Columns(
    indicators={"a": "ip", "b": None},
    role="role",
    family="family",
    seen_at=("from", "to"),
    port="port",
    count="count",
    marking="tlp",
)
NAMES = ("a", "family", "from", "to", "b", "port", "count", "tlp", "role")
KINDS = {"a": {IndicatorType.IPV4, IndicatorType.IPV6}, "b": None}
CELLS = {
    "a": ["", "8.8.4.4", "8.8.8.8", "10.0.0.1", "2001:4860:4860::8888", "host.example", "\x00", " 1.1.1.1 "],
    "b": ["", "evil.host.example", "evil.host.example:8080", "/x", "com", "http://h.example/;", "d" * 40, 'say "x"'],
    "family": ["", "Emotet", 'Agent, "Tesla"', " spaced ", "wörm"],
    "from": ["", "2024-01-02", "2024-01-02 03:04:05", "1850-01-01", "soon"],
    "to": ["", "2024-01-02", "2024-02-30", "2024-03-01T00:00:00Z"],
    "port": ["", "443", "0", "70000", "x"],
    "count": ["", "1", "2", "12", "0", "-3", "999999999", "1000000000"],
    "tlp": ["", "TLP:RED", "green", "secret"],
    "role": ["", "c2-server", "PHISHING", "villain"],
}
RAW = st.sampled_from([b"", b"  ", b"#x", b'"', b"\xff", b"a,b", b",,,,,,,,", b"8.8.4.4,,,,,,,,", b'8.8.4.4,"x,,,,,,,'])


@st.composite
def tables(draw):
    """Lines of a table: rows of cells good and bad, and lines that are no rows."""
    lines = [",".join(NAMES).encode()]
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 3)) == 0:
            lines.append(draw(RAW))
            continue
        cells = [draw(st.sampled_from(CELLS[name])) for name in NAMES]
        quoted = [
            '"' + cell.replace('"', '""') + '"' if '"' in cell or "," in cell or draw(st.booleans()) else cell
            for cell in cells
        ]
        lines.append(",".join(quoted).encode())
    return lines


def slow(lines, member=3):
    """Row by row, with the csv module and the rules of single values."""
    builder = ParsedBuilder(member, ("family",))
    for number, line in enumerate(lines, 1):
        builder.record(None)
        if number == 1 or line == lines[0]:
            builder.ignore(Ignored.HEADER)
        elif not line.strip():
            builder.ignore(Ignored.BLANK)
        elif line.startswith(b"#"):
            builder.ignore(Ignored.COMMENT)
        else:
            slow_row(builder, line)
    return gather([builder.finish()])


def slow_row(builder, line):
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return builder.reject(Rejected.ENCODING, line.decode("utf-8", "replace"))
    try:
        (cells,) = python_csv.reader([text], strict=True)
    except python_csv.Error:
        return builder.reject(Rejected.QUOTING, text)
    if '"' in text and not any(cell.startswith('"') for cell in text.split(",")):
        return builder.reject(Rejected.QUOTING, text)
    if len(cells) != len(NAMES):
        return builder.reject(Rejected.COLUMN_COUNT, text)
    row = {name: cell.strip() for name, cell in zip(NAMES, cells, strict=True)}
    return slow_statement(builder, row, text)


def slow_statement(builder, row, text):
    marking = read_marking(row["tlp"]) if row["tlp"] else None
    if row["tlp"] and marking is None:
        return builder.reject(Rejected.MARKING, row["tlp"], column="tlp")
    ends = {name: read_instant(row[name]) for name in ("from", "to")}
    bad = [name for name in ends if row[name] and ends[name] is None]
    good = [ends[name] for name in ends if ends[name] is not None]
    if bad and not good:
        return builder.reject(Rejected.TIME, row[bad[0]], column=bad[0])
    if row["count"] == "0":
        return builder.reject(Rejected.COUNT, "0", column="count")
    filled = [name for name in ("a", "b") if row[name]]
    if not filled:
        return builder.reject(Rejected.EMPTY_VALUE, text)
    digits = row["count"].isascii() and row["count"].isdigit() and row["count"][0] != "0" and len(row["count"]) <= 9
    count = int(row["count"]) if digits else 1
    found = {name: read_value(row[name], is_public_suffix, KINDS[name]) for name in filled}
    for name, value in found.items():
        if isinstance(value, Rejected):
            builder.reject(value, row[name], column=name)
        elif isinstance(value, Ignored):
            builder.ignore(value)
    for name in bad:
        builder.reject(Rejected.TIME, row[name], column=name)
    if row["count"] and not digits:
        builder.reject(Rejected.COUNT, row["count"], column="count")
    port = int(row["port"]) if row["port"] in ("443",) else None
    if row["port"] and port is None:
        builder.reject(Rejected.PORT, row["port"], column="port")
    times = list(dict.fromkeys(good)) or [None]
    role = row["role"].lower() if row["role"].lower() in {role.value for role in Role} else None
    for value in found.values():
        for place, instant in enumerate(times):
            if isinstance(value, Indicator):
                with_port = value.kind not in {IndicatorType.SHA1}
                builder.observe(
                    value,
                    role=None if role is None else Role(role),
                    family=row["family"] or None,
                    seen_at_us=instant,
                    count=count if len(times) == 1 else (1 if place == 0 else max(count - 1, 1)),
                    port=port if with_port else None,
                    marking=marking,
                    fields={"family": row["family"] or None},
                )
    return None


@settings(max_examples=250, deadline=None)
@given(lines=tables(), cuts=st.lists(st.integers(1, 12), max_size=3), ending=st.sampled_from([b"\n", b"\r\n"]))
def test_every_line_is_read_as_the_slow_twin_reads_it_wherever_the_chunks_are_cut(lines, cuts, ending):
    data = ending.join(lines) + ending
    result = read(data, context_of(TWIN, rule_fields=("family",)), cuts=cuts)
    expected = slow(lines)
    assert result["records"] == expected["records"] == accounted(result)
    assert result["observations"] == expected["observations"]
    assert result["rejects"] == expected["rejects"]
    assert result["ignored"] == expected["ignored"]


@settings(max_examples=200, deadline=None)
@given(head=st.binary(max_size=80), junk=st.lists(st.binary(max_size=20), max_size=6))
def test_arbitrary_bytes_raise_nothing_but_a_refusal_and_lose_no_good_row(head, junk):
    csv.recognises(head, "x.csv")
    with suppress(RefusedFileError):
        csv.layout(head, "x.csv", context_of(IP))
    bad = [piece.replace(b"\n", b"").replace(b"\r", b"") for piece in junk]
    lines = [b"ip,note"]
    for piece in bad:
        lines += [piece, b"8.8.4.4,good"]
    result = read(b"\n".join(lines) + b"\n", context_of(IP))
    assert accounted(result) == result["records"] == len(lines)
    assert {n for n, line in enumerate(lines, 1) if line == b"8.8.4.4,good"} <= {
        row["record"] for row in result["observations"]
    }


# --- cases and deliveries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(CASES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_case_gives_what_its_expectation_says(case):
    import tomllib

    expected = tomllib.loads(case.with_suffix(".toml").read_text())
    mapping = expected["mapping"] | {"seen_at": tuple(expected["mapping"].get("seen_at", ()))}
    mapping["indicators"] = {name: None if kind == "any" else kind for name, kind in mapping["indicators"].items()}
    result = read(case.read_bytes().removeprefix(b"\xef\xbb\xbf"), context_of(Columns(**mapping)), path=case.name)
    assert result["records"] == expected["records"]
    assert result["ignored"] == expected["ignored"]
    assert [f"{r['record']} {r['value']}" for r in result["observations"]] == expected["observations"]
    assert [
        f"{r['record']} {r['column'] or '-'} {r['reason']}{' partial' if r['partial'] else ''}"
        for r in result["rejects"]
    ] == expected["rejects"]


def test_a_history_of_a_hundred_thousand_lines_is_taken_whole():
    source = FEEDS / "c2tracker" / "c2-history-2022-11-to-2026-03.csv.gz"
    if not source.exists():
        pytest.skip("the public feeds are not beside this checkout (../shared/feeds)")
    import gzip

    data = gzip.decompress(source.read_bytes())
    columns = Columns(indicators={"ip": "ip"}, family="family", seen_at=("first_seen", "last_seen"))
    rows = list(python_csv.DictReader(data.decode().splitlines()))
    result = read(data, context_of(columns))
    instants = sum(1 if row["first_seen"] == row["last_seen"] else 2 for row in rows)
    good = sum(isinstance(read_value(row["ip"], is_public_suffix, KINDS["a"]), Indicator) for row in rows)
    assert len({row["record"] for row in result["observations"]}) == good
    assert accounted(result) == result["records"] == len(rows) + 1
    if good == len(rows):
        assert len(result["observations"]) == instants


def test_microseconds_of_the_twin_are_those_of_the_column():
    assert microseconds(utc("2024-01-02")) == read_instant("2024-01-02")
