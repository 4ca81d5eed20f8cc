"""bundle.json, judged by OASIS's own validator, by the specification's examples and by Python's uuid module."""

import dataclasses
import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rfc3986_validator import validate_rfc3986
from stix2patterns.v21.pattern import Pattern
from stix2validator import ValidationOptions, validate_file

from accord.columns.schema import VIEW_FAMILIES
from accord.release.view import RecipientSheet, View
from accord.reports import bundle, stix
from accord.reports.identifiers import Names, report_name
from accord.reports.versions import read_report
from accord.vocabulary.errors import UnreadableError
from accord.vocabulary.handling import Pap
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import ROLES, VICTIM_ROLES, Role

VALUES = {
    "ipv4": "203.0.113.7",
    "ipv6": "2001:db8::7",
    "domain": "c2.example.com",
    "url": "http://c2.example.com:8080/a'b\\c|ä?q=%zz#x#y",
    "email": "ceo+x@example.com",
    "sha256": "ab" * 32,
    "sha1": "cd" * 20,
    "md5": "ef" * 16,
    "asn": "64500",
    "cidr": "198.51.100.0/24",
}


def everything() -> list[dict[str, object]]:
    """Every type in every role, with no, one or two families."""
    return [
        {
            "type": kind,
            "value": value,
            "role": role.value,
            "families": ["Cobalt Strike", 'O"Hara\\n'][: at % 3],
            "confidence": None if at % 4 == 0 else at % 11 / 10,
            "marking": tuple(Marking)[at % 5].value,
            "asn": None if at % 5 == 0 else 64496 + at % 3,
        }
        for kind, value in VALUES.items()
        for at, role in enumerate(ROLES)
    ]


def written(view: View, folder: Path, previous: Path | None = None, name: str = "bundle.json") -> list[dict]:
    bundle.write(view, folder / name, previous)
    document = json.loads((folder / name).read_text("utf-8"))
    assert document["type"] == "bundle"
    return document["objects"]


def of(objects: list[dict], kind: str) -> list[dict]:
    return [each for each in objects if each["type"] == kind]


def changed(view: View, **what: object) -> View:
    return dataclasses.replace(view, **what)


def at(view: View, as_of: datetime) -> View:
    return changed(view, operation=dataclasses.replace(view.operation, as_of=as_of))


def complaints(path: Path) -> list[str]:
    result = validate_file(
        str(path),
        # the validator wants UUIDv4 where the specification only recommends it; ours are made to come out again
        ValidationOptions(version="2.1", strict=True, enforce_refs=True, strict_properties=True, disabled="uuid-check"),
    )
    return [str(each) for one in result.object_results for each in (*one.errors, *one.warnings)]


def test_every_type_in_every_role_is_valid_stix(make_view, tmp_path):
    written(make_view(rows=everything(), simulated=True), tmp_path)
    assert complaints(tmp_path / "bundle.json") == []


def test_a_report_of_a_real_operation_is_valid_stix(make_view, tmp_path):
    written(make_view(findings=25, theme="banks", theme_title="Banks"), tmp_path)
    assert complaints(tmp_path / "bundle.json") == []


def test_a_report_without_findings_is_valid_stix_too(make_view, tmp_path):
    written(make_view(findings=0), tmp_path)
    assert complaints(tmp_path / "bundle.json") == []


def test_a_victim_never_becomes_an_indicator(make_view, tmp_path):
    rows = [row for row in everything() if row["role"] in VICTIM_ROLES]
    objects = written(make_view(rows=rows), tmp_path)
    assert of(objects, "indicator") == of(objects, "infrastructure") == []
    assert len(of(objects, "observed-data")) == len(rows)


def test_only_a_role_that_criminals_play_becomes_an_indicator(make_view, tmp_path):
    rows = [row for row in everything() if row["role"] in {"undetermined", "other", "test", "misconfiguration"}]
    assert of(written(make_view(rows=rows), tmp_path), "indicator") == []


def test_a_c2_server_is_indicator_infrastructure_and_sighting(make_view, tmp_path):
    view = make_view(rows=[{"families": ["Emotet"], "sightings": 12, "confidence": 0.914}])
    objects = written(view, tmp_path)
    (indicator,), (infrastructure,) = of(objects, "indicator"), of(objects, "infrastructure")
    (sighting,), (malware,) = of(objects, "sighting"), of(objects, "malware")
    (address,), (network,) = of(objects, "ipv4-addr"), of(objects, "autonomous-system")
    assert indicator["pattern"] == "[ipv4-addr:value = '203.0.113.7']"
    assert indicator["valid_from"] == "2026-10-14T12:00:00.000Z"
    assert indicator["confidence"] == 91
    assert indicator["indicator_types"] == ["malicious-activity"]
    assert indicator["labels"] == ["c2-server"]
    assert infrastructure["infrastructure_types"] == ["command-and-control"]
    assert sighting["sighting_of_ref"] == indicator["id"]
    assert (sighting["count"], sighting["last_seen"]) == (12, "2026-11-22T12:00:00.000Z")
    assert (malware["name"], malware["is_family"]) == ("Emotet", True)
    assert address["belongs_to_refs"] == [network["id"]]
    assert (network["number"], network["name"]) == (64496, "Nusantara Broadband")
    links = {
        (each["source_ref"], each["relationship_type"], each["target_ref"]) for each in of(objects, "relationship")
    }
    assert links == {
        (indicator["id"], "indicates", infrastructure["id"]),
        (indicator["id"], "indicates", malware["id"]),
        (infrastructure["id"], "consists-of", address["id"]),
        (infrastructure["id"], "controls", malware["id"]),
    }


def test_a_victim_is_observed_data_with_a_sighting_of_each_family_by_its_own_evidence(make_view, tmp_path):
    view = make_view(rows=[{"role": "infected-system", "families": ["Mirai", "Mozi", "Ramnit"], "sightings": 20}])
    day = datetime(2026, 11, 3, tzinfo=UTC)
    told = [
        {
            "row": 0,
            "family": family,
            "first_seen": day + timedelta(hours=first),
            "last_seen": day + timedelta(hours=last, minutes=5),
            "count": count,
        }
        for family, first, last, count in (("Mirai", 1, 3, 9), ("Mozi", 7, 7, 1))
    ]
    objects = written(changed(view, families=pa.Table.from_pylist(told, schema=VIEW_FAMILIES)), tmp_path)
    (observed,), (address,) = of(objects, "observed-data"), of(objects, "ipv4-addr")
    assert observed["object_refs"] == [address["id"]]
    assert observed["number_observed"] == 20
    names = {each["id"]: each["name"] for each in of(objects, "malware")}
    sightings = {names[each["sighting_of_ref"]]: each for each in of(objects, "sighting")}
    assert all(each["observed_data_refs"] == [observed["id"]] for each in sightings.values())
    spans = {
        name: (each["first_seen"][11:16], each["last_seen"][11:16], each["count"]) for name, each in sightings.items()
    }
    assert spans["Mirai"] == ("01:00", "03:05", 9)
    assert spans["Mozi"] == ("07:00", "07:05", 1)
    # no evidence of its own in the view: the finding's
    assert spans["Ramnit"] == ("12:00", "12:00", 20)


def test_a_file_is_no_infrastructure(make_view, tmp_path):
    objects = written(
        make_view(rows=[{"type": "sha256", "value": "ab" * 32, "role": "malware-distribution"}]), tmp_path
    )
    assert of(objects, "infrastructure") == []
    assert [each["relationship_type"] for each in of(objects, "relationship")] == ["indicates"]
    assert of(objects, "indicator")[0]["pattern"] == f"[file:hashes.'SHA-256' = '{'ab' * 32}']"


def test_what_an_analyst_must_decide_is_left_out_and_counted(make_view, tmp_path):
    view = make_view(rows=[{"value": "203.0.113.7"}, {"value": "203.0.113.8", "review": ["Top sites (1)"]}])
    objects = written(view, tmp_path)
    assert "203.0.113.8" not in json.dumps(objects)
    assert "1 left out because they await an analyst's review" in of(objects, "report")[0]["description"]


def references(thing: object) -> Iterator[str]:
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key.endswith("_ref"):
                yield value
            elif key.endswith("_refs"):
                yield from value
            else:
                yield from references(value)


def test_every_reference_leads_to_an_object_of_the_bundle(make_view, tmp_path):
    objects = written(make_view(rows=everything(), simulated=True), tmp_path)
    ids = [each["id"] for each in objects]
    assert len(set(ids)) == len(ids)
    assert {reference for each in objects for reference in references(each)} <= set(ids)


def test_the_report_refers_to_everything_but_markings_and_itself(make_view, tmp_path):
    objects = written(make_view(findings=50), tmp_path)
    (report,) = of(objects, "report")
    assert sorted(report["object_refs"]) == sorted(
        each["id"] for each in objects if each["type"] not in {"marking-definition", "report"}
    )


def test_an_object_is_marked_as_its_finding_is(make_view, tmp_path):
    rows = [
        {"value": "203.0.113.7", "marking": "amber+strict", "families": ["Emotet", "Mirai"]},
        {"value": "203.0.113.7", "marking": "green", "families": ["Emotet"], "role": "phishing"},
    ]
    objects = written(make_view(rows=rows), tmp_path)
    strict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
    green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
    marked = {each["name"]: each["object_marking_refs"] for each in objects if each["type"] in {"indicator", "malware"}}
    assert marked == {
        "Command-and-control server 203.0.113.7": [strict],
        "Phishing 203.0.113.7": [green],
        # both findings name it, so the wider audience is told of it; Mirai is named in the stricter one alone
        "Emotet": [green],
        "Mirai": [strict],
    }
    assert of(objects, "ipv4-addr")[0]["object_marking_refs"] == [green]
    assert of(objects, "report")[0]["object_marking_refs"] == [strict]
    assert {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": strict,
        "created": "2022-10-01T00:00:00.000Z",
        "name": "TLP:AMBER+STRICT",
        "extensions": {
            "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
                "extension_type": "property-extension",
                "tlp_2_0": "amber+strict",
            }
        },
    } in objects


PAP_IDS = {
    "clear": "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92",
    "green": "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9",
    "amber": "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab",
    "red": "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e",
}
"""From the STIX PAP extension."""


def test_an_object_says_what_agreements_let_be_done_with_its_finding_the_strictest_first(make_view, tmp_path):
    first, second, free = "northwind-sinkhole", "contoso-telemetry", "fabrikam-crawl"
    rows = [
        {"value": "203.0.113.7", "marking": "green", "datasets": [second, first], "families": ["Emotet", "Mirai"]},
        {"value": "203.0.113.7", "marking": "green", "datasets": [second], "families": ["Emotet"], "role": "phishing"},
        {"value": "203.0.113.8", "marking": "green", "datasets": [free], "families": ["Gamut"]},
        # what is left out because an analyst must decide decides on no other object
        {"value": "203.0.113.9", "marking": "green", "datasets": ["fourth"], "review": ["a list (1)"]},
    ]
    plain = written(make_view(rows=rows), tmp_path)
    view = changed(
        make_view(rows=rows), paps={first: Pap.AMBER, second: Pap.CLEAR, "fourth": Pap.RED, "elsewhere": Pap.RED}
    )
    objects = written(view, tmp_path)
    assert complaints(tmp_path / "bundle.json") == []
    green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
    amber, clear = [green, PAP_IDS["amber"]], [green, PAP_IDS["clear"]]
    marked = {each["name"]: each["object_marking_refs"] for each in objects if each["type"] in {"indicator", "malware"}}
    assert marked == {
        "Command-and-control server 203.0.113.7": amber,
        "Phishing 203.0.113.7": clear,
        "Command-and-control server 203.0.113.8": [green],
        # who acts on what findings share acts on what all of them say
        "Emotet": amber,
        "Mirai": amber,
        "Gamut": [green],
    }
    values = {each["value"]: each["object_marking_refs"] for each in of(objects, "ipv4-addr")}
    assert values == {"203.0.113.7": amber, "203.0.113.8": [green]}
    assert of(objects, "report")[0]["object_marking_refs"] == amber
    # the definitions are there, of labels that occur
    defined = {each["id"] for each in of(objects, "marking-definition")}
    assert defined & {*PAP_IDS.values()} == {PAP_IDS["amber"], PAP_IDS["clear"]}
    assert {ref for each in objects for ref in each.get("object_marking_refs", ())} <= defined
    # and where nothing is agreed everything is as it was
    assert not any(one in json.dumps(plain) for one in PAP_IDS.values())


@pytest.mark.parametrize("label", list(PAP_IDS))
def test_a_pap_label_is_its_published_marking(label):
    assert json.loads(stix.encode(stix.pap(Pap(label)))) == {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": PAP_IDS[label],
        "created": "2022-10-02T00:00:00.000Z",
        "name": f"PAP:{label.upper()}",
        "extensions": {
            "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b": {
                "extension_type": "property-extension",
                "pap": label,
            }
        },
    }


def test_what_two_views_share_has_the_stricter_pap_label_of_theirs_and_its_own_other_markings():
    green, amber = PAP_IDS["green"], PAP_IDS["amber"]
    assert stix.narrowed(("tlp", "simulated", green), ("other", amber)) == ("tlp", "simulated", amber)
    assert stix.narrowed(("tlp", amber), ("tlp",)) == ("tlp", amber)
    assert stix.narrowed(("tlp",), ("tlp", green)) == ("tlp", green)
    assert stix.narrowed(("tlp",), ("other",)) == ("tlp",)


def test_every_object_of_a_simulated_operation_says_so(make_view, tmp_path):
    objects = written(make_view(rows=everything(), simulated=True), tmp_path)
    (statement,) = (each for each in of(objects, "marking-definition") if "definition" in each)
    assert statement["definition"]["statement"].startswith("SIMULATED")
    for each in objects:
        if each["type"] != "marking-definition":
            assert statement["id"] in each["object_marking_refs"]
            # cyber observables have no labels (section 3.2): the statement marks them
            assert "simulated" in each.get("labels", ()) or "created" not in each
    assert not any("simulated" in json.dumps(each) for each in written(make_view(findings=20), tmp_path))


# Examples of the specification (section 2.9 and its conformance examples), as found in other implementations' tests.
@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (IndicatorType.IPV4, "198.51.100.3", "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"),
        (IndicatorType.IPV6, "2001:db8::1", "ipv6-addr--6469e3a9-b053-5e34-a025-9396ae051d26"),
        (IndicatorType.DOMAIN, "example.com", "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7"),
        (IndicatorType.DOMAIN, "control.example.com", "domain-name--427e3664-0043-5865-b454-97df26649bde"),
        (IndicatorType.ASN, "15139", "autonomous-system--3aa27478-50b5-5ab8-9da9-cdc12b657fff"),
    ],
)
def test_ids_of_observables_are_those_that_everybody_computes(kind, value, expected):
    assert stix.observable(kind, value).id == expected


def test_the_id_of_a_file_is_the_uuid_of_its_hashes_in_canonical_json():
    namespace = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
    by_hand = uuid.uuid5(namespace, '{"hashes":{"SHA-256":"' + "ab" * 32 + '"}}')
    assert stix.observable(IndicatorType.SHA256, "ab" * 32).id == f"file--{by_hand}"


def test_the_id_of_an_indicator_can_be_worked_out_by_hand(make_view, tmp_path):
    view = make_view(rows=[{}])
    (finding,) = view.findings["finding_id"].to_pylist()
    name = '["ID",null,["National Police Cybercrime Unit"]]\0indicator\0' + finding
    by_hand = uuid.uuid5(uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), name)
    assert of(written(view, tmp_path), "indicator")[0]["id"] == f"indicator--{by_hand}"


@given(namespace=st.uuids(), prefix=st.text(), name=st.text())
def test_names_are_uuids_of_version_5(namespace, prefix, name):
    assert Names(namespace, prefix)(name) == str(uuid.uuid5(namespace, prefix + name))


def test_two_audiences_share_no_id_but_the_hubs_and_the_observables(make_view, tmp_path):
    view = make_view(findings=30)
    audiences = [
        view,
        changed(view, country="SG"),
        changed(view, theme="banks", theme_title="Banks"),
        changed(view, recipients=()),
        changed(view, recipients=(*view.recipients, RecipientSheet(partner="CERT", country="ID", persons=()))),
    ]
    seen: dict[str, int] = {}
    for number, each in enumerate(audiences):
        for thing in written(each, tmp_path):
            if "created_by_ref" in thing:
                assert seen.setdefault(thing["id"], number) == number


def test_the_order_of_recipients_changes_nothing(make_view, tmp_path):
    one, two = (RecipientSheet(partner=name, country="ID", persons=()) for name in ("CERT", "Police"))
    first = written(make_view(findings=10, recipients=(one, two)), tmp_path)
    assert first == written(make_view(findings=10, recipients=(two, one)), tmp_path)


def test_a_report_for_other_named_persons_is_another_report(make_view):
    def view(*persons: str) -> View:
        return make_view(findings=0, recipients=(RecipientSheet(partner="CERT", country="ID", persons=persons),))

    assert report_name(view("A. Ali", "B. Budi")) == report_name(view("B. Budi", "A. Ali"))
    assert report_name(view("A. Ali")) != report_name(view("A. Ali", "B. Budi"))


def stamps(objects: list[dict]) -> dict[str, tuple[str, str]]:
    return {each["id"]: (each["created"], each["modified"]) for each in objects if "modified" in each}


FIRST, SECOND = datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 12, 1, 6, tzinfo=UTC)
FIRST_TEXT, SECOND_TEXT = "2026-11-23T12:00:00.000Z", "2026-12-01T06:00:00.000Z"


def test_modified_moves_only_when_what_the_audience_is_told_does(make_view, tmp_path):
    rows = [{"value": f"203.0.113.{last}", "confidence": 0.5, "sightings": 3} for last in range(4)]
    before = written(make_view(rows=rows), tmp_path, name="one.json")
    rows[0] |= {"confidence": 0.8}
    rows = [rows[0], *rows[2:], {"value": "203.0.113.9", "confidence": 0.5, "sightings": 3}]
    after = written(at(make_view(rows=rows), SECOND), tmp_path, tmp_path / "one.json", name="two.json")
    assert set(stamps(before).values()) == {(FIRST_TEXT, FIRST_TEXT)}
    told = {each["id"]: {**each, "created": "", "modified": ""} for each in before if "modified" in each}
    for each in after:
        if "modified" not in each:
            continue
        if each["id"] not in told:
            expected = (SECOND_TEXT, SECOND_TEXT)
        elif {**each, "created": "", "modified": ""} == told[each["id"]]:
            expected = (FIRST_TEXT, FIRST_TEXT)
        else:
            expected = (FIRST_TEXT, SECOND_TEXT)
        assert (each["created"], each["modified"]) == expected
    moved = {each["type"] for each in after if each.get("created") == FIRST_TEXT and each["modified"] == SECOND_TEXT}
    assert moved == {"indicator", "infrastructure", "report"}


def test_versions_last_over_several_runs(make_view, tmp_path):
    view = make_view(findings=25)
    written(view, tmp_path, name="one.json")
    written(at(view, SECOND), tmp_path, tmp_path / "one.json", name="two.json")
    third = written(at(view, SECOND + timedelta(days=9)), tmp_path, tmp_path / "two.json", name="three.json")
    assert {modified for identifier, (_, modified) in stamps(third).items() if not identifier.startswith("report")} == {
        FIRST_TEXT
    }


def test_another_content_at_the_same_as_of_is_still_a_later_version(make_view, tmp_path):
    written(make_view(rows=[{"confidence": 0.5}]), tmp_path, name="one.json")
    after = written(make_view(rows=[{"confidence": 0.6}]), tmp_path, tmp_path / "one.json", name="two.json")
    assert stamps(of(after, "indicator")).popitem()[1] == (FIRST_TEXT, "2026-11-23T12:00:00.001Z")


def test_the_same_view_gives_the_same_bytes_also_after_itself(make_view, tmp_path):
    view = make_view(findings=120)
    bundle.write(view, tmp_path / "one.json")
    bundle.write(view, tmp_path / "two.json")
    bundle.write(view, tmp_path / "three.json", tmp_path / "two.json")
    first = (tmp_path / "one.json").read_bytes()
    assert first == (tmp_path / "two.json").read_bytes() == (tmp_path / "three.json").read_bytes()


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"type":"bundle","id":"bundle--x","objects":[\nnothing\n]}\n', "\x00\xff", '{\n  "type": "bundle"\n}'],
)
def test_an_earlier_bundle_that_is_none_is_named_in_the_error(make_view, tmp_path, text):
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(UnreadableError, match=r"old\.json"):
        bundle.write(make_view(findings=3), tmp_path / "bundle.json", tmp_path / "old.json")
    with pytest.raises(UnreadableError, match=r"old\.json"):
        read_report(tmp_path / "old.json")


def test_a_bundle_says_which_report_it_is_and_when_it_was_published(make_view, tmp_path):
    view = at(make_view(findings=5, title='","published":"1999-01-01T00:00:00Z"'), SECOND)
    bundle.write(view, tmp_path / "bundle.json")
    assert read_report(tmp_path / "bundle.json") == (report_name(view), SECOND)


def test_more_than_one_batch_is_still_one_document(make_view, tmp_path, monkeypatch):
    view = make_view(findings=40)
    whole = written(view, tmp_path, name="whole.json")
    monkeypatch.setattr("accord.reports.bundle._BATCH", 7)
    monkeypatch.setattr("accord.reports.versions._BATCH", 3)
    assert written(view, tmp_path, name="cut.json") == whole
    assert (tmp_path / "cut.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


@settings(max_examples=150)
@given(path=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), max_size=40))
def test_a_pattern_holds_the_value_and_nothing_else(path):
    url = f"http://a.example/{path}"
    pattern = stix.pattern(IndicatorType.URL, url)
    comparisons = Pattern(pattern).inspect().comparisons
    assert list(comparisons) == ["url"]
    ((path_of, operator, constant),) = comparisons["url"]
    assert (list(path_of), operator) == (["value"], "=")
    assert re.sub(r"\\(.)", r"\1", constant[1:-1]) == stix.uri(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example/x?y=1#z", "http://a.example/x?y=1#z"),
        ("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://a.example/ä|b", "http://a.example/%C3%A4%7Cb"),
        ("http://a.example/100%", "http://a.example/100%25"),
        ("http://a.example/%41%4", "http://a.example/%41%254"),
        ("http://a.example/a[1]#b#c", "http://a.example/a%5B1%5D#b%23c"),
        ("http://us er@a.example/", "http://us%20er@a.example/"),
        ("http://a.example\\b", "http://a.example/%5Cb"),
    ],
)
def test_a_url_is_written_as_rfc_3986_permits_it(url, expected):
    assert stix.uri(url) == expected


@settings(max_examples=300)
@given(tail=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30))
def test_what_is_written_as_a_url_is_one(tail):
    written_url = stix.uri(f"http://a.example/{tail}")
    assert validate_rfc3986(written_url)
    assert stix.uri(written_url) == written_url


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("email", "o'neil@example.com", r"[email-addr:value = 'o\'neil@example.com']"),
        ("cidr", "198.51.100.0/24", "[ipv4-addr:value ISSUBSET '198.51.100.0/24']"),
        ("cidr", "2001:db8::/32", "[ipv6-addr:value ISSUBSET '2001:db8::/32']"),
        ("asn", "64500", "[autonomous-system:number = 64500]"),
        ("md5", "ef" * 16, f"[file:hashes.MD5 = '{'ef' * 16}']"),
        ("sha1", "cd" * 20, f"[file:hashes.'SHA-1' = '{'cd' * 20}']"),
    ],
)
def test_patterns_are_those_of_the_specification(kind, value, expected):
    assert stix.pattern(IndicatorType(kind), value) == expected


def test_roles_of_criminals_and_of_victims_are_apart():
    assert Role.C2_SERVER in bundle.CRIMINAL_ROLES
    assert not bundle.CRIMINAL_ROLES & VICTIM_ROLES


@pytest.mark.parametrize(
    ("label", "identifier"),
    [
        ("clear", "94868c89-83c2-464b-929b-a1a8aa3c8487"),
        ("green", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"),
        ("amber", "55d920b0-5e8b-4f79-9ee9-91f868d9b421"),
        ("amber+strict", "939a9414-2ddd-4d32-a0cd-375ea402b003"),
        ("red", "e828b379-4e03-4974-9ac4-e53a884c97c1"),
    ],
)
def test_tlp_labels_are_those_that_oasis_publishes(label, identifier):
    assert json.loads(stix.encode(stix.tlp(Marking(label)))) == {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{identifier}",
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{label.upper()}",
        "extensions": {
            "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
                "extension_type": "property-extension",
                "tlp_2_0": label,
            }
        },
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), min_size=3, max_size=3))
def test_no_text_breaks_a_bundle_or_its_versions(make_view, tmp_path, texts):
    family, owner, title = texts
    rows = [
        {"families": [family], "network_owner": owner, "sources": [owner], "cautions": [title]},
        {"families": [family], "network_owner": owner, "role": "infected-system", "value": "203.0.113.9"},
    ]
    view = make_view(rows=rows, title=title, hub_name=owner)
    objects = written(view, tmp_path, name="one.json")
    assert [each["name"] for each in of(objects, "malware")] == [family]
    assert [each["name"] for each in of(objects, "autonomous-system")] == [owner]
    assert len((tmp_path / "one.json").read_bytes().splitlines()) == len(objects) + 2
    assert read_report(tmp_path / "one.json") == (report_name(view), FIRST)
    written(at(view, SECOND), tmp_path, tmp_path / "one.json", name="two.json")
    moved = {line for line in (tmp_path / "two.json").read_text("utf-8").split("\n") if SECOND_TEXT in line}
    assert [json.loads(line)["type"] for line in moved] == ["report"]


def test_a_count_never_exceeds_what_stix_permits(make_view, tmp_path):
    rows = [
        {"sightings": 5_000_000_000},
        {"role": "infected-system", "sightings": 5_000_000_000, "value": "203.0.113.9"},
    ]
    objects = written(make_view(rows=rows), tmp_path)
    assert {each["count"] for each in of(objects, "sighting")} <= {999_999_999, 1, 2, 4}
    assert of(objects, "observed-data")[0]["number_observed"] == 999_999_999
