"""The ground that a story stands on: addresses of a country, drawn from the reference tables."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.values import NOT_ROUTABLE_IPV4
from accord.reference.ranges import RangeTable
from accord.training.dice import Dice
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.errors import ReferenceDataError

ROUNDS = 64
"""Draws of one batch before a country is said to have too few such addresses."""


ListTest = Callable[[Sequence[str]], Sequence[bool]]
"""Which of these IPv4 addresses stand on a warning list that holds a server back for review."""


class Landscape:
    """Draws routable IPv4 addresses by country, none of them twice and none that must be reviewed."""

    def __init__(self, primary: RangeTable, second: RangeTable, held_back: ListTest) -> None:
        self._primary = primary
        self._second = second
        self._held_back = held_back
        self._ranges: dict[CountryCode, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = {}
        self._used: set[str] = set()

    def draw(self, dice: Dice, country: CountryCode, agreed: int, conflicts: int) -> list[tuple[str, bool]]:
        """Addresses that the primary source gives to `country`, each with: does the second name another country?

        `agreed` of them where both sources name it, then `conflicts` where the second names another. Where a country
        has no conflicts to draw (fewer than one in some ten thousand), agreed ones take their place. Raises
        ReferenceDataError when the tables give the country no usable addresses.
        """
        found = self._matching(dice, country, agreed, conflict=False)
        differing = self._matching(dice, country, conflicts, conflict=True)
        found += self._matching(dice, country, agreed + conflicts - len(found) - len(differing), conflict=False)
        if len(found) + len(differing) < agreed + conflicts:
            raise ReferenceDataError(
                f"The address tables hold too few addresses of {country} to simulate.",
                expected=f"{agreed + conflicts} more addresses that the country source gives to {country}",
                got=str(len(found) + len(differing)),
                remedy="use the bundled reference data, or a smaller --scale",
            )
        return [(address, False) for address in found] + [(address, True) for address in differing]

    def _matching(self, dice: Dice, country: CountryCode, count: int, *, conflict: bool) -> list[str]:
        found: list[str] = []
        for _ in range(ROUNDS):
            if len(found) >= count:
                break
            batch = self._candidates(dice, country, max(32, 2 * (count - len(found))))
            named = self._second.name(self._second.look_up(pa.array(batch, pa.string()))).to_pylist()
            fit = [
                address
                for address, other in zip(batch, named, strict=True)
                if other is not None and (other != country) is conflict
            ]
            for address, held in zip(fit, self._held_back(fit), strict=True):
                if len(found) < count and not held and address not in self._used:
                    self._used.add(address)
                    found.append(address)
        return found

    def _candidates(self, dice: Dice, country: CountryCode, count: int) -> list[str]:
        starts, upto = self._ranges_of(country)
        if not len(starts):
            return []
        marks = np.array([dice.below(int(upto[-1])) for _ in range(count)], np.int64)
        rows = np.searchsorted(upto, marks, side="right")
        numbers = starts[rows] + marks - np.where(rows > 0, upto[np.maximum(rows - 1, 0)], 0)
        # nobody runs a server on what is mostly a network's own or broadcast address
        return [str(IPv4Address(number)) for number in numbers.tolist() if 0 < number & 255 < 255]

    def _ranges_of(self, country: CountryCode) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Starts of the country's ranges, and the running total of their sizes."""
        if country not in self._ranges:
            start, end = (column.astype(np.int64) for column in self._primary.ranges_of(country))
            routable = np.ones(len(start), np.bool_)
            for network in NOT_ROUTABLE_IPV4:
                routable &= (end < int(network.network_address)) | (start > int(network.broadcast_address))
            start, end = start[routable], end[routable]
            self._ranges[country] = (start, np.cumsum(end - start + 1))
        return self._ranges[country]
