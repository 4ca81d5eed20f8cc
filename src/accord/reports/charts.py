"""Charts as SVG, the same on page and in print: bars by category, columns by week.

A chart's title and source are text beside it, set by the page; inside are axes and direct labels only. In
languages that are written from right to left the bars are mirrored, the weeks are not.
"""

from math import ceil, floor, log10

from accord.reports.blocks import BarChart, WeekChart
from accord.reports.drawing import BLUE, SOFT, box, fitted, line, svg, text, width_of
from accord.reports.words import Message, Speaker

WIDTH = 640.0
_ROW, _LABELS, _TOP, _VALUES = 24.0, 210.0, 26.0, 70.0
_PLOT, _LEFT, _BOTTOM, _ABOVE = 150.0, 56.0, 24.0, 34.0


def bars(chart: BarChart, speaker: Speaker) -> str:
    """Horizontal bars from a common zero, each with its name before and its number behind it."""
    most = chart.most or max((bar.number for bar in chart.bars), default=0) or 1
    room = WIDTH - _LABELS - _VALUES
    height = _TOP + _ROW * len(chart.bars) + 6
    mirrored = speaker.right_to_left
    start = WIDTH - _LABELS if mirrored else _LABELS
    parts = [_axis_name(speaker, chart.axis, mirrored=mirrored)]
    for place, bar in enumerate(chart.bars):
        top = _TOP + _ROW * place
        length = max(room * bar.number / most, 1)
        base = top + _ROW / 2 + 4
        label = fitted(speaker.say(bar.label), _LABELS - 12, 12)
        number = speaker.number(bar.number)
        parts.append(box(start - length if mirrored else start, top + 3, length, _ROW - 8, fill=BLUE, name="bar"))
        if mirrored:
            parts.append(text(start + 8, base, label, right_to_left=True))
            parts.append(text(start - length - 6, base, number, anchor="end"))
        else:
            parts.append(text(start - 8, base, label, anchor="end"))
            parts.append(text(start + length + 6, base, number))
    parts.append(line(start, _TOP - 2, start, height - 4, ink=SOFT))
    return svg(WIDTH, height, speaker.say(chart.title), parts)


def weeks(chart: WeekChart, speaker: Speaker) -> str:
    """Columns by week from a zero line, with round grid lines and the highest column's number above it."""
    step, top_value = _round_steps(max(chart.numbers, default=0))
    bottom = _ABOVE + _PLOT
    height = bottom + _BOTTOM
    parts = [_axis_name(speaker, chart.axis, mirrored=speaker.right_to_left)]
    slot = (WIDTH - _LEFT) / len(chart.starts)
    thick = min(slot * 0.76, 40)
    every = ceil(len(chart.starts) / 7)
    most = max(chart.numbers)
    over = (_LEFT + slot * (chart.numbers.index(most) + 0.5), bottom - _PLOT * most / top_value - 4)
    for value in range(0, top_value + 1, step):
        y = bottom - _PLOT * value / top_value
        parts += _grid_line(y, over, width_of(speaker.number(most), 11) / 2 + 3)
        parts.append(text(_LEFT - 8, y + 4, speaker.number(value), size=11, anchor="end", ink=SOFT, name="soft"))
    for place, (start, number) in enumerate(zip(chart.starts, chart.numbers, strict=True)):
        middle = _LEFT + slot * (place + 0.5)
        tall = _PLOT * number / top_value
        parts.append(box(middle - thick / 2, bottom - tall, thick, tall, fill=BLUE, name="bar"))
        if number == most and number:
            parts.append(text(*over, speaker.number(number), size=11, anchor="middle"))
            most = -1
        if place % every == 0:
            parts.append(
                text(middle, bottom + 16, f"{start:%Y-%m-%d}", size=10.5, anchor="middle", ink=SOFT, name="soft")
            )
    parts.append(line(_LEFT, bottom, WIDTH, bottom, ink=SOFT))
    return svg(WIDTH, height, speaker.say(chart.title), parts)


def _grid_line(y: float, number: tuple[float, float], half: float) -> list[str]:
    """A grid line at `y` that leaves room for a number, `half` to each side of its base line's middle."""
    middle, base = number
    if not base - 11 < y < base + 2:
        return [line(_LEFT, y, WIDTH, y)]
    left, right = max(middle - half, _LEFT), min(middle + half, WIDTH)
    return [line(_LEFT, y, left, y), line(right, y, WIDTH, y)]


def _axis_name(speaker: Speaker, axis: Message, *, mirrored: bool) -> str:
    words = speaker.say(axis)
    place, anchor = (WIDTH, "end") if mirrored else (0.0, "start")
    return text(place, 12, words, size=11, anchor=anchor, ink=SOFT, name="soft", right_to_left=speaker.right_to_left)


def _round_steps(most: int) -> tuple[int, int]:
    """A step of 1, 2 or 5 times a power of ten, and the multiple of it that `most` fits under; four lines or so."""
    if most <= 4:
        return 1, max(most, 1)
    rough = most / 4
    power = 10 ** floor(log10(rough))
    step = next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= rough)
    return step, step * ceil(most / step)
