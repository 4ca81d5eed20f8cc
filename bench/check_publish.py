"""Publishing check data of millions of victims: from a workspace's evidence to a version that can be seen.

The victims come in one delivery of a sinkhole with a few families and days each, nine of ten by IPv4. What is measured
is the command, from its start to its end, in time and in the memory of its whole tree; how long the service's reader
takes to open what was published stands beside it.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from measuring import Outcome, Target, accord, measure, say

from accord.check.pepper import check_pepper
from accord.check.snapshot import CheckData

VICTIMS = 10_000_000
FAMILIES = ("mirai", "simda", "qakbot", "emotet", "avalanche", "ramnit", "necurs", "conficker", "andromeda", "gamarue")
PIECE = 1 << 18

SETTINGS = """
[check]
folder = "check"
pepper_file = "check.pepper"

[[partner]]
id = "vendor"
name = "A vendor"
country = "JP"

[[partner]]
id = "victims"
name = "Whom it is about"
kind = "concerned"

[[dataset]]
id = "sinkhole"
title = "Infected machines"
partner = "vendor"
format = "csv"
origin = "sinkhole"
legal_basis = "public-task"
role = "infected-system"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = true

[[dataset.csv]]
indicators = { ip = "ip" }
family = "family"
seen_at = "seen"

[[agreement]]
id = "vendor-2026"
title = "With the vendor"
signatory = [{ party = "hub", name = "A" }, { party = "vendor", name = "B" }]
signed = 2020-01-02
document = "1f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2020-01-02
purposes = ["victim-notification"]
in = ["sinkhole"]
[agreement.limits]
marking = "amber"
onward_sharing = "permitted"
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--victims", type=int, default=VICTIMS, help=f"addresses; by default {VICTIMS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    victims = 100_000 if chosen.small else chosen.victims
    outcome = Outcome(
        name="check-publish",
        title=f"publishing check data of {victims:,} victims",
        options={"victims": victims},
        targets={"publish_wall_s": Target(limit=60), "publish_peak_mb": Target(limit=1500)},
    )
    with tempfile.TemporaryDirectory() as made:
        hub = Path(made) / "hub"
        _furnish(hub)
        delivery = Path(made) / "victims.csv"
        say(f"writing a delivery of {victims:,} victims")
        _write(delivery, victims)
        say("taking it in")
        outcome.facts["taken in, seconds"] = round(
            measure(accord("delivery", "add", "sinkhole", delivery, "--in", hub)).wall_s, 1
        )
        delivery.unlink()
        for _ in range(rounds):
            published = measure(accord("check", "publish", "--json", "--in", hub))
            told = json.loads(published.stdout)
            begun = time.perf_counter()
            data = CheckData.open(hub / "check", check_pepper(hub / "check.pepper"))
            opened_s = time.perf_counter() - begun
            data.close()
            outcome.facts["addresses"] = told["addresses"]
            outcome.add(published.figures("publish") | {"open_wall_s": opened_s})
    yield outcome


def _furnish(hub: Path) -> None:
    measure(accord("init", hub, "--ledger", "hub.example/ledger"))
    settings = hub / "workspace.toml"
    settings.write_text(settings.read_text("utf-8") + SETTINGS, "utf-8")
    measure(accord("agreement", "apply", "--in", hub))


def _write(path: Path, victims: int) -> None:
    """A line for each victim; one of four is seen once more, with another family or on another day."""
    draw = np.random.default_rng(7)
    days = [f"{datetime.now(UTC) - timedelta(days=age):%Y-%m-%d}T" for age in range(1, 31)]
    with path.open("w", encoding="ascii") as file:
        file.write("ip,family,seen\n")
        for begin in range(0, victims, PIECE):
            count = min(PIECE, victims - begin)
            # 24.0.0.0 and on, in a stride that leaves no two equal and goes through all networks
            place = (np.arange(begin, begin + count, dtype=np.int64) * 322_961) % (1 << 30)
            long = draw.random(count) < 0.1
            family, age = draw.integers(0, len(FAMILIES), count), draw.integers(0, 30, count)
            again = np.flatnonzero(draw.random(count) < 0.25)
            rows = np.concatenate([np.arange(count), again])
            shift = np.concatenate([np.zeros(count, np.int64), np.ones(len(again), np.int64)])
            seconds = [
                f"{one // 3600:02d}:{one // 60 % 60:02d}:{one % 60:02d}Z" for one in (place[rows] % 86_400).tolist()
            ]
            columns = (place[rows], long[rows], family[rows], age[rows], shift)
            for (number, is_long, kind, each, more), second in zip(
                zip(*(one.tolist() for one in columns), strict=True), seconds, strict=True
            ):
                named, day = FAMILIES[(kind + more) % len(FAMILIES)], days[(each + more) % 30]
                file.write(f"{_address(number, is_long)},{named},{day}{second}\n")


def _address(number: int, is_long: bool) -> str:
    if is_long:
        return f"2a02:{number >> 16:x}:{number & 0xFFFF:x}:1::1"
    number += 24 << 24
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
