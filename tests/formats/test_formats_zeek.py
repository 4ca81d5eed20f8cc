"""Zeek intelligence files: types, escapes, headers, and every line against a slow twin."""

import pickle
import tomllib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.builder import ParsedBuilder
from accord.columns.reading import Chunk, Context, Part
from accord.columns.values import read_value
from accord.formats import zeek
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

CASES = Path(__file__).parents[1] / "cases" / "zeek"
FEEDS = Path(__file__).parents[2] / ".." / "shared" / "feeds" / "zeek"
HEADER = b"#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc"


def is_public_suffix(name):
    return name in {"com", "example"}


def context_of(*rule_fields):
    return Context(is_public_suffix=is_public_suffix, has_known_suffix=lambda _: True, rule_fields=rule_fields)


def read(data, context, cuts=()):
    layout = pickle.loads(pickle.dumps(zeek.layout(data, "x.intel", context)))  # noqa: S301 -- our own bytes
    lines = data.split(b"\n")
    last = lines.pop()
    lines = [line + b"\n" for line in lines] + ([last] if last else [])
    ignored, observations, rejects, records, first = {}, [], [], 0, 0
    for cut in [*sorted({cut for cut in cuts if 0 < cut < len(lines)}), len(lines)]:
        piece = b"".join(lines[first:cut])
        part = Part(member=1, path="x.intel", start=0, end=len(piece), first_line=first + 1, layout=layout)
        parsed = zeek.parse(Chunk(data=np.frombuffer(piece, np.uint8), parts=(part,)), context)
        first = cut
        records += parsed.records
        observations += parsed.observations.to_pylist()
        rejects += parsed.rejects.to_pylist()
        for reason, count in parsed.ignored.items():
            ignored[reason] = ignored.get(reason, 0) + count
    assert records == len({row["record"] for row in observations}) + len(rejects) + sum(ignored.values())
    return records, observations, rejects, ignored


def one(indicator, kind, desc="-"):
    line = f"{indicator}\t{kind}\tfeed\t{desc}\n".encode()
    _, observations, rejects, ignored = read(HEADER + b"\n" + line, context_of("meta.desc"))
    return (
        [(row["value"], row["port"], row["field:meta.desc"]) for row in observations],
        [(row["column"], row["reason"]) for row in rejects],
        {reason for reason in ignored if reason != "header"},
    )


@pytest.mark.parametrize(
    ("indicator", "kind", "value"),
    [
        ("8.8.4.4", "Intel::ADDR", "8.8.4.4"),
        ("2001:4860:4860:0:0::8888", "Intel::ADDR", "2001:4860:4860::8888"),
        ("8.8.0.0/16", "Intel::SUBNET", "8.8.0.0/16"),
        ("8.8.4.4/32", "Intel::SUBNET", "8.8.4.4"),
        ("evil.host.example/panel?x", "Intel::URL", "http://evil.host.example/panel?x"),
        ("evil.host.example", "Intel::URL", "http://evil.host.example"),
        ("https://evil.host.example/", "Intel::URL", "https://evil.host.example/"),
        ("Evil.Host.Example", "Intel::DOMAIN", "evil.host.example"),
        ("a@host.example", "Intel::EMAIL", "a@host.example"),
        ("A" * 64, "Intel::FILE_HASH", "a" * 64),
    ],
)
def test_a_type_of_zeek_that_is_an_indicator_is_taken(indicator, kind, value):
    assert one(indicator, kind) == ([(value, None, None)], [], set())


@pytest.mark.parametrize(
    ("indicator", "kind", "column", "reason"),
    [
        ("evil.host.example", "Intel::ADDR", "indicator", "type-mismatch"),
        ("8.8.4.4", "Intel::DOMAIN", "indicator", "type-mismatch"),
        ("8.8.4.4", "Intel::SUBNET", "indicator", "type-mismatch"),
        ("8.8.4.4/16", "Intel::SUBNET", "indicator", "cidr"),
        ("a" * 63, "Intel::FILE_HASH", "indicator", "hash"),
        ("127.0.0.1", "Intel::ADDR", "indicator", "address-not-routable"),
        ("com", "Intel::DOMAIN", "indicator", "host-name"),
        ("-", "Intel::ADDR", "indicator", "empty-value"),
        ("(empty)", "Intel::SUBNET", "indicator", "empty-value"),
        ("", "Intel::ADDR", "indicator", "empty-value"),
        ("8.8.4.4", "Intel::MADE_UP", "indicator_type", "type-mismatch"),
        ("8.8.4.4", "-", "indicator_type", "type-mismatch"),
        (r"8.8\x2e4.\xff4", "Intel::ADDR", "indicator", "encoding"),
    ],
)
def test_what_is_not_of_its_declared_type_is_rejected(indicator, kind, column, reason):
    assert one(indicator, kind) == ([], [(column, reason)], set())


@pytest.mark.parametrize("kind", ["SOFTWARE", "USER_NAME", "CERT_HASH", "PUBKEY_HASH", "FILE_NAME"])
def test_a_type_that_is_no_indicator_here_is_ignored(kind):
    assert one("a" * 40, f"Intel::{kind}") == ([], [], {"not-observable"})


def test_escaped_bytes_are_undone_in_values_and_rule_fields():
    taken, _, _ = one(r"evil.host.example/a\x2cb", "Intel::URL", r"t\x09\xc3\xa4b")
    assert taken == [("http://evil.host.example/a,b", None, "t\täb")]
    assert one(r"8.8.4.4\x20\x41", "Intel::ADDR")[1] == [("indicator", "not-an-indicator")]


def test_a_quote_is_a_character_like_others():
    assert one("8.8.4.4", "Intel::ADDR", '"half') == ([("8.8.4.4", None, '"half')], [], set())


def test_unset_fields_are_no_value_to_rules_and_an_absent_column_is_null():
    _, rows, _, _ = read(
        HEADER + b"\n8.8.4.4\tIntel::ADDR\tS\t-\n8.8.8.8\tIntel::ADDR\t(empty)\tC2\n",
        context_of("meta.source", "meta.desc", "meta.url"),
    )
    assert [(r["field:meta.source"], r["field:meta.desc"], r["field:meta.url"]) for r in rows] == [
        ("S", None, None),
        (None, "C2", None),
    ]
    assert {(r["role"], r["family"], r["seen_at"], r["count"], r["marking"]) for r in rows} == {
        (None, None, None, 1, None)
    }


def test_columns_are_found_by_name_in_any_order():
    data = b"#separator \\x09\n#fields\tmeta.source\tindicator_type\tindicator\nx\tIntel::ADDR\t8.8.4.4\n"
    records, rows, rejects, ignored = read(data, context_of())
    assert ([row["value"] for row in rows], rejects, ignored) == (["8.8.4.4"], [], {"comment": 1, "header": 1})
    assert records == 3


def test_the_same_header_again_is_a_header():
    data = HEADER + b"\n8.8.4.4\tIntel::ADDR\t-\t-\n" + HEADER + b"\n8.8.8.8\tIntel::ADDR\t-\t-\n"
    _, rows, rejects, ignored = read(data, context_of(), cuts=(2, 3))
    assert ([row["record"] for row in rows], rejects, ignored) == ([2, 4], [], {"header": 2})


def test_another_header_within_the_head_refuses_the_file():
    with pytest.raises(RefusedFileError, match="different columns") as refused:
        zeek.layout(HEADER + b"\n#fields\tindicator_type\tindicator\n", "in/x.intel", context_of())
    assert refused.value.where == "in/x.intel, line 2"


@pytest.mark.parametrize("cuts", [(), (1,), (3,), (3, 4), (1, 2, 3, 4)])
def test_another_header_beyond_the_head_is_rejected_and_so_is_what_does_not_fit_the_first(cuts):
    layout = zeek.layout(HEADER + b"\n", "x", context_of())
    lines = [
        HEADER,
        b"8.8.4.4\tIntel::ADDR\t-\t-",
        b"#fields\tindicator_type\tindicator\tmeta.source\tmeta.desc",
        b"Intel::ADDR\t8.8.8.8\t-\t-",
        b"1.1.1.1\tIntel::ADDR\t-\t-",
    ]
    accepted, rejected, first = [], [], 0
    for cut in [*cuts, len(lines)]:
        piece = b"\n".join(lines[first:cut]) + b"\n"
        part = Part(member=0, path="x", start=0, end=len(piece), first_line=first + 1, layout=layout)
        parsed = zeek.parse(Chunk(data=np.frombuffer(piece, np.uint8), parts=(part,)), context_of())
        accepted += [row["record"] for row in parsed.observations.to_pylist()]
        rejected += [(row["record"], row["reason"]) for row in parsed.rejects.to_pylist()]
        first = cut
    assert accepted == [2, 5]
    assert rejected == [(3, "column-count"), (4, "type-mismatch")]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"8.8.4.4\n",
        b"#fields indicator indicator_type\n",
        b"#fields\tindicator\tmeta.source\n",
        b"#fields\tindicator\tindicator\tindicator_type\n",
        b"#fields\tindicator\tindicator_type\t\xff\n",
    ],
)
def test_a_file_without_a_sound_header_is_refused_and_not_recognised(head):
    assert not zeek.recognises(head, "x.intel")
    with pytest.raises(RefusedFileError) as refused:
        zeek.layout(head, "x.intel", context_of())
    assert refused.value.remedy


def test_a_header_is_recognised_before_the_first_line_that_is_no_comment():
    assert zeek.recognises(b"# by hand\n\n" + HEADER + b"\r\n", "x")
    assert not zeek.recognises(b"8.8.4.4\n" + HEADER + b"\n", "x")


# --- the slow twin ---------------------------------------------------------------------------------------------

KINDS = {
    "Intel::ADDR": {IndicatorType.IPV4, IndicatorType.IPV6},
    "Intel::URL": {IndicatorType.URL},
    "Intel::DOMAIN": {IndicatorType.DOMAIN},
    "Intel::FILE_HASH": {IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5},
}
ROWS = st.builds(
    lambda *cells: "\t".join(cells).encode(),
    st.sampled_from(["8.8.4.4", "10.1.2.3", "evil.host.example", "h.example/x", "-", "", "e" * 40, "8.8.4.4:80"]),
    st.sampled_from([*KINDS, "Intel::FILE_NAME", "Intel::NONE", "-"]),
    st.sampled_from(["feed", "-", '"', "ä"]),
    st.sampled_from(["C2", "(empty)", " x "]),
)
LINES = st.one_of(
    ROWS,
    ROWS,
    st.sampled_from([b"", b" ", b"#x", b"#fields", HEADER, b"8.8.4.4\tIntel::ADDR", b"\xff\tIntel::ADDR\t-\t-"]),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b"")),
)


def slow(lines):
    builder = ParsedBuilder(1, ("meta.desc",))
    for line in lines:
        builder.record(None)
        shown = line.decode("utf-8", "replace")
        if line == HEADER:
            builder.ignore(Ignored.HEADER)
        elif not line.strip():
            builder.ignore(Ignored.BLANK)
        elif line.startswith(b"#fields\t"):
            builder.reject(Rejected.COLUMN_COUNT, shown)
        elif line.startswith(b"#"):
            builder.ignore(Ignored.COMMENT)
        elif shown.encode() != line:
            builder.reject(Rejected.ENCODING, shown)
        elif len(cells := [cell.strip() for cell in shown.split("\t")]) != 4:
            builder.reject(Rejected.COLUMN_COUNT, shown)
        elif cells[1] == "Intel::FILE_NAME":
            builder.ignore(Ignored.NOT_OBSERVABLE)
        elif cells[1] not in KINDS:
            builder.reject(Rejected.TYPE_MISMATCH, cells[1], column="indicator_type")
        elif cells[0] in ("", "-"):
            builder.reject(Rejected.EMPTY_VALUE, shown, column="indicator")
        else:
            value = read_value(cells[0], is_public_suffix, KINDS[cells[1]])
            if isinstance(value, Indicator):
                builder.observe(value, fields={"meta.desc": None if cells[3] == "(empty)" else cells[3]})
            else:
                builder.reject(value, cells[0], column="indicator")
    parsed = builder.finish()
    return parsed.records, parsed.observations.to_pylist(), parsed.rejects.to_pylist(), dict(parsed.ignored)


@settings(max_examples=250, deadline=None)
@given(lines=st.lists(LINES, max_size=12), cuts=st.lists(st.integers(1, 12), max_size=3))
def test_every_line_is_read_as_the_slow_twin_reads_it_wherever_the_chunks_are_cut(lines, cuts):
    lines = [HEADER, *lines]
    assert read(b"\n".join(lines) + b"\n", context_of("meta.desc"), cuts) == slow(lines)


@settings(max_examples=200, deadline=None)
@given(head=st.one_of(st.binary(max_size=60), st.binary(max_size=30).map(lambda raw: b"#fields\t" + raw)))
def test_arbitrary_bytes_raise_nothing_but_a_refusal(head):
    zeek.recognises(head, "x")
    with suppress(RefusedFileError):
        read(head, context_of("meta.desc"))


@pytest.mark.parametrize("case", sorted(CASES.glob("*.intel")), ids=lambda path: path.stem)
def test_a_case_gives_what_its_expectation_says(case):
    expected = tomllib.loads(case.with_suffix(".toml").read_text())
    records, rows, rejects, ignored = read(case.read_bytes(), context_of("meta.desc"))
    assert records == expected["records"]
    assert ignored == expected["ignored"]
    assert [f"{r['record']} {r['value']} {r['field:meta.desc'] or '-'}" for r in rows] == expected["observations"]
    assert [f"{r['record']} {r['column'] or '-'} {r['reason']}" for r in rejects] == expected["rejects"]


def test_seventy_thousand_published_lines_are_all_accounted_for():
    files = sorted(FEEDS.glob("*.intel"))
    if not files:
        pytest.skip("the public feeds are not beside this checkout (../shared/feeds)")
    total = headers = 0
    for file in files:
        assert zeek.recognises(file.read_bytes()[:4096], file.name)
        records, rows, rejects, ignored = read(file.read_bytes(), context_of())
        assert len(rows) > 0.99 * records
        assert all(row["reason"] in {"address-not-routable", "host-name", "type-mismatch", "url"} for row in rejects)
        total += records
        headers += ignored["header"]
    assert (total, headers) == (70_150, 7)
