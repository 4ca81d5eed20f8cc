"""A workspace by its commands: deliveries taken once and whole, snapshots of what is new, answers from the newest."""

import base64
import csv
import hashlib
import hmac
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from accord.cli.acting import Actor
from accord.cli.deliveries.adding import add_files
from accord.cli.deliveries.delivering import collected, take_delivery
from accord.cli.snapshots.snapshotting import make_snapshot
from accord.formats.catalogue import FORMATS
from accord.intake import opening, receiving
from accord.ledger.notes import SignatureType, SigningKey
from accord.operations.declaration import read_workspace
from accord.reference.store import load
from accord.vocabulary.errors import NotAgreedError
from accord.workspace.database import open_database, place_of
from accord.workspace.store import open_workspace

DATASETS = """
[[partner]]
id = "vendor"
name = "A vendor"

[[dataset]]
id = "sinkhole"
title = "Machines that speak to the vendor's sinkhole"
partner = "vendor"
format = "shadowserver"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = true

[[dataset]]
id = "servers"
title = "Servers that malware spoke to"
partner = "vendor"
format = "plain"
role = "c2-server"
family = "Simda"
origin = "scan"
legal_basis = "legitimate-interest"
marking = "green"
grade = "a"
retention = "P1Y"
personal_data = false

[[dataset]]
id = "names"
title = "Passive DNS"
partner = "vendor"
format = "passive-dns"
origin = "telemetry"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = false
"""

HEADER = "timestamp,protocol,src_ip,src_port,dst_ip,dst_port,infection,family,tag"


def sinkhole(folder: Path, day: str, *rows: str) -> Path:
    """A day's report: `rows` are `time address`."""
    file = folder / f"{day}-event4_sinkhole-test.csv"
    lines = [f"{day} {row.split()[0]},tcp,{row.split()[1]},40000,192.0.2.1,80,simda,," for row in rows]
    file.write_text("\n".join([HEADER, *lines]) + "\n", "utf-8")
    return file


@pytest.fixture
def place(accord_here, agreement_on, tmp_path: Path) -> Path:
    accord_here("init", tmp_path / "hub", "--name", 'The "hub"', "--contact", "desk@hub.example")
    with (tmp_path / "hub" / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(DATASETS + agreement_on("sinkhole", "servers", "names"))
    accord_here("agreement", "apply", "--in", tmp_path / "hub")
    return tmp_path / "hub"


def rows_of(path: Path) -> list[dict[str, object]]:
    return pq.read_table(path).to_pylist()


def test_a_new_workspace_has_settings_that_hold_and_nothing_that_others_read(accord_here, tmp_path: Path) -> None:
    made = accord_here("init", tmp_path / "hub")
    # who is written to is nobody until somebody says so
    assert (
        f"write to desk@hub.example, which is nobody's: say `contact` in {tmp_path / 'hub' / 'workspace.toml'}"
        in made.stderr
    )
    assert (tmp_path / "hub" / "hub.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "hub").stat().st_mode & 0o777 == 0o700
    assert accord_here("delivery", "list", "--in", tmp_path / "hub", "--json").stdout == "[]\n"
    again = accord_here("init", tmp_path / "hub", expect=2)
    assert "a workspace" in again.stderr
    said = accord_here("lookup", "--in", tmp_path / "hub", "8.8.8.8", expect=4)
    assert "no snapshot yet" in said.stderr
    assert f"accord snapshot make --in {tmp_path / 'hub'}" in said.stderr


def test_a_delivery_is_kept_byte_for_byte_with_its_account(accord_here, place: Path, tmp_path: Path) -> None:
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8", "11:00:00 8.8.8.8", "12:00:00 10.0.0.1")
    said = accord_here("delivery", "add", "sinkhole", file, "--in", place, "--json")
    (account,) = json.loads(said.stdout)["deliveries"]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (account["sha256"], account["records"], account["accepted"], account["rejected"]) == (sha256, 4, 2, 1)
    folder = place / "deliveries" / "dataset=sinkhole" / f"sha256={sha256}"
    assert (folder / "delivered").read_bytes() == file.read_bytes()
    (evidence,) = rows_of(folder / "evidence-addresses.parquet")
    assert (evidence["count"], evidence["observations"], evidence["family"]) == (2, 2, "simda")
    assert (evidence["high"], evidence["low"]) == (0, 0xFFFF_0808_0808)
    (reject,) = rows_of(folder / "rejects.parquet")
    assert (reject["record"], reject["reason"], reject["text"]) == (4, "address-not-routable", "10.0.0.1")
    listed = json.loads(accord_here("delivery", "list", "--in", place, "--json").stdout)
    assert [one["sha256"] for one in listed] == [sha256]
    assert not list(place.glob(".staging-*"))


def test_a_file_is_taken_by_a_relative_path_and_through_a_linked_folder(
    accord_here, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8")
    second = sinkhole(tmp_path, "2015-04-02", "10:00:00 8.8.8.8")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    accord_here("delivery", "add", "sinkhole", first.name, f"link/{second.name}", "--in", "hub")
    listed = json.loads(accord_here("delivery", "list", "--in", place, "--json").stdout)
    assert {one["file"] for one in listed} == {first.name, second.name}


def test_a_list_gives_every_delivery_one_line_with_its_names_whole(accord_here, place: Path, tmp_path: Path) -> None:
    files = [sinkhole(tmp_path, f"2015-04-0{day}", "10:00:00 8.8.8.8") for day in (3, 1, 2)]
    files = [file.rename(file.with_name(f"{file.stem}-of-the-unit-in-the-far-north.csv")) for file in files]
    added = accord_here("delivery", "add", "sinkhole", *files, "--in", place).stdout
    listed = accord_here("delivery", "list", "--in", place).stdout.splitlines()
    assert all(file.name in added for file in files)
    # what one command took came at one time, and stands by name
    assert [line.split()[4] for line in listed[1:]] == sorted(file.name for file in files)
    assert {line.split()[0] for line in listed[1:]} == {"sinkhole"}


def test_what_was_rejected_of_a_delivery_is_shown_with_line_text_and_reason(
    accord_here, place: Path, tmp_path: Path
) -> None:
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8", "12:00:00 10.0.0.1", "25:00:00 8.8.8.8", "01:00:00 x")
    accord_here("delivery", "add", "sinkhole", file, "--in", place)
    said = accord_here("delivery", "show", file.name, "--in", place, "--rejects", "2").stdout
    lines = [line.split() for line in said.splitlines()]
    assert ["line", "3", "src_ip", "address-not-routable", "10.0.0.1"] in lines
    assert "not a time stamp between 1970 and 2100" in said
    assert "rejected, the first 2 of 3" in said
    assert not any(line[:2] == ["line", "5"] for line in lines)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    told = json.loads(accord_here("delivery", "show", sha256[:8].upper(), "--in", place, "--json").stdout)
    assert [(one["record"], one["column"], one["text"]) for one in told["rejects"]] == [
        (3, "src_ip", "10.0.0.1"),
        (4, "timestamp", "2015-04-01 25:00:00"),
        (5, "src_ip", "x"),
    ]
    assert told["rejected"] == 3


def test_a_delivery_is_shown_only_when_its_name_means_one(accord_here, place: Path, tmp_path: Path) -> None:
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8")
    accord_here("delivery", "add", "sinkhole", file, "--in", place)
    assert "rejected, the first" not in accord_here("delivery", "show", file.name, "--in", place).stdout
    file.write_text(file.read_text("utf-8").replace("8.8.8.8", "8.8.4.4"), "utf-8")
    accord_here("delivery", "add", "sinkhole", file, "--in", place)
    said = accord_here("delivery", "show", file.name, "--in", place, expect=2).stderr
    assert hashlib.sha256(file.read_bytes()).hexdigest()[:12] in said
    assert "accord delivery list" in accord_here("delivery", "show", "none.csv", "--in", place, expect=2).stderr


def test_a_delivery_that_comes_twice_is_counted_once(accord_here, place: Path, tmp_path: Path) -> None:
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8")
    accord_here("delivery", "add", "sinkhole", file, "--in", place)
    again = file.rename(tmp_path / "again.csv")
    said = accord_here("delivery", "add", "sinkhole", again, "--in", place)
    (kept,) = json.loads(accord_here("delivery", "list", "--in", place, "--json").stdout)
    at = kept["received_at"][:16].replace("T", " ")
    told = f"delivered before, byte for byte, as {file.name} at {at} UTC, and passed over: again.csv\n"
    assert told in said.stderr
    (account,) = json.loads(accord_here("delivery", "add", "sinkhole", again, "--in", place, "--json").stdout)[
        "deliveries"
    ]
    assert account["before"] == {"file": file.name, "received_at": kept["received_at"]}
    # what `delivery show` takes
    digest = hashlib.sha256(again.read_bytes()).hexdigest()
    listed = accord_here("delivery", "list", "--in", place).stdout
    assert re.search(rf"^sinkhole +{at} +{digest[:12]} +{re.escape(file.name)} ", listed, re.MULTILINE)


def test_a_file_that_is_refused_whole_is_not_kept_and_the_others_are(accord_here, place: Path, tmp_path: Path) -> None:
    good, bad = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8"), tmp_path / "2015-04-02-event4_sinkhole-x.csv.gz"
    bad.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\x03cut off")
    said = accord_here("delivery", "add", "sinkhole", bad, good, "--in", place, expect=3)
    assert bad.name in said.stderr
    listed = json.loads(accord_here("delivery", "list", "--in", place, "--json").stdout)
    assert [one["file"] for one in listed] == [good.name]


def test_words_that_name_nothing_are_refused_with_what_there_is(accord_here, place: Path, tmp_path: Path) -> None:
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8")
    assert "sinkhole, servers, names" in accord_here("delivery", "add", "nothing", file, "--in", place, expect=2).stderr
    late = accord_here("delivery", "add", "sinkhole", file, "--in", place, "--collected-at", "soon", expect=2)
    assert "2026-11-23T08:00:00Z" in late.stderr
    for words in ((), ("--later",)):
        add = ("delivery", "add", "sinkhole", file, "--in", place, *words, "--collected-at")
        said = accord_here(*add, "2090-01-01", expect=2).stderr
        assert "has not come yet" in said
        assert "where: --collected-at\n" in said
    assert "no such file" in accord_here("delivery", "add", "sinkhole", tmp_path / "x", "--in", place, expect=4).stderr
    assert "accord init" in accord_here("snapshot", "make", "--in", tmp_path, expect=4).stderr


@pytest.fixture
def two_days(accord_here, place: Path, tmp_path: Path) -> Path:
    """A workspace with a snapshot of one day, and one of two."""
    first = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8", "11:00:00 1.1.1.1", "11:00:00 2a02:26f0::1")
    servers = tmp_path / "servers.txt"
    servers.write_text("9.9.9.9:443\n9.9.9.9:8443\npanel.example.com\n", "utf-8")
    accord_here("delivery", "add", "sinkhole", first, "--in", place)
    accord_here("delivery", "add", "servers", servers, "--in", place, "--collected-at", "2015-04-01")
    accord_here("snapshot", "make", "--in", place)
    second = sinkhole(tmp_path, "2015-04-02", "09:00:00 8.8.8.8", "09:00:00 8.8.4.4")
    names = tmp_path / "names.jsonl"
    names.write_text(
        '{"rrname":"panel.example.com","rrtype":"A","rdata":"9.9.9.9","time_first":1427900000,"time_last":1427900001}\n'
    )
    accord_here("delivery", "add", "sinkhole", second, "--in", place)
    accord_here("delivery", "add", "names", names, "--in", place)
    accord_here("snapshot", "make", "--in", place)
    return place


def test_a_snapshot_merges_what_is_new_into_what_was_found(accord_here, two_days: Path) -> None:
    listed = json.loads(accord_here("snapshot", "list", "--in", two_days, "--json").stdout)
    assert [(one["number"], one["deliveries"], one["findings"]) for one in listed] == [(1, 2, 5), (2, 4, 6)]
    assert listed[1]["by_role"] == {"c2-server": 2, "infected-system": 4}
    found = {row["value"]: row for row in rows_of(two_days / "snapshots" / "000002" / "findings.parquet")}
    both = found["8.8.8.8"]
    assert (str(both["first_seen"])[:19], str(both["last_seen"])[:19]) == ("2015-04-01 10:00:00", "2015-04-02 09:00:00")
    assert (both["sightings"], both["country"], both["asn"]) == (2, "US", 15169)
    assert "Nothing is new since snapshot 2" in accord_here("snapshot", "make", "--in", two_days).stdout


def test_who_looks_up_is_told_what_no_answer_holds_yet(accord_here, two_days: Path, tmp_path: Path) -> None:
    asked = ("lookup", "9.9.9.10", "--in", two_days)
    assert "came in after" not in accord_here(*asked, expect=1).stderr
    accord_here("delivery", "add", "sinkhole", sinkhole(tmp_path, "2015-04-03", "09:00:00 9.9.9.10"), "--in", two_days)
    assert "1 delivery came in after the newest snapshot" in accord_here(*asked, expect=1).stderr
    accord_here("snapshot", "make", "--in", two_days)
    assert "came in after" not in accord_here(*asked).stderr


def test_a_new_day_is_taken_and_merged_without_a_look_at_what_was_delivered_before(
    accord_here, place: Path, tmp_path: Path
) -> None:
    before = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8", "11:00:00 1.1.1.1")
    accord_here("delivery", "add", "sinkhole", before, "--in", place, "--snapshot")
    # who would read any of it would read nothing, and fail
    history = [path for path in (place / "deliveries").rglob("*") if path.is_file()]
    for path in history:
        path.write_bytes(b"")
    day = sinkhole(tmp_path, "2015-04-02", "09:00:00 8.8.8.8", "09:00:00 8.8.4.4")
    accord_here("delivery", "add", "sinkhole", day, "--in", place)
    accord_here("snapshot", "make", "--in", place)
    found = {row["value"]: row["sightings"] for row in rows_of(place / "snapshots" / "000002" / "findings.parquet")}
    assert found == {"1.1.1.1": 1, "8.8.4.4": 1, "8.8.8.8": 2}
    assert len(history) > 2


def test_a_snapshot_made_of_all_is_the_one_made_of_what_was_new(accord_here, two_days: Path) -> None:
    newest = two_days / "snapshots" / "000002"
    kept = {path.name: path.read_bytes() for path in newest.iterdir() if path.suffix == ".parquet"}
    for number in ("1", "2"):
        accord_here("snapshot", "drop", number, "--in", two_days)
    assert "No snapshot yet" in accord_here("snapshot", "list", "--in", two_days).stdout
    accord_here("snapshot", "make", "--in", two_days)
    again = two_days / "snapshots" / "000001"
    assert {path.name: path.read_bytes() for path in again.iterdir() if path.suffix == ".parquet"} == kept


def test_one_thread_and_several_give_the_same_bytes_wherever_a_file_is_cut(
    gate, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{n // 60 % 24:02}:{n % 60:02}:00 8.{n % 7}.{n % 11}.{n % 13}" for n in range(600)]
    bad = ["12:00:00 10.0.0.1", "25:00:00 8.8.8.8", '12:00:00 "8.8.8.8', "12:00:00 8.8.8.8,,,"]
    file = sinkhole(tmp_path, "2015-04-01", *rows[:300], *bad, *rows[300:], *bad)
    servers = tmp_path / "servers.txt"
    servers.write_text("".join(f"103.28.{n % 9}.{n % 5}:{443 + n % 3}\nhost-{n}.example.com\n" for n in range(200)))
    declared = read_workspace(place / "workspace.toml", FORMATS)
    at, reference = datetime(2015, 5, 1, tzinfo=UTC), load(None)
    made = []
    for workers, size in ((1, 1 << 20), (4, 512), (3, 2_048)):
        hub = Path(shutil.copytree(place, tmp_path / f"hub-{workers}"))
        workspace = open_workspace(hub)
        for module, name in ((opening, "BLOCK"), (receiving, "PIECE_BYTES"), (receiving, "CHUNK_BYTES")):
            monkeypatch.setattr(module, name, size)
        with open_database(place_of(workspace.settings)) as database:
            for dataset, delivered in (("sinkhole", file), ("servers", servers)):
                take_delivery(
                    workspace,
                    collected(declared.dataset(dataset), at),
                    delivered,
                    gate=gate(database, datetime.now(UTC)),
                    received_at=at,
                    reference=reference,
                    workers=workers,
                    progress=lambda *_: None,
                )
        make_snapshot(workspace, as_of=at, reference=reference, workers=workers, progress=lambda *_: None,
                      combining=lambda _: None)  # fmt: skip
        made.append(
            {
                str(path.relative_to(hub)): path.read_bytes()
                for folder in ("deliveries", "snapshots")
                for path in sorted((hub / folder).rglob("*"))
                if path.is_file()
            }
        )
    assert len(made[0]) >= 11
    assert made[0] == made[1] == made[2]


def test_what_differs_between_snapshots_is_counted(accord_here, two_days: Path) -> None:
    said = json.loads(accord_here("snapshot", "diff", "1", "2", "--in", two_days, "--json").stdout)
    assert said["findings"] == {"new": 1, "gone": 0, "changed": 1}
    back = json.loads(accord_here("snapshot", "diff", "2", "1", "--in", two_days, "--json").stdout)
    assert back["findings"] == {"new": 0, "gone": 1, "changed": 1}
    assert "1 finding is new, 0 are gone" in accord_here("snapshot", "diff", "1", "--in", two_days).stdout
    assert "one of 1, 2" in accord_here("snapshot", "diff", "7", "--in", two_days, expect=4).stderr


def test_what_differs_between_snapshots_is_listed(accord_here, place: Path, tmp_path: Path) -> None:
    servers = tmp_path / "servers.txt"
    for content in ("9.9.9.9:443\npanel.example.com\n", "panel.example.com\nsim-panel.co.th\n1.1.1.1\n"):
        servers.write_text(content, "utf-8")
        accord_here("delivery", "add", "servers", servers, "--in", place, "--collected-at", "2015-04-01", "--snapshot")
    said = accord_here("snapshot", "diff", "1", "--csv", "--in", place).stdout
    rows = [(row["change"], row["value"], row["country"]) for row in csv.DictReader(said.splitlines())]
    assert rows == [
        ("new", "1.1.1.1", "AU"),
        ("new", "sim-panel.co.th", ""),
        ("changed", "panel.example.com", ""),
    ]
    back = list(csv.DictReader(accord_here("snapshot", "diff", "2", "1", "--csv", "--in", place).stdout.splitlines()))
    gone = {row["value"]: row for row in back if row["change"] == "gone"}
    assert gone["1.1.1.1"]["network_owner"]
    assert (gone["1.1.1.1"]["families"], gone["1.1.1.1"]["first_seen"]) == ("Simda", "2015-04-01T00:00:00Z")
    # a name without a known address counts where it is registered
    by_country = json.loads(accord_here("snapshot", "diff", "1", "--json", "--in", place).stdout)["countries"]
    assert {row["country"]: row["new"] for row in by_country} == {"AU": 1, "TH": 1, None: 0}
    assert accord_here("snapshot", "diff", "2", "2", "--csv", "--in", place).stdout.startswith('"change","type",')
    accord_here("snapshot", "diff", "1", "--csv", "--json", "--in", place, expect=2)


def test_a_look_up_answers_from_all_evidence_of_the_newest_snapshot(accord_here, two_days: Path) -> None:
    said = json.loads(accord_here("lookup", "--in", two_days, "--json", "8.8.8.8", "9.9.9.9", "2A02:26F0:0::1").stdout)
    victim, server, six = (one["findings"] for one in said)
    assert [(row["role"], row["sightings"], row["families"]) for row in victim] == [("infected-system", 2, ["Simda"])]
    # the server itself, and the name that resolves to it
    assert [(row["value"], row["ports"]) for row in server] == [("panel.example.com", []), ("9.9.9.9", [443, 8443])]
    assert server[0]["resolved"] == ["9.9.9.9"]
    assert [row["value"] for row in six] == ["2a02:26f0::1"]
    assert victim[0]["finding_id"] != server[0]["finding_id"]
    accord_here("lookup", "--in", two_days, "4.4.4.4", expect=1)


def test_a_look_up_says_what_a_run_over_the_same_deliveries_says(accord_here, two_days: Path, tmp_path: Path) -> None:
    text = (two_days / "workspace.toml").read_text("utf-8")
    files = {"sinkhole": "*-event4_sinkhole-*.csv", "servers": "servers.txt", "names": "names.jsonl"}
    text, _, _ = text.partition("[[agreement]]\nid")
    for name, pattern in files.items():
        told = f'id = "{name}"\npaths = ["{pattern}"]\ncollected_at = 2015-04-01\n'
        text = text.replace(f'id = "{name}"\n', told)
    text = 'root = "."\n' + text.replace('key_file = "hub.key"', f'key_file = "{two_days / "hub.key"}"')
    listed = json.loads(accord_here("snapshot", "list", "--in", two_days, "--json").stdout)
    operation = f'\n[operation]\nname = "same"\ntitle = "Same"\nas_of = {listed[1]["as_of"]}\ncountries = ["US"]\n'
    (tmp_path / "operation.toml").write_text(text + operation, "utf-8")
    accord_here("operation", "run", tmp_path / "operation.toml", "--out", tmp_path / "out", "--workers", "1")
    asked = ("8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "panel.example.com", "2a02:26f0::1")
    run = json.loads(accord_here("lookup", "--in", tmp_path / "out", "--json", *asked).stdout)
    standing = json.loads(accord_here("lookup", "--in", two_days, "--json", *asked).stdout)
    # severity counts the victims of a family that are in the table; a look-up has only those that were asked for
    for one in (*run, *standing):
        for row in one["findings"]:
            del row["severity"]
    assert standing == run


def test_nothing_is_taken_in_without_an_agreement_and_a_newcomer_s_path_leads_to_one(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = tmp_path / "hub"
    said = accord_here("init", hub, "--database", database_url).stdout
    assert f"accord agreement apply --in {hub}" in said
    settings = hub / "workspace.toml"
    told, mark, example = settings.read_text("utf-8").partition("# Who delivers")
    filled = told + mark + re.sub(r"^# (?=[a-z\[])", "", example, flags=re.MULTILINE)
    filled = filled.replace("what `sha256sum signed.pdf` prints", "0" * 64)
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8")
    settings.write_text(filled, "utf-8")
    add = ("delivery", "add", "vendor-sinkhole", file, "--in", hub)
    assert "accord agreement apply" in accord_here(*add, expect=2).stderr
    accord_here("dataset", "apply", "--in", hub)
    refused = accord_here(*add, expect=8).stderr
    assert "no agreement covers it" in refused
    assert accord_here("delivery", "list", "--in", hub, "--json").stdout == "[]\n"
    assert "new: agreement vendor-2026" in accord_here("agreement", "apply", "--in", hub).stdout
    assert "not for research" in accord_here(*add, "--purpose", "research", expect=8).stderr
    assert "did you mean" in accord_here(*add, "--purpose", "network-defense", expect=2).stderr
    told = json.loads(accord_here(*add, "--purpose", "network-defence", "--json").stdout)
    assert told["deliveries"][0]["agreements"] == ["vendor-2026"]
    shown = accord_here("delivery", "show", file.name, "--in", hub).stdout
    assert "taken in under vendor-2026 for network-defence" in shown


def test_a_data_set_that_was_changed_in_the_settings_alone_takes_no_deliveries(
    accord_here, place: Path, tmp_path: Path
) -> None:
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8")
    settings = place / "workspace.toml"
    settings.write_text(settings.read_text("utf-8").replace('\nretention = "P1Y"', '\nretention = "P2Y"', 1), "utf-8")
    said = accord_here("delivery", "add", "sinkhole", file, "--in", place, expect=2).stderr
    assert "retention = P1Y, as recorded" in said
    accord_here("dataset", "apply", "--in", place)
    accord_here("delivery", "add", "sinkhole", file, "--in", place)


def test_an_agreement_that_runs_out_between_two_files_lets_the_first_in_and_not_the_second(
    accord_here, agreement_on, place: Path, tmp_path: Path
) -> None:
    settings = place / "workspace.toml"
    base, _, _ = settings.read_text("utf-8").partition("[[agreement]]\nid")
    # in a month, because a clock that is more than a year ahead is refused
    end = datetime.now(UTC).date() + timedelta(days=30)
    changed = {"to": f"{end}"}
    settings.write_text(base + agreement_on("sinkhole", **changed), "utf-8")
    accord_here("agreement", "apply", "--in", place)
    last = datetime(end.year, end.month, end.day, 23, 59, 59, tzinfo=UTC)
    # told when the command begins and asks, when the first file is looked at and was read, when the second is looked at
    clock = iter([last, last, last, last, last + timedelta(seconds=1)])
    files = [sinkhole(tmp_path, day, "10:00:00 8.8.8.8") for day in ("2015-04-01", "2015-04-02")]
    actor = Actor(person="tests", justification="")
    with pytest.raises(NotAgreedError, match="No agreement lets data set sinkhole be taken in"):
        add_files(place, "sinkhole", files, None, None, actor, clock=lambda: next(clock), snapshot=False, as_json=False)
    listed = json.loads(accord_here("delivery", "list", "--in", place, "--json").stdout)
    assert [one["file"] for one in listed] == ["2015-04-01-event4_sinkhole-test.csv"]
    assert not list(place.glob(".staging-*"))


def test_a_delivery_that_is_taken_is_an_entry_of_the_ledger_and_a_row_in_the_log_of_consultations(
    accord_here, agreement_on, tmp_path: Path, database_url: str
) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub, "--database", database_url)
    with (hub / "workspace.toml").open("a", encoding="utf-8") as written:
        written.write(DATASETS + agreement_on("sinkhole", "servers", "names"))
    accord_here("agreement", "apply", "--in", hub)
    file = sinkhole(tmp_path, "2015-04-01", *(f"10:00:{second} 8.8.8.8" for second in range(10, 22)))
    add = ("delivery", "add", "sinkhole", file, "--in", hub, "--person", "j.tan", "--why", "case 4711")
    accord_here(*add, "--purpose", "victim-notification")
    accord_here(*add)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    signed, taken = json.loads(accord_here("ledger", "list", "--json", "--in", hub).stdout)
    assert (signed["kind"], signed["partner"], signed["document"]) == ("agreement-signed", "vendor", "0" * 64)
    key = bytes.fromhex((hub / "hub.key").read_text("ascii").strip())
    assert {name: taken[name] for name in ("kind", "partner", "dataset", "purpose", "marking", "count", "digest")} == {
        "kind": "delivery",
        "partner": "vendor",
        # nobody may say that the vendor delivers it
        "dataset": f"data set {hmac.new(key, b'dataset' + bytes(1) + b'sinkhole', 'sha256').hexdigest()[:12]}",
        "purpose": "victim-notification",
        "marking": "amber",
        "count": 12,
        "digest": sha256,
    }
    (row,) = json.loads(accord_here("consultation", "list", "--json", "--in", hub).stdout)
    assert (row["processing"], row["person"], row["justification"], row["object"]) == (
        "collection",
        "j.tan",
        "case 4711",
        f"delivery sinkhole {sha256}",
    )
    # anybody can see by the files alone that there is one, and what of it is for everybody
    accord_here("ledger", "check", hub / "ledger")
    opened = b"".join(path.read_bytes() for path in sorted((hub / "ledger" / "opened").rglob("*")) if path.is_file())
    assert base64.b64encode(b"victim-notification") in opened
    assert base64.b64encode(b"vendor") not in opened
    accord_here("ledger", "audit", "--in", hub)
    # moved away and taken again, it is the same delivery
    shutil.move(hub / "deliveries" / "dataset=sinkhole" / f"sha256={sha256}", tmp_path / "away")
    accord_here(*add)
    assert len(json.loads(accord_here("ledger", "list", "--json", "--in", hub).stdout)) == 2


def test_a_witness_that_does_not_answer_stops_no_delivery(accord_here, place: Path, tmp_path: Path) -> None:
    file = sinkhole(tmp_path, "2015-04-01", "10:00:00 8.8.8.8")
    policy = place / "ledger.policy"
    key = SigningKey(name="north.example/witness", type=SignatureType.COSIGNATURE_V1, seed=bytes(32)).verifier
    text = policy.read_text("utf-8").replace("quorum none", f"witness north {key} http://127.0.0.1:1\nquorum north")
    policy.write_text(text, "utf-8")
    said = accord_here("delivery", "add", "sinkhole", file, "--in", place)
    assert "witness north has not cosigned" in said.stderr
    assert len(json.loads(accord_here("delivery", "list", "--in", place, "--json").stdout)) == 1
    policy.write_text("nothing that is a policy\n", "utf-8")
    second = sinkhole(tmp_path, "2015-04-02", "10:00:00 8.8.8.8")
    said = accord_here("delivery", "add", "sinkhole", second, "--in", place)
    assert "`accord ledger publish`" in said.stderr
    assert len(json.loads(accord_here("delivery", "list", "--in", place, "--json").stdout)) == 2
