"""What is told of addresses against a dictionary that is filled row by row."""

import hmac
import tracemalloc
from collections import defaultdict
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accord.check import victims
from accord.check.hashing import V4, V6, digests
from accord.check.victims import MAILBOX_KEY, UNKNOWN, Collected, FamilySets, joined, meanings
from accord.check.writing import Sightings
from tests.check.check_data import PEPPER

rows = st.lists(
    st.tuples(
        st.integers(0, 5) | st.integers(0, (1 << 64) - 1), st.integers(0, 6), st.integers(0, 31), st.integers(0, 2)
    ),
    max_size=50,
)
PLACES = {code: 10 - code for code in range(7)}


def filled(said, *, at_once):
    collected = Collected()
    for begin in range(0, len(said), at_once):
        for dataset in range(3):
            part = [row for row in said[begin : begin + at_once] if row[3] == dataset]
            collected.add(
                np.array([row[0] for row in part], np.uint64),
                meanings(np.array([row[1] for row in part], np.int64), dataset),
                np.array([row[2] for row in part], np.uint8),
            )
    return collected.told()


@given(rows, st.integers(1, 60), st.integers(1, 60))
def test_each_address_has_all_its_families_and_its_last_day_however_its_rows_come(said, at_once, piece):
    told = filled(said, at_once=at_once)
    sets = FamilySets()
    with mock.patch.object(victims, "_PIECE", piece):
        check_told(told, joined(told.records(V6, PLACES, sets, PEPPER, 2)), sets, said)


def check_told(told, found, sets, said):
    twin, last = defaultdict(set), {}
    for number, family, age, _ in said:
        twin[number].add(family)
        last[number] = min(age, last.get(number, 99))
    expected = {}
    for number, codes in twin.items():
        named = {code for code in codes if code != UNKNOWN} or {UNKNOWN}
        digest = hmac.digest(PEPPER, b"\x06" + number.to_bytes(8, "big"), "sha256")[:20]
        expected[digest] = (tuple(sorted(PLACES[code] for code in named)), last[number])
    assert len(found.digests) == len(expected)
    assert {
        digest.tobytes(): (sets.all[number], age)
        for digest, age, number in zip(found.digests, found.ages.tolist(), found.sets.tolist(), strict=True)
    } == expected
    assert told.families() == {row[1] for row in said}
    counts = {dataset: len({row[0] for row in said if row[3] == dataset}) for dataset in range(3)}
    assert told.by_dataset() == {dataset: count for dataset, count in counts.items() if count}


@given(st.lists(st.integers(0, (1 << 32) - 1), max_size=20), st.binary(min_size=1, max_size=64), st.integers(1, 3))
def test_records_begin_as_the_standard_librarys_hmac_does(numbers, pepper, threads):
    found = digests(np.array(numbers, np.uint64), V4, pepper, threads)
    assert [one.tobytes() for one in found] == [
        hmac.digest(pepper, b"\x04" + number.to_bytes(4, "big"), "sha256")[:20] for number in numbers
    ]


KEYS = st.sampled_from([bytes(20), bytes(19) + b"\1", b"\1" + bytes(19), b"\xff" * 20]) | st.binary(
    min_size=20, max_size=20
)


@given(
    st.lists(st.tuples(KEYS, st.integers(0, 6), st.integers(0, 31), st.integers(0, 2)), max_size=50), st.integers(1, 60)
)
def test_mail_addresses_are_told_as_a_dictionary_would_also_where_their_hmacs_end_in_zeros(said, at_once):
    collected = Collected()
    for begin in range(0, len(said), at_once):
        for key, family, age, dataset in said[begin : begin + at_once]:
            collected.add(
                np.array([key], MAILBOX_KEY), meanings(np.array([family]), dataset), np.array([age], np.uint8)
            )
    told, sets = collected.told(), FamilySets()
    found = joined(told.records(None, PLACES, sets, PEPPER, 1))
    twin, last = defaultdict(set), {}
    for key, family, age, _ in said:
        twin[key].add(family)
        last[key] = min(age, last.get(key, 99))
    assert {
        digest.tobytes(): (sets.all[number], age)
        for digest, age, number in zip(found.digests, found.ages.tolist(), found.sets.tolist(), strict=True)
    } == {
        key: (tuple(sorted(PLACES[code] for code in codes - {UNKNOWN} or {UNKNOWN})), last[key])
        for key, codes in twin.items()
    }
    assert len(found.digests) == len(twin)
    counts = {dataset: len({row[0] for row in said if row[3] == dataset}) for dataset in range(3)}
    assert told.by_dataset() == {dataset: count for dataset, count in counts.items() if count}


def test_a_mail_address_takes_no_more_room_than_its_record():
    """A million of them: a key of 20 bytes, a meaning of 8, an age of 1; as often again while they are sorted."""
    rows = 1_000_000
    keys = np.random.default_rng(7).integers(0, 256, (rows, 20), np.uint8).view(MAILBOX_KEY).ravel()
    tracemalloc.start()
    try:
        collected = Collected()
        collected.add(keys, meanings(np.zeros(rows, np.int64), 0), np.zeros(rows, np.uint8))
        told = collected.told()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(told.numbers) == rows
    assert most < 100 * rows, "a dictionary and a set took 424 bytes for each"


def test_records_of_several_kinds_are_put_together():
    (one,) = filled([(1, 1, 0, 0)], at_once=1).records(V4, PLACES, FamilySets(), PEPPER, 1)
    assert len(joined([one, Sightings.none(), one]).digests) == 2
    assert len(joined([]).digests) == 0
