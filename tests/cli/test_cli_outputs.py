"""What stands in an output folder: every file in its place, and every number of summary.json counted again.

The numbers are recomputed here from hub/findings.parquet, rejects.csv and the delivered files in plain Python, by what
the design says a number means.
"""

import csv
import hashlib
import hmac
import json
import stat
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pyarrow.parquet as pq
import pytest

COUNTRIES = ("ID", "KH", "MM", "MY", "PH", "SG", "TH", "VN")
REPORT = {
    "car.en.pdf",
    "car.en.html",
    "columns.en.html",
    "findings.csv",
    "bundle.json",
    "xarf.jsonl",
    "intelmq.jsonl",
    "letter.en.txt",
    "outcomes.csv",
    "by-network",
}


@pytest.fixture(scope="module")
def summary(ran) -> dict:
    return json.loads((ran.out / "summary.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def findings(ran) -> list[dict]:
    return pq.read_table(ran.out / "hub/findings.parquet").to_pylist()


@pytest.fixture(scope="module")
def rejects(ran) -> list[dict]:
    with (ran.out / "rejects.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_output_folder_holds_what_the_design_says_and_nothing_else(ran) -> None:
    top = {path.name for path in ran.out.iterdir()}
    assert top == {"summary.json", "rejects.csv", "timings.json", "hub", "reports"}
    assert [path.name for path in (ran.out / "hub").iterdir()] == ["findings.parquet"]
    assert {path.name for path in (ran.out / "reports").iterdir()} == set(COUNTRIES)


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_has_every_file_and_none_is_empty(ran, country: str) -> None:
    folder = ran.out / "reports" / country
    assert {path.name for path in folder.iterdir()} == REPORT
    assert (folder / "car.en.pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / "car.en.html").read_bytes().lower().startswith(b"<!doctype html>")
    networks = [path.name for path in (folder / "by-network").iterdir()]
    assert networks
    assert all(name == "unknown-network.csv" or name.startswith("AS") for name in networks)
    assert all(path.stat().st_size for path in folder.rglob("*"))


def test_no_file_can_be_changed_by_others_and_folders_can_be_entered_by_their_owner(ran) -> None:
    for path in (ran.out, *ran.out.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o022, f"{path}: {mode:o}"
        assert mode & 0o700 == (0o700 if path.is_dir() else 0o600)


def test_summary_has_the_keys_that_others_rely_on(summary: dict) -> None:
    assert {"as_of", "deliveries", "findings", "countries"} <= set(summary)
    assert summary["as_of"] == "2017-04-24T00:00:00Z"
    assert set(summary["findings"]) == {"total", "by_role", "by_type", "in_review", "unattributed"}
    for delivery in summary["deliveries"]:
        assert set(delivery) >= {
            *("partner", "dataset", "file", "sha256", "formats", "bytes", "records", "accepted", "ignored"),
            *("ignored_by_reason", "rejected", "rejected_by_reason", "refused", "observations"),
        }
        assert all(set(one) == {"member", "reason"} for one in delivery["refused"])
    for figures in summary["countries"].values():
        assert set(figures) == {"addresses", "findings", "government", "roles"}
        assert all(set(role) == {"addresses", "findings", "government"} for role in figures["roles"].values())


def test_every_delivered_file_stands_in_the_summary_with_its_hash_and_size(ran, summary: dict) -> None:
    root = ran.operation.parent / "deliveries"
    on_disk = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert {one["file"] for one in summary["deliveries"]} == set(on_disk)
    for one in summary["deliveries"]:
        assert one["sha256"] == hashlib.sha256(on_disk[one["file"]]).hexdigest()
        assert one["bytes"] == len(on_disk[one["file"]])


def test_every_record_is_accepted_ignored_or_rejected(summary: dict) -> None:
    for one in summary["deliveries"]:
        assert one["accepted"] + one["ignored"] + one["rejected"] == one["records"], one["file"]
        assert sum(one["ignored_by_reason"].values()) == one["ignored"]
        assert sum(one["rejected_by_reason"].values()) == one["rejected"]
        if one["refused"] and one["refused"][0]["member"] is None:
            assert one["records"] == 0, "a refused file counts no records"
    assert sum(one["rejected"] for one in summary["deliveries"]) > 0
    assert sum(len(one["refused"]) for one in summary["deliveries"]) == 1


def test_a_plain_file_has_as_many_records_as_lines(ran, summary: dict) -> None:
    root = ran.operation.parent / "deliveries"
    lines = [one for one in summary["deliveries"] if one["formats"] in (["zeek"], ["freetext"], ["passive-dns"])]
    assert len(lines) >= 5
    for one in lines:
        assert one["records"] == len((root / one["file"]).read_bytes().splitlines()), one["file"]


def test_rejects_agree_with_the_summary(summary: dict, rejects: list[dict]) -> None:
    counted: dict[str, Counter] = {one["file"]: Counter() for one in summary["deliveries"]}
    for row in rejects:
        assert row["partial"] in {"true", "false"}
        if row["partial"] == "false":
            counted[row["file"]][row["reason"]] += 1
    assert counted == {one["file"]: Counter(one["rejected_by_reason"]) for one in summary["deliveries"]}
    owners = {one["file"]: (one["partner"], one["dataset"]) for one in summary["deliveries"]}
    assert all(owners[row["file"]] == (row["partner"], row["dataset"]) for row in rejects)


def test_a_rejected_line_names_the_line_where_its_text_stands(ran, rejects: list[dict]) -> None:
    root = ran.operation.parent / "deliveries"
    rows = [row for row in rejects if row["file"].endswith(".intel") and row["reason"] != "encoding"]
    assert len(rows) >= 3
    for row in rows:
        line = (root / row["file"]).read_bytes().splitlines()[int(row["record"]) - 1]
        # a table shows tabs, like all control characters, as blanks
        assert row["text"].encode() in line.replace(b"\t", b" ")


def test_ids_are_hmacs_of_type_value_and_role_under_the_hub_s_key(ran, findings: list[dict]) -> None:
    key_file = ran.operation.parent / "hub.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    key = bytes.fromhex(key_file.read_text().strip())
    for row in findings:
        message = f"{row['type']}\0{row['value']}\0{row['role']}".encode()
        assert row["finding_id"] == hmac.new(key, message, "sha256").hexdigest()
    assert len({row["finding_id"] for row in findings}) == len(findings) > 200


def test_the_totals_are_those_of_the_hub_s_table(summary: dict, findings: list[dict]) -> None:
    told = summary["findings"]
    assert told["total"] == len(findings)
    assert told["by_role"] == Counter(row["role"] for row in findings)
    assert told["by_type"] == Counter(row["type"] for row in findings)
    assert told["in_review"] == sum(bool(row["review"]) for row in findings)
    assert told["unattributed"] == sum(not row["countries"] and row["registry_country"] is None for row in findings)
    assert told["in_review"] > 0
    assert told["unattributed"] > 0


def figures(country: str, findings: list[dict]) -> dict[str, int]:
    """Findings by either basis; addresses by hosting country, and only what is an address or a URL's own."""
    mine = [row for row in findings if country in row["countries"] or row["registry_country"] == country]
    addresses = set()
    for row in findings:
        own = row["value"] if row["type"] in {"ipv4", "ipv6"} else row["address"] if row["type"] == "url" else None
        if own is not None and row["country"] == country:
            addresses.add(ip_address(own))
    return {
        "addresses": len(addresses),
        "findings": len(mine),
        "government": sum(row["government"] for row in mine),
    }


def test_the_countries_figures_are_those_of_the_hub_s_table(summary: dict, findings: list[dict]) -> None:
    assert set(summary["countries"]) == set(COUNTRIES)
    for country, told in summary["countries"].items():
        assert {name: told[name] for name in ("addresses", "findings", "government")} == figures(country, findings)
        roles = {row["role"] for row in findings if country in (*row["countries"], row["registry_country"])}
        assert set(told["roles"]) == roles
        for role, counted in told["roles"].items():
            assert counted == figures(country, [row for row in findings if row["role"] == role])
    assert all(told["addresses"] for told in summary["countries"].values())
    assert sum(told["government"] for told in summary["countries"].values()) >= 8


def test_a_report_s_findings_are_among_the_hub_s_and_in_its_country(ran, findings: list[dict]) -> None:
    known = {row["finding_id"]: row for row in findings}
    for country in COUNTRIES:
        with (ran.out / "reports" / country / "findings.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows
        for row in rows:
            hub = known[row["finding_id"]]
            assert (row["type"], row["value"], row["role"]) == (hub["type"], hub["value"], hub["role"])
            assert country in (*hub["countries"], hub["registry_country"])
            assert int(row["sightings"]) <= hub["sightings"]
        with (ran.out / "reports" / country / "outcomes.csv").open(encoding="utf-8", newline="") as file:
            outcomes = list(csv.DictReader(file))
        assert [row["finding_id"] for row in outcomes] == [row["finding_id"] for row in rows]
        assert all(row["outcome"] == row["date"] == row["note"] == "" for row in outcomes)


def test_json_prints_the_summary_that_was_written(ran, summary: dict) -> None:
    assert json.loads(ran.stdout) == summary


def test_nothing_of_the_hub_s_own_stands_in_what_a_recipient_gets(ran) -> None:
    key = (ran.operation.parent / "hub.key").read_text().strip()
    datasets = [one["dataset"] for one in json.loads(ran.stdout)["deliveries"]]
    files = {one["file"] for one in json.loads(ran.stdout)["deliveries"]}
    secret = {key, str(ran.operation.parent), str(ran.out), "Simulated Vendor E", *datasets, *files}
    for path in (ran.out / "reports").rglob("*"):
        if path.is_file() and path.suffix != ".pdf":
            text = path.read_text("utf-8")
            assert [one for one in secret if one in text] == [], path.relative_to(ran.out)


THEMES = """
[[recipient]]
partner = "csirt-vn"
country = "VN"

[[report]]
name = "servers"
title = "Command-and-control servers"
roles = ["c2-server"]

[[report]]
name = "websites"
title = "Compromised websites"
roles = ["system-compromise"]
"""


@pytest.fixture(scope="module")
def themed(accord, operation_of, servers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two countries by theme; a red data set, and one that is shared with somebody else, stay with the hub."""
    folder = tmp_path_factory.mktemp("themed")
    one, two, three, four = servers["VN"]
    files = {
        "open.txt": f"{one}\n{servers['TH'][0]}\n",
        "sites.txt": f"http://{two}/shop\nhttp://{servers['TH'][1]}/x\n",
        "kept-back-red.txt": f"{one}\n{three}\n",
        "kept-back-list.txt": f"{four}\n",
    }
    file = operation_of(
        folder,
        files,
        {"name": "open"},
        {"name": "sites", "role": "system-compromise"},
        {"name": "kept-back-red", "marking": "red", "partner": "other", "family": "Emotet"},
        {"name": "kept-back-list", "share_with": ["csirt-th"], "partner": "other", "name_partner": False},
        countries=("VN", "TH"),
        more=THEMES,
    )
    accord("operation", "run", file, "--out", folder / "out")
    return folder / "out"


def values(path: Path) -> set[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["value"] for row in csv.DictReader(file)}


def test_a_theme_has_a_folder_of_its_own_with_every_file_and_its_own_findings(themed: Path, servers) -> None:
    for country, sites in (("VN", f"http://{servers['VN'][1]}/shop"), ("TH", f"http://{servers['TH'][1]}/x")):
        assert {path.name for path in (themed / "reports" / country).iterdir()} == {"servers", "websites"}
        for theme in ("servers", "websites"):
            assert {path.name for path in (themed / "reports" / country / theme).iterdir()} == REPORT
        assert values(themed / "reports" / country / "servers/findings.csv") == {servers[country][0]}
        assert values(themed / "reports" / country / "websites/findings.csv") == {sites}


def test_what_is_kept_back_is_the_hub_s_and_in_no_recipient_s_file(themed: Path, servers) -> None:
    hub = {row["value"]: row for row in pq.read_table(themed / "hub/findings.parquet").to_pylist()}
    one, _, three, four = servers["VN"]
    assert hub[one]["datasets"] == ["kept-back-red", "open"]
    assert {three, four} <= set(hub)
    for path in (themed / "reports").rglob("*"):
        if path.is_file() and path.suffix != ".pdf":
            text = path.read_text("utf-8")
            for secret in ("kept-back", three, four, "Other vendor", "Emotet"):
                assert secret not in text, f"{secret} in {path.relative_to(themed)}"
