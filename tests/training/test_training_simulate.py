"""The scenario asean-2017 as it is written."""

import csv
import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
from bisect import bisect_right
from collections import Counter
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from pymisp import MISPEvent
from stix2patterns.validator import run_validator

from accord.operations.declaration import read_operation
from accord.reference.store import Reference, load
from accord.training.sheets import TruthSheet, read_truth
from accord.training.simulate import simulate
from accord.vocabulary.errors import OutputError, SettingsError

FORMATS = ("zeek", "stix", "misp", "maltrail", "csv", "shadowserver", "freetext", "passive-dns")


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load(None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, reference: Reference) -> Path:
    out = tmp_path_factory.mktemp("asean") / "whole"
    simulate("asean-2017", out, 7, 1.0, reference, quiet)
    return out


@pytest.fixture(scope="module")
def truth(whole: Path) -> TruthSheet:
    return read_truth(whole / "truth.json")


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_seven_partners_tell_of_8800_servers_in_eight_countries_and_270_websites(truth: TruthSheet) -> None:
    servers = [one for one in truth.findings if one.nature == "true" and one.role == "c2-server"]
    websites = [one for one in truth.findings if one.nature == "true" and one.role == "system-compromise"]
    assert (len(servers), len(websites)) == (8800, 270)
    assert (truth.totals.servers, truth.totals.websites) == (8800, 270)
    assert {one.hosting or one.registry for one in servers} == set("ID KH MM MY PH SG TH VN".split())
    assert {one.activity for one in servers} == {"ddos", "spam", "ransomware", "bank-fraud"}
    assert len({partner for one in truth.findings for partner in one.partners}) == 7
    assert len({one.partner for one in truth.deliveries}) == 7
    assert sum(one.government for one in websites) == 41
    assert all(
        re.search(r"\.(go\.id|go\.th|gov\.(kh|mm|my|ph|sg|vn))$", one.value) for one in websites if one.government
    )


def test_the_declared_shares_are_seen_by_two_and_three_partners(truth: TruthSheet) -> None:
    servers = Counter(len(one.partners) for one in truth.findings if one.nature == "true" and one.role == "c2-server")
    assert servers == {3: 968, 2: 2376, 1: 5456}  # 11 and 27 percent of 8,800
    assert truth.seen_by == {"1": 5456, "2": 2376, "3": 968}


def test_every_address_is_its_countrys_by_the_primary_source(truth: TruthSheet, reference: Reference) -> None:
    names = {"ID", "KH", "MM", "MY", "PH", "SG", "TH", "VN", "US", "JP", "DE"}
    rows = sorted(
        (int(start), int(end), name)
        for name in names
        for start, end in zip(*reference.country.ranges_of(name), strict=True)
    )
    starts = [start for start, _, _ in rows]
    checked = 0
    for one in truth.findings:
        if one.type == "ipv4" and one.nature != "listed":
            address = IPv4Address(one.value)
            _, end, name = rows[bisect_right(starts, int(address)) - 1]
            assert int(address) <= end
            assert name == one.hosting
            assert address.is_global
            checked += 1
    assert checked > 11_000


def test_about_one_in_twenty_addresses_is_in_conflict_and_really_is(truth: TruthSheet, reference: Reference) -> None:
    addresses = [one for one in truth.findings if one.type == "ipv4" and one.nature != "listed"]
    second = {
        name: list(zip(*(column.tolist() for column in reference.country_second.ranges_of(name)), strict=True))
        for name in {one.hosting for one in addresses}
    }
    starts = {name: [start for start, _ in rows] for name, rows in second.items()}
    for one in addresses[::7]:
        number = int(IPv4Address(one.value))
        at = bisect_right(starts[one.hosting], number) - 1
        agreed = at >= 0 and number <= second[one.hosting][at][1]
        assert agreed is not one.conflict, one.value
    assert 0.03 < sum(one.conflict for one in addresses) / len(addresses) < 0.07


def test_every_made_up_name_is_marked_as_simulated(truth: TruthSheet, whole: Path) -> None:
    for one in truth.findings:
        if one.type == "domain" and one.nature != "listed":
            assert one.value.startswith("sim-")
    assert "simulated = true" in (whole / "operation.toml").read_text("utf-8")


def test_no_finding_is_told_twice(truth: TruthSheet) -> None:
    assert len({one.key for one in truth.findings}) == len(truth.findings)


def test_what_must_not_be_found_is_there_and_says_why(truth: TruthSheet) -> None:
    natures = Counter(one.nature for one in truth.findings)
    assert natures["stale"] == 260
    assert natures["wrong"] == 150
    assert natures["future"] == 25
    assert natures["listed"] == 15
    assert all(one.statements == () for one in truth.findings if one.nature in {"stale", "future"})
    assert all(one.partners == ("vendor-d",) for one in truth.findings if one.nature in {"wrong", "listed"})


def test_every_true_finding_has_a_statement_within_the_window(truth: TruthSheet) -> None:
    begin, end = truth.window
    for one in truth.findings:
        if one.nature in {"true", "wrong", "listed"}:
            assert one.statements
            assert begin <= one.first_seen <= one.last_seen <= end


def test_the_operation_file_is_one_that_accord_reads(whole: Path) -> None:
    operation = read_operation(whole / "operation.toml", dict.fromkeys(FORMATS))
    assert operation.simulated
    assert len(operation.recipients) == 8
    for dataset in operation.datasets:
        assert [one for pattern in dataset.paths for one in operation.root.glob(pattern)], dataset.id
    assert {name for one in operation.datasets for name in one.formats} == set(FORMATS)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones(
    whole: Path, tmp_path: Path, reference: Reference
) -> None:
    simulate("asean-2017", tmp_path / "a", 7, 0.02, reference, quiet)
    simulate("asean-2017", tmp_path / "b", 7, 0.02, reference, quiet)
    simulate("asean-2017", tmp_path / "c", 8, 0.02, reference, quiet)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    same = digest(tmp_path / "a").items() & digest(tmp_path / "c").items()
    assert not same


def test_the_scale_multiplies_the_counts(tmp_path: Path, reference: Reference) -> None:
    sheet = simulate("asean-2017", tmp_path / "a", 7, 0.1, reference, quiet)
    assert sheet.truth.totals.servers == 880
    assert sheet.truth.countries["VN"].servers == 230
    # what is there at all stays at least one
    assert sheet.truth.countries["SG"].government == 1
    assert sheet.truth.countries["MM"].websites == 1


def test_line_counts_of_the_files_are_the_records_of_the_truth(whole: Path, truth: TruthSheet) -> None:
    checked = 0
    for one in truth.deliveries:
        path = whole / "deliveries" / one.file
        if path.suffix == ".json":
            continue
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                texts = [archive.read(name) for name in archive.namelist()]
        elif path.name.endswith(".tar.gz"):
            with tarfile.open(path) as tar:
                texts = [tar.extractfile(member).read() for member in tar]
        else:
            data = path.read_bytes()
            texts = [gzip.decompress(data) if path.suffix == ".gz" else data]
        assert sum(text.count(b"\n") for text in texts) == one.records, one.file
        assert one.accepted + one.ignored + one.rejected == one.records
        assert one.ignored == sum(one.ignored_by_reason.values())
        assert one.rejected == sum(one.rejected_by_reason.values()) > 0
        checked += 1
    assert checked == 8


def test_the_bundles_patterns_are_valid_stix_but_for_the_planted_ones(tmp_path: Path, reference: Reference) -> None:
    sheet = simulate("asean-2017", tmp_path / "out", 5, 0.1, reference, quiet)
    (path,) = (sheet.out / "deliveries" / "vendor-b").glob("*.json")
    bundle = json.loads(path.read_bytes())
    patterns = [one["pattern"] for one in bundle["objects"] if one["type"] == "indicator" and "pattern" in one]
    broken = sum(bool(run_validator(pattern, "2.1")) for pattern in patterns)
    (account,) = (one for one in sheet.truth.deliveries if one.dataset == "vendor-b-indicators")
    assert broken == account.rejected_by_reason["pattern-syntax"] > 0
    assert len(bundle["objects"]) == account.records
    identifiers = [one["id"] for one in bundle["objects"]]
    assert len(set(identifiers)) == len(identifiers)


def test_the_events_load_in_pymisp_with_as_many_attributes_as_the_truth_counts(whole: Path, truth: TruthSheet) -> None:
    for account in (one for one in truth.deliveries if one.dataset == "vendor-c-events"):
        path = whole / "deliveries" / account.file
        if account.refused:
            with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
                json.loads(path.read_bytes())
            assert account.records == 0
            continue
        event = MISPEvent()
        event.load(json.loads(path.read_bytes()))
        inside = sum(len(one.attributes) for one in event.objects)
        assert len(event.attributes) + inside == account.records


def test_red_stands_in_one_familys_event_only(whole: Path, truth: TruthSheet) -> None:
    red = {one.value for one in truth.findings for said in one.statements if said.marking == "red"}
    tagged = set()
    for path in (whole / "deliveries" / "vendor-c").glob("*command-servers.json"):
        event = json.loads(path.read_bytes())["Event"]
        if {"name": "tlp:red"} in event["Tag"]:
            objects = [attribute for one in event["Object"] for attribute in one["Attribute"]]
            tagged |= {one["value"].partition("|")[0] for one in event["Attribute"] + objects}
    assert red
    assert red <= tagged
    assert truth.named_persons == ("SG",)


def test_the_connection_log_is_a_csv_that_its_mapping_fits(whole: Path) -> None:
    (path,) = (whole / "deliveries" / "vendor-e").glob("*.csv.gz")
    text = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text.splitlines()[0])))
    assert rows[0][:4] == ["ip_address", "domain", "first_seen", "last_seen"]
    assert text.count("\r\n") == text.count("\n")


def test_a_later_simulation_replaces_an_earlier_one_and_keeps_the_hubs_key(
    tmp_path: Path, reference: Reference
) -> None:
    out = tmp_path / "out"
    simulate("asean-2017", out, 1, 0.01, reference, quiet)
    (out / "hub.key").write_bytes(b"a key")
    (out / "deliveries" / "left-over.txt").write_bytes(b"old")
    simulate("asean-2017", out, 2, 0.01, reference, quiet)
    assert (out / "hub.key").read_bytes() == b"a key"
    assert not (out / "deliveries" / "left-over.txt").exists()
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, reference: Reference) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something else"):
        simulate("asean-2017", tmp_path, 1, 0.01, reference, quiet)
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_somebody_put_into_a_simulations_folder_is_not_lost(tmp_path: Path, reference: Reference) -> None:
    out = tmp_path / "out"
    simulate("asean-2017", out, 1, 0.01, reference, quiet)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something else"):
        simulate("asean-2017", out, 2, 0.01, reference, quiet)
    assert (out / "notes.txt").read_text() == "mine"


def test_an_output_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path, reference: Reference) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="file"):
        simulate("asean-2017", tmp_path / "file" / "out", 1, 0.01, reference, quiet)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("scenario", "scale"), [("atlantis", 1.0), ("asean-2017", 0.0), ("asean-2017", 1e9)])
def test_an_unknown_scenario_and_an_impossible_scale_are_refused(
    tmp_path: Path, reference: Reference, scenario: str, scale: float
) -> None:
    with pytest.raises(SettingsError):
        simulate(scenario, tmp_path / "out", 1, scale, reference, quiet)
    assert not (tmp_path / "out").exists()


def test_progress_is_told_to_its_end(tmp_path: Path, reference: Reference) -> None:
    told: list[tuple[str, int, int]] = []
    simulate("asean-2017", tmp_path / "out", 1, 0.01, reference, lambda *step: told.append(step))
    last = {what: (done, total) for what, done, total in told}
    assert len(last) == 2
    assert all(done == total for done, total in last.values())
