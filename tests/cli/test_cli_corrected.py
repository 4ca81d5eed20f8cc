"""A correction made at the hub stays: whoever states again what is wrong, it is not used, and what is right stays."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accord.columns.values import read_any_value
from accord.release.erased import mac_of, wrong_findings
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.roles import ROLES, Role
from tests.cli.released import SIGHTINGS
from tests.cli.rights import NEIGHBOUR, VICTIM, entries, made_hub, said, sha256, sinkhole
from tests.cli.test_cli_release import Hub, furnished

WRONG, RIGHT = "110.164.10.1", "110.164.10.9"
KEY = b"\x05" * 32


@pytest.fixture
def hub(accord_here, database_url: str, tmp_path: Path) -> Hub:
    """One sighting of each of two infected machines, and a package about both that was handed over."""
    one = furnished(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    one("snapshot", "make", "--in", one.folder)
    one("release", "make", one.operation(), "--in", one.folder)
    return one


def corrected(hub: Hub, value: str, *more: str) -> dict:
    words = ("--why", "The address was given to another.", "--right", "A desk of the owner.", "--json")
    return json.loads(hub("subject", "correct", value, *words, *more, "--in", hub.folder))


def run_values(hub: Hub, folder: Path) -> list[str]:
    """What a run inside the workspace, which reads the kept bytes anew, says was found."""
    hub("operation", "run", hub.operation("run"), "--out", folder, "--in", hub.folder)
    return sorted(pq.read_table(folder / "hub/findings.parquet")["value"].to_pylist())


def released_values(hub: Hub, name: str, folder: Path) -> list[str]:
    """What a new package of an operation tells its recipient."""
    hub("release", "make", hub.operation(name), "--in", hub.folder)
    (release,) = [one for one in hub.releases() if one["operation"] == name]
    place = hub.folder / "releases" / release["id"]
    words = ("--keys", hub.keys, "--policy", hub.folder / "ledger/policy", "--out", folder)
    hub("package", "open", place / "package", place / "handover", *words)
    rows = (folder / "content" / "findings.csv").read_text("utf-8").splitlines()
    return sorted(one for one in (WRONG, RIGHT) if any(one in row for row in rows))


def test_what_was_corrected_and_is_stated_again_reaches_neither_reports_nor_packages(hub: Hub, tmp_path: Path) -> None:
    first = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    assert run_values(hub, tmp_path / "before") == [WRONG, RIGHT]
    recall = corrected(hub, WRONG, "--wrong", "infected-system")["recall"]
    shown = json.loads(hub("recall", "show", recall, "--json", "--in", hub.folder))
    assert [(one["recipient"], one["findings"]) for one in shown["notices"]] == [("csirt-th", 1)]
    again = tmp_path / "2026-10-02-event4_sinkhole-th.csv.gz"
    again.write_bytes(gzip.compress(SIGHTINGS.replace("2026-10-01", "2026-10-02").encode(), mtime=0))
    (told,) = json.loads(hub("delivery", "add", "sinkhole", again, "--json", "--in", hub.folder))["deliveries"]
    assert told["erased"] == 2
    hub("snapshot", "make", "--in", hub.folder)
    hub("lookup", WRONG, "--in", hub.folder, code=1)
    hub("lookup", RIGHT, "--in", hub.folder)
    assert run_values(hub, tmp_path / "after") == [RIGHT]
    assert released_values(hub, "later", tmp_path / "opened") == [RIGHT]
    # what a partner delivered stays its word
    for file in (first, again):
        place = hub.folder / f"deliveries/dataset=sinkhole/sha256={sha256(file)}"
        assert (place / "delivered").read_bytes() == file.read_bytes()
        (noted,) = json.loads((place / "account.json").read_text("utf-8"))["erased"]
        assert (noted["why"], noted["roles"], noted["records"]) == ("corrected", ["infected-system"], 2)
    assert "not infected-system: 2 sightings" in hub("delivery", "show", sha256(again)[:12], "--in", hub.folder)
    assert [one["count"] for one in entries(hub.folder, "erasure")] == ["2", "2"]
    found = json.loads(hub("subject", "find", WRONG, "--why", "asked", "--json", "--in", hub.folder))
    assert (found["kept_out"]["kind"], found["kept_out"]["roles"]) == ("corrected", ["infected-system"])
    assert (found["recalls"], found["stated_again"]) == ([recall], [f"delivery sinkhole {sha256(again)}"])
    words = hub("subject", "find", WRONG, "--why", "asked", "--in", hub.folder)
    assert "not used as infected-system, whoever says so, since " in words
    assert "Right is: A desk of the owner." in words
    explain = ("release", "explain", WRONG, "--to", "csirt-th", "--purpose", "victim-notification", "--in", hub.folder)
    told = json.loads(hub(*explain, "--json", "--why", "asked", code=1))
    assert (told["permitted"], told["corrected"]["roles"]) == (False, ["infected-system"])
    assert [one["recall"] for one in told["corrections"]] == [recall]
    assert "Corrected at the hub: not used as infected-system" in hub(*explain, "--why", "asked", code=1)
    # nobody's log or ledger holds it
    log = json.loads(hub("consultation", "list", "--json", "--processing", "alteration", "--in", hub.folder))
    assert WRONG not in json.dumps(log)
    assert sum(sha256(again) in one["justification"] for one in log) == 1
    hub("ledger", "audit", "--in", hub.folder)
    hub("subject", "allow", WRONG, "--why", "it was right", "--in", hub.folder)
    assert run_values(hub, tmp_path / "allowed") == [WRONG, RIGHT]


def test_what_else_is_said_of_a_value_stays_until_all_of_it_goes(
    accord_here, database_url: str, tmp_path: Path
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    victims = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR])
    servers = tmp_path / "servers.txt"
    servers.write_text(f"{VICTIM}\nhttp://{VICTIM}:8080/gate\nhttp://{NEIGHBOUR}/gate\n")
    accord_here("delivery", "add", "sinkhole", victims, "--in", hub)
    accord_here("delivery", "add", "mixed", servers, "--snapshot", "--in", hub)

    def roles() -> list[tuple[str, str]]:
        found = pq.read_table(next(iter(sorted((hub / "snapshots").iterdir(), reverse=True))) / "findings.parquet")
        return sorted(zip(found["value"].to_pylist(), found["role"].to_pylist(), strict=True))

    neighbour = [(NEIGHBOUR, "infected-system"), (f"http://{NEIGHBOUR}/gate", "c2-server")]
    assert roles() == sorted([*neighbour, (VICTIM, "infected-system"), (VICTIM, "c2-server"),
                              (f"http://{VICTIM}:8080/gate", "c2-server")])  # fmt: skip
    words = ("subject", "correct", VICTIM, "--why", "A shared host.", "--right", "A site.", "--in", hub)
    assert "no such role" in accord_here(*words, "--wrong", "c2", expect=2).stderr
    accord_here(*words, "--wrong", "c2-server")
    assert roles() == sorted([*neighbour, (VICTIM, "infected-system")])
    assert "nothing changes" in accord_here(*words, "--wrong", "c2-server").stdout
    again = tmp_path / "again.txt"
    again.write_text(f"{VICTIM}\nhttp://{VICTIM}:8080/gate\nhttp://{NEIGHBOUR}/gate2\n")
    accord_here("delivery", "add", "mixed", again, "--snapshot", "--in", hub)
    assert roles() == sorted([*neighbour, (VICTIM, "infected-system"), (f"http://{NEIGHBOUR}/gate2", "c2-server")])
    # and then all of it goes, from the bytes too
    accord_here("subject", "erase", VICTIM, "--why", "asked for", "--in", hub)
    found = said(accord_here("subject", "find", VICTIM, "--why", "asked", "--json", "--in", hub))
    assert (found["kept_out"]["kind"], found["kept_out"]["roles"], found["deliveries"]) == ("erased", None, [])
    kept = hub / f"deliveries/dataset=mixed/sha256={sha256(again)}/delivered"
    assert VICTIM not in kept.read_text("utf-8").replace(NEIGHBOUR, "")


@pytest.mark.parametrize("wrong", [(), ("--wrong", "infected-system")])
def test_a_correction_is_kept_also_where_nothing_is_held_yet(
    accord_here, database_url: str, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    words = ("subject", "correct", VICTIM, "--why", "Never infected.", "--right", "A scanner.", "--in", hub, *wrong)
    assert "from now on is treated as the correction says" in accord_here(*words).stdout
    assert "nothing changes" in accord_here(*words).stdout
    file = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR])
    accord_here("delivery", "add", "sinkhole", file, "--snapshot", "--in", hub)
    accord_here("lookup", VICTIM, "--in", hub, expect=1)
    accord_here("lookup", NEIGHBOUR, "--in", hub)
    assert [one["count"] for one in entries(hub, "erasure")] == ["1"]


def test_who_corrects_a_role_in_which_a_value_is_not_held_is_told_in_which_it_is(
    accord_here, database_url: str, tmp_path: Path
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    for day, addresses in ((1, [VICTIM]), (2, [VICTIM, NEIGHBOUR]), (3, [NEIGHBOUR])):
        file = sinkhole(tmp_path / f"2026-10-{day:02d}-event4_sinkhole-a.csv", addresses, day)
        accord_here("delivery", "add", "sinkhole", file, "--in", hub)
    words = ("subject", "correct", VICTIM, "--why", "A shared host.", "--right", "A site.", "--in", hub)
    held = (
        "It is held as infected-system (2 deliveries), which stays: where that is wrong, say --wrong infected-system."
    )
    told = accord_here(*words, "--wrong", "c2-server").stdout.splitlines()
    assert told[0].startswith("Nothing of it is held as c2-server: ")
    assert told[1] == held
    again = accord_here(*words, "--wrong", "c2-server").stdout.splitlines()
    assert again == ["Corrected before, and nothing of it is held as c2-server: nothing changes.", held]
    assert said(accord_here(*words, "--wrong", "phishing", "--json"))["held_as"] == {"infected-system": 2}
    # what is held as that goes, and then there is nothing else to be told of
    assert "It is held as" not in accord_here(*words, "--wrong", "infected-system").stdout
    assert "It is held as" not in accord_here(*words, "--wrong", "infected-system").stdout


def test_what_is_wrong_is_found_where_it_stands_in_another_value_and_in_its_role_alone() -> None:
    rows = [
        ("domain", "wrong.example", "c2-server"),
        ("domain", "wrong.example", "phishing"),
        ("domain", "more.wrong.example", "c2-server"),
        ("email", "Some.Body@wrong.example", "c2-server"),
        ("ipv4", "45.1.1.4", "c2-server"),
        ("ipv4", "45.1.1.44", "c2-server"),
        ("url", "http://45.1.1.4:8080/wrong.html", "c2-server"),
        ("url", "http://45.1.1.4:8080/wrong.html", "phishing"),
        ("url", "https://[2001:db8::1]/", "c2-server"),
        ("url", "https://right.example/?to=wrong.example", "c2-server"),
    ]
    findings = pa.table({
        "type": pa.array([TYPE_CODES[IndicatorType(kind)] for kind, _, _ in rows], pa.int8()),
        "value": [value for _, value, _ in rows],
        "role": pa.array([ROLES.index(Role(role)) for _, _, role in rows], pa.int8()),
    })  # fmt: skip

    def suffix(name: str) -> bool:
        return name == "example"

    wrong = {}
    for text in ("wrong.example", "45.1.1.4", "2001:db8::1"):
        read = read_any_value(text, suffix)
        assert read is not None
        wrong[mac_of(read, KEY)] = frozenset({Role.C2_SERVER})
    assert wrong_findings(findings, wrong, KEY, suffix).tolist() == [0, 3, 4, 6, 8, 9]
    assert wrong_findings(findings, {}, KEY, suffix).tolist() == []
