"""The map of a report: its country in the middle, and how many of its findings are hosted where.

Lambert's azimuthal equal-area projection around the country (Snyder, Map Projections, USGS Professional Paper
1395, chapter 24) keeps sizes right and has no edge at the 180th meridian. A country that the coastline data lacks
for its smallness is a circle at its centre. Other countries of the operation are hatched: their numbers stand in
their own reports.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, floor, log10, radians, sin

import numpy as np
import numpy.typing as npt

from accord.reference.shapes import Shapes
from accord.reports.blocks import MapSheet
from accord.reports.drawing import INK, SCALE, SOFT, svg, tag, text, width_of
from accord.reports.words import Speaker, say

WIDTH, HEIGHT = 420.0, 300.0
SMALLEST_HALF_KM = 650.0
EARTH_KM = 6371.0
LABELS = 5
_SEA, _LAND, _COAST = "#F3F6F9", "#E1E6EB", "#FFFFFF"
_MARGIN = 1.25
_DEFINITIONS = (
    f'<defs><clipPath id="frame"><rect width="{WIDTH:.0f}" height="{HEIGHT:.0f}"/></clipPath>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect class="land" width="6" height="6" fill="{_LAND}" stroke="none"/>'
    f'<line class="hatch" x1="0" y1="0" x2="0" y2="6" stroke="{SOFT}" stroke-width="1.2"/></pattern></defs>'
)

Ring = npt.NDArray[np.float64]
"""A closed line: rows of (longitude, latitude) in degrees, or of (x, y) in km once projected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """Outlines ready to be projected."""

    outlines: Mapping[str, tuple[Ring, ...]]
    """Country (or, for land without a code, its name) -> rings, holes among them."""
    points: Mapping[str, tuple[float, float]]
    """Country -> (longitude, latitude) of its label or circle."""


def atlas_of(shapes: Shapes) -> Atlas:
    """An atlas of `accord.reference`'s shapes."""
    return Atlas(
        outlines={
            area.country or area.name: tuple(np.array(ring, float) for polygon in area.polygons for ring in polygon)
            for area in shapes.areas
        },
        points=shapes.points,
    )


@lru_cache(maxsize=1)
def bundled() -> Atlas:
    """The atlas that Accord brings along. Raises ReferenceDataError when it is missing or damaged."""
    # reading range tables is compiled, and who only draws need not wait for the compiler
    from accord.reference.store import load

    return atlas_of(load(None).shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What part of the projected plane is drawn: its middle in km, and pixels for one km."""

    longitude: float
    latitude: float
    x: float
    y: float
    scale: float

    def pixels(self, plane: Ring) -> Ring:
        return np.column_stack(
            (WIDTH / 2 + (plane[:, 0] - self.x) * self.scale, HEIGHT / 2 - (plane[:, 1] - self.y) * self.scale)
        )

    def reaches_behind(self, degrees: Ring) -> bool:
        """Does a line go to the far side of the globe, where drawing it would sweep over the frame?"""
        return bool((_cosine(degrees, self.longitude, self.latitude) < 0).any())

    def place(self, degrees: Ring) -> Ring:
        return self.pixels(project(degrees, self.longitude, self.latitude))


def project(degrees: Ring, longitude: float, latitude: float) -> Ring:
    """Lambert azimuthal equal-area around a centre: degrees to km east and north of it.

    The point opposite the centre becomes a circle of two Earth radii; it is put on it, somewhere.
    """
    lon, lat = np.radians(degrees[:, 0]) - radians(longitude), np.radians(degrees[:, 1])
    lat0 = radians(latitude)
    cosine = _cosine(degrees, longitude, latitude)
    factor = EARTH_KM * np.sqrt(2 / (1 + np.maximum(cosine, -1 + 1e-9)))
    return np.column_stack(
        (
            factor * np.cos(lat) * np.sin(lon),
            factor * (cos(lat0) * np.sin(lat) - sin(lat0) * np.cos(lat) * np.cos(lon)),
        )
    )


def _cosine(degrees: Ring, longitude: float, latitude: float) -> npt.NDArray[np.float64]:
    """Cosine of the angle between each point and the centre."""
    lon, lat = np.radians(degrees[:, 0]) - radians(longitude), np.radians(degrees[:, 1])
    return np.asarray(sin(radians(latitude)) * np.sin(lat) + cos(radians(latitude)) * np.cos(lat) * np.cos(lon))


def draw(sheet: MapSheet, speaker: Speaker, atlas: Atlas) -> str:
    """The map as SVG, with a legend of the classes that occur under it."""
    frame = _frame(sheet.country, atlas)
    numbers = dict(sheet.numbers)
    parts = [f'<rect class="sea" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" fill="{_SEA}"/>']
    drawn: set[str] = set()
    for country in sorted(atlas.outlines, key=lambda code: (code == sheet.country, code)):
        path = _path(frame, atlas.outlines[country])
        if path:
            drawn.add(country)
            parts.append(_land(country, path, sheet, numbers))
    small = [code for code in (*numbers, *sheet.elsewhere, sheet.country) if code not in drawn]
    for code in dict.fromkeys(small):
        if (at := _point(frame, atlas, code)) is not None:
            parts.append(_circle(at, code, sheet, numbers))
    parts += _labels(frame, atlas, sheet, speaker)
    if sheet.simulated:
        parts.append(
            text(
                WIDTH - 8,
                20,
                speaker.say(say("SIMULATED DATA")),
                size=13,
                anchor="end",
                ink="#B42318",
                name="warn",
                bold=True,
                right_to_left=speaker.right_to_left,
            )
        )
    legend, height = _legend(sheet, numbers, drawn, speaker)
    body = [f'<g clip-path="url(#frame)">{"".join(parts)}</g>', *legend]
    return svg(WIDTH, HEIGHT + height, speaker.say(sheet.title), body, _DEFINITIONS)


def _frame(country: str, atlas: Atlas) -> _Frame:
    """The country's main parts (those of at least a tenth of its largest) with room for its neighbours."""
    rings = atlas.outlines.get(country, ())
    centre = atlas.points.get(country, (0.0, 20.0))
    half = SMALLEST_HALF_KM
    if rings:
        areas = [_area(project(ring, *centre)) for ring in rings]
        main = np.concatenate(
            [project(ring, *centre) for ring, area in zip(rings, areas, strict=True) if area >= max(areas) / 10]
        )
        low, high = main.min(axis=0), main.max(axis=0)
        middle = (low + high) / 2
        size = (high - low) / 2 * _MARGIN
        half = max(half, float(size[1]), float(size[0]) * HEIGHT / WIDTH)
    else:
        middle = np.zeros(2)
    return _Frame(
        longitude=centre[0], latitude=centre[1], x=float(middle[0]), y=float(middle[1]), scale=HEIGHT / 2 / half
    )


def _area(plane: Ring) -> float:
    x, y = plane[:, 0], plane[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _path(frame: _Frame, rings: Sequence[Ring]) -> str:
    """SVG path data of the rings that reach into the frame; empty when none does."""
    pieces = []
    for ring in rings:
        at = frame.place(ring)
        low, high = at.min(axis=0), at.max(axis=0)
        if high[0] < 0 or high[1] < 0 or low[0] > WIDTH or low[1] > HEIGHT:
            continue
        inside = (at[:, 0] >= 0) & (at[:, 0] <= WIDTH) & (at[:, 1] >= 0) & (at[:, 1] <= HEIGHT)
        if not inside.any() and frame.reaches_behind(ring):
            continue
        pieces.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in at.tolist()) + "Z")
    return "".join(pieces)


def _land(country: str, path: str, sheet: MapSheet, numbers: dict[str, int]) -> str:
    fill, name = _fill(country, sheet, numbers)
    edge = f'stroke="{INK}" stroke-width="1.6"' if country == sheet.country else f'stroke="{_COAST}" stroke-width="0.7"'
    return f'<path class="{name}" d="{path}" fill="{fill}" {edge} fill-rule="evenodd"/>'


def _circle(at: tuple[float, float], country: str, sheet: MapSheet, numbers: dict[str, int]) -> str:
    fill, name = _fill(country, sheet, numbers)
    wide, radius = (1.6, 7.0) if country == sheet.country else (0.8, 4.5)
    return (
        f'<circle class="{name}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}" fill="{fill}" '
        f'stroke="{INK}" stroke-width="{wide}"/>'
    )


def _fill(country: str, sheet: MapSheet, numbers: dict[str, int]) -> tuple[str, str]:
    if number := numbers.get(country, 0):
        return SCALE[step_of(number)], "own class" if country == sheet.country else "class"
    if country in sheet.elsewhere:
        return "url(#hatch)", "hatched"
    return _LAND, "land"


def step_of(number: int) -> int:
    """The class of a number of findings, the same on every map: 1-9, 10-99, 100-999, 1,000-9,999, more."""
    return min(floor(log10(number)), len(SCALE) - 1)


def _point(frame: _Frame, atlas: Atlas, country: str) -> tuple[float, float] | None:
    centre = atlas.points.get(country)
    if centre is None:
        return None
    x, y = frame.place(np.array([centre]))[0].tolist()
    return (x, y) if 0 <= x <= WIDTH and 0 <= y <= HEIGHT else None


def _labels(frame: _Frame, atlas: Atlas, sheet: MapSheet, speaker: Speaker) -> list[str]:
    """Names with numbers for the report's country and the next ones in the frame, where there is room."""
    wanted = [(sheet.country, dict(sheet.numbers).get(sheet.country, 0))]
    wanted += [(code, number) for code, number in sheet.numbers if code != sheet.country]
    labels: list[str] = []
    taken: list[tuple[float, float, float, float]] = []
    for code, number in wanted:
        at = _point(frame, atlas, code)
        if at is None or len(labels) == LABELS:
            continue
        own = code == sheet.country
        words = f"{speaker.name(code)} {speaker.number(number)}"
        size = 13.0 if own else 10.5
        half = width_of(words, size) / 2
        x = min(max(at[0], half + 4), WIDTH - half - 4)
        y = min(max(at[1] + (22 if code not in atlas.outlines else 4), size + 4), HEIGHT - 6)
        room = (x - half, y - size, x + half, y + 4)
        if any(a[0] < room[2] and room[0] < a[2] and a[1] < room[3] and room[1] < a[3] for a in taken):
            continue
        taken.append(room)
        labels.append(tag(x, y, words, size=size, bold=own, right_to_left=speaker.right_to_left))
    return labels


def _legend(sheet: MapSheet, numbers: dict[str, int], drawn: set[str], speaker: Speaker) -> tuple[list[str], float]:
    entries: list[tuple[str, str, str]] = []
    for step in sorted({step_of(number) for number in numbers.values()}):
        entries.append((SCALE[step], "class", _range(step, speaker)))
    if any(code in drawn and code not in numbers for code in sheet.elsewhere):
        entries.append(("url(#hatch)", "hatched", speaker.say(say("in the operation, reported separately"))))
    mirrored = speaker.right_to_left
    parts: list[str] = []
    x, y = 0.0, HEIGHT + 18

    def write(at: float, words: str) -> str:
        place, anchor = (WIDTH - at, "end") if mirrored else (at, "start")
        return text(place, y, words, size=11, anchor=anchor, ink=SOFT, name="soft", right_to_left=mirrored)

    if numbers:
        title = speaker.say(say("Findings hosted:"))
        parts.append(write(x, title))
        x += width_of(title, 11) + 8
    for fill, name, words in entries:
        wide = 18 + width_of(words, 11) + 14
        if x + wide > WIDTH and x:
            x, y = 0.0, y + 18
        parts.append(
            f'<rect class="{name}" x="{WIDTH - x - 13 if mirrored else x:.1f}" y="{y - 10:.1f}" width="13" height="12" '
            f'fill="{fill}" stroke="{SOFT}" stroke-width="0.5"/>'
        )
        parts.append(write(x + 18, words))
        x += wide
    return parts, y - HEIGHT + 8 if parts else 4.0


def _range(step: int, speaker: Speaker) -> str:
    if step == len(SCALE) - 1:
        return speaker.say(say("{low} or more", low=10**step))
    # l10n: a range of numbers in a map's legend; Arabic puts a word between them, so that their order is plain
    return speaker.say(say("{low}\N{EN DASH}{high}", low=10**step, high=10 ** (step + 1) - 1))
