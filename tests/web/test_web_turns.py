"""Whose password is compared next: however many guess, there is room for who does not."""

import sys

from accord.web.turns import DOUBTED_NS, PLACES, Turns


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def guessed(turns: Turns, source: str) -> None:
    assert turns.begin(source)
    turns.end(source, right=False)


def test_ten_sources_that_guess_leave_two_places_to_those_that_do_not() -> None:
    turns = Turns(clock=Clock())
    guessing = [f"198.51.100.{number}" for number in range(10)]
    for one in guessing:
        guessed(turns, one)
    assert [turns.begin(one) for one in guessing] == [True] + [False] * 9
    assert [turns.begin(one) for one in ("192.0.2.1", "192.0.2.2", "192.0.2.3")] == [True, True, False]


def test_one_source_waits_in_one_place() -> None:
    turns = Turns(clock=Clock())
    assert turns.begin("192.0.2.1")
    assert not turns.begin("192.0.2.1")
    turns.end("192.0.2.1", right=True)
    assert turns.begin("192.0.2.1")


def test_who_was_right_since_or_was_wrong_long_ago_is_not_doubted() -> None:
    clock = Clock()
    turns = Turns(clock=clock)
    for one in ("a", "b", "c"):
        guessed(turns, one)
    assert turns.begin("a")
    assert not turns.begin("b")
    turns.end("a", right=True)
    assert turns.begin("b")
    assert turns.begin("a")
    clock.now += DOUBTED_NS
    assert turns.begin("c")
    assert PLACES == 3


def test_however_many_guess_few_are_remembered() -> None:
    turns = Turns(clock=Clock(), most_sources=100)
    for number in range(5000):
        guessed(turns, f"{number}")
    assert len(turns._doubted) == 100
    assert sys.getsizeof(turns._doubted) < 20_000
