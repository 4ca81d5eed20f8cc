"""Private set intersection of 10,000 customers against 770,000 victims, phase by phase beside libsodium's primitives.

The phases: the hub's set; the organisation's blinding; the hub's answer with its proof; the organisation's verifying,
unblinding and comparing. Beside each phase the primitives that it must call are called as often, on as many threads,
with nothing around them: hash-to-group, multiply, invert, and the additions of elements that a proof's sums are. Both
take turns a piece at a time, so that what else the machine does reaches both alike. `_x` is a phase's wall time over
the primitives', `_cpu_x` the same of CPU time; `_no_add_x` leaves the additions out of the primitives, and is held
against the same target. The hub's answer counts what it looks at before: whether all are elements.

For the whole, OpenMined's private set intersection does the same two sets (its raw structure, no false matches), in a
process of its own, on one thread: it has no proof, and one thread is all that it uses. So CPU seconds of both compare
them (`whole_cpu_s`, `openmined_cpu_s`), wall seconds do not.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from beside import install
from measuring import ROOT, Figures, Outcome, Target, say

from accord.check.psi.group import UNIFORM_BYTES, buffer, is_element, scalar_of, sodium
from accord.check.psi.inputs import encode_input
from accord.check.psi.oprf import blind, blinds, derive_key, evaluate, evaluate_blinded, finalise_proven, prove
from accord.check.psi.sets import ENTRY_BYTES, MaskedSet, sort_entries
from accord.check.psi.spreading import Spread

VICTIMS, CUSTOMERS, MATCHES = 770_000, 10_000, 1_000
SMALL_VICTIMS, SMALL_CUSTOMERS = 6_000, 600
PIECE = 10_000
REPEATS = 5
"""How often the short phases take turns with what stands beside them."""
MOST = 1.15
LOCK, VENV = ROOT / "requirements" / "psi.txt", ROOT / ".venv-psi"

Work = Callable[[], object]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--victims", type=int, metavar="N", help=f"how many; by default {VICTIMS:,}")
    parser.add_argument("--customers", type=int, metavar="N", help=f"how many; by default {CUSTOMERS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    victims = chosen.victims or (SMALL_VICTIMS if chosen.small else VICTIMS)
    customers = chosen.customers or (SMALL_CUSTOMERS if chosen.small else CUSTOMERS)
    threads = len(os.sched_getaffinity(0))
    phases = ("set", "blind", "answer", "finalise")
    outcome = Outcome(
        name="psi",
        title=f"Private set intersection of {customers:,} customers against {victims:,} victims, {threads} threads",
        options={"victims": victims, "customers": customers, "threads": threads, "rounds": rounds},
        targets={
            **{f"{phase}_x": Target(limit=MOST) for phase in phases},
            **{
                f"{phase}{cpu}_no_add_x": Target(limit=MOST) for phase in ("answer", "finalise") for cpu in ("", "_cpu")
            },
        },
    )
    wrong = install("OpenMined's private set intersection", VENV, LOCK)
    if wrong is not None:
        say(f"measured without OpenMined's private set intersection: {wrong}")
        outcome.facts["OpenMined"] = "not measured: it could not be installed"
    for _ in range(rounds):
        figures = one_round(victims, customers, threads, outcome)
        if wrong is None:
            figures |= beside(victims, customers)
        outcome.add(figures)
    yield outcome


class Clock:
    """Wall and CPU time of a phase, of the primitives beside it, and of its additions alone."""

    def __init__(self, repeats: int = 1) -> None:
        self.repeats = repeats
        self.wall = dict.fromkeys(("own", "primitives", "additions"), 0.0)
        self.cpu = dict(self.wall)

    def time(self, what: str, work: Work) -> object:
        wall, cpu = time.perf_counter(), time.process_time()
        done = work()
        self.wall[what] += time.perf_counter() - wall
        self.cpu[what] += time.process_time() - cpu
        return done

    def figures(self, phase: str) -> Figures:
        found = {f"{phase}_s": self.wall["own"] / self.repeats, f"{phase}_cpu_s": self.cpu["own"] / self.repeats}
        for name, kept in (("", self.wall), ("_cpu", self.cpu)):
            must = kept["primitives"] + kept["additions"]
            found[f"{phase}{name}_x"] = kept["own"] / must
            if kept["additions"]:
                found[f"{phase}{name}_no_add_x"] = kept["own"] / kept["primitives"]
        return found


def one_round(victims: int, customers: int, threads: int, outcome: Outcome) -> Figures:
    spread = Spread(threads=threads, piece=256)
    seen = [encode_input("ipv4", f"{one >> 24}.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}", "2026-10-01")
            for one in range(1 << 24, (1 << 24) + victims)]  # fmt: skip
    first = victims - MATCHES * customers // CUSTOMERS
    own = [encode_input("ipv4", f"{one >> 24}.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}", "2026-10-01")
           for one in range((1 << 24) + first, (1 << 24) + first + customers)]  # fmt: skip
    secret, public = derive_key(secrets.token_bytes(32), b"")
    figures: Figures = {}

    clock, entries = Clock(), list[bytes]()
    for begin in range(0, victims, PIECE):
        part = seen[begin : begin + PIECE]
        clock.time("primitives", lambda part=part: bare(len(part), spread, hashes=1, products=1))
        entries += clock.time("own", lambda part=part: evaluate(secret, part, ENTRY_BYTES, spread))
    masked = MaskedSet(clock.time("own", lambda: sort_entries(b"".join(entries))))
    figures |= clock.figures("set")

    clock = Clock(REPEATS)
    for _ in range(REPEATS):
        clock.time("primitives", lambda: bare(customers, spread, hashes=1, products=1))
        scalars = clock.time("own", lambda: blinds(customers, secrets.token_bytes))
        blinded = clock.time("own", lambda scalars=scalars: blind(own, scalars, spread))
    figures |= clock.figures("blind")

    clock, once = Clock(REPEATS), scalar_of(secrets.token_bytes(UNIFORM_BYTES))
    for _ in range(REPEATS):
        clock.time("primitives", lambda: bare(customers, spread, products=2))
        clock.time("additions", lambda: bare(customers, spread, sums=1))
        clock.time("own", lambda: all(map(is_element, blinded)))
        evaluated = clock.time("own", lambda: evaluate_blinded(secret, blinded, spread))
        proof = clock.time("own", lambda evaluated=evaluated: prove(secret, public, blinded, evaluated, once, spread))
    figures |= clock.figures("answer")

    clock = Clock(REPEATS)
    for _ in range(REPEATS):
        clock.time("primitives", lambda: bare(customers, spread, products=3, inverses=1))
        clock.time("additions", lambda: bare(customers, spread, sums=2))
        outputs = clock.time("own", lambda: finalise_proven(own, scalars, evaluated, blinded, public, proof, spread))
        met = clock.time("own", lambda outputs=outputs: sum(one[:ENTRY_BYTES] in masked for one in outputs))
    figures |= clock.figures("finalise")
    if met != victims - first:
        sys.exit(f"psi: {met} customers match, and {victims - first} are victims")
    outcome.facts["customers that match"] = f"{met:,}, each of them"
    for unit in ("s", "cpu_s"):
        figures[f"whole_{unit}"] = sum(figures[f"{phase}_{unit}"] for phase in ("set", "blind", "answer", "finalise"))
    return figures


def bare(count: int, spread: Spread, *, hashes: int = 0, products: int = 0, inverses: int = 0, sums: int = 0) -> None:
    """Call libsodium's functions so often for each of `count` items, and nothing else."""
    library = sodium()
    uniform, scalar = secrets.token_bytes(UNIFORM_BYTES), scalar_of(secrets.token_bytes(UNIFORM_BYTES))
    point = buffer()
    library.from_hash(point, uniform)
    element = point.raw

    def work(part: Sequence[int]) -> list[None]:
        out = buffer()
        from_hash, product, invert, add = library.from_hash, library.multiply, library.invert, library.add
        for _ in part:
            for _ in range(hashes):
                from_hash(out, uniform)
            for _ in range(products):
                product(out, scalar, element)
            for _ in range(inverses):
                invert(out, scalar)
            for _ in range(sums):
                add(out, element, element)
        return []

    spread.over(work, range(count))


OPENMINED = """
import json, sys, time
import private_set_intersection.python as psi
victims, customers, first = map(int, sys.argv[1:])
seen = [f"ipv4 {one} 2026-10-01" for one in range(victims)]
own = [f"ipv4 {one} 2026-10-01" for one in range(first, first + customers)]
server, client = psi.server.CreateWithNewKey(True), psi.client.CreateWithNewKey(True)
times, begun = [time.perf_counter()], time.process_time()
setup = server.CreateSetupMessage(1e-9, customers, seen, psi.DataStructure.RAW); times.append(time.perf_counter())
request = client.CreateRequest(own); times.append(time.perf_counter())
response = server.ProcessRequest(request); times.append(time.perf_counter())
found = client.GetIntersection(setup, response); times.append(time.perf_counter())
print(json.dumps([len(found), time.process_time() - begun, *(b - a for a, b in zip(times, times[1:]))]))
"""


def beside(victims: int, customers: int) -> Figures:
    """OpenMined's, of the same sizes and as many matches."""
    first = victims - MATCHES * customers // CUSTOMERS
    words = [VENV / "bin" / "python", "-c", OPENMINED, victims, customers, first]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"psi: OpenMined's private set intersection failed:\n{done.stderr}")
    found, cpu, *phases = json.loads(done.stdout)
    if found != victims - first:
        sys.exit(f"psi: OpenMined found {found} of {victims - first}")
    names = ("set", "blind", "answer", "finalise")
    return {f"openmined_{name}_s": each for name, each in zip(names, phases, strict=True)} | {
        "openmined_whole_s": sum(phases),
        "openmined_cpu_s": cpu,
    }
