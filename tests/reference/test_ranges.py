"""Flattening against an obvious twin, and look-up against `ipaddress` and a linear search."""

import itertools
from ipaddress import ip_address

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.reference.addresses import MAPPED, pair
from accord.reference.flattening import Ranges, flatten
from accord.reference.ranges import RangeTable

TOP = (1 << 128) - 1


def ranges_of(rows: list[tuple[int, int, int]]) -> Ranges:
    mask = (1 << 64) - 1
    return Ranges(
        start_high=np.array([start >> 64 for start, _, _ in rows], np.uint64),
        start_low=np.array([start & mask for start, _, _ in rows], np.uint64),
        end_high=np.array([end >> 64 for _, end, _ in rows], np.uint64),
        end_low=np.array([end & mask for _, end, _ in rows], np.uint64),
        label=np.array([label for _, _, label in rows], np.int32),
    )


def rows_of(ranges: Ranges) -> list[tuple[int, int, int]]:
    columns = (ranges.start_high, ranges.start_low, ranges.end_high, ranges.end_low, ranges.label)
    return [(a << 64 | b, c << 64 | d, label) for a, b, c, d, label in zip(*(x.tolist() for x in columns), strict=True)]


def narrowest(rows: list[tuple[int, int, int]], address: int) -> int | None:
    """The twin: look at every range; the narrowest that holds the address, of equals the last."""
    holding = [(end - start, -at, label) for at, (start, end, label) in enumerate(rows) if start <= address <= end]
    return min(holding)[2] if holding else None


# few places, so that ranges meet, nest and coincide; the places lie where carries and limits are
places = st.one_of(
    st.integers(0, 12),
    st.integers((1 << 64) - 4, (1 << 64) + 4),
    st.integers(TOP - 4, TOP),
)
some_ranges = st.lists(
    st.tuples(places, places, st.integers(0, 3)).map(lambda row: (min(row[:2]), max(row[:2]), row[2])), max_size=14
)


@given(some_ranges)
@settings(max_examples=500, deadline=None)
def test_every_address_gets_the_narrowest_range_that_holds_it(rows):
    flat = rows_of(flatten(ranges_of(rows)))
    edges = {0, TOP} | {edge + step for start, end, _ in rows for edge in (start, end) for step in (-1, 0, 1)}
    for address in (edge for edge in edges if 0 <= edge <= TOP):
        found = [label for start, end, label in flat if start <= address <= end]
        assert found == [label for label in [narrowest(rows, address)] if label is not None]


@given(some_ranges)
@settings(max_examples=300, deadline=None)
def test_flat_ranges_ascend_and_neighbours_of_one_label_are_joined(rows):
    flat = rows_of(flatten(ranges_of(rows)))
    for (_, end, label), (start, _, following) in itertools.pairwise(flat):
        assert end < start
        assert end + 1 < start or label != following


def test_a_range_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="range 1 ends before it starts"):
        flatten(ranges_of([(1, 2, 0), (5, 4, 0)]))


def table(*rows: tuple[str, str, str]) -> RangeTable:
    names = sorted({name for _, _, name in rows})
    numbers = [
        (*tuple(high << 64 | low for high, low in (pair(ip_address(start)), pair(ip_address(end)))), names.index(name))
        for start, end, name in rows
    ]
    return RangeTable.build(ranges_of(numbers), pa.array(names, pa.string()))


MADE_UP = table(
    ("10.0.0.0", "10.255.255.255", "AA"),
    ("10.1.0.0", "10.1.255.255", "BB"),
    ("10.1.2.3", "10.1.2.3", "CC"),
    ("192.0.2.0", "192.0.2.127", "BB"),
    ("255.255.255.255", "255.255.255.255", "DD"),
    ("0.0.0.0", "0.0.0.3", "DD"),  # noqa: S104
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "AA"),
    ("2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff", "BB"),
    ("::1:0:0:0", "::1:0:0:5", "CC"),
)


@pytest.mark.parametrize(
    ("address", "name", "holding"),
    [
        ("10.0.0.0", "AA", "10.0.0.0-10.0.255.255"),
        ("10.1.2.2", "BB", "10.1.0.0-10.1.2.2"),
        ("10.1.2.3", "CC", "10.1.2.3-10.1.2.3"),
        ("10.255.255.255", "AA", "10.2.0.0-10.255.255.255"),
        ("11.0.0.0", None, None),
        ("192.0.2.127", "BB", "192.0.2.0-192.0.2.127"),
        ("192.0.2.128", None, None),
        ("::ffff:192.0.2.1", "BB", "192.0.2.0-192.0.2.127"),
        ("0.0.0.0", "DD", "0.0.0.0-0.0.0.3"),  # noqa: S104
        ("255.255.255.255", "DD", "255.255.255.255-255.255.255.255"),
        ("2001:db8::1", "AA", "2001:db8::-2001:db8:0:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8:1::", "BB", "2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db9::", None, None),
        ("::1:0:0:6", None, None),
        ("::", None, None),
    ],
)
def test_an_address_is_found_in_its_range_and_nowhere_else(address, name, holding):
    rows = MADE_UP.look_up(pa.array([address]))
    assert MADE_UP.name(rows).to_pylist() == [name]
    assert MADE_UP.range_texts(rows).to_pylist() == [holding]


@given(st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=50), some_ranges)
@settings(max_examples=200, deadline=None)
def test_ipv4_look_up_agrees_with_a_search_through_all_ranges(addresses, rows):
    v4 = [(MAPPED | start * 7919 % (1 << 32), MAPPED | end * 7919 % (1 << 32), label) for start, end, label in rows]
    v4 = [(min(start, end), max(start, end), label) for start, end, label in v4]
    addresses += [edge & 0xFFFFFFFF for start, end, _ in v4 for edge in (start, end, end + 1)]
    made = RangeTable.build(ranges_of(v4), pa.array(["a", "b", "c", "d"]))
    found = made.rows(np.zeros(len(addresses), np.uint64), np.array([MAPPED | a for a in addresses], np.uint64))
    assert made.labels(found).to_pylist() == [narrowest(v4, MAPPED | address) for address in addresses]


def test_the_ipv4_ranges_of_a_country_are_given_for_drawing_addresses():
    start, end = MADE_UP.ranges_of("BB")
    shown = [str(ip_address(int(n))) for pair_ in zip(start, end, strict=True) for n in pair_]
    assert shown == ["10.1.0.0", "10.1.2.2", "10.1.2.4", "10.1.255.255", "192.0.2.0", "192.0.2.127"]
    assert [len(column) for column in MADE_UP.ranges_of("ZZ")] == [0, 0]


def test_a_range_across_the_border_of_ipv4_is_refused():
    with pytest.raises(ValueError, match="border"):
        RangeTable.build(ranges_of([(0, TOP, 0)]), pa.array(["a"]))


def test_an_empty_table_holds_nothing():
    empty = RangeTable.build(ranges_of([]), pa.array([], pa.string()))
    rows = empty.look_up(pa.array(["192.0.2.1", "2001:db8::"]))
    assert rows.tolist() == [-1, -1]
    assert empty.name(rows).to_pylist() == [None, None]
