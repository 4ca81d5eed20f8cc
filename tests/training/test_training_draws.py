"""Draws that depend on their place alone."""

import numpy as np

from accord.training.draws import below, drawn, mixed, sequence, stream


def test_the_draws_are_splitmix64s() -> None:
    # the first numbers for the seed 1234567, as other implementations print them (Rosetta Code, "Splitmix64")
    expected = (
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    )
    assert tuple(int(drawn(np.uint64(1234567), place)) for place in range(5)) == expected


def test_a_stream_depends_on_seed_and_name() -> None:
    assert len({int(stream(seed, name)) for seed in (1, 2) for name in ("a", "b")}) == 4
    # the first 64 bits of SHA-256 of "accord/1/a", by coreutils' sha256sum
    assert int(stream(1, "a")) == 0xBA38EB1B30996794


def test_limits_hold_and_every_number_below_them_comes() -> None:
    found = sequence(np.uint64(9), np.full(10_000, 7))
    assert set(found.tolist()) == set(range(7))
    assert all(1200 < one < 1660 for one in np.bincount(found).tolist())
    assert int(below(np.uint64(2**64 - 1), 2**32)) == 2**32 - 1


def test_mixing_is_one_to_one() -> None:
    mixed_numbers = {int(mixed(np.uint64(number))) for number in range(5000)}
    assert len(mixed_numbers) == 5000
