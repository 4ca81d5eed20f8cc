"""Chance that can be repeated."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.training.dice import Dice


def test_a_seed_and_a_stream_name_give_the_same_choices_again() -> None:
    first, second = Dice(7, "a").stream("b"), Dice(7, "a/b")
    assert [first.below(1000) for _ in range(50)] == [second.below(1000) for _ in range(50)]


def test_drawing_from_one_stream_moves_no_other() -> None:
    dice = Dice(7, "a")
    before = [dice.stream("b").below(10**6) for _ in range(3)]
    dice.below(5)
    assert before == [dice.stream("b").below(10**6)] * 3


def test_the_choices_are_those_of_pythons_documented_generator() -> None:
    # only random() is promised to stay: the number below a limit is its product, cut off
    twin = random.Random("accord/3/x")
    dice = Dice(3, "x")
    assert [dice.below(97) for _ in range(20)] == [int(twin.random() * 97) for _ in range(20)]


@given(st.integers(), st.lists(st.integers(), max_size=30), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_some_takes_different_positions_and_a_shuffle_loses_nothing(seed: int, items: list[int], count: int) -> None:
    taken = Dice(seed, "t").some(items, count)
    assert len(taken) == min(count, len(items))
    assert not Counter(taken) - Counter(items)
    shuffled = list(items)
    Dice(seed, "t").shuffle(shuffled)
    assert Counter(shuffled) == Counter(items)


@given(st.integers(), st.integers(-50, 50), st.integers(0, 50))
@settings(max_examples=200, deadline=None)
def test_between_stays_between_and_reaches_both_ends(seed: int, low: int, width: int) -> None:
    dice = Dice(seed, "t")
    drawn = {dice.between(low, low + width) for _ in range(40 * (width + 1))}
    assert drawn <= set(range(low, low + width + 1))
    if width <= 3:
        assert {low, low + width} <= drawn


def test_what_has_no_weight_is_never_drawn_and_weights_are_kept() -> None:
    dice = Dice(1, "w")
    drawn = Counter(dice.weighted(("never", "once", "thrice"), (0, 1, 3)) for _ in range(8000))
    assert drawn["never"] == 0
    assert drawn["thrice"] / drawn["once"] == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("count", [1, 16, 32, 64, 128, 256])
def test_bits_fill_their_width_and_no_more(count: int) -> None:
    dice = Dice(5, "b")
    drawn = [dice.bits(count) for _ in range(200)]
    assert max(drawn) < 1 << count
    union = 0
    for one in drawn:
        union |= one
    assert union == (1 << count) - 1


def test_a_uuid_says_version_4() -> None:
    one = Dice(5, "u").uuid()
    assert (one.version, one.variant) == (4, "specified in RFC 4122")
