"""Intake end to end on real files: every record accounted for, refused files named, nothing half taken."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.agreements.declarations import Dataset, DatasetRule, Partner, PartnerKind
from accord.columns.instants import microseconds
from accord.columns.mapping import Columns
from accord.columns.reading import Context, Parsed
from accord.formats.catalogue import FORMATS
from accord.intake import receiving
from accord.intake.receiving import Received, Receiver
from accord.intake.spool import Spool
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import ROLES, Role

AS_OF = datetime(2026, 1, 31, tzinfo=UTC)
CONTEXT = Context(
    is_public_suffix={"com", "example"}.__contains__, has_known_suffix=lambda name: not name.endswith("exe")
)


def dataset(*formats: str, paths: tuple[str, ...] = ("**/*",), **other: object) -> Dataset:
    settings: dict[str, object] = {
        "id": "set",
        "title": "A data set",
        "partner": Partner(id="vendor", name="Vendor", kind=PartnerKind.VENDOR, country=None),
        "formats": formats,
        "paths": paths,
        "collected_at": datetime(2026, 1, 30, tzinfo=UTC),
        "origin": Origin.SCAN,
        "legal_basis": LegalBasis.PUBLIC_TASK,
        "role": None,
        "family": None,
        "marking": Marking.GREEN,
        "grade": SourceGrade.B,
        "retention": "P1Y",
        "personal": False,
        "name_partner": True,
        "share_with": None,
        "upstream": None,
        "columns": (),
        "rules": (),
    }
    return Dataset(**{**settings, **other})


def receive(root: Path, spool: Path, *datasets: Dataset) -> tuple[Received, list[dict[str, object]]]:
    receiver = Receiver(
        root=root, spool=Spool(spool), formats=FORMATS, context=CONTEXT, as_of_us=microseconds(AS_OF), workers=2
    )
    received = receiver.receive(datasets)
    rows = [row for path in sorted(spool.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return received, rows


def rule(**given: object) -> DatasetRule:
    nothing: Mapping[str, object] = dict.fromkeys(("path", "when_family", "field", "value", "role", "family"))
    return DatasetRule(**{**nothing, **given})


def test_every_line_of_a_list_is_accounted_for(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "list.txt").write_bytes(
        b"\xef\xbb\xbf# a comment\r\n8.8.8.8:443\r\n\r\n10.0.0.1\nevil[.]example\n/gate.php\n8.8.8.8:0\n"
        b"\xff\xfe\nlast.example"
    )
    received, rows = receive(root, tmp_path / "spool", dataset("plain"))
    (delivery,) = received.deliveries
    assert delivery.records == 9
    assert delivery.accepted == 3
    assert delivery.ignored == {"blank": 1, "comment": 1, "path-without-host": 1}
    assert delivery.rejected == {"address-not-routable": 1, "encoding": 1, "port": 1}
    assert sorted((row["value"], row["port"]) for row in rows) == [
        ("8.8.8.8", 443),
        ("evil.example", 0),
        ("last.example", 0),
    ]
    assert [(row["record"], row["reason"]) for row in received.rejects.first(1_000)] == [
        (4, "address-not-routable"),
        (7, "port"),
        (8, "encoding"),
    ]


def test_an_archive_is_one_delivery_whose_bad_members_are_named(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with zipfile.ZipFile(root / "mixed.zip", "w") as archive:
        archive.writestr("a/good.json", json.dumps({"Event": {"date": "2026-01-01", "Attribute": []}}))
        archive.writestr("b/broken.json", '{"Event": {"date": "2026-01-0')
        archive.writestr("c/empty.json", "")
        archive.writestr("d/one.xml", '<?xml version="1.0"?><stix:STIX_Package/>')
    received, rows = receive(root, tmp_path / "spool", dataset("stix", "misp"))
    (delivery,) = received.deliveries
    assert [one.member for one in delivery.refused] == ["b/broken.json", "c/empty.json", "d/one.xml"]
    assert "STIX 1" in delivery.refused[2].reason
    assert delivery.formats == ("misp",)
    assert (delivery.records, rows) == (0, [])


def test_a_cut_off_archive_gives_nothing_at_all(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name in ("malware/one.txt", "malware/two.txt"):
            data = b"8.8.8.8\n" * 50_000
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    whole = gzip.compress(raw.getvalue())
    (root / "trails.tar.gz").write_bytes(whole[:-9])
    (root / "whole.tar.gz").write_bytes(whole)
    received, rows = receive(root, tmp_path / "spool", dataset("maltrail"))
    cut, good = received.deliveries
    assert [one.member for one in cut.refused] == [None]
    assert (cut.records, cut.accepted, cut.observations, cut.formats) == (0, 0, 0, ())
    assert good.records == 100_000
    assert {row["delivery"] for row in rows} == {1}


@pytest.mark.parametrize(("limit", "value"), [("CHUNK_BYTES", 256), ("CHUNK_LINES", 7), ("CHUNK_LINES", 1)])
def test_line_numbers_survive_the_cutting_into_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    lines = [f"host{number}.example" if number % 10 else "10.0.0.1" for number in range(1, 501)]
    (root / "list.txt").write_text("\n".join(lines) + "\n", "ascii")
    monkeypatch.setattr(receiving, limit, value)
    received, rows = receive(root, tmp_path / "spool", dataset("plain"))
    assert received.deliveries[0].records == 500
    assert [row["record"] for row in received.rejects.first(1_000)] == list(range(10, 501, 10))
    assert len(rows) == 450


def test_no_chunk_has_more_lines_than_a_worker_can_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[int] = []
    plain = FORMATS["plain"]
    parse = plain.parse
    monkeypatch.setattr(plain, "parse", lambda chunk, context: lines.append(parse(chunk, context).records) or parsed())
    monkeypatch.setattr(receiving, "CHUNK_LINES", 100)

    def parsed() -> Parsed:
        return Parsed(records=lines[-1], ignored={"blank": lines[-1]})

    root = tmp_path / "root"
    root.mkdir()
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        for number in range(30):
            archive.writestr(f"small-{number}", "\n" * 9 + " ")
        archive.writestr("large", "\n" * 250)
    received, _ = receive(root, tmp_path / "spool", dataset("plain"))
    assert received.deliveries[0].records == 30 * 10 + 250
    assert max(lines) == 100


def test_a_document_of_more_values_than_can_be_held_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "DOCUMENT_VALUES", 200)
    root = tmp_path / "root"
    root.mkdir()
    event = {"category": "bots", "restriction": "public", "confidence": "low", "address": [{"ip": "8.8.8.8"}]}
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        archive.writestr("good.json", json.dumps([event] * 20, indent=1))
        archive.writestr("many.json", json.dumps([{}] * 101, indent=1))
    received, rows = receive(root, tmp_path / "spool", dataset("n6"))
    (delivery,) = received.deliveries
    assert [(one.member, one.reason.partition(";")[0]) for one in delivery.refused] == [
        ("many.json", "the document holds too many values")
    ]
    assert (delivery.records, len(rows)) == (20, 20)


def test_what_lies_after_as_of_is_ignored_and_a_period_keeps_its_earlier_end(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "seen.csv").write_text(
        "ip,first,last\n8.8.8.8,2026-01-01,2026-01-02\n8.8.4.4,2026-01-01,2026-03-01\n1.1.1.1,2026-02-01,2026-03-01\n"
    )
    columns = Columns(indicators={"ip": "ip"}, seen_at=("first", "last"))
    received, rows = receive(root, tmp_path / "spool", dataset("csv", columns=(columns,)))
    (delivery,) = received.deliveries
    assert (delivery.records, delivery.accepted, delivery.observations) == (4, 2, 3)
    assert delivery.ignored == {"after-as-of": 1, "header": 1}
    assert sorted(row["value"] for row in rows) == ["8.8.4.4", "8.8.8.8", "8.8.8.8"]


def test_a_resolution_after_as_of_is_ignored_and_counted_as_such(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    lines = [
        {"rrname": f"{name}.example", "rrtype": "A", "rdata": "8.8.8.8", "time_first": first, "time_last": last}
        for name, first, last in (
            ("old", 1767225600, 1767312000),
            ("spans", 1767225600, 1780000000),
            ("new", 1780000000, 1780000000),
        )
    ]
    (root / "pdns.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    received, _ = receive(root, tmp_path / "spool", dataset("passive-dns"))
    (delivery,) = received.deliveries
    assert (delivery.records, delivery.accepted, delivery.resolutions) == (3, 2, 2)
    assert delivery.ignored == {"after-as-of": 1}
    assert [row["domain"] for row in received.resolutions.to_pylist()] == ["old.example", "spans.example"]
    assert received.resolutions["last_seen"].to_pylist()[1] == microseconds(AS_OF)


def test_a_format_of_lines_or_documents_is_read_as_each_member_starts(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    event = {"category": "bots", "restriction": "public", "confidence": "low", "time": "2026-01-02T00:00:00Z"}
    events = [event | {"address": [{"ip": f"8.8.8.{last}"}]} for last in range(1, 5)]
    (root / "a.sjson.gz").write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in events[:2]).encode()))
    with zipfile.ZipFile(root / "b.zip", "w") as archive:
        archive.writestr("good.json", json.dumps(events[2:], indent=4))
        archive.writestr("cut.json", json.dumps(events, indent=4)[:-9])
        archive.writestr("other.json", json.dumps({"Event": {"date": "2026-01-01", "Attribute": []}}))
    received, rows = receive(root, tmp_path / "spool", dataset("n6", "misp"))
    lines, documents = received.deliveries
    assert (lines.formats, lines.records, lines.accepted) == (("n6",), 2, 2)
    assert (documents.formats, documents.records, documents.accepted) == (("misp", "n6"), 2, 2)
    assert [one.member for one in documents.refused] == ["cut.json"]
    assert sorted(row["value"] for row in rows) == ["8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4"]


def test_a_record_without_a_time_takes_the_delivery_s_and_says_so(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "list.txt").write_text("8.8.8.8\n")
    _, rows = receive(root, tmp_path / "spool", dataset("plain"))
    assert [(row["seen_at"], row["undated"]) for row in rows] == [
        (microseconds(datetime(2026, 1, 30, tzinfo=UTC)), True)
    ]


@pytest.mark.parametrize(
    ("rules", "role", "family"),
    [
        ((), Role.C2_SERVER, None),
        ((rule(path="*/{family} C2 IPs.txt"),), Role.C2_SERVER, "Cobalt Strike"),
        ((rule(path="*.csv", role=Role.SPAM),), Role.C2_SERVER, None),
        (
            (rule(path="now/*", role=Role.PHISHING, family="X"), rule(path="*", role=Role.SPAM, family="Y")),
            Role.PHISHING,
            "X",
        ),
    ],
)
def test_rules_by_path_give_role_and_family(
    tmp_path: Path, rules: tuple[DatasetRule, ...], role: Role, family: str | None
) -> None:
    root = tmp_path / "root"
    (root / "now").mkdir(parents=True)
    (root / "now" / "Cobalt Strike C2 IPs.txt").write_text("8.8.8.8\n")
    received, rows = receive(root, tmp_path / "spool", dataset("plain", role=Role.C2_SERVER, rules=rules))
    (row,) = rows
    assert ROLES[row["role"]] is role
    assert (received.families[row["family"]] if row["family"] >= 0 else None) == family


def test_rules_by_family_and_field_look_at_each_record(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "seen.csv").write_text(
        "ip,family,kind\n8.8.8.8,GoPhish,a\n8.8.4.4,Sliver,a\n1.1.1.1,,Spam run\n1.0.0.1,,\n"
    )
    declared = dataset(
        "csv",
        columns=(Columns(indicators={"ip": "ip"}, family="family"),),
        rules=(
            rule(when_family="gophish", role=Role.PHISHING, family="Gophish kit"),
            rule(field="kind", value="spam*", role=Role.SPAM),
        ),
        role=Role.C2_SERVER,
        family="unnamed",
    )
    received, rows = receive(root, tmp_path / "spool", declared)
    said = {row["value"]: (ROLES[row["role"]].value, received.families[row["family"]]) for row in rows}
    assert said == {
        "8.8.8.8": ("phishing", "Gophish kit"),
        "8.8.4.4": ("c2-server", "Sliver"),
        "1.1.1.1": ("spam", "unnamed"),
        "1.0.0.1": ("c2-server", "unnamed"),
    }


def test_rules_find_their_record_among_many_that_differ_in_every_field(tmp_path: Path) -> None:
    # as many combinations as 64 bits cannot number: 10,000 words in each of five columns
    names = "abcde"
    lines = [",".join(["v", *names]), *(f"8.8.8.8,{','.join(f'{name}{at}' for name in names)}" for at in range(10_000))]
    root = tmp_path / "root"
    root.mkdir()
    (root / "wide.csv").write_text("\n".join(lines) + "\n")
    rules = tuple(rule(field=name, value=f"{name}{at}", family=name) for at, name in enumerate(names))
    declared = dataset("csv", columns=(Columns(indicators={"v": "ip"}),), rules=rules)
    received, rows = receive(root, tmp_path / "spool", declared)
    said = [received.families[row["family"]] for row in rows if row["family"] >= 0]  # type: ignore[index, operator]
    assert sorted(said) == list(names)


def test_a_family_name_is_bounded_because_it_stands_beside_every_finding(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    names = ["Q" * 256, "R" * 257, "S" * 1_000_000]
    (root / "seen.csv").write_text("ip,family\n" + "".join(f"8.8.8.{at},{name}\n" for at, name in enumerate(names)))
    declared = dataset("csv", columns=(Columns(indicators={"ip": "ip"}, family="family"),))
    received, _ = receive(root, tmp_path / "spool", declared)
    assert list(received.families) == [names[0], "R" * 255 + "…", "S" * 255 + "…"]
    assert received.deliveries[0].accepted == 3


def test_a_rule_can_look_at_what_type_the_value_is(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "list.txt").write_text("8.8.8.8\nhttp://8.8.8.8/load\n")
    rules = (rule(field="indicator_type", value="url", role=Role.MALWARE_DISTRIBUTION),)
    _, rows = receive(root, tmp_path / "spool", dataset("plain", role=Role.C2_SERVER, rules=rules))
    assert [ROLES[row["role"]] for row in rows] == [Role.C2_SERVER, Role.MALWARE_DISTRIBUTION]


def test_a_record_s_own_marking_applies_only_where_it_is_stricter(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "seen.csv").write_text("ip,tlp\n8.8.8.8,TLP:CLEAR\n8.8.4.4,TLP:RED\n1.1.1.1,\n")
    columns = Columns(indicators={"ip": "ip"}, marking="tlp")
    _, rows = receive(root, tmp_path / "spool", dataset("csv", columns=(columns,), marking=Marking.AMBER))
    assert {row["value"]: row["marking"] for row in rows} == {"8.8.8.8": 2, "8.8.4.4": 4, "1.1.1.1": 2}


_good = st.integers(0, 250).map(lambda number: f"8.8.{number}.8")
_junk = st.one_of(
    st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"")),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass").replace(b"\n", b"")),
)


@given(st.lists(st.one_of(_good.map(str.encode), _junk), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", ["plain", "maltrail"])
def test_no_junk_crashes_a_list_or_loses_a_good_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, lines: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    root = folder / "root"
    root.mkdir()
    (root / "list.txt").write_bytes(b"8.9.9.9\n" + b"\n".join(lines) + b"\n8.9.9.8\n")
    received, rows = receive(root, folder / "spool", dataset(name))
    (delivery,) = received.deliveries
    if delivery.refused:  # NUL bytes: no text
        assert any(b"\0" in line for line in lines)
        return
    assert delivery.accepted + sum(delivery.ignored.values()) + sum(delivery.rejected.values()) == delivery.records
    assert delivery.records == len(lines) + 2
    good = {line.decode() for line in lines if line in {f"8.8.{number}.8".encode() for number in range(251)}}
    assert good | {"8.9.9.9", "8.9.9.8"} <= {row["value"] for row in rows}


def test_a_pattern_that_names_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names no file"):
        receive(tmp_path, tmp_path / "spool", dataset("plain", paths=("*.intel",)))


def test_content_of_no_declared_format_is_refused_by_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "notes.json").write_text('{"a": 1}')
    received, _ = receive(root, tmp_path / "spool", dataset("stix", "zeek"))
    (refused,) = received.deliveries[0].refused
    assert "none of the data set's formats" in refused.reason
