"""Shadowserver reports: types by name and header, what each row says, and rows good and bad side by side."""

import json
import pickle
import tomllib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.reading import Chunk, Context, Part
from accord.columns.values import read_value
from accord.formats import shadowserver
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import INDICATOR_TYPES, Indicator, IndicatorType
from accord.vocabulary.roles import Role

CASES = Path(__file__).parents[1] / "cases" / "shadowserver"
SCHEMAS = Path(__file__).parents[2] / ".." / "shared" / "schemas"

SINKHOLE = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag".split(",")


def is_public_suffix(name):
    return name in {"com", "example"}


def context_of(*rule_fields):
    return Context(is_public_suffix=is_public_suffix, has_known_suffix=lambda _: True, rule_fields=rule_fields)


def read(data, path, *rule_fields, cuts=()):
    context = context_of(*rule_fields)
    layout = pickle.loads(pickle.dumps(shadowserver.layout(data, path, context)))  # noqa: S301 -- our own bytes
    lines = data.split(b"\n")
    last = lines.pop()
    lines = [line + b"\n" for line in lines] + ([last] if last else [])
    observations, resolutions, rejects, ignored, records, first = [], [], [], {}, 0, 0
    for cut in [*sorted({cut for cut in cuts if 0 < cut < len(lines)}), len(lines)]:
        piece = b"".join(lines[first:cut])
        part = Part(member=5, path=path, start=0, end=len(piece), first_line=first + 1, layout=layout)
        parsed = shadowserver.parse(Chunk(data=np.frombuffer(piece, np.uint8), parts=(part,)), context)
        first = cut
        records += parsed.records
        observations += parsed.observations.to_pylist()
        resolutions += parsed.resolutions.to_pylist()
        rejects += parsed.rejects.to_pylist()
        for reason, count in parsed.ignored.items():
            ignored[reason] = ignored.get(reason, 0) + count
    accepted = {row["record"] for row in [*observations, *resolutions]}
    whole = [row["record"] for row in rejects if not row["partial"]]
    assert not accepted & set(whole)
    assert records == len(accepted) + len(whole) + sum(ignored.values())
    return observations, resolutions, rejects, ignored


def table(*rows, columns=None):
    """A report with quoted cells, as Shadowserver writes it; every row is a mapping, missing cells empty."""
    columns = columns or list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines).encode()


def report(kind, **row):
    return read(table({"timestamp": "2026-06-17 11:00:37"} | row), f"2026-06-17-{kind}-test-geo.csv")


def said(observations):
    return [
        (INDICATOR_TYPES[row["type"]].value, row["value"], row["role"], row["port"], row["family"])
        for row in observations
    ]


# --- what each type says ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "event4_sinkhole",
        "event6_sinkhole",
        "event4_microsoft_sinkhole",
        "event4_sinkhole_http",
        "event4_microsoft_sinkhole_http",
        "event4_sinkhole_dns",
    ],
)
def test_a_sinkhole_event_is_an_infected_system_at_its_source(kind):
    seen, _, rejects, _ = report(kind, src_ip="8.8.4.4", src_port="40000", dst_ip="8.8.8.8", infection="necurs")
    assert said(seen) == [("ipv4", "8.8.4.4", "infected-system", 40000, "necurs")]
    assert seen[0]["seen_at"] == datetime(2026, 6, 17, 11, 0, 37, tzinfo=UTC)
    assert seen[0]["marking"] is None
    assert rejects == []


def test_the_victim_of_a_referer_event_is_the_referring_server():
    seen, _, _, _ = report(
        "event4_sinkhole_http_referer", http_referer_ip="8.8.4.4", http_referer_port="443", dst_ip="8.8.8.8"
    )
    assert said(seen) == [("ipv4", "8.8.4.4", "infected-system", 443, None)]


def test_a_drone_of_the_old_layout_is_an_infected_system_with_its_count():
    data = table(
        {"timestamp": "2020-01-01 00:00:00", "ip": "8.8.4.4", "port": "1024", "infection": "sality", "count": "7"}
        | {"cc_ip": "8.8.8.8", "cc_port": "80"}
    )
    seen, _, _, _ = read(data, "drones.csv")
    assert said(seen) == [("ipv4", "8.8.4.4", "infected-system", 1024, "sality")]
    assert seen[0]["count"] == 7


def test_the_infection_names_the_family_and_the_family_where_there_is_none():
    rows = [
        {"timestamp": "2026-06-17 11:00:37", "src_ip": "8.8.4.4", "infection": infection, "family": family}
        for infection, family in [("avalanche-andromeda", "avalanche"), ("", "mirai"), ("qakbot", ""), ("", "")]
    ]
    seen, _, _, _ = read(table(*rows), "2026-06-17-event4_sinkhole-x.csv")
    assert [row["family"] for row in seen] == ["avalanche-andromeda", "mirai", "qakbot", None]


def test_a_compromised_website_is_its_host_name_which_had_the_address():
    seen, resolutions, _, _ = report(
        "compromised_website", ip="8.8.4.4", port="443", http_host="Shop.Host.Example", hostname="ns1.isp.example"
    )
    assert said(seen) == [("domain", "shop.host.example", "system-compromise", 443, None)]
    (one,) = resolutions
    assert (one["domain"], one["address"]) == ("shop.host.example", "8.8.4.4")
    assert one["first_seen"] == one["last_seen"] == datetime(2026, 6, 17, 11, 0, 37, tzinfo=UTC)


@pytest.mark.parametrize("host", ["", "8.8.4.4"])
def test_a_compromised_website_without_a_host_name_is_its_address_and_never_the_servers_reverse_name(host):
    seen, resolutions, rejects, _ = report(
        "compromised_website", ip="8.8.4.4", port="80", http_host=host, hostname="ns1.isp.example", family="seo"
    )
    assert said(seen) == [("ipv4", "8.8.4.4", "system-compromise", 80, "seo")]
    assert resolutions == rejects == []


def test_a_bad_host_name_of_a_compromised_website_is_a_partial_reject_and_its_address_is_taken():
    seen, _, rejects, _ = report("compromised_website", ip="8.8.4.4", http_host="-bad-.example")
    assert [row["value"] for row in seen] == ["8.8.4.4"]
    assert [(r["column"], r["reason"], r["partial"], r["text"]) for r in rejects] == [
        ("http_host", "host-name", True, "-bad-.example")
    ]


def test_a_malware_url_gives_the_url_the_file_and_the_address_of_the_host():
    seen, resolutions, _, _ = report(
        "malware_url",
        url="http://Drop.Host.Example:8080/a.exe",
        hostname="drop.host.example",
        ip="8.8.4.4",
        port="8080",
        sha256="C" * 64,
    )
    assert said(seen) == [
        ("url", "http://drop.host.example:8080/a.exe", "malware-distribution", 8080, None),
        ("sha256", "c" * 64, "malware-distribution", None, None),
    ]
    assert [(row["domain"], row["address"]) for row in resolutions] == [("drop.host.example", "8.8.4.4")]


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("compromised_iot", {"ip": "8.8.4.4", "port": "23"}, ("ipv4", "8.8.4.4", "system-compromise", 23, None)),
        ("compromised_account", {"email": "a@host.example"}, ("email", "a@host.example", "data-leak", None, None)),
        ("event4_ddos_participant", {"src_ip": "8.8.4.4"}, ("ipv4", "8.8.4.4", "ddos", None, None)),
        ("blocklist", {"ip": "2001:4860:4860::8844"}, ("ipv6", "2001:4860:4860::8844", "other", None, None)),
        ("sandbox_conn", {"ip": "8.8.4.4", "port": "80"}, ("ipv4", "8.8.4.4", "malware-distribution", 80, None)),
        ("spam_url", {"url": "http://h.example/", "ip": "8.8.4.4"}, ("url", "http://h.example/", "spam", None, None)),
        (
            "scan_post_exploitation_framework",
            {"ip": "8.8.4.4", "port": "50050", "tag": "cobaltstrike"},
            ("ipv4", "8.8.4.4", "c2-server", 50050, "cobaltstrike"),
        ),
        (
            "scan_post_exploitation_framework",
            {"ip": "8.8.4.4", "port": "443", "tag": "c2;cobaltstrike"},
            ("ipv4", "8.8.4.4", "c2-server", 443, None),
        ),
        (
            "ransomware_victim",
            {"website": "www.host.example", "ransomware": "akira"},
            ("domain", "www.host.example", "system-compromise", None, "akira"),
        ),
        ("scan6_rdp", {"ip": "8.8.4.4", "port": "3389"}, ("ipv4", "8.8.4.4", "vulnerable-system", 3389, None)),
        ("event4_honeypot_brute_force", {"src_ip": "8.8.4.4"}, ("ipv4", "8.8.4.4", "brute-force", None, None)),
        (
            "event4_honeypot_ddos_target",
            {"src_ip": "8.8.8.8", "dst_ip": "8.8.4.4", "dst_port": "53"},
            ("ipv4", "8.8.4.4", "ddos", 53, None),
        ),
    ],
)
def test_a_type_has_its_role_and_its_indicator(kind, cells, expected):
    seen, _, _, _ = report(kind, **cells)
    assert said(seen) == [expected]


# --- rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamp", ["", "yesterday", "2026-02-30 00:00:00", "1969-12-31 23:59:59"])
def test_a_row_without_a_readable_time_is_rejected(stamp):
    _, _, rejects, _ = report("event4_sinkhole", timestamp=stamp, src_ip="8.8.4.4")
    assert [(r["column"], r["reason"], r["partial"], r["text"]) for r in rejects] == [
        ("timestamp", "time", False, stamp)
    ]


def test_a_row_without_an_address_is_rejected_and_a_bad_port_is_not_its_end():
    rows = [
        {"timestamp": "2026-06-17 11:00:37", "src_ip": ip, "src_port": port}
        for ip, port in [("", "1"), ("10.1.2.3", "x"), ("8.8.4.4", "x"), ("host.example", "1")]
    ]
    seen, _, rejects, _ = read(table(*rows), "2026-06-17-event4_sinkhole-x.csv")
    assert [(row["record"], row["port"]) for row in seen] == [(4, None)]
    assert [(r["record"], r["column"], r["reason"], r["partial"]) for r in rejects] == [
        (2, "src_ip", "empty-value", False),
        (3, "src_ip", "address-not-routable", False),
        (3, "src_port", "port", True),
        (4, "src_port", "port", True),
        (5, "src_ip", "type-mismatch", False),
    ]


def test_rules_see_any_column_and_as_number_zero_is_unknown():
    data = table(
        {"timestamp": "2026-06-17 11:00:37", "src_ip": "8.8.4.4", "src_asn": "0", "tag": "x", "severity": "0"},
        {"timestamp": "2026-06-17 11:00:37", "src_ip": "8.8.4.4", "src_asn": "3333", "tag": "", "severity": "1"},
    )
    seen, _, _, _ = read(data, "2026-06-17-event4_sinkhole-x.csv", "src_asn", "tag", "severity", "absent")
    assert [[row[f"field:{name}"] for name in ("src_asn", "tag", "severity", "absent")] for row in seen] == [
        [None, "x", "0", None],
        ["3333", None, "1", None],
    ]


def test_the_order_of_columns_is_the_headers():
    row = {
        "timestamp": "2026-06-17 11:00:37",
        "src_ip": "8.8.4.4",
        "src_port": "5",
        "infection": "x",
        "dst_ip": "8.8.8.8",
    }
    for columns in (list(row), list(reversed(row))):
        seen, _, _, _ = read(table(row, columns=columns), "2026-06-17-event4_sinkhole-x.csv")
        assert said(seen) == [("ipv4", "8.8.4.4", "infected-system", 5, "x")]


# --- types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("2026-06-17-scan_rdp-sample-asn.csv", "scan_rdp"),
        ("in/2026-06-17-SCAN_RDP-123-sample-asn-delayed.CSV", "scan_rdp"),
        ("in/day.zip!/2026-06-17-scan6_rdp-th-geo.csv", "scan_rdp"),
        ("2026-06-17-event6_sinkhole_http-x.csv.gz", "event4_sinkhole_http"),
        ("2026-06-17-compromised_website6-x.csv", "compromised_website"),
        ("2026-06-17-device_id6-x.csv", "device_id"),
    ],
)
def test_the_file_name_says_the_type(path, kind):
    head = b'"timestamp","ip","src_ip","port"\n'
    assert shadowserver.recognises(head, path)
    assert shadowserver.layout(head, path, context_of()).type == kind


def test_without_a_type_in_its_name_the_header_must_be_that_of_one_type():
    sinkhole = table(columns=SINKHOLE)
    assert shadowserver.layout(sinkhole, "in/export.csv", context_of()).type == "event4_sinkhole"
    http = table(columns=[*SINKHOLE, "http_url", "http_host", "http_agent"])
    assert shadowserver.layout(http, "in/export.csv", context_of()).type == "event4_sinkhole_http"
    # a honeypot's events have the columns of a sinkhole's, and more: scanners are not infected systems by that
    honeypot = table(columns=[*SINKHOLE, "service", "username"])
    assert not shadowserver.recognises(honeypot, "in/export.csv")
    with pytest.raises(RefusedFileError, match="no known type"):
        shadowserver.layout(honeypot, "in/export.csv", context_of())


@pytest.mark.parametrize(
    ("head", "path"),
    [
        (b"", "2026-06-17-event4_sinkhole-x.csv"),
        (b'"timestamp","src_i', "2026-06-17-event4_sinkhole-x.csv"),
        (b'"timestamp","src_ip"', "2026-06-17-event4_sinkhole-x.csv"),
        (b'"timestamp","protocol"\n', "2026-06-17-event4_sinkhole-x.csv"),
        (b'"src_ip","infection"\n', "2026-06-17-event4_sinkhole-x.csv"),
        (b'"timestamp","src_ip","src_ip"\n', "2026-06-17-event4_sinkhole-x.csv"),
        (b'"timestamp","ip","port"\n', "2026-06-17-scan_nothing_known-x.csv"),
        (b"ip,family,first_seen\n", "history.csv"),
        (b"\xff\xfe\n", "2026-06-17-event4_sinkhole-x.csv"),
    ],
)
def test_a_cut_header_or_an_unknown_report_is_refused_with_a_remedy(head, path):
    assert not shadowserver.recognises(head, path)
    with pytest.raises(RefusedFileError) as refused:
        shadowserver.layout(head, path, context_of())
    assert refused.value.expected
    assert refused.value.got
    assert refused.value.remedy


def test_a_generic_type_says_so_in_a_clear_word():
    note = shadowserver.layout(b'"timestamp","ip","port"\n', "2026-06-17-scan_redis-x.csv", context_of()).note
    assert note is not None
    assert "scan_redis" in note
    assert "generic" in note
    assert "vulnerable-system" in note
    assert shadowserver.layout(table(columns=SINKHOLE), "x.csv", context_of()).note is None


SCHEMA = SCHEMAS / "reports.json"
NOT_THEIR_CLASS = {
    "event4_sinkhole_dns": "infected-system",
    "scan_post_exploitation_framework": "c2-server",
    "blocklist": "other",
}


def test_every_published_type_is_known_with_its_published_class():
    if not SCHEMA.exists():
        pytest.skip("the published report schema is not beside this checkout (../shared/schemas)")
    for kind, published in json.loads(SCHEMA.read_text()).items():
        path = f"2026-06-17-{kind}-x.csv"
        head = table(columns=published["fields"])
        assert shadowserver.recognises(head, path), kind
        layout = shadowserver.layout(head, path, context_of())
        expected = NOT_THEIR_CLASS.get(kind) or published.get("classification.type") or layout.role
        assert layout.role == expected, kind
        assert Role(layout.role)


def test_a_header_alone_never_gives_another_role_than_the_file_name_would():
    if not SCHEMA.exists():
        pytest.skip("the published report schema is not beside this checkout (../shared/schemas)")
    told = set()
    for kind, published in json.loads(SCHEMA.read_text()).items():
        head = table(columns=published["fields"])
        if shadowserver.recognises(head, "export.csv"):
            by_header = shadowserver.layout(head, "export.csv", context_of())
            by_name = shadowserver.layout(head, f"2026-06-17-{kind}-x.csv", context_of())
            assert (by_header.role, by_header.claims, by_header.port) == (by_name.role, by_name.claims, by_name.port)
            told.add(kind)
    assert {"event4_sinkhole", "event4_sinkhole_http", "compromised_website", "blocklist", "malware_url"} <= told
    assert {"sandbox_url", "compromised_account", "scan_post_exploitation_framework"} <= told


# --- good and bad side by side ------------------------------------------------------------------------------------

GOOD = '"2026-06-17 11:00:37","8.8.4.4","443","virut"'
CELL = {
    "timestamp": ["2026-06-17 11:00:37", "2026-06-17 23:59:59", "never", ""],
    "src_ip": ["8.8.4.4", "::ffff:8.8.8.8", "2001:4860:4860::8888", "127.0.0.1", "010.1.1.1", "", "h.example"],
    "src_port": ["1", "65535", "65536", ""],
    "infection": ["virut", "a,b", "", "ä"],
}
ADDRESSES = {IndicatorType.IPV4, IndicatorType.IPV6}


@settings(max_examples=250, deadline=None)
@given(
    rows=st.lists(st.tuples(*(st.sampled_from(cells) for cells in CELL.values())), max_size=12),
    cuts=st.lists(st.integers(1, 12), max_size=3),
)
def test_a_row_is_taken_when_its_time_and_address_are_good_wherever_the_chunks_are_cut(rows, cuts):
    data = table(*(dict(zip(CELL, row, strict=True)) for row in rows), columns=list(CELL))
    seen, _, rejects, ignored = read(data, "2026-06-17-event4_sinkhole-x.csv", cuts=cuts)
    expected, reasons = [], []
    for number, (stamp, ip, port, infection) in enumerate(rows, 2):
        value = read_value(ip, is_public_suffix, ADDRESSES)
        good_port = port in ("1", "65535")
        if not stamp.startswith("2026"):
            reasons.append((number, "time"))
        elif not isinstance(value, Indicator):
            reasons.append((number, value.value))
        else:
            expected.append((number, value.value, int(port) if good_port else None, infection or None))
    assert [(row["record"], row["value"], row["port"], row["family"]) for row in seen] == expected
    assert [(row["record"], row["reason"]) for row in rejects if not row["partial"]] == reasons
    assert {row["reason"] for row in rejects if row["partial"]} <= {"port"}
    assert ignored == {"header": 1}


@settings(max_examples=200, deadline=None)
@given(head=st.binary(max_size=60), junk=st.lists(st.binary(max_size=24), max_size=6))
def test_arbitrary_bytes_raise_nothing_but_a_refusal_and_lose_no_good_row(head, junk):
    shadowserver.recognises(head, "2026-06-17-event4_sinkhole-x.csv")
    with suppress(RefusedFileError):
        shadowserver.layout(head, "2026-06-17-event4_sinkhole-x.csv", context_of())
    lines = [",".join(CELL).encode()]
    for piece in junk:
        lines += [piece.replace(b"\n", b"").replace(b"\r", b""), GOOD.encode()]
    seen, _, _, _ = read(b"\n".join(lines) + b"\n", "2026-06-17-event4_sinkhole-x.csv")
    assert {number for number, line in enumerate(lines, 1) if line == GOOD.encode()} <= {row["record"] for row in seen}


# --- cases --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(CASES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_case_gives_what_its_expectation_says(case):
    expected = tomllib.loads(case.with_suffix(".toml").read_text())
    seen, resolutions, rejects, ignored = read(case.read_bytes(), case.name)
    assert ignored == expected["ignored"]
    assert [f"{r['record']} {r['value']} {r['role']} {r['family'] or '-'}" for r in seen] == expected["observations"]
    assert [f"{r['record']} {r['domain']} {r['address']}" for r in resolutions] == expected["resolutions"]
    assert [
        f"{r['record']} {r['column'] or '-'} {r['reason']}{' partial' if r['partial'] else ''}" for r in rejects
    ] == expected["rejects"]


def test_the_publishers_sample_is_taken_whole():
    sample = SCHEMAS / "sample_event4_sinkhole.csv"
    if not sample.exists():
        pytest.skip("the publisher's sample is not beside this checkout (../shared/schemas)")
    seen, _, rejects, ignored = read(sample.read_bytes(), sample.name)
    assert [(row["value"], row["port"], row["family"]) for row in seen] == [
        ("107.27.103.143", 34213, "virut"),
        ("219.208.75.143", 17548, "avalanche-andromeda"),
        ("131.81.98.206", 15492, "necurs"),
    ]
    assert (rejects, ignored) == ([], {"header": 1})
