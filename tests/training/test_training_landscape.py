"""Addresses drawn from country tables."""

from collections.abc import Sequence
from ipaddress import IPv4Address

import numpy as np
import pyarrow as pa
import pytest

from accord.reference.flattening import Ranges
from accord.reference.ranges import RangeTable
from accord.training.dice import Dice
from accord.training.landscape import Landscape
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.errors import ReferenceDataError

MAPPED = 0xFFFF_0000_0000
ID, SG = CountryCode("ID"), CountryCode("SG")


def table(*rows: tuple[str, str, str]) -> RangeTable:
    names = sorted({country for _, _, country in rows})
    starts = np.array([MAPPED + int(IPv4Address(start)) for start, _, _ in rows], np.uint64)
    ends = np.array([MAPPED + int(IPv4Address(end)) for _, end, _ in rows], np.uint64)
    nothing = np.zeros(len(rows), np.uint64)
    return RangeTable.build(
        Ranges(
            start_high=nothing,
            start_low=starts,
            end_high=nothing.copy(),
            end_low=ends,
            label=np.array([names.index(country) for _, _, country in rows], np.int32),
        ),
        pa.array(names, pa.string()),
    )


PRIMARY = table(
    ("8.0.0.0", "8.0.0.255", "ID"),
    ("9.0.0.0", "9.0.1.255", "SG"),
    ("10.0.0.0", "10.0.0.255", "ID"),
    ("11.0.0.0", "11.0.0.255", "ID"),
)
SECOND = table(("8.0.0.0", "8.0.0.255", "ID"), ("9.0.0.0", "9.0.1.255", "SG"), ("11.0.0.0", "11.0.0.255", "JP"))


def nobody(addresses: Sequence[str]) -> Sequence[bool]:
    return [False] * len(addresses)


def test_an_address_is_of_its_country_by_both_sources_or_in_conflict_as_asked() -> None:
    drawn = Landscape(PRIMARY, SECOND, nobody).draw(Dice(1, "d"), ID, 40, 40)
    agreed = [address for address, conflict in drawn if not conflict]
    conflicts = [address for address, conflict in drawn if conflict]
    assert (len(agreed), len(conflicts)) == (40, 40)
    assert all(address.startswith("8.0.0.") for address in agreed)
    assert all(address.startswith("11.0.0.") for address in conflicts)


def test_no_address_is_drawn_twice_nor_one_that_is_not_routable() -> None:
    ground = Landscape(PRIMARY, SECOND, nobody)
    drawn = [address for _ in range(25) for address, _ in ground.draw(Dice(2, "d"), ID, 10, 0)]
    assert len(set(drawn)) == 250
    assert not any(IPv4Address(address).is_private for address in drawn)


def test_the_first_and_last_address_of_a_256_block_are_left_out() -> None:
    drawn = Landscape(PRIMARY, SECOND, nobody).draw(Dice(3, "d"), SG, 500, 0)
    assert {int(address.rpartition(".")[2]) for address, _ in drawn} <= set(range(1, 255))


def test_what_a_warning_list_holds_back_is_not_drawn() -> None:
    def even(addresses: Sequence[str]) -> Sequence[bool]:
        return [int(IPv4Address(one)) % 2 == 0 for one in addresses]

    drawn = Landscape(PRIMARY, SECOND, even).draw(Dice(6, "d"), ID, 60, 10)
    assert all(int(IPv4Address(address)) % 2 for address, _ in drawn)


def test_agreed_addresses_stand_in_where_a_country_has_no_conflicts() -> None:
    drawn = Landscape(PRIMARY, SECOND, nobody).draw(Dice(4, "d"), SG, 3, 2)
    assert [conflict for _, conflict in drawn] == [False] * 5


@pytest.mark.parametrize(("country", "count"), [("XK", 1), ("SG", 600)])
def test_a_country_without_enough_addresses_is_named(country: str, count: int) -> None:
    with pytest.raises(ReferenceDataError, match=f"too few addresses of {country}"):
        Landscape(PRIMARY, SECOND, nobody).draw(Dice(5, "d"), CountryCode(country), count, 0)
