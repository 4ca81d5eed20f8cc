"""A whole release: 100,000 findings of ten countries, sealed, entered, witnessed and handed over to ten recipients.

Each round runs `accord operation run` in a workspace, which makes ten countries' reports and the hub's tables, and then
`accord release make` on the same, which does that too, asks the release rules, and seals, enters, publishes and hands
over a package for each country's CSIRT. What the second took longer is what releasing costs: `release_s` of wall time,
`release_cpu_s` of CPU time. Beside it, in another copy of the workspace, `accord release make --channel` puts all
findings into a channel that all ten read, where no report is made: `channel_*`, the whole command.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from random import Random

from measuring import ROOT, Figures, Outcome, Target, accord, measure

from accord.reference.store import load

# a furnished hub's agreements are the tests'
sys.path.insert(0, str(ROOT))
from tests.cli.released import AGREEMENT, OPERATION, PARTNERS

COUNTRIES = ("BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "VN")
FINDINGS = 100_000
SMALL = 5_000

PARTNER = """
[[partner]]
id = "csirt-{country}"
name = "CSIRT of {country}"
kind = "csirt"
country = "{country}"
{keys}
"""
RECIPIENT = """
[[recipient]]
partner = "csirt-{country}"
country = "{country}"
encrypted = true
"""

CHANNEL = """
[[channel]]
id = "ten"
title = "Infected machines in ten countries"
purpose = "victim-notification"
encrypted = true
"""
MEMBER = """
[[channel.member]]
partner = "{}"
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--findings", type=int, metavar="N", help=f"how many; by default {FINDINGS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    findings = chosen.findings or (SMALL if chosen.small else FINDINGS)
    outcome = Outcome(
        name="release",
        title=f"A release of {findings:,} findings to {len(COUNTRIES)} recipients",
        options={"findings": findings, "recipients": len(COUNTRIES), "rounds": rounds},
        targets={"release_s": Target(limit=10), "channel_wall_s": Target(limit=10)},
    )
    with tempfile.TemporaryDirectory() as place:
        hub, operation = furnish(Path(place), findings)
        for number in range(rounds):
            outcome.add(one_round(hub, operation, Path(place) / f"round-{number}", outcome))
    yield outcome


def furnish(place: Path, findings: int) -> tuple[Path, Path]:
    """A hub to which so many sightings were delivered, each of another machine; and its operation."""
    hub, keys = place / "hub", place / "keys"
    measure(accord("init", hub, "--ledger", "hub.example/ledger"))
    told = measure(accord("package", "keys", "--name", "csirt.example", "--out", keys)).stdout
    theirs = "\n".join(line for line in told.splitlines() if line.startswith(("age =", "receipts =")))
    settings = hub / "workspace.toml"
    text = settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
    vendor, _, dataset = PARTNERS.partition("[[dataset]]")
    text += vendor.partition('[[partner]]\nid = "csirt-th"')[0]
    names = [f"csirt-{one.lower()}" for one in COUNTRIES]
    text += "".join(PARTNER.format(country=one, keys=theirs).replace(f"csirt-{one}", f"csirt-{one.lower()}")
                    for one in COUNTRIES)  # fmt: skip
    text += "[[dataset]]" + dataset.replace('["csirt-th", "police-th"]', json.dumps(names))
    text += AGREEMENT.format(id="vendor-2026", party="vendor", direction="in", pap="green", digit=0)
    for digit, one in enumerate(names):
        text += AGREEMENT.format(id=f"{one}-2026", party=one, direction="out", pap="clear", digit=digit)
    settings.write_text(text, "utf-8")
    measure(accord("agreement", "apply", "--in", hub))
    channel = place / "channel.toml"
    channel.write_text(CHANNEL + "".join(map(MEMBER.format, names)), "utf-8")
    measure(accord("channel", "apply", channel, "--in", hub))
    file = place / "2026-10-01-event4_sinkhole.csv"
    file.write_text(sightings(findings), "utf-8")
    measure(accord("delivery", "add", "sinkhole", file, "--in", hub))
    operation = place / "october.toml"
    text = OPERATION.format(name="october-2026", more="").partition("[[recipient]]")[0]
    text = text.replace('["TH"]', json.dumps(COUNTRIES))
    text += "".join(RECIPIENT.format(country=one).replace(f"csirt-{one}", f"csirt-{one.lower()}") for one in COUNTRIES)
    operation.write_text(text, "utf-8")
    return hub, operation


def sightings(findings: int) -> str:
    """A report of so many infected machines, as many in each country, as Shadowserver writes it."""
    draw, places = Random(7), load(None).country
    lines = ["timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"]
    for country in COUNTRIES:
        starts, ends = (one.tolist() for one in places.ranges_of(country))
        seen: set[int] = set()
        while len(seen) < findings // len(COUNTRIES):
            at = draw.randrange(len(starts))
            seen.add(draw.randint(starts[at], ends[at]))
        lines += (
            f"2026-10-{1 + one % 30:02d} 10:00:37,tcp,{IPv4Address(one)},{1024 + one % 60000},,192.0.2.1,80,gamut,,"
            for one in sorted(seen)
        )
    return "\n".join(lines) + "\n"


def one_round(hub: Path, operation: Path, place: Path, outcome: Outcome) -> Figures:
    for copy in ("hub", "beside"):
        shutil.copytree(hub, place / copy)
    # exit 3 is complete with refused files
    ran = measure(accord("operation", "run", operation, "--in", place / "hub", "--out", place / "out"))
    made = measure(accord("release", "make", operation, "--in", place / "hub", "--json"))
    handed = [one["findings"] for one in json.loads(made.stdout)["sealed"]]
    put = measure(accord("release", "make", operation, "--channel", "ten", "--in", place / "beside", "--json"))
    outcome.facts |= {
        "findings that recipients get": ", ".join(f"{one:,}" for one in sorted(handed)),
        "findings that the channel gets": f"{json.loads(put.stdout)['findings']:,}",
    }
    shutil.rmtree(place)
    return (
        ran.figures("reports")
        | made.figures("make")
        | put.figures("channel")
        | {
            "release_s": made.wall_s - ran.wall_s,
            "release_cpu_s": made.cpu_s - ran.cpu_s,
        }
    )
