"""What is held about a person is found, and once erased stands nowhere: every byte of the workspace is looked at."""

import gzip
import json
import re
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from accord.cli.hub import opened_hub
from accord.release.notices import read_notice
from tests.cli.rights import (
    HEAD,
    MAIL,
    NEIGHBOUR,
    VICTIM,
    disclosed,
    entries,
    finding_id,
    made_hub,
    rows_of,
    said,
    sha256,
    sinkhole,
)

URL = f"http://{VICTIM}/gate"


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Path:
    """A victim in every kind of delivery, two snapshots, a recall, and packages for two recipients."""
    hub = made_hub(accord_here, tmp_path, database_url)
    plain = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [NEIGHBOUR, VICTIM, VICTIM, "45.1.1.5"])
    # where no reader looks, in a rejected line, and in one that only gzip shows
    with plain.open("a") as file:
        file.write(f"2026-10-01 10:00:37,tcp,10.0.0.7,4000,1,{VICTIM},80,Gamut,,\nno row about ::ffff:{VICTIM}\n")
        file.write(f"2026-10-01 10:00:37,tcp,45.1.1.6,4000,1,{VICTIM},80,Gamut,,\n")
    packed = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv.gz", [VICTIM, NEIGHBOUR], 2)
    accord_here("delivery", "add", "sinkhole", plain, packed, "--snapshot", "--in", hub)
    names = tmp_path / "names.jsonl"
    rows = [
        {"rrname": "gate.in.th", "rrtype": "A", "rdata": one, "time_first": 1_790_000_000}
        for one in (VICTIM, NEIGHBOUR)
    ]
    names.write_text("".join(json.dumps(row).replace(VICTIM, VICTIM.replace("4", "\\u0034")) + "\n" for row in rows))
    servers = tmp_path / "servers.txt"
    servers.write_text(f"{URL}\n{VICTIM}\nhxxp://{NEIGHBOUR}/gate\n{VICTIM.replace('.', '[.]')}\n{MAIL}\nx{MAIL}\n")
    misp = tmp_path / "misp.json"
    attributes = [{"type": "ip-dst", "category": "Network activity", "value": one, "to_ids": True,
                   "uuid": f"0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e1{at}", "timestamp": "1790000000"}
                  for at, one in enumerate((VICTIM, NEIGHBOUR))]  # fmt: skip
    misp.write_text(json.dumps({"Event": {"info": "x", "uuid": "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e2a",
                                          "date": "2026-10-01", "Attribute": attributes}}))  # fmt: skip
    archive = tmp_path / f"about-{VICTIM}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.txt", f"{VICTIM}\n")
        file.writestr("b.txt", f"{NEIGHBOUR}\n")
    # taken by a job, whose arguments and outcome say what the file is called; another job never comes to its turn
    accord_here("delivery", "add", "mixed", archive, "--later", "--in", hub)
    accord_here("job", "work", "--in", hub)
    accord_here("delivery", "add", "mixed", archive, "--later", "--in", hub)
    accord_here("delivery", "add", "mixed", names, servers, misp, "--snapshot", "--in", hub)
    recall = ("recall", "make", "--dataset", "sinkhole", "--delivery", sha256(packed), "--kind", "withdrawn")
    with opened_hub(hub) as opened:
        ids = [finding_id(opened, "ipv4", one, "infected-system") for one in (VICTIM, NEIGHBOUR)]
        server = finding_id(opened, "url", URL, "c2-server")
        given = [(ids[0], "sinkhole", sha256(plain)), (ids[1], "sinkhole", sha256(plain))]
        disclosed(opened, 1, "csirt-th", "TH", [*given, (server, "mixed", sha256(servers))])
        disclosed(opened, 2, "police", "VN", [(ids[1], "sinkhole", sha256(plain))])
    accord_here(*recall, "--why", "wrong", "--in", hub)
    return hub


def texts(hub: Path, *, visible: bool = False) -> list[tuple[str, bytes]]:
    """Every byte of a workspace: files as they lie, names, what gzip and zip hold, every column of Parquet files, and
    every row of its database. `visible`: not what is just being written, which may be half of it."""
    found = rows_of(hub)
    for path in sorted(hub.rglob("*")):
        name = str(path.relative_to(hub))
        if visible and name.startswith(".staging-"):
            continue
        found.append((f"name {name}", name.encode()))
        if not path.is_file():
            continue
        data = path.read_bytes()
        found.append((name, data))
        if data.startswith(b"\x1f\x8b"):
            found.append((f"{name} unpacked", gzip.decompress(data)))
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found += [(f"{name}!{one}", archive.read(one)) for one in archive.namelist()]
        if path.suffix == ".parquet":
            table = pq.ParquetFile(path).read()
            # addresses stand as numbers
            rows = [{k: str(v) for k, v in row.items()} for row in table.to_pylist()]
            found.append((f"{name} rows", json.dumps(rows).encode()))
    return found


def held_in(hub: Path, value: str, *, visible: bool = False) -> list[str]:
    """Where a value stands raw, as itself and not as a part of a longer one; addresses as numbers too."""
    octets = [int(one) for one in value.split(".")] if "@" not in value else []
    wanted = [rb"(?<![0-9.\w])" + re.escape(value.encode()) + rb"(?![0-9]|\.[0-9])"]
    if octets:
        low = 0xFFFF << 32 | int.from_bytes(bytes(octets))
        wanted.append(str(low).encode())
    return [name for name, data in texts(hub, visible=visible) if any(re.search(one, data) for one in wanted)]


def erase(accord_here, hub: Path, value: str = VICTIM, verb: str = "erase", **more):
    return accord_here(
        "subject", verb, value, "--why", "They asked.", "--person", "officer", "--json", "--in", hub, **more
    )


def test_what_is_held_is_found_in_every_place_and_asking_leaves_a_trace(accord_here, hub: Path, tmp_path: Path) -> None:
    words = ("--why", "They asked.", "--person", "officer", "--json", "--in", hub)
    told = said(accord_here("subject", "find", VICTIM.replace(".", "[.]"), *words))
    by_file = {one["file"]: one for one in told["deliveries"]}
    assert by_file["2026-10-01-event4_sinkhole-a.csv"]["lines"] == [3, 4, 6, 7, 8]
    assert by_file["2026-10-02-event4_sinkhole-b.csv.gz"]["recalled"] is True
    assert by_file["names.jsonl"]["lines"] == [1]
    assert by_file["servers.txt"]["lines"] == [1, 2, 4]
    assert by_file["misp.json"]["lines"] is None
    assert by_file["about-[the value].zip"]["members"] == ["a.txt"]
    assert told["snapshots"] == [3]
    assert [(one["kind"], one["state"]) for one in told["jobs"]] == [("import", "done"), ("import", "waiting")]
    (package,) = told["disclosures"]
    assert (package["recipient"], len(package["findings"]), package["purpose"]) == (
        "csirt-th",
        2,
        "victim-notification",
    )
    (row,) = said(accord_here("consultation", "list", "--json", "--processing", "consultation", "--in", hub))
    assert (row["person"], row["justification"]) == ("officer", "They asked.")
    assert VICTIM not in row["object"]


def test_once_erased_a_value_stands_nowhere_and_its_neighbours_stand_where_they_stood(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    neighbour = set(held_in(hub, NEIGHBOUR))
    assert held_in(hub, VICTIM)
    told = said(erase(accord_here, hub))
    assert held_in(hub, VICTIM) == []
    gone = {name for name in neighbour if name not in set(held_in(hub, NEIGHBOUR))}
    # the only places that cannot be cut: a document and an archive
    whole = [tmp_path / "misp.json", tmp_path / f"about-{VICTIM}.zip"]
    places = {f"deliveries/dataset=mixed/sha256={sha256(file)}/delivered" for file in whole}
    assert {name.partition("!")[0] for name in gone} == places
    accord_here("lookup", VICTIM, "--in", hub, expect=1)
    accord_here("lookup", NEIGHBOUR, "--in", hub)
    accord_here("ledger", "publish", "--in", hub)
    found = said(accord_here("subject", "find", VICTIM, "--json", "--in", hub))
    assert (found["deliveries"], found["recalls"]) == ([], [told["recall"]])
    # nobody is known any more who was given it, but for the notices that told them
    again = accord_here("subject", "find", VICTIM, "--in", hub).stdout
    assert f"`accord recall show {told['recall']}`" in again
    assert "Nothing more is held." in again
    assert told["completed"] == []


def test_lines_are_cut_out_exactly_and_the_account_says_so(accord_here, hub: Path, tmp_path: Path) -> None:
    file = tmp_path / "2026-10-01-event4_sinkhole-a.csv"
    kept = hub / "deliveries/dataset=sinkhole" / f"sha256={sha256(file)}"
    before = json.loads((kept / "account.json").read_text())
    erase(accord_here, hub)
    shown = accord_here("delivery", "show", sha256(file), "--in", hub).stdout
    assert re.search(
        r"erased 20.* UTC: 5 records, \d+ rows? of evidence; cut out of the file as it was delivered", shown
    )
    lines = file.read_text().splitlines(keepends=True)
    assert (kept / "delivered").read_text() == "".join(lines[at] for at in (0, 1, 4))
    assert lines[0] == HEAD + "\n"
    after = json.loads((kept / "account.json").read_text())
    (noted,) = after["erased"]
    assert (noted["records"], noted["delivered"], noted["old_sha256"]) == (5, "lines", sha256(file))
    assert noted["new_sha256"] == sha256(kept / "delivered")
    assert {name: after[name] for name in ("records", "accepted", "sha256")} == {
        name: before[name] for name in ("records", "accepted", "sha256")
    }
    packed = tmp_path / "2026-10-02-event4_sinkhole-b.csv.gz"
    recalled = hub / "withdrawn/dataset=sinkhole" / f"sha256={sha256(packed)}" / "delivered"
    first, _, last = gzip.decompress(packed.read_bytes()).splitlines(keepends=True)
    assert gzip.decompress(recalled.read_bytes()) == first + last
    accord_here("delivery", "list", "--in", hub)
    accord_here("snapshot", "make", "--in", hub)


def test_recipients_are_told_which_findings_and_the_ledger_how_many_and_never_what(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    told = said(erase(accord_here, hub))
    (notice,) = (hub / "releases").glob(f"*/recall-{told['recall']}")
    with opened_hub(hub) as opened:
        read = read_notice((notice / "notice").read_bytes(), opened.ledger.key.verifier)
        ids = {finding_id(opened, "ipv4", VICTIM, "infected-system"), finding_id(opened, "url", URL, "c2-server")}
    assert {*(notice / "findings").read_text().split()} == ids
    assert (read.kind, read.recipient, read.reason) == ("erased", "csirt-th", "They asked.")
    erased = {one["dataset"]: one for one in entries(hub, "erasure")}
    assert erased["Infected machines"]["count"] == "6"
    assert erased["Infected machines"]["records"] == "<10"
    assert len(erased) == 2
    held = pq.ParquetFile(notice.parent / "findings.parquet").read()["finding_id"].to_pylist()
    assert len(held) == 1
    assert not ids & set(held)
    again = said(erase(accord_here, hub))
    assert again["recall"] is None
    assert len(entries(hub, "erasure")) == 2
    log = said(accord_here("consultation", "list", "--json", "--processing", "erasure", "--in", hub))
    assert [(one["person"], one["recipients"]) for one in log] == [("officer", ["csirt-th"])]


def test_jobs_that_name_a_value_go_and_what_one_of_them_would_have_taken_is_said(accord_here, hub: Path) -> None:
    accord_here("delivery", "add", "mixed", hub.parent / "servers.txt", "--later", "--in", hub)
    listed = said(accord_here("job", "list", "--json", "--in", hub))
    assert [VICTIM in json.dumps(one) for one in listed] == [False, True, True]
    assert VICTIM in next(one["outcome"] for one in listed if one["state"] == "done")
    left, waiting, _ = (one["number"] for one in listed)
    told = accord_here("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub).stdout
    assert f"job {waiting} (import) names it and is never done: what it was to take is not taken\n" in told
    assert [one["number"] for one in said(accord_here("job", "list", "--json", "--in", hub))] == [left]
    assert held_in(hub, VICTIM) == []


def test_who_erases_is_told_whom_to_tell_and_by_which_files(accord_here, hub: Path) -> None:
    words = ("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub)
    told = accord_here(*words).stdout
    (notice,) = (hub / "releases").glob("*/recall-*")
    assert "1 past recipient to tell, by 1 notice: send each its folder" in told
    assert str(notice) in told


def test_a_correction_says_what_is_right(accord_here, hub: Path) -> None:
    words = ("--why", "Never infected.", "--right", "A scanner of the owner.", "--json", "--in", hub)
    told = said(accord_here("subject", "correct", VICTIM, *words))
    shown = said(accord_here("recall", "show", told["recall"], "--json", "--in", hub))
    assert (shown["kind"], shown["reason"]) == ("corrected", "Never infected. Right is: A scanner of the owner.")
    accord_here("lookup", VICTIM, "--in", hub, expect=1)
    assert said(accord_here("consultation", "list", "--json", "--processing", "alteration", "--in", hub))[-1]["object"]
    # everybody can see that something was recalled, and whoever had it is told what is right by a signed notice
    kinds = [one["kind"] for one in said(accord_here("ledger", "list", "--json", "--in", hub))]
    # each data set that held it, and each notice
    assert kinds.count("recall") > 0
    folders = list((hub / "releases").glob(f"*/recall-{told['recall']}"))
    notices = [(path / "notice").read_text("utf-8") for path in folders]
    assert len(notices) == len(shown["notices"])
    assert all("Right is: A scanner of the owner." in one and "corrected" in one for one in notices)


def test_a_key_that_is_gone_is_missed_and_never_made_again(accord_here, hub: Path, tmp_path: Path) -> None:
    for name, commands in (
        ("hub.key", (("lookup", VICTIM), ("subject", "find", VICTIM), ("consultation", "list", "--value", VICTIM))),
        ("ledger.key", (("ledger", "publish"), ("ledger", "verify"))),
    ):
        (hub / name).rename(tmp_path / name)
        for words in commands:
            said = accord_here(*words, "--in", hub, expect=4).stderr
            assert "is not there" in said
            assert "restore it from a backup" in said
            assert not (hub / name).exists()
        (tmp_path / name).rename(hub / name)


def test_a_mail_address_goes_in_whatever_case_and_a_longer_one_stays(accord_here, hub: Path) -> None:
    erase(accord_here, hub, MAIL.upper().replace("@", "[at]"))
    assert held_in(hub, MAIL) == []
    accord_here("lookup", f"x{MAIL}", "--in", hub)


def test_a_reason_that_holds_the_value_is_refused(accord_here, hub: Path) -> None:
    words = ("subject", "erase", VICTIM, "--why", f"owner of {VICTIM.replace('.', '(.)')}", "--in", hub)
    assert "must not hold the value" in accord_here(*words, expect=2).stderr
    assert held_in(hub, VICTIM)


def test_what_is_left_of_a_delivery_is_recalled_by_its_own_name(accord_here, hub: Path, tmp_path: Path) -> None:
    plain = sha256(tmp_path / "2026-10-01-event4_sinkhole-a.csv")
    erase(accord_here, hub)
    left = sha256(hub / "deliveries/dataset=sinkhole" / f"sha256={plain}" / "delivered")
    with opened_hub(hub) as opened:
        disclosed(
            opened, 3, "police", "VN", [(finding_id(opened, "ipv4", NEIGHBOUR, "infected-system"), "sinkhole", left)]
        )
    words = (
        "--dataset",
        "sinkhole",
        "--delivery",
        plain,
        "--kind",
        "withdrawn",
        "--why",
        "wrong",
        "--json",
        "--in",
        hub,
    )
    told = said(accord_here("recall", "make", *words))
    assert [(one["package"][-1], one["findings"]) for one in told["notices"]] == [("1", 1), ("2", 1), ("3", 1)]
