"""MISP under arbitrary input: only refusals are raised, every record is accounted for, no good record is lost."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.reading import Context, Document, Parsed
from accord.formats import misp
from accord.vocabulary.errors import RefusedFileError

CONTEXT = Context(is_public_suffix=lambda name: name == "com", has_known_suffix=bool)
GOOD = {"type": "ip-dst", "value": "9.9.9.9", "to_ids": True}
KEYS = st.sampled_from(
    "Event response Attribute Object Tag Galaxy GalaxyCluster Sighting type value to_ids deleted name info date "
    "first_seen last_seen date_sighting object_relation category Orgc uuid".split()
)
WORDS = st.sampled_from(
    "ip-dst domain|ip ip-dst|port filename|md5 uri url AS 1.1.1.1|80 a.example.com|1.1.1.1 tlp:red "
    'rsit:fraud="phishing" domain-ip ip-port ip domain dst-port 2020-01-01 0 |'.split()
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=8)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=6),
    max_leaves=14,
)
STATED = st.fixed_dictionaries({"type": WORDS | LEAVES, "value": WORDS | LEAVES}, optional={"to_ids": LEAVES})
ATTRIBUTES = STATED | TREES


def read(data: bytes) -> Parsed | None:
    try:
        return misp.parse(Document(member=3, path="x.json", data=data), CONTEXT)
    except RefusedFileError:
        return None


def assert_accounted(parsed: Parsed) -> None:
    taken = {row["record"] for row in (*parsed.observations.to_pylist(), *parsed.resolutions.to_pylist())}
    rejects = parsed.rejects.to_pylist()
    rejected = [row["record"] for row in rejects if not row["partial"]]
    assert len(rejected) == len(set(rejected))
    assert not taken & set(rejected)
    assert parsed.records == len(taken) + len(rejected) + sum(parsed.ignored.values())


@given(st.binary(max_size=200))
@settings(max_examples=120, deadline=None)
def test_no_bytes_raise_anything_but_a_refusal(data: bytes) -> None:
    misp.recognises(data, "x")
    parsed = read(data)
    if parsed is not None:
        assert_accounted(parsed)


@given(TREES)
@settings(max_examples=120, deadline=None)
def test_no_json_raises_anything_but_a_refusal_and_all_of_it_is_accounted_for(tree: object) -> None:
    data = json.dumps(tree).encode()
    misp.recognises(data, "x")
    for wrapped in (data, json.dumps({"Event": tree}).encode(), json.dumps({"response": [tree]}).encode()):
        parsed = read(wrapped)
        if parsed is not None:
            assert_accounted(parsed)


@given(st.lists(ATTRIBUTES, max_size=5), st.lists(ATTRIBUTES, max_size=5), st.lists(TREES, max_size=3))
@settings(max_examples=80, deadline=None)
def test_a_good_attribute_among_bad_ones_is_never_lost(
    before: list[object], after: list[object], objects: list[object]
) -> None:
    event = {"info": "x", "Attribute": [*before, GOOD, *after], "Object": objects}
    parsed = read(json.dumps({"Event": event}).encode())
    assert parsed is not None
    assert_accounted(parsed)
    at = [row for row in parsed.observations.to_pylist() if row["record"] == len(before) + 1]
    assert [(row["member"], row["value"]) for row in at] == [(3, "9.9.9.9")]


@given(st.lists(TREES, max_size=4))
@settings(max_examples=80, deadline=None)
def test_a_good_event_among_bad_ones_is_never_lost(others: list[object]) -> None:
    parsed = read(json.dumps({"response": [*others, {"Event": {"info": "x", "Attribute": [GOOD]}}]}).encode())
    assert parsed is not None
    assert_accounted(parsed)
    assert "9.9.9.9" in parsed.observations.column("value").to_pylist()


@given(st.integers(min_value=0, max_value=400))
@settings(max_examples=50, deadline=None)
def test_a_file_cut_anywhere_is_refused(size: int) -> None:
    data = json.dumps({"Event": {"info": "x", "Attribute": [GOOD] * 8}}).encode()
    assert read(data[: min(size, len(data) - 1)]) is None
