"""n6 events: case files, every category, and what n6's documentation says of attributes."""

from pathlib import Path

import pytest

from accord.formats import n6
from accord.vocabulary.roles import Role

CASES = sorted(path for path in (Path(__file__).parents[1] / "cases/n6").glob("*json") if "expected" not in path.name)
# n6sdk 4.12, data_spec.CATEGORY_ENUMS
DOCUMENTED = {
    *("amplifier", "bots", "backdoor", "cnc", "deface", "dns-query", "dos-attacker", "dos-victim", "exposed", "flow"),
    *("flow-anomaly", "fraud", "leak", "malurl", "malware-action", "other", "phish", "proxy", "sandbox-url", "scam"),
    *("scanning", "server-exploit", "spam", "spam-url", "tor", "vulnerable", "webinject"),
}
ADDRESS = [{"ip": "9.9.9.9", "cc": "CH", "asn": 19281}]
FULL = {
    "restriction": "need-to-know",
    "time": "2026-05-04T10:59:03Z",
    "address": ADDRESS,
    "fqdn": "a.example.com",
    "url": "http://a.example.com/x",
    "email": "a@example.com",
    "name": "emotet",
    "dport": 443,
    "sport": 50000,
    "dip": "8.8.8.8",
    "md5": "d41d8cd98f00b204e9800998ecf8427e",
}


@pytest.fixture(scope="module")
def events(json_format):
    return json_format(n6)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_case_gives_exactly_what_stands_beside_it(events, case):
    events.assert_case(case)


def test_every_documented_category_is_decided_and_none_twice():
    assert n6.CATEGORIES.keys() | n6.NO_CLAIM == DOCUMENTED
    assert n6.CATEGORIES.keys() & n6.NO_CLAIM == set()


@pytest.mark.parametrize(
    ("category", "value"),
    [
        *(
            (name, "9.9.9.9")
            for name in ("bots", "scanning", "dos-attacker", "server-exploit", "amplifier", "vulnerable")
        ),
        *((name, "9.9.9.9") for name in ("exposed", "proxy", "tor", "spam")),
        *(
            (name, FULL["url"])
            for name in ("cnc", "phish", "backdoor", "deface", "scam", "fraud", "sandbox-url", "other")
        ),
        ("leak", "a@example.com"),
    ],
)
def test_a_category_says_which_attribute_an_event_is_about(events, category, value):
    assert [row["value"] for row in events.observed({"category": category} | FULL)] == [value]


@pytest.mark.parametrize("category", ["bots", "scanning", "dos-attacker", "server-exploit"])
def test_where_a_machine_went_is_not_what_it_is(events, category):
    parsed = events.of({"category": category, "fqdn": "sinkhole.example.com", "url": "http://sinkhole.example.com/"})
    assert (len(parsed.observations), dict(parsed.ignored)) == (0, {"no-indicator": 1})


@pytest.mark.parametrize("category", sorted(n6.NO_CLAIM))
def test_what_calls_nothing_bad_is_ignored(events, category):
    assert dict(events.of({"category": category} | FULL).ignored) == {"not-observable": 1}


def test_a_server_has_the_destinations_port_and_a_client_its_own(events):
    ports = {
        category: {row["port"] for row in events.observed({"category": category} | FULL)}
        for category in ("cnc", "bots", "scanning")
    }
    assert ports == {"cnc": {443}, "bots": {50000}, "scanning": {50000}}


def test_only_where_the_name_is_a_malware_is_it_a_family(events):
    families = {
        category: {row["family"] for row in events.observed({"category": category} | FULL)}
        for category in ("bots", "cnc", "malurl", "scanning", "phish")
    }
    assert families == {
        "bots": {"emotet"},
        "cnc": {"emotet"},
        "malurl": {"emotet"},
        "scanning": {None},
        "phish": {None},
    }


def test_a_files_hash_is_taken_of_what_distributes_it_alone(events):
    found = {
        category: [row["type"] for row in events.observed({"category": category} | FULL)]
        for category in ("malurl", "cnc", "bots", "sandbox-url")
    }
    assert found == {"malurl": ["url", "md5"], "cnc": ["url"], "bots": ["ipv4"], "sandbox-url": ["url"]}
    assert [row["role"] for row in events.observed({"category": "sandbox-url", "md5": FULL["md5"]})] == [None]


@pytest.mark.parametrize(
    ("restriction", "marking"), [("public", "clear"), ("need-to-know", "amber"), ("internal", "red"), (None, None)]
)
def test_a_restriction_is_a_marking_that_says_no_less(events, restriction, marking):
    (row,) = events.observed({"category": "bots"} | FULL | {"restriction": restriction})
    assert row["marking"] == marking


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ({"status": "active"}, 1),
        ({"status": "expired"}, 1),
        ({"status": "delisted"}, 0),
        ({"status": "replaced"}, 0),
        ({"type": "bl-new"}, 1),
        ({"type": "bl-update"}, 1),
        ({"type": "bl-change"}, 1),
        ({"type": "bl-delist"}, 0),
        ({"type": "bl-expire"}, 0),
    ],
)
def test_what_a_list_withdraws_is_no_sighting(events, said, taken):
    parsed = events.of({"category": "cnc"} | FULL | said)
    assert (len(parsed.observations), parsed.ignored.get("revoked", 0)) == (taken, 1 - taken)


def test_an_ipv6_address_stands_under_a_name_of_its_own(events):
    (row,) = events.observed({"category": "bots", "address": [{"ipv6": "2620:fe::fe"}]})
    assert (row["value"], row["role"]) == ("2620:fe::fe", Role.INFECTED_SYSTEM)


def test_an_address_that_stands_twice_is_one(events):
    assert len(events.observed({"category": "bots", "address": ADDRESS * 3})) == 1


def test_rules_can_look_at_any_attribute(events):
    parsed = events.of({"category": "bots", "tags": ["a", 1]} | FULL, fields=("category", "dport", "tags", "origin"))
    (row,) = parsed.observations.to_pylist()
    assert [row[f"field:{name}"] for name in ("category", "dport", "tags", "origin")] == ["bots", "443", "a|1", None]


def test_an_event_is_told_from_other_json():
    line = b'{"id": "1", "source": "a.b", "restriction": "public", "confidence": "low", "category": "cnc"}'
    assert n6.recognises(line, "x")
    assert n6.recognises(b"[\n" + line + b"\n]", "x")
    assert not n6.recognises(b'{"category": "cnc", "restriction": "public"}', "x")
    assert not n6.recognises(b'{"event": ' + line + b"}", "x")
