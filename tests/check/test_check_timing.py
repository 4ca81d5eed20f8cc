"""That who was seen and who was not are answered by the same steps: every instruction counted, in no unit of time.

test_check_asked.py and `make bench BENCH=check-timing` take the times themselves.
"""

import gc
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, FrameType

import numpy as np
import pytest

from accord.check.service import Reply, Service
from bench.telling_apart import BOUND, largest_t, welch_t
from tests.check.check_served import (
    CLEAN,
    DAY,
    HOSTED,
    MANY,
    MONTH,
    SHARED,
    SHARED_CLEAN,
    UNNAMED,
    V6,
    V6_CLEAN,
    WEEK,
    Question,
    publish_check,
    service_here,
    settings_of,
)  # fmt: skip

Steps = Counter[tuple[CodeType, int]]
"""How often each instruction of Python's was run: its code, and its place there."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    publish_check(tmp_path / "data")
    settings_of(tmp_path)
    with service_here(tmp_path, today=lambda: datetime.now(UTC).toordinal()) as one:
        yield one


def steps_of(reply: Callable[[Question], Reply], question: Question) -> Steps:
    steps: Steps = Counter()

    def step(frame: FrameType, event: str, _: object) -> object:
        if event == "opcode":
            steps[frame.f_code, frame.f_lasti] += 1
        frame.f_trace_opcodes = True
        return step

    before = sys.gettrace()
    # a collection that falls into one answer calls what other libraries have asked to be called at it
    gc.disable()
    sys.settrace(step)
    try:
        reply(question)
    finally:
        sys.settrace(before)
        gc.enable()
    return steps


PAIRS = [
    *((seen, CLEAN) for seen in (DAY, WEEK, MONTH, UNNAMED, MANY)),
    (SHARED, SHARED_CLEAN),
    (HOSTED, "198.51.100.2"),
    (V6, V6_CLEAN),
]


def times(count: int, more: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Times as a machine takes them, some very long; those of class 0 are so much longer."""
    draw = np.random.default_rng(seed)
    which = draw.integers(0, 2, count).astype(np.uint8)
    return 25_000 + draw.gamma(2.0, 1_000, count) + 1e6 * (draw.random(count) < 0.001) + more * (1 - which), which


@pytest.mark.parametrize("seed", range(3))
def test_what_the_benchmark_counts_tells_twenty_nanoseconds_apart_and_nothing_from_nothing(seed: int) -> None:
    assert largest_t(*times(1_000_000, 20, seed)) > BOUND
    assert largest_t(*times(200_000, 0, seed)) < BOUND


def test_the_t_of_two_samples_is_welchs() -> None:
    """By hand: means 2 and 5, variances 1 and 4, three of each: 3 / sqrt(1/3 + 4/3)."""
    t = welch_t(np.array([1, 2, 3, 3, 5, 7]), np.array([0, 0, 0, 1, 1, 1], np.uint8))
    assert t == pytest.approx(3 / math.sqrt(5 / 3))


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize(("seen", "clean"), PAIRS)
def test_a_hit_and_a_miss_run_the_same_instructions_as_often(service: Service, seen: str, clean: str, accept) -> None:
    # what is set up once is set up before
    for one in (seen, clean):
        service.reply(Question(one, accept))
    hit, miss = (steps_of(service.reply, Question(one, accept)) for one in (seen, clean))
    assert sum(hit.values()) > 500
    assert hit == miss


def test_one_step_more_for_who_was_seen_is_found(service: Service) -> None:
    """Planted: the test above would see it."""

    def leaking(question: Question) -> Reply:
        status, headers, body = service.reply(question)
        return (status, headers, body) if b'class="seen"' in body else (status, [*headers], body)

    for one in (DAY, CLEAN):
        service.reply(Question(one, "text/html"))
    hit, miss = (steps_of(leaking, Question(one, "text/html")) for one in (DAY, CLEAN))
    assert hit != miss
