"""intelmq.jsonl, judged by IntelMQ's own message classes and the harmonisation that it ships."""

import json
import re
import warnings
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from accord.release.view import View
from accord.reports import intelmq
from accord.vocabulary.roles import ROLES, SERVER_ROLES

with warnings.catch_warnings():
    # it imports `pkg_resources`, which says of itself that it will go
    warnings.simplefilter("ignore")
    from intelmq.bots.experts.taxonomy.expert import TAXONOMY
    from intelmq.lib.harmonization import ClassificationType
    from intelmq.lib.message import MessageFactory

HARMONISATION = json.loads((files("intelmq") / "etc/harmonization.conf").read_text("utf-8"))

VALUES = {
    "ipv4": {"value": "203.0.113.7"},
    "ipv6": {"value": "2001:db8::7"},
    "domain": {"value": "www.xn--bcher-kva.example", "resolved": ["203.0.113.7"]},
    "url": {"value": "http://www.example.com/ä b?x=<y>", "host": "www.example.com"},
    "email": {"value": "ceo@example.com", "host": "example.com"},
    "sha256": {"value": "ab" * 32},
    "sha1": {"value": "cd" * 20},
    "md5": {"value": "ef" * 16},
    "asn": {"value": "64500"},
    "cidr": {"value": "198.51.100.0/24"},
}
"""A value of each type."""

IDENTITIES = {
    "ipv4": "source.ip",
    "ipv6": "source.ip",
    "domain": "source.fqdn",
    "url": "source.url",
    "email": "source.account",
    "sha256": "malware.hash.sha256",
    "sha1": "malware.hash.sha1",
    "md5": "malware.hash.md5",
    "asn": "source.asn",
    "cidr": "source.network",
}


def everything() -> list[dict[str, object]]:
    """Every type in every role, under every marking; names that IntelMQ takes for nothing, and that it cannot hold."""
    families = ["Cobalt Strike", "名前", "-", "N/A", "IIS Raid "]
    return [
        {
            "type": kind,
            "role": role.value,
            "families": families[: at % 6],
            "confidence": None if at % 4 == 0 else at % 11 / 10,
            "asn": None if at % 5 == 0 else 64496,
            "marking": ("clear", "green", "amber", "amber+strict", "red")[at % 5],
            "country": None if at % 7 == 0 else "ID",
            "country_second": "SG",
            "country_conflict": at % 2 == 0,
            "network_owner": (None, "-", "Nusantara Broadband")[at % 3],
            "abuse_contact": (None, "Abuse@Nusantara.Example", "N/A")[at % 3],
            "cautions": ["List of known Amazon AWS IP address ranges (20261001)"] if at % 2 else [],
            "undated": at % 9 == 0,
            "government": at % 8 == 0,
            "ports": [443, 8080, 65535][: at % 4],
        }
        | given
        for kind, given in VALUES.items()
        for at, role in enumerate(ROLES)
    ]


def written(view: View, folder: Path) -> list[dict]:
    number = intelmq.write(view, folder / "intelmq.jsonl")
    events = [json.loads(line) for line in (folder / "intelmq.jsonl").read_text("utf-8").splitlines()]
    assert len(events) == number
    return events


@pytest.mark.parametrize("simulated", [False, True])
def test_intelmq_takes_every_line_unchanged(make_view, tmp_path, simulated):
    written(make_view(rows=everything(), simulated=simulated), tmp_path)
    lines = (tmp_path / "intelmq.jsonl").read_text("utf-8").splitlines()
    assert len(lines) > len(everything())
    for line in lines:
        event = MessageFactory.unserialize(line, harmonization=HARMONISATION)
        assert event.to_dict(with_type=True) == json.loads(line)
        for key, value in event.items():
            assert event.is_valid(key, value, sanitize=False), key
    # and so when the pipeline names no type, as its JSON parser's input need not
    bare = {key: value for key, value in json.loads(lines[0]).items() if key != "__type"}
    assert MessageFactory.from_dict(bare, harmonization=HARMONISATION, default_type="Event") == bare


@pytest.mark.parametrize(
    "url",
    [
        "http://name℀x@example.com/",
        "http://a[b@example.com/",
        "http://example.com\\[x/",
        "http://[2001:db8::1]:8080/a",
        "http://example.com/名?前#x",
    ],
)
def test_no_url_is_one_at_which_intelmq_stumbles(make_view, tmp_path, url):
    (event,) = written(make_view(rows=[{"type": "url", "value": url}]), tmp_path)
    taken = MessageFactory.from_dict(event, harmonization=HARMONISATION)
    assert taken["source.url"] == event["source.url"]


def test_every_type_is_one_of_intelmqs_and_counted_to_its_taxonomy():
    types = {intelmq.TYPES[role]: taxonomy for role, taxonomy in intelmq.TAXONOMY.items()}
    assert set(intelmq.TAXONOMY) == set(ROLES)
    assert types.keys() <= set(ClassificationType.allowed_values)
    assert types == {name: TAXONOMY[name] for name in types}


def test_fields_are_those_that_any_intelmq_knows():
    # those that came with version 3.5: an older instance refuses a whole event for one of them
    late = re.compile(r"severity|constituency|product\.")
    names = {info.encode_name for info in msgspec.structs.fields(intelmq.Event)}
    assert [name for name in names if late.match(name)] == []
    assert names - HARMONISATION["event"].keys() - {"__type"} == {name for name in names if name.startswith("extra.")}


@pytest.mark.parametrize("kind", list(VALUES))
def test_an_event_says_what_it_is_about_in_one_field(make_view, tmp_path, kind):
    rows = [{"type": kind, "role": "other", "asn": None, "resolved": []} | VALUES[kind] | {"resolved": []}]
    (event,) = written(make_view(rows=rows), tmp_path)
    said = {name: event[name] for name in set(IDENTITIES.values()) & event.keys()}
    value = VALUES[kind]["value"]
    expected = {IDENTITIES[kind]: int(value) if kind == "asn" else value}
    if kind == "url":
        expected["source.fqdn"] = "www.example.com"
    assert said == expected


@pytest.mark.parametrize("role", [role.value for role in ROLES])
def test_only_beside_a_servers_name_stands_the_one_address_that_it_has(make_view, tmp_path, role):
    rows = [{"type": "domain", "value": "c2.example", "role": role, "resolved": ["203.0.113.7"]}]
    (event,) = written(make_view(rows=rows), tmp_path)
    assert event.get("source.ip") == ("203.0.113.7" if role in SERVER_ROLES else None)
    rows[0]["resolved"] = ["203.0.113.7", "203.0.113.8"]
    (event,) = written(make_view(rows=rows), tmp_path)
    assert "source.ip" not in event
    assert event["extra.resolved"] == ["203.0.113.7", "203.0.113.8"]


def test_a_victims_machine_comes_with_the_port_and_the_time_of_its_last_sighting(make_view, seen_as, tmp_path):
    view = make_view(rows=[{"role": "infected-system", "families": ["Mirai"], "value": "203.0.113.9"}])
    seen = [
        {
            "row": 0,
            "seen_at": datetime(2026, 11, day, 1, 2, 3, 500_000, UTC),
            "undated": False,
            "port": port,
            "count": 1,
        }
        for day, port in ((1, 1111), (3, 3333), (5, None))
    ]
    view = seen_as(view, seen)
    (event,) = written(view, tmp_path)
    assert (event["classification.taxonomy"], event["classification.type"]) == ("malicious-code", "infected-system")
    assert (event["source.ip"], event["source.port"]) == ("203.0.113.9", 3333)
    assert event["time.source"] == "2026-11-03T01:02:03.5+00:00"
    assert event["time.observation"] == "2026-11-23T12:00:00+00:00"
    assert "destination.ip" not in event


def test_a_c2_server_is_the_source_with_its_service_port(make_view, tmp_path):
    (event,) = written(make_view(rows=[{"families": ["Emotet"], "ports": [443]}]), tmp_path)
    assert event == {
        "__type": "Event",
        "classification.taxonomy": "malicious-code",
        "classification.type": "c2-server",
        "classification.identifier": "emotet",
        "event_description.text": "203.0.113.7 was reported as c2-server, seen 12 times from 2026-10-14T12:00:00Z to "
        "2026-11-22T12:00:00Z. Confidence: almost certain (0.91 of 1). Families: Emotet.",
        "feed.accuracy": 91.0,
        "feed.code": "surge",
        "feed.name": "ASEAN Cyber Surge",
        "feed.provider": "Regional Cyber Fusion Centre",
        "malware.name": "emotet",
        "source.abuse_contact": "abuse@nusantara.example",
        "source.as_name": "Nusantara Broadband",
        "source.asn": 64496,
        "source.geolocation.cc": "ID",
        "source.ip": "203.0.113.7",
        "source.port": 443,
        "time.observation": "2026-11-23T12:00:00+00:00",
        "time.source": "2026-11-22T12:00:00+00:00",
        "tlp": "GREEN",
        "extra.confidence": "almost certain",
        "extra.finding_id": event["extra.finding_id"],
        "extra.first_seen": "2026-10-14T12:00:00+00:00",
        "extra.last_seen": "2026-11-22T12:00:00+00:00",
        "extra.malware_family": "Emotet",
        "extra.partners": 2,
        "extra.sightings": 12,
        "extra.sources": ["Northwind Security"],
        "extra.tlp": "TLP:GREEN",
    }


def test_of_several_service_ports_none_is_the_port(make_view, tmp_path):
    (event,) = written(make_view(rows=[{"ports": [443, 8080]}]), tmp_path)
    assert "source.port" not in event
    assert event["extra.ports"] == [443, 8080]


def test_a_finding_of_several_families_is_an_event_of_each(make_view, tmp_path):
    events = written(
        make_view(rows=[{"families": ["Cobalt Strike", "名前"]}, {"value": "1.2.3.4", "families": []}]), tmp_path
    )
    said = {(e["source.ip"], e.get("malware.name"), e.get("extra.malware_family")) for e in events}
    assert said == {
        ("203.0.113.7", "cobalt strike", "Cobalt Strike"),
        ("203.0.113.7", None, "名前"),
        ("1.2.3.4", None, None),
    }


def test_a_finding_whose_time_nobody_said_has_no_time_of_its_own(make_view, tmp_path):
    (event,) = written(make_view(rows=[{"undated": True}]), tmp_path)
    assert "time.source" not in event
    assert event["extra.undated"] is True


@pytest.mark.parametrize(
    ("marking", "tlp", "label"),
    [
        ("clear", "WHITE", "TLP:CLEAR"),
        ("green", "GREEN", "TLP:GREEN"),
        ("amber", "AMBER", "TLP:AMBER"),
        ("amber+strict", "RED", "TLP:AMBER+STRICT"),
        ("red", "RED", "TLP:RED"),
    ],
)
def test_no_marking_widens_in_a_format_that_knows_no_strict_amber(make_view, tmp_path, marking, tlp, label):
    (event,) = written(make_view(rows=[{"marking": marking}]), tmp_path)
    assert (event["tlp"], event["extra.tlp"]) == (tlp, label)


def test_findings_in_review_give_no_event_and_cautions_stand_beside_theirs(make_view, tmp_path):
    rows = [{"review": ["Top sites (1)"]}, {"value": "203.0.113.8", "cautions": ["Shared hosting (2)"]}]
    (event,) = written(make_view(rows=rows), tmp_path)
    assert (event["source.ip"], event["extra.cautions"]) == ("203.0.113.8", ["Shared hosting (2)"])


def test_an_exercise_says_so_in_every_event(make_view, tmp_path):
    events = written(make_view(findings=30, simulated=True), tmp_path)
    assert all(event["extra.simulated"] is True for event in events)
    assert all(event["event_description.text"].startswith("SIMULATED, for training only. ") for event in events)
    assert not any("extra.simulated" in event for event in written(make_view(findings=30), tmp_path))


def test_no_partner_is_named_but_those_that_the_view_names(make_view, tmp_path):
    events = written(make_view(findings=60), tmp_path)
    assert {name for event in events for name in event.get("extra.sources", [])} == {
        "Northwind Security",
        "Fabrikam CERT",
    }
    assert {event["feed.provider"] for event in events} == {"Regional Cyber Fusion Centre"}
    text = (tmp_path / "intelmq.jsonl").read_text("utf-8")
    assert "telemetry" not in text


def test_the_same_view_gives_the_same_events_in_any_batch(make_view, tmp_path, monkeypatch):
    view = make_view(findings=50)
    first = written(view, tmp_path)
    monkeypatch.setattr(intelmq, "_BATCH", 7)
    assert written(view, tmp_path) == first
