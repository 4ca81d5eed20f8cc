"""IntelMQ events: case files, IntelMQ's own classes as the oracle, and our own intelmq.jsonl read back."""

import json
import warnings
from importlib.resources import files
from pathlib import Path

import pytest

from accord.formats import intelmq
from accord.vocabulary.roles import ROLES, VICTIM_ROLES

with warnings.catch_warnings():
    # it imports `pkg_resources`, which says of itself that it will go
    warnings.simplefilter("ignore")
    from intelmq.lib.harmonization import ClassificationType
    from intelmq.lib.message import Event

HARMONISATION = json.loads((files("intelmq") / "etc/harmonization.conf").read_text("utf-8"))
CASES = sorted(
    path for path in (Path(__file__).parents[1] / "cases/intelmq").glob("*.json*") if "expected" not in path.name
)
FULL = {
    "source.ip": "9.9.9.9",
    "source.fqdn": "a.example.com",
    "source.url": "http://a.example.com/x",
    "source.account": "a@example.com",
    "source.network": "9.9.9.0/24",
    "source.asn": 13335,
    "destination.ip": "8.8.8.8",
    "destination.fqdn": "sinkhole.example.net",
    "destination.url": "http://sinkhole.example.net/",
}


@pytest.fixture(scope="module")
def events(json_format):
    return json_format(intelmq)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_case_gives_exactly_what_stands_beside_it(events, case):
    events.assert_case(case)


def test_every_type_of_intelmqs_is_decided_and_none_twice():
    allowed = set(ClassificationType.allowed_values)
    assert allowed - intelmq.ROLES.keys() - intelmq.NO_ROLE == set()
    assert intelmq.ROLES.keys() & intelmq.NO_ROLE == set()
    # RSIT's own spelling of one of them, and earlier names: IntelMQ makes of each what we make of it
    for name in intelmq.ROLES.keys() - allowed - {"unauthorised-use-of-resources"}:
        assert intelmq.ROLES[ClassificationType.sanitize(name)] is intelmq.ROLES[name]
    assert allowed >= intelmq.NO_ROLE


@pytest.mark.parametrize("hierarchical", [False, True])
@pytest.mark.parametrize("with_type", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_every_way_in_which_intelmq_writes_an_event_says_the_same(events, hierarchical, with_type, packed):
    event = Event(
        {
            "classification.type": "c2-server",
            "malware.name": "qakbot",
            "source.ip": "9.9.9.9",
            "source.port": 443,
            "source.geolocation.cc": "CH",
            "time.source": "2026-11-22T11:59:02+00:00",
            "time.observation": "2026-11-22T12:00:00+00:00",
            "tlp": "AMBER",
            "extra.scan": "yes",
            "raw": "Zm9v",
        },
        harmonization=HARMONISATION,
    )
    line = json.dumps(event.to_dict(hierarchical=hierarchical, with_type=with_type, jsondict_as_string=packed)).encode()
    assert intelmq.recognises(line, "x")
    (row,) = events.read(line, fields=("extra.scan", "source.geolocation.cc", "feed.name")).observations.to_pylist()
    assert (row["value"], row["role"], row["family"], row["port"], row["marking"]) == (
        "9.9.9.9",
        "c2-server",
        "qakbot",
        443,
        2,
    )
    assert (row["field:extra.scan"], row["field:source.geolocation.cc"], row["field:feed.name"]) == ("yes", "CH", None)


@pytest.mark.parametrize("role", [role.value for role in ROLES])
def test_of_a_machine_the_address_is_taken_and_of_all_else_the_url(events, role):
    kinds = {row["type"] for row in events.observed({"classification.type": role} | FULL)}
    assert kinds == ({"ipv4"} if role in intelmq.DEVICE_ROLES else {"url"})


@pytest.mark.parametrize("role", [role.value for role in ROLES])
def test_a_destination_is_never_taken(events, role):
    only = {name: value for name, value in FULL.items() if name.startswith("destination.")}
    parsed = events.of({"classification.type": role} | only)
    assert (len(parsed.observations), dict(parsed.ignored)) == (0, {"no-indicator": 1})


@pytest.mark.parametrize(
    ("order", "role"),
    [
        (
            ["source.ip", "source.url", "source.fqdn", "source.account", "source.network", "source.asn"],
            "infected-system",
        ),
        (["source.url", "source.fqdn", "source.ip", "source.account", "source.network", "source.asn"], "c2-server"),
    ],
)
def test_what_a_source_is_known_by_has_an_order(events, order, role):
    named = {"source.ip": "9.9.9.9", "source.network": "9.9.9.0/24", "source.asn": "13335"}
    for at, name in enumerate(order):
        event = {"classification.type": role} | {one: FULL[one] for one in order[at:]}
        (row,) = events.observed(event)
        assert row["value"] == named.get(name, FULL[name])


def test_a_wrong_field_is_not_replaced_by_a_wider_one(events):
    parsed = events.of({"classification.type": "phishing", "source.url": "/login", "source.fqdn": "a.example.com"})
    assert len(parsed.observations) == 0
    parsed = events.of({"classification.type": "phishing", "source.url": "http://com/", "source.fqdn": "a.example.com"})
    assert (len(parsed.observations), parsed.rejects["reason"].to_pylist()) == (0, ["host-name"])


def test_a_victims_file_is_no_victim(events):
    for role in VICTIM_ROLES:
        event = {"classification.type": role.value, "malware.hash.md5": "d41d8cd98f00b204e9800998ecf8427e"}
        assert events.observed(event) == []


def test_an_event_is_told_from_other_json(events):
    assert intelmq.recognises(b'\n {"feed.name": "x", "time.observation": "2026"}', "x")
    assert intelmq.recognises(b'[{"source": {"ip": "x"}, "classification": {"a": {"b": 1}, "type": "x"}}]', "x")
    assert not intelmq.recognises(b'{"feed": "classification.type"}', "x")
    assert not intelmq.recognises(b'{"x": {"y": {"classification.type": 1}}}', "x")
    assert not intelmq.recognises(b'{"source.ip": "9.9.9.9"}\n{"classification.type": 1}', "x")
