"""MISP: case files, every shape of document, and pymisp as the oracle of what an event holds."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from accord.columns.instants import read_instant
from accord.columns.reading import Context, Document, Parsed
from accord.columns.schema import OBSERVATIONS
from accord.formats import misp
from accord.formats.misp.types import NOT_OBSERVABLE, TAKEN
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.markings import MARKINGS

CASES = Path(__file__).parents[1] / "cases" / "misp"
DELIVERIES = Path(__file__).parents[2] / "../shared/feeds/eset"
CONTEXT = Context(
    is_public_suffix=lambda name: name in {"com", "net", "org"}, has_known_suffix=lambda name: name != "test"
)


def read(document: object, *, context: Context = CONTEXT) -> Parsed:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return misp.parse(Document(member=0, path="partner/event.json", data=data), context)


def event(*attributes: object, **more: object) -> dict[str, object]:
    return {"Event": {"info": "made up", "date": "2020-05-06", "Attribute": list(attributes)} | more}


def rows(parsed: Parsed) -> list[dict[str, object]]:
    return parsed.observations.to_pylist()


def accounted(parsed: Parsed) -> int:
    taken = {row["record"] for row in (*rows(parsed), *parsed.resolutions.to_pylist())}
    rejected = [row for row in parsed.rejects.to_pylist() if not row["partial"]]
    return len(taken) + sum(parsed.ignored.values()) + len(rejected)


def microseconds(instant: object) -> int | None:
    return None if instant is None else round(instant.timestamp() * 1_000_000)


@pytest.mark.parametrize("case", sorted(CASES.glob("*.expected.json")), ids=lambda path: path.name)
def test_a_case_file_gives_exactly_what_stands_beside_it(case: Path) -> None:
    expected = json.loads(case.read_text())
    parsed = read((CASES / case.name.replace(".expected", "")).read_bytes())
    assert parsed.records == expected["records"] == accounted(parsed)
    assert [
        {
            "record": row["record"],
            "type": INDICATOR_TYPES[row["type"]].value,
            "value": row["value"],
            "port": row["port"],
            "role": row["role"],
            "family": row["family"],
            "marking": None if row["marking"] is None else MARKINGS[row["marking"]].value,
            "seen_at": microseconds(row["seen_at"]),
        }
        for row in rows(parsed)
    ] == [row | {"seen_at": row["seen_at"] and read_instant(row["seen_at"])} for row in expected["observations"]]
    assert [
        {
            "record": row["record"],
            "domain": row["domain"],
            "address": row["address"],
            "first_seen": microseconds(row["first_seen"]),
            "last_seen": microseconds(row["last_seen"]),
        }
        for row in parsed.resolutions.to_pylist()
    ] == [
        row | {end: row[end] and read_instant(row[end]) for end in ("first_seen", "last_seen")}
        for row in expected["resolutions"]
    ]
    assert dict(parsed.ignored) == expected["ignored"]
    assert [
        {name: value for name, value in row.items() if name != "member"} for row in parsed.rejects.to_pylist()
    ] == expected["rejects"]


def test_every_type_of_the_core_format_is_decided_and_none_twice() -> None:
    # it takes seconds to load, and is for who needs it alone
    import pymisp

    described = set(pymisp.MISPAttribute().describe_types["types"])
    assert described - TAKEN.keys() - NOT_OBSERVABLE == set()
    assert TAKEN.keys() & NOT_OBSERVABLE == set()
    assert (TAKEN.keys() | NOT_OBSERVABLE) - described == set()


def test_the_flag_that_an_attribute_leaves_out_is_misps_own_default() -> None:
    import pymisp

    defaults = pymisp.MISPAttribute().describe_types["sane_defaults"]
    assert {name: reading.to_ids for name, reading in TAKEN.items()} == {
        name: bool(defaults[name]["to_ids"]) for name in TAKEN
    }


def test_a_type_that_nobody_described_is_not_observable() -> None:
    parsed = read(event({"type": "brand-new-type", "value": "9.9.9.9", "to_ids": True}))
    assert dict(parsed.ignored) == {"not-observable": 1}


ATTRIBUTE = {"type": "domain", "value": "c2.example.com", "to_ids": True}
BARE = {"info": "made up", "Attribute": [ATTRIBUTE]}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"Event": BARE}, "/Event/Attribute/0"),
        ({"Event": [BARE]}, "/Event/0/Attribute/0"),
        ({"response": [{"Event": BARE}]}, "/response/0/Event/Attribute/0"),
        ({"response": {"Event": BARE}}, "/response/Event/Attribute/0"),
        ({"response": [BARE]}, "/response/0/Attribute/0"),
        ({"response": {"Attribute": [ATTRIBUTE]}}, "/response/Attribute/0"),
        ([{"Event": BARE}], "/0/Event/Attribute/0"),
        ([BARE], "/0/Attribute/0"),
        (BARE, "/Attribute/0"),
    ],
)
def test_every_way_to_wrap_an_event_is_read_and_its_pointers_lead_back(document: object, pointer: str) -> None:
    data = json.dumps(document).encode()
    assert misp.recognises(data, "x.json")
    assert [row["value"] for row in rows(read(data))] == ["c2.example.com"]
    broken = json.loads(data.replace(b"c2.example.com", b"-"))
    reject = read(broken).rejects.to_pylist()[0]
    assert reject["pointer"] == pointer
    target = broken
    for step in pointer.split("/")[1:]:
        target = target[int(step) if isinstance(target, list) else step]
    assert target["value"] == "-"


def test_an_attribute_search_gives_each_attribute_its_own_events_words() -> None:
    own = {"info": "one of many", "date": "2019-01-01", "Tag": [{"name": "tlp:amber"}]}
    row = rows(read({"response": {"Attribute": [ATTRIBUTE | {"Event": own}]}}))[0]
    assert (row["marking"], row["seen_at"].date().isoformat()) == (2, "2019-01-01")


def test_an_empty_answer_is_no_records_and_no_error() -> None:
    assert read({"response": []}).records == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"Event": {"info": "x",\n  "Attribute": [', "line 2, column "),
        (b'{"Event": {"info": "abc \xff"}}', "line 1, column 25, byte 24"),
        (b'{"Event": {"info": NaN}}', "line 1, column "),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b'{"a": ' * 5000 + b"1" + b"}" * 5000, "nested too deeply"),
        (b'{"type": "bundle", "id": "bundle--1", "objects": []}', "STIX bundle"),
        (b'{"foo": 1}', "`foo`"),
        (b'"text"', "a string"),
        (b"12", "a number"),
    ],
)
def test_what_is_no_event_is_refused_whole_and_says_where_and_why(data: bytes, words: str) -> None:
    with pytest.raises(RefusedFileError, match=re.escape(words)) as caught:
        read(data)
    assert "partner/event.json" in str(caught.value)


def test_the_place_of_a_cut_is_the_line_column_and_byte_where_the_text_ends() -> None:
    whole = json.dumps(event(ATTRIBUTE), indent=1).encode()
    with pytest.raises(RefusedFileError) as caught:
        read("é".encode().join([b'{"Event": {"info": "', b'",\n "date": 1,\n ']))
    assert "line 3, column 2, byte 38" in str(caught.value)
    assert read(whole).records == 1


@pytest.mark.parametrize(
    "head",
    [
        b'{"type": "bundle", "id": "bundle--1", "objects": [{"type": "indicator"}]}',
        b'{"spec_version": "2.0", "type": "bundle", "objects": []}',
        b'{"response": {"docs": [1]}}',
        b"a,b,c\n1,2,3\n",
        b"",
        b"\x00\xff\xfe",
        b'{"events": [{"time": 1}]}',
        b'{"rrname": "example.com", "rrtype": "A", "rdata": "9.9.9.9"}',
    ],
)
def test_other_json_and_text_is_not_taken_for_misp(head: bytes) -> None:
    assert not misp.recognises(head, "file.json")


def test_the_start_of_a_long_event_is_enough_to_recognise_it() -> None:
    data = json.dumps(event(*[ATTRIBUTE] * 2000)).encode()
    assert misp.recognises(data[:300], "x")
    assert misp.recognises(b'{"5f6c1c5e-0000-4000-8000-000000000001": {"info": "x", "Orgc"', "manifest.json")


def test_the_narrowest_of_an_events_and_an_attributes_markings_holds() -> None:
    def marking(of_event: list[str], of_attribute: list[str]) -> object:
        tagged = ATTRIBUTE | {"Tag": [{"name": name} for name in of_attribute]}
        return rows(read(event(tagged, Tag=[{"name": name} for name in of_event])))[0]["marking"]

    assert marking([], []) is None
    assert marking(["tlp:white"], []) == 0
    assert marking(["tlp:amber"], ["tlp:clear"]) == 2
    assert marking(["tlp:green"], ["TLP:AMBER+STRICT"]) == 3
    assert marking(["tlp:green", "tlp:red"], []) == 4
    assert marking(["tlp:green", "tlp:ex:chr"], []) == 1
    # what may not be published is green at least; a label that says no limit says nothing of who may see it
    assert marking(["PAP:CLEAR"], []) is None
    assert marking(["PAP:WHITE", "tlp:clear"], []) == 0
    assert marking(["tlp:clear"], ["PAP:GREEN"]) == 1
    assert marking(["PAP:GREEN"], ["tlp:amber"]) == 2


def test_a_marking_that_cannot_be_read_lets_nothing_through() -> None:
    forbidden = [[{"name": name}] for name in ("PAP:AMBER", "pap:red", "PAP:unheard-of", "PAP:")]
    for tag in forbidden:
        assert [one["reason"] for one in read(event(ATTRIBUTE, Tag=tag)).rejects.to_pylist()] == ["marking"]
        assert len(read(event(ATTRIBUTE | {"Tag": tag})).observations) == 0
    tags = [{"name": "tlp:unclear"}], [{"name": 3}], "tlp:red"
    reasons = [read(event(ATTRIBUTE, Tag=tag)).rejects.to_pylist()[0]["reason"] for tag in tags]
    assert reasons == ["marking", "malformed-object", "malformed-object"]
    assert [len(read(event(ATTRIBUTE | {"Tag": tag})).observations) for tag in tags] == [0, 0, 0]


@pytest.mark.parametrize(
    ("tag", "role"),
    [
        ('rsit:malicious-code="c2-server"', "c2-server"),
        ('rsit:vulnerable="ddos-amplifier"', "ddos-amplifier"),
        ("rsit:malicious-code=infected-system", "infected-system"),
        ('RSIT:Fraud="Phishing"', "phishing"),
        ('rsit:malicious-code="malware"', None),
        ('ecsirt:malicious-code="c&c"', "c2-server"),
        ('ecsirt:malicious-code="botnet-drone"', "infected-system"),
        ('ecsirt:malicious-code="ransomware"', None),
        ('circl:incident-classification="phishing"', "phishing"),
        ("kill-chain:Command and Control", "c2-server"),
        ("kill-chain:Delivery", None),
        ('europol-event:"c&c-server-hosting"', None),
        ("europol-event:c&c-server-hosting", "c2-server"),
        ("c2-server", None),
    ],
)
def test_a_tag_that_says_one_of_our_roles_exactly_gives_it_and_no_other(tag: str, role: str | None) -> None:
    assert rows(read(event(ATTRIBUTE | {"Tag": [{"name": tag}]})))[0]["role"] == role


def test_an_attributes_own_role_comes_before_its_events_and_two_roles_are_none() -> None:
    c2, phishing = {"name": 'rsit:malicious-code="c2-server"'}, {"name": 'rsit:fraud="phishing"'}
    assert rows(read(event(ATTRIBUTE | {"Tag": [phishing]}, Tag=[c2])))[0]["role"] == "phishing"
    assert rows(read(event(ATTRIBUTE, Tag=[c2, phishing])))[0]["role"] is None


def test_a_file_is_no_server_whatever_its_event_is_tagged() -> None:
    digest = {"type": "md5", "value": "0" * 31 + "a", "to_ids": True}
    assert rows(read(event(digest, Tag=[{"name": 'rsit:malicious-code="c2-server"'}])))[0]["role"] is None


def test_families_come_from_galaxies_of_malware_and_never_from_a_guess() -> None:
    def families(*tags: str, galaxy: object = None) -> list[object]:
        more = {"Tag": [{"name": tag} for tag in tags], "Galaxy": galaxy}
        return [row["family"] for row in rows(read(event(ATTRIBUTE | more)))]

    assert families('misp-galaxy:malpedia="Emotet"', 'misp-galaxy:banker="Geodo"') == ["Emotet"]
    assert families('misp-galaxy:mitre-malware="Emotet - S0367"') == ["Emotet"]
    assert families('misp-galaxy:rat="Remcos"', 'misp-galaxy:rat="NanoCore"') == ["Remcos", "NanoCore"]
    assert families('misp-galaxy:threat-actor="Sofacy"', "Zebrocy") == [None]
    assert families(galaxy=[{"type": "botnet", "GalaxyCluster": [{"value": "Mirai"}]}]) == ["Mirai"]
    two = [{"name": 'misp-galaxy:malpedia="A"'}, {"name": 'misp-galaxy:malpedia="B"'}]
    assert [row["family"] for row in rows(read(event(ATTRIBUTE, Tag=two)))] == [None]
    assert [row["family"] for row in rows(read(event(ATTRIBUTE, Tag=two[:1])))] == ["A"]


def test_a_period_that_ends_before_it_begins_is_rejected() -> None:
    reversed_period = {"first_seen": "2020-02-01", "last_seen": "2020-01-01"}
    assert read(event(ATTRIBUTE | reversed_period)).rejects.to_pylist()[0]["reason"] == "time"


def test_the_time_of_the_last_edit_is_never_a_sighting() -> None:
    undated = {"info": "x", "Attribute": [ATTRIBUTE | {"timestamp": "1500000000"}], "timestamp": "1500000000"}
    assert rows(read({"Event": undated}))[0]["seen_at"] is None


def test_sightings_count_and_false_positives_do_not() -> None:
    seen = [{"type": 0, "date_sighting": 1488326400}, {"type": "0", "date_sighting": "1488326401"}]
    other = [{"type": "1", "date_sighting": "1"}, {"type": "2", "date_sighting": "2"}]
    parsed = read(event(ATTRIBUTE | {"Sighting": seen + other}))
    assert [int(row["seen_at"].timestamp()) for row in rows(parsed)] == [1588723200, 1488326400, 1488326401]
    bad = read(event(ATTRIBUTE | {"Sighting": [{"type": "0", "date_sighting": "soon"}, 5]}))
    assert [(row["reason"], row["partial"]) for row in bad.rejects.to_pylist()] == [
        ("time", True),
        ("malformed-object", True),
    ]


def test_a_port_belongs_to_its_objects_host_and_to_no_other() -> None:
    def inside(name: str, *pairs: tuple[str, str, str]) -> list[object]:
        attributes = [{"type": t, "object_relation": r, "value": v, "to_ids": True} for t, r, v in pairs]
        found = read(event(Object=[{"name": name, "Attribute": attributes}]))
        return [row["port"] for row in rows(found)]

    host, port = ("ip-dst", "ip", "9.9.9.9"), ("port", "dst-port", "443")
    assert inside("ip-port", host, port) == [443]
    assert inside("ip-port", ("ip-src", "ip-src", "9.9.9.9"), ("port", "src-port", "5"), port) == [5]
    assert inside("ip-port", host, port, ("port", "dst-port", "80")) == [None]
    assert inside("ip-port", host, ("port", "dst-port", "99999")) == [None]
    assert inside("passport", host, port) == [None]


def test_attributes_of_a_deleted_object_are_deleted() -> None:
    gone = {"name": "file", "deleted": True, "Attribute": [ATTRIBUTE]}
    assert dict(read(event(Object=[gone])).ignored) == {"deleted": 1}


def test_a_datasets_rules_can_look_at_what_the_record_says() -> None:
    context = Context(
        is_public_suffix=CONTEXT.is_public_suffix,
        has_known_suffix=CONTEXT.has_known_suffix,
        rule_fields=("category", "tag", "comment", "event_info", "object", "unheard-of"),
    )
    more = {"category": "Network activity", "comment": "C2", "Tag": [{"name": "a"}, {"name": "b"}]}
    parsed = read(event(ATTRIBUTE | more, Tag=[{"name": "b"}, {"name": "c"}]), context=context)
    assert parsed.observations.schema.names[len(OBSERVATIONS) :] == [f"field:{name}" for name in context.rule_fields]
    row = rows(parsed)[0]
    assert [row[f"field:{name}"] for name in context.rule_fields] == [
        "Network activity",
        "a|b|c",
        "C2",
        "made up",
        None,
        None,
    ]


def delivered() -> Iterator[Path]:
    return (path for path in sorted(DELIVERIES.rglob("*")) if path.is_file() and path.parent.name != "cut-off")


def test_pymisp_finds_the_same_attributes_in_the_same_order() -> None:
    import pymisp

    # the sample deliveries are read too where they lie beside the checkout
    for path in (CASES / "botnet-event.json", *delivered()):
        tree = json.loads(path.read_bytes())
        ours = read(path.read_bytes())
        theirs: list[str] = []
        for wrapped in tree.get("response", [tree]):
            oracle = pymisp.MISPEvent()
            oracle.load(wrapped)
            attributes = [*oracle.attributes, *(one for thing in oracle.objects for one in thing.attributes)]
            theirs.extend(str(one.value) for one in attributes)
        assert ours.records == len(theirs) == accounted(ours), path
        for row in rows(ours):
            written = theirs[row["record"] - 1].lower().replace("[.]", ".")
            bare = row["value"].split("://")[-1].rstrip("/")
            assert bare.lower() in written or row["value"] in written, path


@pytest.mark.parametrize(
    "data",
    [
        b'{"5f6c1c5e-0000-4000-8000-000000000001": {"info": "x", "Orgc": {"name": "y"}, "date": "2020-05-06"}}',
        b"7b7ab7f4c4e8d4c9a2b4d9cf3c9cde9c,5f6c1c5e-0000-4000-8000-000000000001\n",
    ],
)
def test_what_a_feed_holds_beside_its_events_has_their_columns(data: bytes) -> None:
    context = replace(CONTEXT, rule_fields=("tag", "comment"))
    beside, plain = read(data, context=context), read(event(), context=context)
    assert (beside.records, beside.observations.num_rows) == (0, 0)
    assert beside.observations.schema == plain.observations.schema
