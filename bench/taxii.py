"""The TAXII server: adds from empty to a million objects, pages through 100,000, and two filters at a million objects.

`accord serve` answers with one process, on a workspace on SQLite and on one on PostgreSQL; one client asks over
loopback, one request after the other. Adds are envelopes of 1,000 indicators of 765 bytes, each a delivery that is on
the disk and queued before it is accepted. The job worker takes them in meanwhile, on the other core; how fast it does
so once nobody adds any more is told by itself (`taken_in`). What is polled was put into a channel by `accord release
make --channel`: six objects, of 280 to 630 bytes, for each indicator that was delivered.

OpenTAXII and medallion get fewer objects, because they take so long, and are asked the same: with more objects they are
slower, Accord is not.
"""

import argparse
import itertools
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from pathlib import Path

import places
import taxii_hub
import taxii_objects
import taxii_peers
from measuring import Figures, Outcome, Target, say
from taxii_asking import Client
from taxii_hub import Hub, Served

OBJECTS, SMALL_OBJECTS = 1_000_000, 3_000
PAGED, SMALL_PAGED = 100_000, 1_000
BESIDE = 1_000
BATCH, PAGE = 1_000, 1_000
ASKED, SMALL_ASKED = 400, 20
ASKED_BESIDE, SMALL_ASKED_BESIDE = 10, 3
HELD, SMALL_HELD = 100_000, 2_000
"""Objects that medallion has when 100 are added: it compares each with all."""

FEW = 100
TENTHS = 10
TAKEN_IN_S = 60
"""For which it is watched how adds are taken in, once nobody adds any more."""

WAIT_S = 1
"""After which is added again what there was no room for."""

SOME = 100
"""Objects of an answer to `match[type]`."""

TYPES = ("indicator", "infrastructure", "ipv4-addr", "relationship", "sighting")

TARGETS = {
    "adds_objects_a_second": Target(limit=10_000, least=True),
    "adds_slowest_tenth": Target(limit=10_000, least=True),
    "pages_s": Target(limit=5),
    "match_id_p95_ms": Target(limit=10),
    "match_type_p95_ms": Target(limit=10),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--objects", type=int, metavar="N", help=f"added, and in the channel; by default {OBJECTS:,}")
    parser.add_argument("--paged", type=int, metavar="N", help=f"objects paged through; by default {PAGED:,}")
    parser.add_argument("--beside", type=int, metavar="N", help=f"objects that peers get; by default {BESIDE:,}")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="only this one")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    small = chosen.small
    objects = chosen.objects or (SMALL_OBJECTS if small else OBJECTS)
    paged = min(objects, chosen.paged or (SMALL_PAGED if small else PAGED))
    beside = chosen.beside or BESIDE
    asked = SMALL_ASKED if small else ASKED
    problem = taxii_peers.installed()
    if problem is not None:
        say(f"taxii: OpenTAXII and medallion could not be installed, so nothing is measured beside it:\n{problem}")
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as made:
        scratch = Path(made)
        envelopes = _envelopes(scratch, objects)
        for kind in [chosen.database] if chosen.database else places.kinds():
            outcome = Outcome(
                name=f"taxii-{kind}",
                title=f"TAXII on {kind}: {objects:,} objects added, and as many in a channel",
                options={"objects": objects, "paged": paged, "beside": beside, "asked": asked, "rounds": rounds},
                targets=TARGETS,
            )
            with taxii_hub.made(kind, scratch / f"filled-{kind}") as filled:
                begun = time.perf_counter()
                filled.fill(objects)
                outcome.facts["put into the channel in"] = f"{time.perf_counter() - begun:.0f} s"
                for number in range(rounds):
                    fresh = nullcontext(filled) if small else taxii_hub.made(kind, scratch / f"adds-{kind}-{number}")
                    with fresh as hub:
                        figures = _adds(hub, envelopes, TAKEN_IN_S)
                    figures |= _reads(filled, objects, paged, asked)
                    say(f"taxii-{kind}: " + ", ".join(f"{name} {value:,.2f}" for name, value in figures.items()))
                    if problem is None:
                        for name in taxii_peers.FINE:
                            place = scratch / f"{name}-{kind}-{number}"
                            times = SMALL_ASKED_BESIDE if small else ASKED_BESIDE
                            figures |= _beside(name, kind, place, beside, times, figures)
                        figures |= _medallion_held(scratch / f"held-{kind}-{number}", SMALL_HELD if small else HELD)
                    outcome.add(figures)
            yield outcome


def _envelopes(scratch: Path, objects: int) -> Sequence[Path]:
    """Envelopes in files, so that making them is not measured."""
    files = []
    for number, envelope in enumerate(taxii_objects.envelopes(objects, BATCH)):
        files.append(scratch / f"envelope-{number:06}.json")
        files[-1].write_bytes(envelope)
    return files


def _adds(hub: Hub, envelopes: Sequence[Path], patience_s: float) -> Figures:
    token = hub.token("vendor", "write")
    with taxii_hub.served(hub) as server:
        client = server.client("dataset:indicators", token)
        tenths = []
        each = -(-len(envelopes) // TENTHS)
        begun = time.perf_counter()
        for first in range(0, len(envelopes), each):
            some = envelopes[first : first + each]
            wall, cpu = time.perf_counter(), server.answering_cpu_s()
            for one in some:
                body = one.read_bytes()
                while (status := client.add(body)) == HTTPStatus.TOO_MANY_REQUESTS:
                    # as much waits as there is room for: from here on it is measured how fast adds are taken in
                    time.sleep(WAIT_S)
                if status != HTTPStatus.ACCEPTED:
                    raise SystemExit(f"an add was answered with {status}")
            count = BATCH * len(some)
            tenths.append((count / (time.perf_counter() - wall), (server.answering_cpu_s() - cpu) / len(some) * 1000))
        wall_s = time.perf_counter() - begun
        figures = {
            "adds_objects_a_second": BATCH * len(envelopes) / wall_s,
            "adds_slowest_tenth": min(rate for rate, _ in tenths),
            "adds_last_tenth": tenths[-1][0],
            # the first tenth has what is done but once
            "adds_cpu_ms_second_tenth": tenths[min(1, len(tenths) - 1)][1],
            "adds_cpu_ms_last_tenth": tenths[-1][1],
        }
        return figures | _taken_in(hub, server, len(envelopes), begun, patience_s)


def _taken_in(hub: Hub, server: Served, adds: int, begun: float, patience_s: float) -> Figures:
    """How fast the job worker takes adds in, while adds come and when none comes any more."""

    def waiting() -> int:
        return sum(1 for one in (hub.folder / "adds").glob("*/*") if not one.name.startswith("."))

    left, alone = waiting(), time.perf_counter()
    meanwhile, cpu = adds - left, server.working_cpu_s()
    figures = {"taken_in_a_second_meanwhile": meanwhile / (alone - begun)}
    while waiting() and time.perf_counter() < alone + patience_s:
        time.sleep(0.05)
    done = left - waiting()
    if done:
        figures["taken_in_a_second_alone"] = done / (time.perf_counter() - alone)
        figures["taken_in_cpu_ms"] = (server.working_cpu_s() - cpu) / done * 1000
    figures["taken_in_share"] = (meanwhile + done) / adds
    return figures


def _reads(hub: Hub, objects: int, paged: int, asked: int) -> Figures:
    token = hub.token("csirt", "read")
    draw = random.Random(7)
    with taxii_hub.served(hub) as server:
        client = server.client("servers", token)
        ids = client.walk(10_000, objects, what="manifest")
        if len(ids) < objects:
            raise SystemExit(f"{len(ids)} objects are in the channel, not {objects}")
        figures: Figures = {}
        with _cpu(server, figures, "pages_cpu_s", 1):
            begun = time.perf_counter()
            walked = len(client.walk(PAGE, paged))
            figures["pages_s"] = time.perf_counter() - begun
        figures["pages_a_second"] = walked / figures["pages_s"]
        for name, queries in (
            ("match_id", [f"match[id]={one}" for one in draw.choices(ids, k=asked)]),
            ("match_type", list(itertools.islice(itertools.cycle(_types(SOME)), asked))),
            ("match_type_whole_page", list(itertools.islice(itertools.cycle(_types(PAGE)), asked))),
        ):
            with _cpu(server, figures, f"{name}_cpu_ms", 1000 / asked):
                spread = client.spread(queries)
            figures |= {f"{name}_median_ms": spread.median_ms, f"{name}_p95_ms": spread.p95_ms}
    return figures


@contextmanager
def _cpu(server: Served, figures: Figures, name: str, times: float) -> Iterator[None]:
    begun = server.answering_cpu_s()
    yield
    figures[name] = (server.answering_cpu_s() - begun) * times


def _types(limit: int) -> list[str]:
    return [f"match[type]={one}&limit={limit}" for one in TYPES]


def _beside(name: str, kind: str, place: Path, objects: int, times: int, ours: Figures) -> Figures:
    """A peer's figures, and Accord's as multiples of them."""
    draw = random.Random(7)
    peer = {"opentaxii": taxii_peers.opentaxii, "medallion": taxii_peers.medallion}[name]
    with peer(kind, place) as client:
        begun = time.perf_counter()
        for envelope in taxii_objects.envelopes(objects, BATCH):
            status = client.add(envelope)
            if status not in taxii_peers.FINE[name]:
                raise SystemExit(f"{name} answered an add with {status}")
        adds = objects / (time.perf_counter() - begun)
        begun = time.perf_counter()
        ids = _walked(client, objects)
        pages = objects / (time.perf_counter() - begun)
        by_id = client.spread(f"match[id]={one}" for one in draw.choices(ids, k=times))
        by_type = client.spread([f"match[type]=indicator&limit={SOME}"] * times)
    return {
        f"{name}_adds_a_second": adds,
        f"{name}_pages_a_second": pages,
        f"{name}_match_id_median_ms": by_id.median_ms,
        f"{name}_match_type_median_ms": by_type.median_ms,
        f"times_{name}_adds": ours["adds_objects_a_second"] / adds,
        f"times_{name}_pages": ours["pages_a_second"] / pages,
        f"times_{name}_match_id": by_id.median_ms / ours["match_id_median_ms"],
        f"times_{name}_match_type": by_type.median_ms / ours["match_type_median_ms"],
    }


def _walked(client: Client, objects: int) -> list[str]:
    ids = client.walk(PAGE, objects)
    if len(ids) != objects:
        raise SystemExit(f"a peer has {len(ids)} objects, not {objects}")
    return ids


def _medallion_held(place: Path, held: int) -> Figures:
    with taxii_peers.medallion("", place, held) as client:
        begun = time.perf_counter()
        client.add(taxii_objects.envelope(range(held, held + FEW)))
        return {"medallion_adds_a_second_held": FEW / (time.perf_counter() - begun)}
