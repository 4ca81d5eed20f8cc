"""What JSON formats have in common: strictness, grain, and that no input loses a good record."""

import json
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns import builder, json_records
from accord.columns.json_records import grain, packed_object, root_names
from accord.formats import intelmq, n6, xarf
from accord.vocabulary.errors import RefusedFileError

GOOD = {
    "intelmq": {
        "classification.type": "c2-server",
        "source.fqdn": "good.example.com",
        "time.observation": "2026-01-01",
    },
    "n6": {"category": "cnc", "fqdn": "good.example.com", "restriction": "public", "confidence": "low"},
    "xarf": {
        "xarf_version": "4.2.0",
        "category": "infrastructure",
        "type": "compromised_server",
        "source_identifier": "good.example.com",
    },
}
MODULES = [intelmq, n6, xarf]
every_module = pytest.mark.parametrize("module", MODULES, ids=[module.NAME for module in MODULES])


def line(module: ModuleType) -> bytes:
    return json.dumps(GOOD[module.NAME]).encode()


@every_module
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1, "a": 2}', "malformed-object"),
        (b'{"a": {"b": [{"c": 1, "c": 1}]}}', "malformed-object"),
        (b'{"a": NaN}', "malformed-object"),
        (b'{"a": -Infinity}', "malformed-object"),
        (b'{"a": "\\ud800"}', "malformed-object"),
        (b'{"\\udfff": [{"a": 1}]}', "malformed-object"),
        (b'{"a": 1}{"a": 1}', "malformed-object"),
        (b'{"a": "\x01"}', "malformed-object"),
        (b'{"a": "\xff"}', "encoding"),
        (b"\xff", "encoding"),
        (b"[" * 100_000, "malformed-object"),
        (b'{"a": ' * 100_000 + b"1" + b"}" * 100_000, "malformed-object"),
        (b"[1, 2]", "malformed-object"),
        (b"null", "malformed-object"),
        (b'"text"', "malformed-object"),
    ],
)
def test_a_line_that_is_no_strict_object_is_one_rejected_record(json_format, account, module, text, reason):
    parsed = json_format(module).read(line(module) + b"\n" + text + b"\n" + line(module))
    account(parsed)
    assert parsed.observations["record"].to_pylist() == [1, 3]
    assert [(row["record"], row["reason"]) for row in parsed.rejects.to_pylist()] == [(2, reason)]


@every_module
def test_a_long_line_of_more_values_than_can_be_held_is_one_rejected_record(json_format, account, module, monkeypatch):
    monkeypatch.setattr(json_records, "LINE_VALUES", 300)
    text = b'{"a": [' + b"[]," * 150 + b"1]}"
    long = json.dumps(GOOD[module.NAME] | {"comment": "long, " * 50}).encode()
    parsed = json_format(module).read(line(module) + b"\n" + text + b"\n" + long + b"\n")
    account(parsed)
    assert parsed.observations["record"].to_pylist() == [1, 3]
    assert [(row["record"], row["reason"]) for row in parsed.rejects.to_pylist()] == [(2, "too-long")]


@every_module
def test_a_document_that_says_more_than_can_be_held_is_refused(json_format, module, monkeypatch):
    monkeypatch.setattr(builder, "DOCUMENT_ROWS", 10)
    few, many = ([GOOD[module.NAME]] * number for number in (10, 12))
    assert json_format(module).read(json.dumps(few).encode()).records == 10
    with pytest.raises(RefusedFileError, match="too much at once"):
        json_format(module).read(json.dumps(many).encode())
    # of lines, which come a few at a time, there may be any number
    assert json_format(module).of(*many).records == 12


def test_of_a_record_s_faults_the_first_are_kept(json_format, account):
    listed = [{"ip": f"10.0.{number >> 8}.{number & 255}"} for number in range(5_000)]
    bots = GOOD["n6"] | {"category": "bots"}
    parsed = json_format(n6).of(bots | {"address": listed}, bots | {"address": [*listed, {"ip": "8.8.8.8"}]})
    account(parsed)
    rejects = parsed.rejects.to_pylist()
    assert [(row["record"], row["text"]) for row in rejects] == [
        (record, one["ip"]) for record in (1, 2) for one in listed[: builder.FAULT_LIMIT]
    ]
    assert [row["record"] for row in rejects if not row["partial"]] == [1]
    assert parsed.observations["value"].to_pylist() == ["8.8.8.8"]


@every_module
def test_escaped_characters_beyond_16_bits_are_no_lone_surrogates(json_format, module):
    parsed = json_format(module).of(GOOD[module.NAME] | {"comment": "\U0001f600"}, fields=("comment",))
    assert parsed.observations["field:comment"].to_pylist() == ["\U0001f600"]


@every_module
def test_a_number_without_end_is_no_port_and_costs_nothing_else(json_format, module):
    name = {"intelmq": b"source.port", "n6": b"dport", "xarf": b"source_port"}[module.NAME]
    for number in (b"9" * 5000, b"1e999", b"-1", b"65536", b"true", b'"443"', b"443.0", b"[443]"):
        parsed = json_format(module).read(line(module)[:-1] + b', "' + name + b'": ' + number + b"}")
        assert parsed.observations["port"].to_pylist() == [None]
        assert [(row["reason"], row["partial"]) for row in parsed.rejects.to_pylist()] == [("port", True)]


@every_module
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[1, ", "cut off"),
        (b'[{"a": NaN}]', "broken"),
        (b"[1 2]", "broken"),
        (b'{\n"a": \xff}', "UTF-8"),
        (b"[" * 100_000, "too deep"),
    ],
)
def test_a_document_that_is_no_json_is_refused_with_the_place(json_format, module, data, words):
    with pytest.raises(RefusedFileError, match=words):
        json_format(module).read(data)


@every_module
def test_elements_of_a_list_are_records_and_a_bad_one_costs_no_other(json_format, account, module):
    good = line(module).decode()
    parsed = json_format(module).read(
        f'[{good}, null, "\\ud800", {{"a": "\\ud800"}}, {{"a": 1, "a": 2}}, [{good}], {good}]'.encode()
    )
    account(parsed)
    assert parsed.observations["record"].to_pylist() == [1, 7]
    rejects = parsed.rejects.to_pylist()
    assert [(row["record"], row["pointer"], row["text"]) for row in rejects] == [
        (2, "/1", "null"),
        (3, "/2", "?"),
        (4, "/3", "an object"),
        (5, "/4", "an object"),
        (6, "/5", "a list"),
    ]


@every_module
def test_an_empty_list_is_no_records_and_no_error(json_format, module):
    assert json_format(module).read(b"[]").records == 0


@every_module
def test_one_object_says_the_same_on_one_line_and_on_many(json_format, module):
    one = json_format(module).read(line(module))
    many = json_format(module).read(json.dumps(GOOD[module.NAME], indent=2).encode())
    listed = json_format(module).read(b"[" + line(module) + b"]")
    assert one.observations.equals(many.observations)
    assert one.observations.equals(listed.observations)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b'{"a": 1}\n{"a": 2}', "lines"),
        (b'{"a": 1}', "lines"),
        (b' \n{"a": 1}', "lines"),
        (b'{\n "a": 1}', "document"),
        (b'{ \r\n "a": 1}', "document"),
        (b'[{"a": 1}]', "document"),
        (b"\n\n[", "document"),
        (b"", "lines"),
        (b"\xff", "lines"),
    ],
)
def test_a_member_is_a_document_where_its_first_line_holds_no_object(head, told):
    assert grain(head) == told


def test_names_are_those_of_the_first_object_alone():
    assert root_names(b'{"a": {"b": {"c": 1}}, "d": [{"e": 1}], "f": "g"}\n{"h": 1}') == {"a", "a.b", "d", "f"}
    assert root_names(b'[{"a": "b"}, {"c": 1}]') == {"a"}
    assert root_names(b'{"a": "x\\"y", "b": 1, "c') == {"a", "b"}
    assert root_names(b"\xff{") == frozenset()


def test_a_head_full_of_quotes_or_brackets_is_told_at_once():
    for text in (b'{"' + b'\\"' * 32_000, b"[" * 65_536, b'{"a": ' * 10_000, b" " * 65_536, b'{"a"' * 16_000):
        for _ in range(3):
            grain(text)
            assert root_names(text) <= {"a", "a.a"}


def test_an_object_packed_in_a_string_is_read_as_strictly():
    assert packed_object('{"a": 1}') == {"a": 1}
    for text in ("", "x", "[1]", '{"a": 1, "a": 2}', '{"a": "\\ud800"}', '{"a": NaN}', '{"a": ' * 100_000):
        assert packed_object(text) is None


# Names that the formats read, values that are right for one of them and wrong for the others.
NAMES = {
    "intelmq": [
        *("__type", "classification.type", "malware.name", "source.ip", "source.fqdn", "source.url", "source.port"),
        *(
            "source.account",
            "source.network",
            "source.asn",
            "malware.hash.md5",
            "tlp",
            "time.source",
            "extra",
            "source",
        ),
        *("time.observation", "classification"),
    ],
    "n6": [
        *("category", "restriction", "address", "fqdn", "url", "email", "name", "time", "until", "count", "sport"),
        *("dport", "md5", "sha256", "status", "type"),
    ],
    "xarf": [
        *("xarf_version", "category", "type", "source_identifier", "source_port", "url", "infringing_url", "tags"),
        *("timestamp", "first_seen", "last_seen", "malware_family", "file_hashes", "tlp", "bot_type", "threat_type"),
    ],
}
VALUES = st.sampled_from(
    [
        *(
            "9.9.9.9",
            "10.0.0.1",
            "::ffff:8.8.8.8",
            "a.example.com",
            "é.com",
            "co.uk",
            "http://a.example.com/x",
            "x@a.com",
        ),
        *(
            "8.8.8.0/24",
            "AS13335",
            "",
            "-",
            "c2-server",
            "bots",
            "cnc",
            "malurl",
            "phishing",
            "content",
            "infrastructure",
        ),
        *("botnet", "malware", "4.2.0", "AMBER", "tlp:red", "public", "secret", "2026-01-01T00:00:00Z", "2200-01-01"),
        *("d41d8cd98f00b204e9800998ecf8427e", '{"a": 1}', "Event", "\x00", "\ud800"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["ip", "ipv6", "type", "sha256", "md5", "a"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@every_module
@settings(max_examples=80)
@given(data=st.data())
def test_a_good_line_among_any_others_is_never_lost_and_all_are_accounted_for(json_format, account, module, data):
    objects = st.dictionaries(st.sampled_from(NAMES[module.NAME]), JSON, max_size=7).map(
        lambda one: GOOD[module.NAME] | one if data.draw(st.booleans()) else one
    )
    others = data.draw(
        st.lists(
            st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b" "))
            | objects.map(lambda one: json.dumps(one).encode()),
            max_size=6,
        )
    )
    at = data.draw(st.integers(0, len(others)))
    # the first line is a good one, so that the member is lines
    lines = [line(module), *others[:at], line(module), *others[at:]]
    parsed = json_format(module).read(b"\n".join(lines) + b"\n", fields=("name", "tags", "extra.a"))
    account(parsed)
    assert parsed.records == len(lines)
    found = zip(parsed.observations["record"].to_pylist(), parsed.observations["value"].to_pylist(), strict=True)
    assert {(1, "good.example.com"), (at + 2, "good.example.com")} <= set(found)


@every_module
@settings(max_examples=50)
@given(data=st.data())
def test_a_list_says_what_its_elements_say_alone(json_format, account, module, data):
    objects = data.draw(st.lists(st.dictionaries(st.sampled_from(NAMES[module.NAME]), JSON, max_size=7), max_size=5))
    text = json.dumps([GOOD[module.NAME] | objects[0] if objects else {}, *objects])
    if "NaN" in text or "Infinity" in text:
        return
    listed = json_format(module).read(text.encode())
    account(listed)
    alone = [json_format(module).read(json.dumps(one).encode()) for one in json.loads(text)]
    for batch in ("observations", "resolutions"):
        one_by_one = [
            row | {"record": at} for at, one in enumerate(alone, 1) for row in getattr(one, batch).to_pylist()
        ]
        assert getattr(listed, batch).to_pylist() == one_by_one
    said = [
        (at, row["column"], row["reason"], row["partial"])
        for at, one in enumerate(alone, 1)
        for row in one.rejects.to_pylist()
    ]
    assert [(row["record"], row["column"], row["reason"], row["partial"]) for row in listed.rejects.to_pylist()] == said
