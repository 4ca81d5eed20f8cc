"""X-ARF: case files, the project's own package as the oracle, and our own xarf.jsonl read back."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from xarf.schema_registry import schema_registry

from accord.formats import xarf

CASES = sorted(
    path for path in (Path(__file__).parents[1] / "cases/xarf").glob("*.json*") if "expected" not in path.name
)
REPORT = {
    "xarf_version": "4.2.0",
    "timestamp": "2026-11-22T12:00:00Z",
    "source_identifier": "9.9.9.9",
    "category": "infrastructure",
    "type": "botnet",
}
SCHEMAS = [
    json.loads(path.read_text("utf-8"))
    for path in (files("xarf") / "schemas/types").iterdir()
    if path.name.endswith(".json") and path.name != "content-base.json"
]


@pytest.fixture(scope="module")
def reports(json_format):
    return json_format(xarf)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_case_gives_exactly_what_stands_beside_it(reports, case):
    reports.assert_case(case)


def test_every_type_of_the_format_is_decided_and_no_other():
    described = {
        (category, name)
        for category in schema_registry.get_categories()
        for name in schema_registry.get_types_for_category(category)
    }
    assert set(xarf.KINDS) == described


def test_what_is_reported_stands_where_the_schema_requires_it():
    required = {}
    for schema in SCHEMAS:
        parts = schema["allOf"]
        name = next(p["properties"]["type"]["const"] for p in parts if "type" in p.get("properties", {}))
        urls = [one for part in parts for one in part.get("required", ()) if one == "infringing_url"]
        required[name] = "url" if any("content-base" in p.get("$ref", "") for p in parts) else urls[0] if urls else None
    assert {name: kind.url for (_, name), kind in xarf.KINDS.items()} == required


def test_sorts_of_malware_are_the_schemas():
    (schema,) = [one for one in SCHEMAS if one["title"] == "XARF v4 Content - Malware Type Schema"]
    (sorts,) = [
        p["properties"]["malware_type"]["enum"] for p in schema["allOf"] if "malware_type" in p.get("properties", {})
    ]
    assert set(sorts) == xarf.SORTS


@pytest.mark.parametrize(("category", "name"), sorted(xarf.KINDS))
def test_every_type_gives_one_indicator(reports, category, name):
    report = REPORT | {"category": category, "type": name}
    url = xarf.KINDS[category, name].url
    if url is not None:
        report |= {url: "http://a.example.com/x"}
    (row,) = reports.observed(report)
    assert row["value"] == ("9.9.9.9" if url is None else "http://a.example.com/x")


@pytest.mark.parametrize(
    ("more", "role"),
    [
        ({}, "infected-system"),
        ({"c2_server": "9.9.9.9"}, "infected-system"),
        ({"tags": ["botnet:command-and-control"]}, "c2-server"),
        ({"tags": ["rsit:c2-server"]}, "c2-server"),
        ({"tags": ["rsit:c2-server", "rsit:phishing"]}, "infected-system"),
        ({"tags": ["rsit:undetermined"]}, "infected-system"),
        ({"category": "connection", "type": "infected_host", "bot_type": "malicious"}, "infected-system"),
        ({"category": "connection", "type": "infected_host", "bot_type": "unknown"}, None),
        ({"category": "reputation", "type": "blocklist", "threat_type": "Spam"}, "spam"),
        ({"category": "reputation", "type": "blocklist", "threat_type": "bad"}, None),
        ({"category": "reputation", "type": "blocklist", "threat_type": 7}, None),
    ],
)
def test_a_role_is_what_a_tag_or_the_type_says_exactly(reports, more, role):
    (row,) = reports.observed(REPORT | more)
    assert row["role"] == role


@pytest.mark.parametrize(
    ("more", "families"),
    [
        ({}, [None]),
        ({"malware_family": " Mirai "}, ["Mirai"]),
        ({"malware_family": "Mirai", "tags": ["malware:qakbot"]}, ["Mirai"]),
        ({"tags": ["malware:qakbot", "malware:trojan", "malware:banking-trojan", "malware:"]}, ["qakbot"]),
        ({"tags": ["malware:qakbot", "malware:emotet"]}, ["qakbot", "emotet"]),
    ],
)
def test_a_sort_of_malware_is_no_family(reports, more, families):
    assert [row["family"] for row in reports.observed(REPORT | more)] == families


@pytest.mark.parametrize(
    ("more", "marking"),
    [
        ({"tags": ["tlp:green"]}, "green"),
        ({"tags": ["tlp:amber+strict", "tlp:green"]}, "amber+strict"),
        ({"tags": ["tlp:green"], "tlp": "TLP:RED"}, "red"),
        ({}, None),
    ],
)
def test_the_narrowest_marking_holds(reports, more, marking):
    (row,) = reports.observed(REPORT | more)
    assert row["marking"] == marking


def test_more_tags_than_any_report_has_are_one_rejected_record(reports):
    tags = [f"malware:m{number}" for number in range(xarf.TAG_LIMIT + 1)]
    assert len(reports.observed(REPORT | {"tags": tags[1:]})) == xarf.TAG_LIMIT
    parsed = reports.of(REPORT | {"tags": tags})
    assert [(row["column"], row["reason"]) for row in parsed.rejects.to_pylist()] == [("tags", "too-long")]
    assert len(parsed.observations) == 0


@pytest.mark.parametrize("tags", [["tlp:purple"], "tlp:red", [7], {"tlp": "red"}])
def test_a_marking_that_cannot_be_read_is_not_passed_over(reports, tags):
    parsed = reports.of(REPORT | {"tags": tags})
    assert (len(parsed.observations), parsed.rejects["column"].to_pylist()) == (0, ["tags"])


@pytest.mark.parametrize(
    ("source", "url", "value"),
    [
        ("a.example.com", "http://a.example.com/", "a.example.com"),
        ("A.Example.COM", "http://a.example.com", "a.example.com"),
        ("a.example.com", "http://a.example.com/x", "http://a.example.com/x"),
        ("a.example.com", "https://a.example.com/", "https://a.example.com/"),
        ("example.com", "http://a.example.com/", "http://a.example.com/"),
        ("9.9.9.9", "http://a.example.com/", "http://a.example.com/"),
        ("9.9.9.9", "http://9.9.9.9/", "9.9.9.9"),
    ],
)
def test_a_site_as_a_whole_is_its_name(reports, source, url, value):
    report = REPORT | {"category": "content", "type": "phishing", "source_identifier": source, "url": url}
    assert [row["value"] for row in reports.observed(report)] == [value]


def test_a_report_is_told_from_other_json():
    assert xarf.recognises(b'{\n"category": "content", "xarf_version": "4.2.0"}', "x")
    assert xarf.recognises(b'[{"xarf_version": 4}]', "x")
    assert not xarf.recognises(b'{"report": {"xarf_version": "4.2.0"}}', "x")
    assert not xarf.recognises(b'{"Version": "3", "ReporterInfo": {}, "Report": {}}', "x")
