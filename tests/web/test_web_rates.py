"""How often a client may ask: held against a count of every request in every window, and in bounded memory."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.web.rates import PERIOD_NS, Rates, client_of


class Clock:
    now = 1000.0

    def __call__(self) -> int:
        return round(self.now * 10**9)


def test_who_has_rested_asks_for_a_minute_s_worth_at_once_and_then_as_often_as_agreed() -> None:
    clock = Clock()
    rates = Rates(60, clock=clock)
    assert [rates.take("a") for _ in range(61)] == [0] * 60 + [1]
    # others are not concerned, and asking in vain costs nothing
    assert rates.take("b") == 0
    assert [rates.take("a") for _ in range(100)] == [1] * 100
    clock.now += 1
    assert [rates.take("a"), rates.take("a")] == [0, 1]
    clock.now += 3600
    assert [rates.take("a") for _ in range(61)] == [0] * 60 + [1]


def test_whoever_waits_as_long_as_told_is_let_through() -> None:
    clock = Clock()
    rates = Rates(7, clock=clock)
    while not (wait := rates.take("a")):
        pass
    assert wait == 9
    clock.now += wait
    assert rates.take("a") == 0


@given(st.integers(1, 200), st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4000)), max_size=300))
def test_in_no_window_is_more_let_through_than_there_may_be(a_minute: int, asked: list[tuple[str, int]]) -> None:
    clock = Clock()
    rates = Rates(a_minute, clock=clock)
    passed: dict[str, list[float]] = {}
    for client, pause_ms in asked:
        clock.now += pause_ms / 1000
        if not rates.take(client):
            passed.setdefault(client, []).append(clock.now)
    for times in passed.values():
        for at, begin in enumerate(times):
            for count, ending in enumerate(times[at:], 1):
                assert count <= a_minute * (1 + (ending - begin) * 10**9 / PERIOD_NS) + 1e-6


def test_however_many_ask_few_are_remembered() -> None:
    clock = Clock()
    rates = Rates(1, clock=clock, most_clients=100)
    assert rates.take("first") == 0
    for number in range(99):
        rates.take(f"{number}")
    assert rates.take("first") > 0
    for number in range(5000):
        rates.take(f"{number}")
    assert sys.getsizeof(rates._run) < 20_000
    assert len(rates._run) == 100
    assert rates.take("first") == 0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unix", "an address"),
    ],
)
def test_an_address_counts_for_whom_it_is_given_to(address: str, client: str) -> None:
    assert client_of(address) == client
