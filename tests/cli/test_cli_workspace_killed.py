"""A hundred commands of a workspace, each killed at another moment: what was there before stands, or what they make.

Moments are told by counting what the command does (tests/cli/forking.py): calls of Accord's functions, those of its
fusion alone, and steps that change files or folders, in turn, drawn by a seeded generator. After each the workspace is
whole, and the same command again gives byte for byte what it gives when nobody disturbs it.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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
def ask(environment: dict[str, str]) -> Iterator[Callable[..., dict]]:
    """Ask the forking process."""
    program = [sys.executable, str(Path(__file__).with_name("forking.py"))]
    with subprocess.Popen(
        program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def asked(*words: str | Path, how: str | tuple[str, int] | None = None) -> dict:
            told = {"words": [str(word) for word in words], "how": how}
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield asked
    assert process.returncode == 0


@pytest.fixture(scope="module")
def commands(ask, content, agreement_on, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    """The commands, each run once to its end on a copy of the workspace in which it will be killed."""
    folder = tmp_path_factory.mktemp("killed")
    hub = folder / "hub"
    first, second = (pack(folder / f"{name}.zip", day) for day, name in enumerate(("first", "second"), 1))

    def add(file: Path) -> tuple[str, ...]:
        return ("delivery", "add", "mixed", str(file), "--collected-at", "2026-10-20")

    def here(*words: str | Path) -> None:
        assert ask(*words, "--in", hub, how="here")["code"] == 0, words

    assert ask("init", hub, how="here")["code"] == 0
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS + agreement_on("mixed"))
    here("agreement", "apply")
    here(*add(first))
    here("snapshot", "make")
    here("lookup", "45.1.1.7")

    found = {}
    before, said = folder / "0", asked_about(ask, hub)
    shutil.copytree(hub, before)
    for number, words in enumerate((add(second), ("snapshot", "make"), ("snapshot", "drop", "2")), 1):
        done = ask(*words, "--in", hub, how="count")
        assert done["code"] == 0, done["talk"]
        after, says = folder / str(number), asked_about(ask, hub)
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


def asked_about(ask: Callable[..., dict], hub: Path) -> list[dict]:
    """What a look-up of a victim of each delivery, and of a server, says; what ages by the second left out."""
    done = ask("lookup", "45.1.1.7", "45.1.2.7", "61.19.1.1", "--json", "--in", hub)
    assert done["code"] == 0, done["talk"]
    said = json.loads(done["said"])
    for finding in (finding for one in said for finding in one["findings"]):
        del finding["confidence"], finding["severity"]
    return said


def known(found: Content) -> Content:
    """What must be the same on every run: all but the two times of a clock, and the database, which logs look-ups."""
    told = {}
    for name, data in found.items():
        if name.startswith((".staging-", "accord.db")) or name == ".lock":
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


MOMENTS = {
    "delivery add": {"receiving", "merging", "account written", "published"},
    "snapshot make": {"merging", "manifest written", "published"},
    "snapshot drop": {"nothing staged", "published"},
}
"""Those that a hundred kills must have met."""


@pytest.mark.parametrize("name", KILLS)
def test_a_command_killed_at_any_moment_leaves_the_old_workspace_or_the_new_and_comes_to_its_end_when_called_again(
    ask, commands, content, tmp_path: Path, name: str
) -> None:
    command = commands[name]
    draw = random.Random(name)
    kinds = [kind for kind, count in command.steps.items() if count]
    hub = tmp_path / "hub"
    moments: Counter[str] = Counter()
    for number in range(KILLS[name] // PORTION):
        kind = kinds[number % len(kinds)]
        shutil.copytree(command.before, hub)
        kill = (kind, draw.randint(1, command.steps[kind]))
        done = ask(*command.words, "--in", hub, how=kill)
        assert done["code"] in {KILLED, 0}, (kill, done)
        found = known(content(hub))
        assert found in (command.old, command.new), kill
        appeared = found == command.new
        at = moment(hub, appeared=appeared)
        if not moments[at]:
            assert asked_about(ask, hub) == command.answers[appeared], kill
        moments[at] += 1
        again = ask(*command.words, "--in", hub)
        assert again["code"] == (4 if appeared and name == "snapshot drop" else 0), (kill, again)
        assert known(content(hub)) == command.new, kill
        assert not list(hub.glob(".staging-*")), kill
        shutil.rmtree(hub)
    assert PORTION > 1 or set(moments) >= MOMENTS[name], moments
