"""A country's report with 10,000 findings, in one language.

Each round runs `accord operation run` with one worker on deliveries that hold so many findings of one country (six in
ten of them infected systems with three sightings each, the rest C2 servers, malware addresses and compromised
websites), once in one language and once in two. `report_s` is what the run itself says that its reports took: the
view, every file of the report, and beside it the hub's table. `language_s` is what the second language added.
`report_peak_mb` is the most memory that the process held which wrote the report.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

from measuring import Figures, Outcome, Target, accord, measure

from accord.reference.store import load

COUNTRY = "ID"
FINDINGS = 10_000
SMALL = 1_000
SIGHTINGS = 3
ROLES = {"infected-system": 6, "c2-server": 1.5, "malware-distribution": 1.5, "system-compromise": 1}
"""Of ten findings, how many."""

OPERATION = """root = "deliveries"

[hub]
name = "Bench hub"
contact = "desk@hub.example"
namespace = "6f9a8a0e-4f0b-4b57-9b1c-6c1f0a4c7e11"
key_file = "hub.key"

[operation]
name = "bench"
title = "One country's report"
as_of = 2026-11-23
countries = ["{country}"]
languages = {languages}
simulated = true

[[partner]]
id = "vendor"
name = "Vendor"

[[partner]]
id = "csirt"
name = "National CSIRT"
kind = "csirt"
country = "{country}"
"""
DATASET = """
[[dataset]]
id = "{role}"
title = "What the vendor knows of {role}"
partner = "vendor"
format = "{format}"
paths = ["{file}"]
collected_at = 2026-11-20
origin = "sinkhole"
role = "{role}"
family = "Simda"
marking = "amber"
grade = "b"
retention = "P1Y"
legal_basis = "legitimate-interest"
personal_data = true
name_partner = true
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--findings", type=int, metavar="N", help=f"findings of the report; by default {FINDINGS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    findings = chosen.findings or (SMALL if chosen.small else FINDINGS)
    outcome = Outcome(
        name="report",
        title=f"One country's report with {findings:,} findings",
        options={"findings": findings, "sightings": SIGHTINGS, "rounds": rounds},
        targets={"report_s": Target(limit=3), "report_peak_mb": Target(limit=400)},
    )
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="accord-bench-") as scratch:
            outcome.add(one_round(Path(scratch), findings))
    yield outcome


def one_round(folder: Path, findings: int) -> Figures:
    deliver(folder / "deliveries", findings)
    one = run_once(folder, findings, ["en"])
    two = run_once(folder, findings, ["en", "ar"])
    return {**one, "language_s": two["report_s"] - one["report_s"]}


def run_once(folder: Path, findings: int, languages: list[str]) -> Figures:
    names = {"infected-system": ("shadowserver", "2026-11-20-event4_sinkhole-all.csv")}
    datasets = (
        DATASET.format(role=role, format=names.get(role, ("plain",))[0], file=names.get(role, ("", f"{role}.txt"))[1])
        for role in ROLES
    )
    file, out = folder / "operation.toml", folder / "out"
    file.write_text(OPERATION.format(country=COUNTRY, languages=json.dumps(languages)) + "".join(datasets))
    ran = measure(accord("operation", "run", file, "--out", out, "--workers", "1"))
    counted = json.loads((out / "summary.json").read_text())["countries"][COUNTRY]["findings"]
    if counted != findings:
        raise SystemExit(f"expected {findings:,} findings of {COUNTRY}, got {counted:,}")
    return {
        "report_s": json.loads((out / "timings.json").read_text())["reports"],
        "report_peak_mb": ran.child_peak_mb,
        **ran.figures("run"),
    }


def deliver(folder: Path, findings: int) -> None:
    """Write what partners hand over: addresses that the bundled table puts into the country, spread over all of it."""
    folder.mkdir()
    starts, ends = load(None).country.ranges_of(COUNTRY)
    room = [(int(start), int(end)) for start, end in zip(starts, ends, strict=True) if end - start >= 8]
    step = max(1, findings // len(room) + 1)
    addresses = iter(str(IPv4Address(start + 1 + at)) for at in range(step) for start, _ in room)
    counts = {role: round(findings * share / 10) for role, share in ROLES.items()}
    rows = ["timestamp,protocol,src_ip,src_port,dst_ip,dst_port,infection,family,tag"]
    for number in range(counts["infected-system"]):
        address = next(addresses)
        for sighting in range(SIGHTINGS):
            when = f"2026-{9 + sighting:02}-{1 + number % 20:02} {number % 24:02}:00:00"
            rows.append(f"{when},tcp,{address},{1024 + number % 60_000},192.0.2.80,80,simda,,")
    (folder / "2026-11-20-event4_sinkhole-all.csv").write_text("\n".join(rows) + "\n")
    lines = {
        "c2-server": (f"{next(addresses)}:{443 + number % 8}" for number in range(counts["c2-server"])),
        "malware-distribution": (f"http://{next(addresses)}/x" for _ in range(counts["malware-distribution"])),
        "system-compromise": (f"http://www.site-{n}.co.id/shop" for n in range(counts["system-compromise"])),
    }
    for role, texts in lines.items():
        (folder / f"{role}.txt").write_text("\n".join(texts) + "\n")
