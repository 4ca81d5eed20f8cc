"""Importing reference data: every form, every refusal, and nothing half-done."""

import hashlib
import importlib.util
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from accord.reference.imports import import_source
from accord.reference.manifest import MANIFEST, Kind, read_manifest
from accord.reference.store import load
from accord.reference.warningclasses import WarningClass
from accord.vocabulary.errors import AccordError, ReferenceDataError, SettingsError, UnreadableError

_spec = importlib.util.spec_from_file_location("mmdb_writer", Path(__file__).with_name("mmdb_writer.py"))
mmdb_writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mmdb_writer)


def taken_in(directory: Path, kind: Kind, *paths: Path):
    return import_source(
        directory, kind, paths, name="made-up", version="7", dated=date(2026, 11, 1), licence="CC0-1.0"
    )


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(table, *addresses: str) -> list[str | None]:
    return table.name(table.look_up(pa.array(addresses))).to_pylist()


COUNTRIES = (
    "\ufeffstart,end,country\r\n192.0.2.0,192.0.2.255,sg\r\n"
    "192.0.2.64,192.0.2.127,MY\r\n198.51.100.0,198.51.100.255,AN\r\n"
)
TREATY_HEADER = "country_a,country_b,treaty,article,in_force_since\n"
COUNTRIES_AS_NUMBERS = (
    "3221225984,3221226239,SG\n3221226048,3221226111,MY\n3325256704,3325256959,AN\n"
    "42540766411282592856903984951653826560,42540766490510755371168322545197776895,UK\n"
)


def test_ranges_come_in_as_text_or_as_numbers_and_the_narrowest_wins(tmp_path):
    text = written(tmp_path, "v4.csv", COUNTRIES)
    v6 = written(tmp_path, "v6.csv", "2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,UK\n")
    taken_in(tmp_path / "text", Kind.COUNTRY, text, v6)
    taken_in(tmp_path / "numbers", Kind.COUNTRY, written(tmp_path, "n.csv", COUNTRIES_AS_NUMBERS))
    asked = ("192.0.2.1", "192.0.2.64", "192.0.2.128", "192.0.3.0", "2001:db8::1", "198.51.100.1")
    for folder in ("text", "numbers"):
        # AN is no country any more: the range is known, its country is not
        assert names(load(tmp_path / folder).country, *asked) == ["SG", "MY", "SG", None, "GB", None]


def test_networks_come_from_csv_and_keep_commas_in_owners(tmp_path):
    path = written(tmp_path, "n.csv", '192.0.2.0,192.0.2.255,AS64500,"Example, Ltd."\n192.0.3.0,192.0.3.255,0,none\n')
    taken_in(tmp_path / "ref", Kind.NETWORK, path)
    table = load(tmp_path / "ref").network
    rows = table.look_up(pa.array(["192.0.2.1", "192.0.3.1"]))
    assert table.name(rows).to_pylist() == ["Example, Ltd.", None]
    assert table.number(rows).to_pylist() == [64500, None]


def test_networks_come_from_pyasn(tmp_path):
    path = written(
        tmp_path, "ipasn.dat", "; IP-ASN32-DAT file\n192.0.2.0/24\t64500\n192.0.2.128/25\t64501\n2001:db8::/32\t64502\n"
    )
    taken_in(tmp_path / "ref", Kind.NETWORK, path)
    table = load(tmp_path / "ref").network
    rows = table.look_up(pa.array(["192.0.2.1", "192.0.2.129", "2001:db8::9", "192.0.3.1"]))
    assert table.number(rows).to_pylist() == [64500, 64501, 64502, None]


def test_countries_come_from_a_maxmind_database(tmp_path):
    content = mmdb_writer.mmdb(
        {
            "192.0.2.0/24": {"country": {"iso_code": "TH", "names": {"en": "Thailand"}}},
            "198.51.100.0/25": {"country_code": "VN"},
            "203.0.113.0/24": {"country": "PH"},
            "2001:db8::/32": {"country": {"iso_code": "LA"}},
        }
    )
    taken_in(tmp_path / "ref", Kind.COUNTRY_SECOND, written(tmp_path, "c.mmdb", content))
    table = load(tmp_path / "ref").country_second
    asked = ("192.0.2.255", "192.0.3.0", "198.51.100.127", "198.51.100.128", "203.0.113.1", "2001:db8::1")
    assert names(table, *asked) == ["TH", None, "VN", None, "PH", "LA"]


def test_networks_come_from_a_maxmind_database(tmp_path):
    record = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"}
    content = mmdb_writer.mmdb({"192.0.2.0/24": record, "2001:db8::/32": {"asn": "AS64501", "as_name": "Other"}})
    taken_in(tmp_path / "ref", Kind.NETWORK, written(tmp_path, "a.mmdb", content))
    table = load(tmp_path / "ref").network
    rows = table.look_up(pa.array(["192.0.2.1", "2001:db8::1"]))
    assert (table.number(rows).to_pylist(), table.name(rows).to_pylist()) == ([64500, 64501], ["Example", "Other"])


@pytest.mark.parametrize(
    ("kind", "name", "content", "where", "got"),
    [
        (Kind.COUNTRY, "a.csv", "192.0.2.0,192.0.2.9,SG\n192.0.2.300,192.0.3.0,SG\n", "line 2", "192.0.2.300"),
        (Kind.COUNTRY, "a.csv", "192.0.2.9,192.0.2.0,SG\n", "line 1", "192.0.2.9,192.0.2.0"),
        (Kind.COUNTRY, "a.csv", "192.0.2.0,2001:db8::,SG\n", "line 1", "2001:db8::"),
        (Kind.COUNTRY, "a.csv", "192.0.2.0,192.0.2.9,Singapore\n", "line 1", "Singapore"),
        (Kind.COUNTRY, "a.csv", "192.0.2.0,192.0.2.9\n", "line 1", "192.0.2.0,192.0.2.9"),
        (Kind.COUNTRY, "a.csv", '192.0.2.0,192.0.2.9,"SG\n', "line 1", "unexpected end"),
        (Kind.NETWORK, "a.csv", "192.0.2.0,192.0.2.9,AS4294967296,x\n", "line 1", "AS4294967296"),
        (Kind.NETWORK, "a.dat", "192.0.2.1/24\t5\n", "line 1", "192.0.2.1/24"),
        (Kind.NETWORK, "a.dat", "192.0.2.0/24 5\n", "line 1", "192.0.2.0/24 5"),
        (Kind.COUNTRY, "a.dat", "192.0.2.0/24\t5\n", "a.dat", ""),
        (Kind.COUNTRY, "a.csv", "start,end,country\n", "a.csv", ""),
        (Kind.COUNTRY, "a.mmdb", b"no database", "a.mmdb", ""),
        (Kind.COUNTRY, "a.csv", b"\xff\xfe1", "byte 0", ""),
        (Kind.CSIRTS, "a.txt", "SG|Team\n", "line 1", "Team"),
        (Kind.CSIRTS, "a.txt", "# none\n", "a.txt", ""),
        (Kind.CSIRTS, "a.txt", "XX|Team <a@b.example>\n", "line 1", "XX|Team"),
        (Kind.CSIRTS, "teams.json", '[{"short_name": 5}]', "teams.json", "short_name"),
        (Kind.ABUSE, "a.csv", "asn,contact\n64500,nobody\n", "line 2", "nobody"),
        (Kind.ABUSE, "a.csv", "asn,mail\n", "line 1", "asn,mail"),
        (Kind.TREATIES, "t.csv", TREATY_HEADER + "SG,SG,T,,2020-01-01\n", "line 2", "SG,SG"),
        (Kind.TREATIES, "t.csv", TREATY_HEADER + "SG,MY,T,,01/02/2020\n", "line 2", "01/02"),
        (Kind.WARNING_CLASSES, "w.csv", "list,class,reason\nakamai,fine,x\n", "line 2", "akamai,fine,x"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_whole_and_what_was_in_use_stays(tmp_path, kind, name, content, where, got):
    directory = tmp_path / "ref"
    taken_in(directory, Kind.COUNTRY, written(tmp_path, "good.csv", "192.0.2.0,192.0.2.255,SG\n"))
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(ReferenceDataError) as refusal:
        taken_in(directory, kind, written(tmp_path, name, content))
    assert where in (refusal.value.where or "")
    assert got in (refusal.value.got or "")
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_a_missing_file_and_a_kind_that_comes_with_accord_are_refused(tmp_path):
    with pytest.raises(UnreadableError):
        taken_in(tmp_path, Kind.COUNTRY, tmp_path / "none.csv")
    with pytest.raises(SettingsError):
        taken_in(tmp_path, Kind.SHAPES, tmp_path / "none.csv")
    with pytest.raises(SettingsError):
        taken_in(tmp_path, Kind.CSIRTS, tmp_path / "a", tmp_path / "b")


def test_a_second_import_replaces_the_first_and_leaves_no_file_behind(tmp_path):
    directory = tmp_path / "ref"
    taken_in(directory, Kind.COUNTRY, written(tmp_path, "a.csv", "192.0.2.0,192.0.2.255,SG\n"))
    (directory / ".country-left.parquet.1.partial").write_bytes(b"cut off")
    source = taken_in(directory, Kind.COUNTRY, written(tmp_path, "b.csv", "192.0.2.0,192.0.2.255,TH\n"))
    assert names(load(directory).country, "192.0.2.1") == ["TH"]
    assert {path.name for path in directory.iterdir()} == {MANIFEST, *(file.path for file in source.files)}
    assert (source.origin, source.rows, source.date, source.package) == ("imported", 1, "2026-11-01", "b.csv")


def test_imported_data_overlays_the_bundle_and_the_rest_of_the_bundle_stays(tmp_path):
    taken_in(tmp_path / "ref", Kind.COUNTRY, written(tmp_path, "a.csv", "192.0.2.0,192.0.2.255,SG\n"))
    reference = load(tmp_path / "ref")
    assert names(reference.country, "192.0.2.1", "8.8.8.8") == ["SG", None]
    assert names(reference.country_second, "8.8.8.8") == ["US"]


def test_a_changed_file_is_noticed(tmp_path):
    directory = tmp_path / "ref"
    source = taken_in(directory, Kind.COUNTRY, written(tmp_path, "a.csv", "192.0.2.0,192.0.2.255,SG\n"))
    path = directory / source.files[0].path
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ReferenceDataError, match="was changed"):
        _ = load(directory).country


def test_nothing_is_invented_where_nothing_was_imported():
    reference = load(None)
    assert (reference.csirts, reference.abuse, reference.treaties) == (None, None, None)
    assert reference.warning_classes == {}


def test_contacts_and_treaties_are_found_after_import(tmp_path):
    directory = tmp_path / "ref"
    taken_in(
        directory,
        Kind.CSIRTS,
        written(tmp_path, "c.txt", "# list\nSG|Team One <one@a.example>,Team Two <two@b.example>\n"),
    )
    taken_in(
        directory,
        Kind.ABUSE,
        written(tmp_path, "a.csv", "asn,contact\nAS64500,abuse@example.net\n64501,https://form.example/\n"),
    )
    treaties = (
        "country_a,country_b,treaty,article,in_force_since\n"
        "sg,MY,Treaty on Things,Article 5,2011-05-01\nMY,SG,Newer Treaty,,2020-02-03\nSG,TH,Future Treaty,,2030-01-01\n"
    )
    taken_in(directory, Kind.TREATIES, written(tmp_path, "t.csv", treaties))
    taken_in(directory, Kind.WARNING_CLASSES, written(tmp_path, "w.csv", "list,class,reason\nakamai,never,ours\n"))
    reference = load(directory)
    assert reference.csirts.of("SG") == "Team One <one@a.example>, Team Two <two@b.example>"
    assert reference.csirts.of("MY") is None
    assert (reference.abuse.of(64500), reference.abuse.of(64501)) == ("abuse@example.net", "https://form.example/")
    assert reference.abuse.of(1) is None
    on = date(2026, 11, 23)
    assert reference.treaties.basis("MY", "SG", on) == (
        "Treaty on Things, Article 5 (in force since 2011-05-01); Newer Treaty (in force since 2020-02-03)"
    )
    assert reference.treaties.basis("SG", "MY", date(2015, 1, 1)) == (
        "Treaty on Things, Article 5 (in force since 2011-05-01)"
    )
    assert reference.treaties.basis("SG", "TH", on) is None
    assert reference.treaties.basis("SG", "VN", on) is None
    assert reference.warning_classes == {"akamai": WarningClass.NEVER}


TEAMS = """[
  {"short_name": "N", "country": {"code": "AT"}, "constituency": {"types": ["National"], "countries": [{"code": "AT"}]},
   "emails": [{"address": "pgp@n.example", "usage": ["other"]}, {"address": "n@n.example", "usage": ["contact"]}]},
  {"short_name": "G", "country": {"code": "AT"}, "constituency": {"types": ["Government"], "countries": []},
   "emails": [{"address": "g@g.example", "usage": ["contact"]}]},
  {"short_name": "H", "country": {"code": "MT"}, "constituency": {"types": ["Government"], "countries": []},
   "emails": [{"address": "h@h.example", "usage": ["contact"]}]},
  {"short_name": "U", "country": {"code": "ES"}, "constituency": {"types": ["Research & Education"], "countries": []},
   "emails": [{"address": "u@u.example", "usage": ["contact"]}]}
]"""


def test_of_a_directory_of_teams_the_national_ones_are_taken(tmp_path):
    taken_in(tmp_path / "ref", Kind.CSIRTS, written(tmp_path, "teams.json", TEAMS))
    csirts = load(tmp_path / "ref").csirts
    assert (csirts.of("AT"), csirts.of("MT"), csirts.of("ES")) == ("N <n@n.example>", "H <h@h.example>", None)


def test_the_bundle_is_what_its_manifest_says():
    folder = Path(load.__code__.co_filename).parent / "bundled"
    sources = read_manifest(folder)
    assert {source.kind for source in sources} == {
        Kind.COUNTRY, Kind.COUNTRY_SECOND, Kind.NETWORK, Kind.SHAPES, Kind.FAMILIES
    }  # fmt: skip
    listed = [file for source in sources for file in source.files]
    for file in listed:
        data = (folder / file.path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
    assert {path.name for path in folder.iterdir()} == {MANIFEST, *(file.path for file in listed)}
    assert all(file.bytes < 4_000_000 for file in listed)
    assert all(source.licence and source.attribution and source.version for source in sources)
    reference = load(None)
    rows = {source.kind: source.rows for source in sources}
    assert rows[Kind.COUNTRY] == len(reference.country)
    assert rows[Kind.NETWORK] == len(reference.network)
    assert rows[Kind.FAMILIES] == len(reference.families.families)


def test_refusals_say_what_to_do(tmp_path):
    with pytest.raises(AccordError) as refusal:
        taken_in(tmp_path / "ref", Kind.COUNTRY, written(tmp_path, "a.csv", "192.0.2.9,192.0.2.0,SG\n"))
    assert str(refusal.value).splitlines()[-1].startswith("  to do: correct the line")
