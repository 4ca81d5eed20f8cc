"""What charts and maps are drawn with: colours that survive grey print, text that fits, SVG that is safe.

Every colour stands as an attribute (print) and as a class (the page's dark mode may override it). Sources:
Okabe and Ito 2008 (categories), cividis by Nuñez, Anderton and Renslow 2018 (quantities, darkest last).
"""

import unicodedata
from xml.sax.saxutils import escape, quoteattr

BLUE = "#0072B2"
INK = "#1F2933"
SOFT = "#52606D"
LINE = "#CBD2D9"
SCALE = ("#FDE737", "#BCAF6F", "#7F7C75", "#414D6B", "#00224E")
FONT = "Noto Sans, Noto Sans Arabic, system-ui, sans-serif"


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12,
    anchor: str = "start",
    ink: str = INK,
    name: str = "ink",
    bold: bool = False,
    right_to_left: bool = False,
) -> str:
    """One line of text at its base line; `name` is the class that a page may colour by.

    A drawing's own direction is from left to right in every language, so that `anchor` means the same everywhere;
    words in a language from right to left stand in an isolate of theirs (U+2067).
    """
    weight = ' font-weight="bold"' if bold else ""
    words = f"\u2067{words}\u2069" if right_to_left else words
    return (
        f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{ink}"'
        f"{weight}>{escape(words)}</text>"
    )


def tag(x: float, y: float, words: str, *, size: float, bold: bool, right_to_left: bool) -> str:
    """A label centred on `x` that can be read on any colour."""
    wide = width_of(words, size) + 8
    ground = (
        f'<rect class="plate" x="{x - wide / 2:.1f}" y="{y - size:.1f}" width="{wide:.1f}" height="{size + 4.5:.1f}" '
        'rx="3" fill="#FFFFFF" fill-opacity="0.88"/>'
    )
    return ground + text(x, y, words, size=size, anchor="middle", name="label", bold=bold, right_to_left=right_to_left)


def line(x1: float, y1: float, x2: float, y2: float, *, ink: str = LINE, width: float = 1) -> str:
    """A straight rule."""
    return (
        f'<line class="rule" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{ink}" stroke-width="{width}"/>'
    )


def box(x: float, y: float, width: float, height: float, *, fill: str, name: str) -> str:
    """A filled rectangle of class `name`."""
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
        f'fill="{fill}"/>'
    )


def svg(width: float, height: float, title: str, parts: list[str], definitions: str = "") -> str:
    """A whole drawing whose accessible name is `title`."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f"aria-label={quoteattr(title)} font-family={quoteattr(FONT)}>{definitions}{''.join(parts)}</svg>"
    )


def width_of(words: str, size: float) -> float:
    """How wide `words` are in Noto Sans, a little on the safe side: drawings are made without a font at hand."""
    return size * sum(map(_ems, words))


def _ems(character: str) -> float:
    """Advance width in ems: Noto Sans Regular's largest of each group, East Asian wide characters one."""
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0.0
    if character in "il.,:;'|! ()[]/jItf-":
        return 0.39
    if character in "WMmw@%\N{HORIZONTAL ELLIPSIS}":
        return 0.96
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 1.0
    return 0.78 if character.isupper() else 0.62


def fitted(words: str, room: float, size: float) -> str:
    """`words`, cut with an ellipsis where they are wider than `room`."""
    if width_of(words, size) <= room:
        return words
    while words and width_of(words, size) + size > room:
        words = words[:-1]
    return words.rstrip() + "\N{HORIZONTAL ELLIPSIS}"
