"""Whether the time of an answer says if an address was seen: Welch's t over a million questions, as dudect does it.

Addresses that were seen and that were not are asked for in an order drawn by chance, each once as far as they go, and
each answer's time is taken: over one connection, as somebody else would (`loopback`), and of the service's own function
in this process, where nothing else adds its noise (`inside`). Beside it stands the same for two halves of those that
were not seen, of which nobody could tell anything: how large |t| gets by chance; and, inside, for answers of which
those that were seen call one empty function more: that a leak as small as that is found (`planted`).
"""

import argparse
import gc
import tempfile
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from check_asking import drawn, spelled, times_over
from check_stand import HOST, PEPPER, draw_crowd, served, write_data
from measuring import Figures, Outcome, Target, say
from telling_apart import BOUND, largest_t

from accord.check.rendering import Hub, render, render_standing
from accord.check.service import Service
from accord.check.settings import read_check_settings
from accord.check.snapshot import CheckData

VICTIMS, QUESTIONS, ANSWERS = 1_000_000, 1_000_000, 1_000_000
WARM = 20_000
"""Answers of which the times do not count."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--victims", type=int, default=VICTIMS, help=f"addresses; by default {VICTIMS:,}")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"over loopback; by default {QUESTIONS:,}")
    parser.add_argument("--answers", type=int, default=ANSWERS, help=f"inside, twice; by default {ANSWERS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    victims, questions, answers = chosen.victims, chosen.questions, chosen.answers
    if chosen.small:
        victims, questions, answers = 100_000, 20_000, 20_000
    outcome = Outcome(
        name="check-timing",
        title=f"times of {questions:,} answers of the public check over loopback, {answers:,} inside",
        options={"victims": victims, "questions": questions, "answers": answers},
        targets={
            "loopback_t": Target(limit=BOUND),
            "inside_t": Target(limit=BOUND),
            "inside_t_planted": Target(limit=BOUND, least=True),
        },
    )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        crowd = draw_crowd(victims)
        write_data(folder / "data", crowd, 1)
        for number in range(rounds):
            with served(folder) as service:
                say(f"asking {questions:,} times")
                rounds_of_one, which = drawn(crowd.victims, crowd.others, questions + 1, 1, number)
                figures = _told("loopback", times_over(service.port, HOST, rounds_of_one), which[1:], number)
            say(f"answering {answers:,} times, twice")
            service_here = _service(folder)
            order, which = drawn(crowd.victims, crowd.others, WARM + answers, 1, number)
            addresses = [spelled(one) for one in order[:, 0].tolist()]
            for name, leaks in (("inside", bytes(len(which))), ("planted", (1 - which).tobytes())):
                taken = _times_inside(service_here, addresses, leaks)[WARM:]
                figures |= _told(name, taken, which[WARM:], number)
            outcome.add(figures | {"inside_t_planted": figures.pop("planted_t")})
    yield outcome


def _told(name: str, taken: np.ndarray, which: np.ndarray, seed: int) -> Figures:
    unseen = taken[which == 1]
    half = np.random.default_rng(seed).integers(0, 2, len(unseen)).astype(np.uint8)
    low = taken <= np.median(taken)
    return {
        f"{name}_t": largest_t(taken, which),
        f"{name}_t_by_chance": largest_t(unseen, half),
        f"{name}_seen_more_ns": float(taken[low & (which == 0)].mean() - taken[low & (which == 1)].mean()),
        f"{name}_median_us": float(np.median(taken)) / 1000,
    }


class _Headers:
    """What a proxy of ours sends; only for whom it asks changes."""

    def __init__(self) -> None:
        self.held = {"host": [HOST], "content-length": ["0"], "x-forwarded-for": [""]}

    def get_all(self, name: str) -> list[str]:
        return self.held.get(name, [])

    def keys(self) -> list[str]:
        return list(self.held)

    def __contains__(self, name: str) -> bool:
        return name in self.held


@dataclass(slots=True)
class _Request:
    """A question as the server hands it over."""

    headers: _Headers
    client: str = "127.0.0.1:4711"
    method: str = "POST"
    path: str = "/en"
    authority: None = None


def _service(folder: Path) -> Service:
    settings = read_check_settings(folder / "check.toml")
    hub = Hub(name=settings.hub, contact=settings.contact, hosts=settings.hosts, contacts=())
    service = Service(
        settings,
        render_standing(hub),
        names=(HOST,),
        salt=bytes(16),
        tell=lambda _: None,
        today=lambda: datetime.now(UTC).toordinal(),
    )
    data = CheckData.open(settings.data, PEPPER)
    service.use(data, render(hub, data.families, data.day))
    return service


def _times_inside(service: Service, addresses: list[str], leaks: bytes) -> np.ndarray:
    """Nanoseconds that each answer takes in this process; where one leaks, an empty function is called besides."""
    headers = _Headers()
    request, held, reply = _Request(headers), headers.held, service.reply
    times = array("q", bytes(8 * len(addresses)))
    clock = time.perf_counter_ns
    gc.collect()
    gc.freeze()
    for place, (address, leak) in enumerate(zip(addresses, leaks, strict=True)):
        held["x-forwarded-for"] = [address]
        begun = clock()
        answer = reply(request)
        if leak:
            _nothing()
        times[place] = clock() - begun
        del answer
    gc.unfreeze()
    return np.array(times)


def _nothing() -> None:
    """What a leak takes: some tens of nanoseconds."""
