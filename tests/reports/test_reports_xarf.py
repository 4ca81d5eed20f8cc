"""xarf.jsonl, judged by the X-ARF project's own package."""

import dataclasses
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xarf as oracle

from accord.release.view import HubSheet, View
from accord.reports import xarf
from accord.vocabulary.roles import ROLES, VICTIM_ROLES

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


def everything() -> list[dict[str, object]]:
    """Every type in every role; families with names that no tag can hold as they stand."""
    return [
        {
            "type": kind,
            "role": role.value,
            "families": (["Cobalt Strike", "名前", "--"] + [f"f{n}" for n in range(30)])[: at % 40],
            "confidence": None if at % 4 == 0 else at % 11 / 10,
            "asn": None if at % 5 == 0 else 64496,
            "marking": "amber",
            "country": None if at % 7 == 0 else "ID",
            "network_owner": None if at % 3 == 0 else "Nusantara " * 40,
        }
        | given
        for kind, given in VALUES.items()
        for at, role in enumerate(ROLES)
    ]


def written(view: View, folder: Path) -> list[dict]:
    number = xarf.write(view, folder / "xarf.jsonl")
    reports = [json.loads(line) for line in (folder / "xarf.jsonl").read_text("utf-8").splitlines()]
    assert len(reports) == number
    return reports


@pytest.mark.parametrize("simulated", [False, True])
def test_every_report_is_valid_x_arf(make_view, tmp_path, simulated):
    reports = written(make_view(rows=everything(), simulated=simulated), tmp_path)
    assert reports
    for report in reports:
        result = oracle.parse(report)
        assert (result.errors, result.warnings) == ([], [])
        assert result.report is not None


def test_a_victims_machine_is_reported_as_part_of_a_botnet_with_its_last_source_port(make_view, seen_as, tmp_path):
    view = make_view(rows=[{"role": "infected-system", "families": ["Mirai"], "value": "203.0.113.9"}])
    seen = [
        {
            "row": 0,
            "seen_at": datetime(2026, 11, day, tzinfo=UTC),
            "undated": False,
            "port": port,
            "count": 1,
        }
        for day, port in ((1, 1111), (3, 3333), (5, None))
    ]
    view = seen_as(view, seen)
    (report,) = written(view, tmp_path)
    assert (report["category"], report["type"]) == ("infrastructure", "botnet")
    assert report["source_identifier"] == "203.0.113.9"
    # the port that was last seen, and the time at which it was
    assert (report["source_port"], report["timestamp"]) == (3333, "2026-11-03T00:00:00Z")
    assert report["malware_family"] == "Mirai"
    assert report["compromise_evidence"]


def test_a_c2_server_says_that_it_is_one(make_view, tmp_path):
    (report,) = written(make_view(rows=[{"families": ["Emotet"], "ports": [443]}]), tmp_path)
    assert (report["category"], report["type"]) == ("infrastructure", "botnet")
    assert report["c2_server"] == report["source_identifier"] == "203.0.113.7"
    assert report["source_port"] == 443
    assert report["tags"] == [
        "tlp:green",
        "rsit:c2-server",
        "confidence:almost-certain",
        "botnet:command-and-control",
        "malware:emotet",
    ]
    assert "Confidence: almost certain (0.91 of 1)." in report["description"]


@pytest.mark.parametrize(
    ("role", "category", "name"),
    [
        ("system-compromise", "content", "remote_compromise"),
        ("phishing", "content", "phishing"),
        ("malware-distribution", "content", "malware"),
        ("data-leak", "content", "exposed_data"),
    ],
)
def test_content_is_reported_at_its_url(make_view, tmp_path, role, category, name):
    rows = [{"type": "url", "value": "http://www.example.com/a|b", "host": "www.example.com", "role": role}]
    (report,) = written(make_view(rows=rows), tmp_path)
    assert (report["category"], report["type"]) == (category, name)
    assert report["url"] == "http://www.example.com/a%7Cb"
    assert report["domain"] == report["source_identifier"] == "www.example.com"


def test_a_url_on_an_address_is_reported_by_its_address(make_view, tmp_path):
    rows = [
        {"type": "url", "value": "http://203.0.113.7/x", "host": None, "address": "203.0.113.7", "role": "phishing"}
    ]
    (report,) = written(make_view(rows=rows), tmp_path)
    assert report["source_identifier"] == "203.0.113.7"
    assert "domain" not in report


def test_no_victim_is_reported_to_blocklists(make_view, tmp_path):
    rows = [row for row in everything() if row["role"] in VICTIM_ROLES]
    assert {report["category"] for report in written(make_view(rows=rows), tmp_path)} == {
        "infrastructure",
        "content",
        "vulnerability",
    }


def test_what_the_format_has_no_type_for_is_left_out(make_view, tmp_path):
    rows = [row for row in everything() if row["type"] in {"sha256", "sha1", "md5", "asn", "cidr", "email"}]
    rows += [row for row in everything() if row["role"] in {"undetermined", "other", "test"}]
    assert written(make_view(rows=rows), tmp_path) == []


@pytest.mark.parametrize(
    ("marking", "reports"), [("clear", 1), ("green", 1), ("amber", 1), ("amber+strict", 0), ("red", 0)]
)
def test_what_must_stay_within_the_recipients_organisation_gets_no_report(make_view, tmp_path, marking, reports):
    assert len(written(make_view(rows=[{"marking": marking}]), tmp_path)) == reports


def test_findings_in_review_get_no_report(make_view, tmp_path):
    assert written(make_view(rows=[{"review": ["Top sites (1)"]}]), tmp_path) == []


def test_ids_come_out_again_until_the_finding_is_seen_again(make_view, tmp_path):
    view = make_view(rows=[{}])
    (finding,) = view.findings["finding_id"].to_pylist()
    name = '["ID",null,["National Police Cybercrime Unit"]]\0xarf\0' + finding + "\0" + "2026-11-22T12:00:00Z"
    by_hand = uuid.uuid5(uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), name)
    (report,) = written(view, tmp_path)
    assert report["report_id"] == str(by_hand)
    (again,) = written(make_view(rows=[{"last_seen": datetime(2026, 11, 23, tzinfo=UTC)}]), tmp_path)
    assert again["report_id"] != report["report_id"]


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        ("soc@hub.example", "soc@hub.example"),
        ("Duty officer <duty.officer@Hub.Example>, +62 21 555", "duty.officer@Hub.Example"),
        ("https://hub.example/contact", None),
        ("", None),
    ],
)
def test_the_sender_is_the_e_mail_address_in_the_hubs_contact(contact, expected):
    sender = xarf.contact_of(HubSheet(name="Hub", contact=contact, namespace=uuid.UUID(int=1)))
    assert (None if sender is None else sender.contact) == expected


def test_a_hub_without_an_e_mail_address_can_send_no_abuse_report(make_view, tmp_path):
    view = make_view(findings=9)
    view = dataclasses.replace(view, hub=dataclasses.replace(view.hub, contact="see our web site"))
    assert written(view, tmp_path) == []
    assert (tmp_path / "xarf.jsonl").read_bytes() == b""


def test_names_of_partners_do_not_reach_network_owners(make_view, tmp_path):
    written(make_view(findings=60), tmp_path)
    text = (tmp_path / "xarf.jsonl").read_text("utf-8")
    assert "Northwind" not in text
    assert "Fabrikam" not in text


def test_the_same_view_gives_the_same_reports_in_any_batch(make_view, tmp_path, monkeypatch):
    view = make_view(findings=50)
    first = written(view, tmp_path)
    monkeypatch.setattr(xarf, "_BATCH", 7)
    assert written(view, tmp_path) == first
