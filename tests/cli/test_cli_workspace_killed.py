"""A hundred commands of a workspace, each killed at another moment: what was there before stands, or what they make.

Moments are told by counting what the command does (tests/cli/forking.py): calls of Accord's functions, those of its
fusion alone, and steps that change files or folders, in turn, drawn so that each stage is met (tests/cli/killing.py).
After each the workspace is whole, and the same command again gives byte for byte what it gives when nobody disturbs it.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from accord.journal.book import kept, size
from accord.journal.facts import Kind
from accord.workspace.database import open_database, place_of
from accord.workspace.store import open_workspace
from tests.cli.killing import Kills, all_of

KILLED = -9
KILLS = {"delivery add": 40, "snapshot make": 40, "snapshot drop": 20}
PORTION = 1 if os.environ.get("CI") else 4
"""A quarter of them at home; CI does them all, and then every stage of a command must have been met."""

SETTINGS = """
[[partner]]
id = "vendor"
name = "A vendor"

[[dataset]]
id = "mixed"
title = "All that the vendor has"
partner = "vendor"
format = ["shadowserver", "passive-dns", "plain"]
origin = "sinkhole"
role = "c2-server"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = true
"""

SINKHOLE = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"
ROWS = 250

Content = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a workspace, and what the workspace is before and after it."""

    words: tuple[str, ...]
    before: Path
    old: Content
    new: Content
    steps: dict[str, int]
    """How many there are of each kind that is counted."""
    answers: tuple[list[dict], ...]
    """What a look-up may say after it was killed: of the old snapshot, of the new one."""


def pack(path: Path, day: int) -> Path:
    """A delivery of all that a delivery can be made of: victims, servers, resolutions, and rejected lines of each."""
    victims = [
        f"2026-10-{day:02d} {row % 24:02d}:00:37,tcp,45.{row}.{day}.7,4000,1,8.8.4.4,80,Gamut,," for row in range(ROWS)
    ]
    broken = ["no row", f"2026-10-{day:02d} 00:00:00,tcp,10.0.0.1,4000,1,8.8.4.4,80,Gamut,,"]
    resolution = {"rrname": "gate.in.th", "rrtype": "A", "rdata": f"61.19.1.{day}", "time_first": 1_790_000_000 + day}
    with zipfile.ZipFile(path, "w") as archive:
        lines = [SINKHOLE, *victims, *broken]
        archive.writestr(f"2026-10-{day:02d}-event4_sinkhole-test.csv", "\n".join(lines) + "\n")
        archive.writestr("servers.txt", f"103.28.36.{day}\nhttp://gate.in.th/{day}\n10.0.0.{day}\n")
        archive.writestr("names.jsonl", json.dumps(resolution) + "\n")
    return path


@pytest.fixture(scope="module")
def commands(forking, content, agreement_on, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    """The commands, each run once to its end on a copy of the workspace in which it will be killed."""
    folder = tmp_path_factory.mktemp("killed")
    hub = folder / "hub"
    first, second = (pack(folder / f"{name}.zip", day) for day, name in enumerate(("first", "second"), 1))

    def add(file: Path) -> tuple[str, ...]:
        return ("delivery", "add", "mixed", str(file), "--collected-at", "2026-10-20")

    def here(*words: str | Path) -> None:
        assert forking(*words, "--in", hub, how="here")["code"] == 0, words

    assert forking("init", hub, how="here")["code"] == 0
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS + agreement_on("mixed"))
    here("agreement", "apply")
    here(*add(first))
    here("snapshot", "make")
    here("lookup", "45.1.1.7")

    found = {}
    before, said = folder / "0", asked_about(forking, hub)
    shutil.copytree(hub, before)
    for number, words in enumerate((add(second), ("snapshot", "make"), ("snapshot", "drop", "2")), 1):
        done = forking(*words, "--in", hub, how="count")
        assert done["code"] == 0, done["talk"]
        after, says = folder / str(number), asked_about(forking, hub)
        shutil.copytree(hub, after)
        found[" ".join(words[:2])] = Command(
            words=words,
            before=before,
            old=known(content(before)),
            new=known(content(after)),
            steps=done["steps"],
            answers=(said, says),
        )
        before, said = after, says
    return found


def asked_about(forking: Callable[..., dict], hub: Path) -> list[dict]:
    """What a look-up of a victim of each delivery, and of a server, says; what ages by the second left out."""
    done = forking("lookup", "45.1.1.7", "45.1.2.7", "61.19.1.1", "--json", "--in", hub)
    assert done["code"] == 0, done["talk"]
    said = json.loads(done["said"])
    for finding in (finding for one in said for finding in one["findings"]):
        del finding["confidence"], finding["severity"]
    return said


def known(found: Content) -> Content:
    """What must be the same on every run: all that can be seen but the two times of a clock, and the database and the
    ledger, which have salts."""
    told = {}
    for name, data in found.items():
        if name.startswith((".", "accord.db", "ledger")) or "/.sha256=" in name:
            continue
        told[name] = data
        if name.endswith(("/account.json", "/manifest.json")):
            content = json.loads(data)
            assert content.pop("received_at" if "account" in name else "as_of")
            told[name] = json.dumps(content).encode()
    return told


def moment(hub: Path, *, appeared: bool) -> str:
    """How far a killed command had come, by what it left."""
    if appeared:
        return "published"
    if open_workspace(hub).waiting():
        return "waiting"
    staged = {path.name for folder in hub.glob(".staging-*") for path in folder.rglob("*")}
    for name, told in (
        ("account.json", "account written"),
        ("manifest.json", "manifest written"),
        ("evidence-addresses.parquet", "merging"),
        ("delivered", "receiving"),
        ("new", "staged"),
    ):
        if name in staged:
            return told
    return "staged" if staged else "nothing staged"


STAGES = ("nothing staged", "staged", "receiving", "merging", "account written", "manifest written", "waiting")
"""In the order in which they come; `published` comes last."""

MOMENTS = {
    "delivery add": ("receiving", "merging", "account written", "published"),
    "snapshot make": ("merging", "manifest written", "published"),
    "snapshot drop": ("nothing staged", "published"),
}
"""Those that a hundred kills must have met."""


@pytest.mark.parametrize("name", KILLS)
def test_a_command_killed_at_any_moment_leaves_the_old_workspace_or_the_new_and_comes_to_its_end_when_called_again(
    forking, commands, content, tmp_path: Path, name: str
) -> None:
    command = commands[name]
    kills = Kills(name, all_of(command.steps), (*STAGES, "published"), MOMENTS[name])
    hub = tmp_path / "hub"
    for _ in range(KILLS[name] // PORTION):
        shutil.copytree(command.before, hub)
        kill = kills.draw()
        done = forking(*command.words, "--in", hub, how=kill)
        assert done["code"] in {KILLED, 0}, (kill, done)
        found = known(content(hub))
        assert found in (command.old, command.new), kill
        appeared = found == command.new
        at = moment(hub, appeared=appeared)
        if not kills.met[at]:
            assert asked_about(forking, hub) == command.answers[appeared], kill
        kills.came(kill, at)
        again = forking(*command.words, "--in", hub)
        assert again["code"] == (4 if appeared and name == "snapshot drop" else 0), (kill, again)
        assert known(content(hub)) == command.new, kill
        assert not list(hub.glob(".staging-*")), kill
        assert not open_workspace(hub).waiting(), kill
        assert forking("ledger", "audit", "--in", hub)["code"] == 0, kill
        shutil.rmtree(hub)
    assert PORTION > 1 or not kills.missing, kills.met


def entered(hub: Path) -> list[str]:
    """Data set and SHA-256 of the deliveries that the ledger has entries of, sorted."""
    with open_database(place_of(hub / "workspace.toml")) as database, database.reading() as connection:
        entries = kept(connection, range(size(connection)))
    return sorted(one.reference.removeprefix("delivery ") for one in entries if one.kind is Kind.DELIVERY)


def taken(hub: Path) -> list[str]:
    """Those that the workspace shows, sorted."""
    return sorted(f"{one.dataset} {one.sha256}" for one in open_workspace(hub).deliveries())


ENTERING = 100
"""Kills around the transaction, on each database."""

ENTERED = ("not entered", "not entered, waits", "entered, waits", "entered")
"""What such a kill may leave, in the order in which it comes."""


def test_a_delivery_whose_taking_is_killed_is_never_there_without_its_entry_and_never_has_two(
    forking, agreement_on, tmp_path: Path, database_url: str
) -> None:
    hub = tmp_path / "hub"
    assert forking("init", hub, "--database", database_url, how="here")["code"] == 0
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS + agreement_on("mixed"))
    assert forking("agreement", "apply", "--in", hub, how="here")["code"] == 0

    def add(day: int, how: str | tuple[str, int] | None) -> dict:
        file = tmp_path / f"{day}.txt"
        file.write_text(f"103.28.{day}.1\n", "utf-8")
        return forking("delivery", "add", "mixed", file, "--in", hub, how=how)

    assert add(100, "here")["code"] == 0
    steps = add(101, "count")["steps"]
    # the first third is reading the file
    spans = {kind: range(steps[kind] // 3, steps[kind] + 1) for kind in ("database", "disk")}
    kills = Kills(database_url[:6], spans, ENTERED)
    for day in range(ENTERING // PORTION):
        kill = kills.draw()
        before = taken(hub)
        assert add(day, kill)["code"] in {KILLED, 0}, kill
        shown, said, waiting = taken(hub), entered(hub), open_workspace(hub).waiting()
        assert len(said) == len({*said}), kill
        assert {*shown} <= {*said}, kill
        assert {*said} - {*shown} <= {f"{one.dataset} {one.sha256}" for one in waiting}, kill
        came = "entered" if len(said) > len(before) else "not entered"
        kills.came(kill, f"{came}, waits" if waiting else came)
        if day % 4 < 2:
            # any command that changes the workspace settles it
            assert forking("snapshot", "make", "--in", hub)["code"] == 0, kill
            assert not open_workspace(hub).waiting(), kill
            assert taken(hub) == entered(hub), kill
        again = add(day, None)
        assert again["code"] == 0, (kill, again)
        assert taken(hub) == entered(hub), kill
        assert len(taken(hub)) == 3 + day, kill
    assert forking("ledger", "audit", "--in", hub)["code"] == 0
    verified = forking("ledger", "verify", "--in", hub)
    assert verified["code"] == 0, verified
    rows = json.loads(forking("consultation", "list", "--limit", 1000, "--json", "--in", hub)["said"])
    about = sorted(one["object"] for one in rows if one["processing"] == "collection")
    assert about == [f"delivery {one}" for one in entered(hub)]
    assert PORTION > 1 or not kills.missing, kills.met
