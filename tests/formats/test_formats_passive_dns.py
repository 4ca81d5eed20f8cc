"""Passive DNS: case files, a slow twin for single lines, and arbitrary input."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.instants import read_instant
from accord.columns.reading import Chunk, Context, Parsed, Part
from accord.formats import passive_dns

CASES = Path(__file__).parents[1] / "cases" / "passive-dns"
CONTEXT = Context(
    is_public_suffix=lambda name: name in {"com", "uk", "co.uk"},
    has_known_suffix=bool,
    rule_fields=("bailiwick",),
)
GOOD = b'{"rrname": "good.example.com", "rrtype": "A", "rdata": "9.9.9.9", "time_first": 1, "time_last": 2}'


def read(*members: bytes) -> Parsed:
    data = b"".join(members)
    parts, start = [], 0
    for number, member in enumerate(members):
        end = start + len(member)
        parts.append(Part(member=number + 5, path=f"{number}.jsonl", start=start, end=end, first_line=10 * number + 1))
        start = end
    return passive_dns.parse(Chunk(data=np.frombuffer(data, np.uint8), parts=tuple(parts)), CONTEXT)


def assert_accounted(parsed: Parsed) -> None:
    taken = {(row["member"], row["record"]) for row in parsed.resolutions.to_pylist()}
    rejected = [(row["member"], row["record"]) for row in parsed.rejects.to_pylist() if not row["partial"]]
    assert len(rejected) == len(set(rejected))
    assert not taken & set(rejected)
    assert parsed.records == len(taken) + len(rejected) + sum(parsed.ignored.values())


@pytest.mark.parametrize("case", sorted(CASES.glob("*.expected.json")), ids=lambda path: path.name)
def test_a_case_file_gives_exactly_what_stands_beside_it(case: Path) -> None:
    expected = json.loads(case.read_text())
    parsed = read((CASES / case.name.replace(".expected.json", ".jsonl")).read_bytes())
    assert_accounted(parsed)
    assert parsed.records == expected["records"]
    assert dict(parsed.ignored) == expected["ignored"]
    rejects = [
        {name: row[name] for name in ("record", "column", "reason", "partial", "text")}
        for row in parsed.rejects.to_pylist()
    ]
    assert rejects == expected["rejects"]
    ends = ("first_seen", "last_seen")
    assert [
        {name: row[name] for name in ("record", "domain", "address")}
        | {end: row[end] and round(row[end].timestamp() * 1_000_000) for end in ends}
        for row in parsed.resolutions.to_pylist()
    ] == [row | {end: row[end] and read_instant(row[end]) for end in ends} for row in expected["resolutions"]]


def test_it_gives_no_observations_whatever_fields_the_rules_look_at() -> None:
    parsed = read(GOOD)
    assert len(parsed.observations) == 0
    assert parsed.observations.schema.names[-1] == "field:bailiwick"


def test_lines_of_several_members_keep_their_member_and_number() -> None:
    parsed = read(GOOD + b"\r\n" + GOOD, b"\n" + GOOD + b"\n")
    assert [(row["member"], row["record"]) for row in parsed.resolutions.to_pylist()] == [(5, 1), (5, 2), (6, 12)]


def test_bytes_that_are_no_utf8_are_named_as_such() -> None:
    parsed = read(b'{"rrname": "\xff.com", "rrtype": "A", "rdata": "9.9.9.9"}\n\xff\n' + GOOD)
    assert [row["reason"] for row in parsed.rejects.to_pylist()] == ["encoding", "encoding"]
    assert len(parsed.resolutions) == 1


def test_nothing_in_gives_nothing_out() -> None:
    assert read(b"").records == 0
    assert read().records == 0


def test_a_deeply_nested_line_is_one_rejected_record() -> None:
    parsed = read(b'{"x": ' * 100_000 + b"\n" + GOOD)
    assert [row["reason"] for row in parsed.rejects.to_pylist()] == ["malformed-object"]
    assert len(parsed.resolutions) == 1


def test_it_is_recognised_by_its_first_line() -> None:
    assert passive_dns.recognises(b"\n" + GOOD + b"\n{", "x")
    assert not passive_dns.recognises(b'{"Event": {"rrname": 1}}', "x")
    assert not passive_dns.recognises(b"rrname,rrtype\n", "x")
    assert not passive_dns.recognises(b"\x00\xff", "x")


# Shapes that meet each other in ways that nobody would list.
VALUES = st.sampled_from(["9.9.9.9", "10.0.0.1", "2620:fe::fe", "::ffff:8.8.8.8", "x", "", "a.com", "co.uk", "é.com"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | VALUES | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["rrname", "rrtype", "rdata", "time_first", "time_last", "zone_time_first", "count"]),
    JSON | st.sampled_from(["A", "AAAA", "MX", 1, 28, 1298398002]),
)
LINES = st.binary(max_size=30) | OBJECTS.map(lambda one: json.dumps(one).encode())


@given(st.lists(LINES.map(lambda line: line.replace(b"\n", b" ")), max_size=6), st.data())
@settings(max_examples=150, deadline=None)
def test_a_good_line_among_any_others_is_never_lost_and_all_are_accounted_for(
    others: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(min_value=0, max_value=len(others)))
    lines = [*others[:at], GOOD, *others[at:]]
    passive_dns.recognises(b"\n".join(lines), "x")
    parsed = read(b"\n".join(lines) + b"\n")
    assert parsed.records == len(lines)
    assert_accounted(parsed)
    assert [row["domain"] for row in parsed.resolutions.to_pylist() if row["record"] == at + 1] == ["good.example.com"]


@given(st.lists(OBJECTS.map(lambda one: json.dumps(one).encode()), max_size=6))
@settings(max_examples=100, deadline=None)
def test_lines_read_together_say_what_they_say_alone(lines: list[bytes]) -> None:
    together = read(b"\n".join([*lines, GOOD]))
    alone = [read(line) for line in [*lines, GOOD]]

    def said(batch: str, parsed: Parsed, shift: int) -> list[dict[str, object]]:
        return [row | {"record": row["record"] + shift} for row in getattr(parsed, batch).to_pylist()]

    for batch in ("resolutions", "rejects"):
        one_by_one = [row for shift, parsed in enumerate(alone) for row in said(batch, parsed, shift)]
        assert said(batch, together, 0) == one_by_one
