"""Country outlines and a point for every country, for maps.

Outlines are Natural Earth's (1:110 million, by way of world-atlas), and so are the borders: they state no position.
That scale lacks small states, so each country also has a point to draw a circle at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from accord.vocabulary.errors import ReferenceDataError

Point = tuple[float, float]
"""Longitude and latitude in degrees (WGS 84)."""
Ring = tuple[Point, ...]
"""A closed line without its repeated last point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One area of the map: the outlines of a country, or of land that no ISO code stands for."""

    country: str | None
    """ISO 3166-1 alpha-2; None: an area that Natural Earth draws apart and ISO 3166 does not list."""
    name: str
    """Natural Earth's English name."""
    polygons: tuple[tuple[Ring, ...], ...]
    """Each polygon: its outer ring, then its holes. Fill with the even-odd rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """The map's areas, and one point a country."""

    areas: tuple[Shape, ...]
    """Sorted by country, those without a code last."""
    points: Mapping[str, Point]
    """For every code of `vocabulary.countries`: where its label or circle goes."""

    def drawn(self) -> frozenset[str]:
        """The countries that have an outline; the others need a circle."""
        return frozenset(shape.country for shape in self.areas if shape.country)


def read_shapes(data: bytes, where: str) -> Shapes:
    """Read the bundled shapes (JSON). Raises ReferenceDataError."""
    try:
        return msgspec.json.decode(data, type=Shapes)
    except msgspec.DecodeError as error:
        raise ReferenceDataError("the map's shapes cannot be read", where=where, got=str(error)) from error


def write_shapes(shapes: Shapes) -> bytes:
    """The bytes that `read_shapes` reads."""
    return msgspec.json.encode(shapes) + b"\n"
