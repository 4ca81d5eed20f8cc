"""Who may be told what: 100,000 findings judged by all release rules for ten recipients, and each one's view made.

`policy_s` is, in one process of two threads at most: every policy class judged for every recipient, every row of
evidence given to those who may see it, and for each recipient the findings merged from its rows and no others. Drawn
agreements, data sets and evidence, the same every time. Beside it, before the clock starts, the slow twin of the tests
(tests/release/twin.py) judges every class for every recipient by every rule, and plain Python shares out the rows: a
rule that answers otherwise stops the benchmark. A small hub of a seed that is drawn, and printed, is judged so too.

It ends at the merged views: nothing is written, sealed, entered in the ledger, handed over or put into a channel.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random, SystemRandom
from typing import Any

import numpy as np
import pyarrow as pa
from measuring import ROOT, Figures, Outcome, Target

from accord.columns.instants import microseconds
from accord.columns.rows import rows_of
from accord.fusion.evidence import Evidence
from accord.fusion.merging import FamilySheet, SourceSheet, merge
from accord.release.policy import permitted, shares
from accord.release.question import Audience, Item, Release
from accord.release.rules import decide
from accord.vocabulary.datasets import SourceGrade
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.markings import MARKINGS
from accord.vocabulary.roles import ROLES, Role

# the twin and the short form in which it is told a situation are the tests'
sys.path.insert(0, str(ROOT))
from tests.release import drawing, stating, twin

FINDINGS = 100_000
SMALL = 5_000
ROWS = 3
"""Rows of evidence of a finding, on average."""
RECIPIENTS = 10
DATASETS = 12
CORES = 2
SEED = 20_261_127
DAY_US = 86_400_000_000
_ROLES = np.array([ROLES.index(role) for role in (Role.C2_SERVER, Role.INFECTED_SYSTEM, Role.SYSTEM_COMPROMISE)])


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--findings", type=int, metavar="N", help=f"how many; by default {FINDINGS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    findings = chosen.findings or (SMALL if chosen.small else FINDINGS)
    drawn = SystemRandom().randrange(2**32)
    print(f"policy: a small hub of the seed {drawn}")
    another = Hub(SMALL, drawn)
    another.compare(one_round(another)[1])
    hub = Hub(findings, SEED)
    outcome = Outcome(
        name="policy",
        title=f"All release rules on {findings:,} findings for {RECIPIENTS} recipients, and each one's view",
        options={"findings": findings, "rows": len(hub.finding), "recipients": RECIPIENTS, "rounds": rounds},
        targets={"policy_s": Target(limit=10)},
    )
    for _ in range(rounds):
        figures, views = one_round(hub)
        hub.compare(views)
        outcome.add(figures)
    outcome.facts |= {
        "policy classes": len(hub.items),
        "classes and recipients judged as by the slow twin, rule by rule": f"all {len(hub.items) * RECIPIENTS:,}",
        "so is a small hub of the seed": str(drawn),
        "findings that recipients get": ", ".join(f"{len(numbers):,}" for numbers, _, _ in views),
    }
    yield outcome


class Hub:
    """Agreements, policy classes and evidence, drawn; and what the slow twin says of them."""

    def __init__(self, findings: int, seed: int) -> None:
        draw, numbers = Random(seed), np.random.default_rng(seed)
        world: dict[str, Any] = drawing.world(draw) | {"purpose": "victim-notification", "at": drawing.AT}
        world["partners"] = {f"r{at}": {"name": f"R{at}", "kind": "csirt", "country": draw.choice(["AT", "DE", "TH"])}
                             for at in range(RECIPIENTS)} | drawing.PARTNERS  # fmt: skip
        for at in range(RECIPIENTS):
            limits = {"marking": draw.choice(["green", "amber", "red"]), "pap": draw.choice([None, "green"])}
            limits |= {"iep": draw.choice([None, {"encrypt_in_transit": "must"}])}
            world["agreements"][f"out-r{at}"] = drawing.agreement(**{"with": [f"r{at}"], "out": True, **limits})
        self.world = world
        self.audiences = [
            {
                "recipients": {f"r{at}": {"persons": ["A. Officer"] if at % 2 else []}},
                "encrypted": at % 3 > 0,
                "clients": False,
                "undeclared": False,
                "each_own": False,
                "by_token": False,
            }
            for at in range(RECIPIENTS)
        ]
        self.things = [
            drawing.thing(draw, {"a-in": world["agreements"]["a-in"]})
            | {"marking": marking, "personal": personal, "lists": ["A list"] if review else []}
            for _ in range(DATASETS)
            for marking in (one.value for one in MARKINGS)
            for personal in (False, True)
            for review in (False, True)
        ]
        register = stating.register_of(world | {"object": self.things[0]})
        self.release: Release = stating.release_of(world, register)
        self.items: list[Item] = [stating.item_of(one, drawing.AT) for one in self.things]
        self.channels: list[Audience] = [stating.audience_of(one, register.partners) for one in self.audiences]
        count = findings * ROWS
        self.finding = np.sort(np.append(np.arange(findings), numbers.integers(0, findings, count - findings)))
        marking = np.array([MARKINGS.index(one.marking) for one in self.items], np.int8)
        # few rows are in review
        odds = np.where([one.in_review for one in self.items], 0.1, 1.0)
        self.policy = numbers.choice(len(self.items), count, p=odds / odds.sum())
        last = microseconds(drawing.AT) - numbers.integers(0, 100 * DAY_US, count)
        self.families = FamilySheet(reported=["Gamut", "Simda"], normalised=["Gamut", "Simda"])
        self.sources = [
            SourceSheet(id=f"d{at}", independent_source=f"partner:{at % 5}", grade=grade, named=None, personal=False)
            for at, grade in zip(range(DATASETS), list(SourceGrade) * 2, strict=False)
        ]
        self.evidence = Evidence(
            findings=pa.table(
                {
                    "type": np.full(findings, TYPE_CODES[IndicatorType.IPV4], np.int8),
                    "value": [f"45.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}" for at in range(findings)],
                    "role": _ROLES[np.arange(findings) % 3].astype(np.int8),
                }
            ),
            rows=pa.table(
                {
                    "finding": self.finding,
                    "dataset": (self.policy // 20).astype(np.int32),
                    "delivery": np.zeros(count, np.int32),
                    "marking": marking[self.policy],
                    "family": numbers.integers(-1, 2, count).astype(np.int32),
                    "day": (last // DAY_US).astype(np.int32),
                    "first_seen": last - DAY_US,
                    "last_seen": last,
                    "count": numbers.integers(1, 9, count),
                    "undated": np.zeros(count, np.bool_),
                    "observations": np.ones(count, np.int64),
                }
            ),
            ports=pa.table({name: pa.array([], kind) for name, kind in
                            (("finding", pa.int64()), ("dataset", pa.int32()), ("marking", pa.int8()),
                             ("port", pa.int32()))}),
        )  # fmt: skip
        self.expected = self._shared_out()

    def _shared_out(self) -> list[tuple[set[int], int, int]]:
        """Of each recipient its findings, how many rows it sees and what they count, by the twin and plain loops."""
        finding, policy = self.finding.tolist(), self.policy.tolist()
        counts = self.evidence.rows["count"].to_pylist()
        expected = []
        for audience, channel in zip(self.audiences, self.channels, strict=True):
            may = self._judged(audience, channel)
            numbers: set[int] = set()
            rows = sightings = 0
            for number, one, count in zip(finding, policy, counts, strict=True):
                if may[one]:
                    numbers.add(number)
                    rows += 1
                    sightings += count
            expected.append((numbers, rows, sightings))
        return expected

    def _judged(self, audience: dict[str, Any], channel: Audience) -> list[bool]:
        """May it get each policy class, by the twin. Stop when other rules refuse one than the twin's."""
        may = []
        for thing, item in zip(self.things, self.items, strict=True):
            told = self.world | {"object": thing, "audience": audience}
            verdicts = decide(item, channel, self.release).verdicts
            if {one.rule for one in verdicts if not one.permitted} != twin.refusing(told):
                raise SystemExit("other rules refuse than those of their slow twin")
            may.append(twin.may_get(told))
        return may

    def compare(self, views: list[tuple[np.ndarray, int, pa.Table]]) -> None:
        """Stop when a recipient gets something else than the twin would let it have."""
        for (numbers, rows, view), (expected, wanted, sightings) in zip(views, self.expected, strict=True):
            found = int(np.sum(view["sightings"].to_numpy()))
            if set(numbers.tolist()) != expected or (rows, found) != (wanted, sightings) or len(view) != len(expected):
                raise SystemExit("the rules and their slow twin differ")


def one_round(hub: Hub) -> tuple[Figures, list[tuple[np.ndarray, int, pa.Table]]]:
    begun = time.perf_counter()
    allowed = permitted(hub.items, hub.channels, hub.release)
    judged = time.perf_counter()
    shared = list(shares(hub.finding, hub.policy, allowed))
    as_of_us = microseconds(hub.release.at)

    def view(rows: np.ndarray) -> tuple[np.ndarray, pa.Table]:
        visible = replace(hub.evidence, rows=rows_of(hub.evidence.rows, rows))
        return merge(visible, hub.sources, hub.families, as_of_us)

    with ThreadPoolExecutor(CORES) as pool:
        merged = list(pool.map(view, [share.rows for share in shared]))
    ended = time.perf_counter()
    for share, (numbers, _) in zip(shared, merged, strict=True):
        if numbers.tolist() != share.findings.tolist():
            raise SystemExit("a view holds other findings than were shared out")
    views = [(numbers, len(share.rows), table) for share, (numbers, table) in zip(shared, merged, strict=True)]
    return {"policy_s": ended - begun, "judged_s": judged - begun, "views_s": ended - judged}, views
