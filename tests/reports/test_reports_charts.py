"""Charts and the map as SVG: lengths are true, text is safe, time runs one way."""

import gettext
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import radians, sin, sqrt
from xml.etree import ElementTree

import numpy as np
import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.reference.shapes import Shape, Shapes
from accord.release.view import View
from accord.reports import charts
from accord.reports.atlas import EARTH_KM, Atlas, atlas_of, bundled, draw, project, step_of
from accord.reports.blocks import Bar, BarChart, MapSheet, WeekChart
from accord.reports.drawing import SCALE
from accord.reports.words import Message, Speaker, Verbatim, say, speaker

MakeView = Callable[..., View]
ENGLISH = speaker("en")
ARABIC = Speaker(Locale.parse("ar"), gettext.NullTranslations())
SVG = "{http://www.w3.org/2000/svg}"
NOTHING = say("Source")


def bar_chart(*bars: tuple[str, int], title: Message = NOTHING) -> BarChart:
    made = tuple(Bar(label=Verbatim(text=label), number=number) for label, number in bars)
    return BarChart(anchor="a", title=title, axis=say("Findings"), bars=made, source=NOTHING)


def week_chart(*numbers: int) -> WeekChart:
    starts = tuple(datetime(2026, 6, 1, tzinfo=UTC) + timedelta(weeks=step) for step in range(len(numbers)))
    return WeekChart(anchor="a", title=NOTHING, axis=say("Findings"), starts=starts, numbers=numbers, source=NOTHING)


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)  # noqa: S314 - our own


def rects(root: ElementTree.Element, name: str) -> list[dict[str, float]]:
    return [
        {key: float(rect.get(key, "0")) for key in ("x", "y", "width", "height")}
        for rect in root.iter(f"{SVG}rect")
        if rect.get("class") == name
    ]


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=10))
def test_bars_are_as_long_as_their_numbers(numbers: list[int]) -> None:
    root = parsed(charts.bars(bar_chart(*((f"n{place}", number) for place, number in enumerate(numbers))), ENGLISH))
    lengths = [bar["width"] for bar in rects(root, "bar")]
    for length, number in zip(lengths, numbers, strict=True):
        true = max(lengths) * number / max(numbers)
        # a tenth of a unit is the drawing's resolution; the least bar is one unit, so that it can be seen
        assert length == pytest.approx(max(true, 1.0), abs=0.2)


def test_bars_are_mirrored_in_a_language_from_right_to_left() -> None:
    left = rects(parsed(charts.bars(bar_chart(("a", 4), ("b", 2)), ENGLISH)), "bar")
    right = rects(parsed(charts.bars(bar_chart(("a", 4), ("b", 2)), ARABIC)), "bar")
    for one, other in zip(left, right, strict=True):
        assert other["x"] == pytest.approx(charts.WIDTH - one["x"] - one["width"], abs=0.2)


def test_words_of_a_drawing_from_right_to_left_stand_in_an_isolate_of_theirs() -> None:
    # UAX #9: RLI ... PDI; the drawing itself stays from left to right, so that text-anchor means the same
    root = parsed(charts.bars(bar_chart(("a", 4)), ARABIC))
    words = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    assert words == ["\u2067Findings\u2069", "\u2067\u2068a\u2069\u2069", "4"]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=26))
def test_columns_are_as_tall_as_their_numbers_and_time_runs_left_to_right_everywhere(numbers: list[int]) -> None:
    for voice in (ENGLISH, ARABIC):
        columns = rects(parsed(charts.weeks(week_chart(*numbers), voice)), "bar")
        heights = [column["height"] for column in columns]
        assert [column["x"] for column in columns] == sorted(column["x"] for column in columns)
        if max(numbers):
            tallest = max(heights)
            for height, number in zip(heights, numbers, strict=True):
                assert height == pytest.approx(tallest * number / max(numbers), abs=0.2)
        assert {round(column["y"] + column["height"], 0) for column in columns} == {184.0}


def test_the_number_of_a_column_stands_below_the_name_of_the_axis() -> None:
    root = parsed(charts.weeks(week_chart(1, 1), ENGLISH))
    name, number = (
        next(one for one in root.iter(f"{SVG}text") if one.text == words and one.get("text-anchor") == anchor)
        for words, anchor in ((ENGLISH.say(week_chart(1, 1).axis), "start"), ("1", "middle"))
    )
    assert float(number.attrib["y"]) - float(number.attrib["font-size"]) > float(name.attrib["y"])


def test_the_name_of_the_weeks_stands_where_reading_begins() -> None:
    for voice, place in ((ENGLISH, (0.0, "start")), (ARABIC, (charts.WIDTH, "end"))):
        name = next(parsed(charts.weeks(week_chart(3, 4), voice)).iter(f"{SVG}text"))
        assert (float(name.attrib["x"]), name.attrib["text-anchor"]) == place


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=26))
def test_no_line_runs_through_the_number_of_the_highest_week(numbers: list[int]) -> None:
    root = parsed(charts.weeks(week_chart(*numbers), ENGLISH))
    for number in root.iter(f"{SVG}text"):
        if number.get("text-anchor") != "middle" or number.get("class") != "ink":
            continue
        middle, base = float(number.attrib["x"]), float(number.attrib["y"])
        half = 0.25 * 11 * len(number.text or "")
        over = [
            line
            for line in root.iter(f"{SVG}line")
            if base - 8 < float(line.attrib["y1"]) < base
            and float(line.attrib["x1"]) < middle + half
            and float(line.attrib["x2"]) > middle - half
        ]
        assert over == []


@pytest.mark.parametrize("number", [0, 1, 4, 5, 9, 10, 99, 1717, 100_000, 123_456_789])
def test_the_scale_of_weeks_reaches_over_the_highest_by_round_steps(number: int) -> None:
    root = parsed(charts.weeks(week_chart(number), ENGLISH))
    labels = [
        text for text in root.iter(f"{SVG}text") if text.get("class") == "soft" and text.get("text-anchor") == "end"
    ]
    ticks = [int((label.text or "").replace(",", "")) for label in labels]
    assert ticks[0] == 0
    assert ticks[-1] >= number
    (step,) = {after - before for before, after in pairwise(ticks)}
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert len(ticks) <= 6


def test_every_bar_says_its_number_and_the_axis_its_measure() -> None:
    said = texts(parsed(charts.bars(bar_chart(("Emotet", 1234), ("Mirai", 5)), ENGLISH)))
    assert said == ["Findings", "Emotet", "1,234", "Mirai", "5"]


@given(st.text(max_size=60))
def test_no_label_breaks_the_drawing_or_gets_markup_into_it(label: str) -> None:
    root = parsed(charts.bars(bar_chart((label, 3), title=say("{a}", a=Verbatim(text=label))), ENGLISH))
    assert {element.tag for element in root.iter()} <= {f"{SVG}{name}" for name in ("svg", "text", "rect", "line")}


def test_markup_in_a_label_is_shown_as_text() -> None:
    root = parsed(charts.bars(bar_chart(("<b>&]]>", 3)), ENGLISH))
    assert "<b>&]]>" in texts(root)


def test_a_long_label_is_cut_to_its_room() -> None:
    label = texts(parsed(charts.bars(bar_chart(("W" * 300, 3)), ENGLISH)))[1]
    assert label.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert len(label) < 40


# ---- the map


def square(lon: float, lat: float, half: float) -> tuple[tuple[float, float], ...]:
    return ((lon - half, lat - half), (lon + half, lat - half), (lon + half, lat + half), (lon - half, lat + half))


ISLANDS: Atlas = atlas_of(
    Shapes(
        areas=(
            Shape(country="ID", name="Indonesia", polygons=((square(115, 0, 8),),)),
            Shape(country="MY", name="Malaysia", polygons=((square(102, 5, 2),),)),
            Shape(country="AU", name="Australia", polygons=((square(120, -10, 4),),)),
            # around the point opposite the map's centre: must not sweep over it
            Shape(country="BR", name="Brazil", polygons=((square(-65, 0, 20),),)),
            Shape(country=None, name="Somewhere", polygons=((square(130, 5, 1),),)),
        ),
        points={"ID": (115, 0), "MY": (102, 5), "SG": (103.8, 1.35), "AU": (120, -10), "BR": (-65, 0)},
    )
)


def sheet(**given: object) -> MapSheet:
    plain: dict[str, object] = {
        "anchor": "map",
        "title": say("Map"),
        "country": "ID",
        "numbers": (("ID", 950), ("SG", 7)),
        "elsewhere": ("MY", "SG"),
        "source": NOTHING,
        "simulated": False,
    }
    return MapSheet(**(plain | given))  # type: ignore[arg-type]


def test_the_projection_gives_the_numbers_of_its_textbook() -> None:
    # Snyder 1987, USGS Professional Paper 1395, page 332: R = 3, centre 40 N 100 W, point 20 S 100 E
    (x, y) = (project(np.array([[100.0, -20.0]]), -100.0, 40.0)[0] * 3 / EARTH_KM).tolist()
    assert (x, y) == (pytest.approx(-4.2339303, abs=1e-6), pytest.approx(4.0257775, abs=1e-6))


def test_a_point_a_quarter_of_the_globe_away_is_root_two_radii_away() -> None:
    x, y = project(np.array([[90.0, 0.0]]), 0.0, 0.0)[0]
    assert (x, y) == (pytest.approx(EARTH_KM * sqrt(2)), pytest.approx(0.0, abs=1e-6))


@given(st.floats(-180, 180), st.floats(-80, 79), st.floats(-180, 180), st.floats(-80, 80))
@settings(max_examples=60)
def test_the_projection_keeps_areas(lon: float, lat: float, lon0: float, lat0: float) -> None:
    size = 0.01
    edge = np.array([[lon, lat], [lon + size, lat], [lon + size, lat + size], [lon, lat + size]])
    plane = project(edge, lon0, lat0)
    if np.hypot(*plane.T).max() > 1.95 * EARTH_KM:
        return  # beside the point opposite the centre a cell of a hundredth of a degree is no longer small
    x, y = plane[:, 0], plane[:, 1]
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    true = EARTH_KM**2 * radians(size) * (sin(radians(lat + size)) - sin(radians(lat)))
    assert area == pytest.approx(true, rel=0.02)


def test_the_country_is_coloured_by_its_class_and_outlined() -> None:
    root = parsed(draw(sheet(), ENGLISH, ISLANDS))
    (own,) = [path for path in root.iter(f"{SVG}path") if path.get("class") == "own class"]
    assert own.get("fill") == SCALE[2]
    assert "Indonesia 950" in texts(root)


def test_a_state_without_a_shape_is_a_circle() -> None:
    root = parsed(draw(sheet(), ENGLISH, ISLANDS))
    (circle,) = root.iter(f"{SVG}circle")
    assert circle.get("fill") == SCALE[0]
    assert "Singapore 7" in texts(root)


def test_the_other_countries_of_the_operation_are_hatched_and_carry_no_number() -> None:
    root = parsed(draw(sheet(numbers=(("ID", 950),)), ENGLISH, ISLANDS))
    hatched = [path for path in root.iter(f"{SVG}path") if path.get("class") == "hatched"]
    assert [path.get("fill") for path in hatched] == ["url(#hatch)"]
    assert not [text for text in texts(root) if "Malaysia" in text or "Singapore" in text]
    assert "in the operation, reported separately" in texts(root)


def test_land_on_the_far_side_of_the_globe_stays_off_the_map() -> None:
    root = parsed(draw(sheet(), ENGLISH, ISLANDS))
    # Indonesia, Malaysia, Australia and the area without a code
    assert len(list(root.iter(f"{SVG}path"))) == 4


def test_a_map_of_simulated_data_says_so() -> None:
    assert "SIMULATED DATA" in texts(parsed(draw(sheet(simulated=True), ENGLISH, ISLANDS)))
    assert "SIMULATED DATA" not in texts(parsed(draw(sheet(), ENGLISH, ISLANDS)))


@pytest.mark.parametrize(
    ("number", "step"), [(1, 0), (9, 0), (10, 1), (99, 1), (100, 2), (999, 2), (1000, 3), (10_000, 4), (10**8, 4)]
)
def test_five_classes_are_the_same_on_every_map(number: int, step: int) -> None:
    assert step_of(number) == step


@pytest.mark.parametrize("country", ["ID", "SG", "BN", "FJ", "RU", "US", "FR", "NZ", "KI", "AQ", "XK", "VA"])
def test_every_kind_of_country_has_a_map(country: str) -> None:
    root = parsed(draw(sheet(country=country, numbers=((country, 5),), elsewhere=()), ENGLISH, bundled()))
    own = [part for part in root.iter() if "own class" in (part.get("class") or "")]
    assert own, country
    assert any(text.endswith(" 5") for text in texts(root))
