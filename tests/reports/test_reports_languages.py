"""A report in every language that Accord speaks, through the catalogues themselves: page, print, letter and guide."""

import html
import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from accord.release.view import View
from accord.reports import publish
from accord.workspace import translations
from accord.workspace.translations import LANGUAGES

LONG = 18
"""Characters of an English text that no other language has by chance."""

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ADDRESS, DEFANGED = "203.0.113.77", "203.0.113[.]77"

needs_pdftotext = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="needs pdftotext: a reader of PDF that is not ours"
)


@pytest.fixture(scope="module")
def view(make_view) -> View:
    """Findings of every kind, with what gives a report all of its sections."""
    many = [
        {"value": f"198.51.100.{n}", "role": role, "severity": 10.0 + n}
        for n, role in enumerate(("infected-system", "phishing", "malware-distribution", "spam") * 5)
    ]
    few = [
        {"type": "sha256", "value": HASH, "role": "malware-distribution", "asn": None, "severity": 99.0},
        {"value": ADDRESS, "severity": 98.0},
        {"value": "203.0.113.78", "government": True},
        {"value": "203.0.113.79", "country_second": "SG", "country_conflict": True},
        {"value": "203.0.113.80", "cautions": ["List of known Amazon AWS IP address ranges (20261001)"]},
        {"value": "203.0.113.81", "review": ["Top 1000 websites from Tranco (20261001)"]},
        {"value": "203.0.113.82", "undated": True, "confidence": None},
    ]
    return make_view(rows=[*few, *many], simulated=True)


@pytest.fixture(scope="module")
def folder(view: View, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("languages") / "ID"
    publish.write(view, place, None, LANGUAGES)
    return place


def shown(path: Path) -> str:
    """What a reader sees of a page or letter, one blank between words and no marks of direction or of breaking."""
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        text = re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</?(?:p|li|td|th|h\d|dt|dd|text|tspan)\b", " <", text)))
    return re.sub(r"\s+", " ", re.sub("[\u00ad\u200b\u200f\u2066-\u2069]", "", text))


def english() -> set[str]:
    """Every longer piece of text between the slots of a message."""
    template = (Path(translations.__file__).parent / "accord.pot").read_bytes()
    found = set()
    for message in read_po(BytesIO(template)):
        for text in (message.id,) if isinstance(message.id, str) else message.id:
            found.update(piece.strip() for piece, *_ in Formatter().parse(text))
    return {piece for piece in found if len(piece) >= LONG}


def test_each_language_has_its_page_print_letter_and_guide_and_changes_no_other_file(
    view: View, folder: Path, tmp_path: Path
) -> None:
    publish.write(view, tmp_path / "alone", None, ["en"])
    alone = {path.relative_to(tmp_path / "alone") for path in (tmp_path / "alone").rglob("*") if path.is_file()}
    every = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    names = ("car.{}.pdf", "car.{}.html", "letter.{}.txt", "columns.{}.html")
    assert {str(path) for path in every - alone} == {name.format(one) for one in LANGUAGES[1:] for name in names}
    assert all((folder / path).read_bytes() == (tmp_path / "alone" / path).read_bytes() for path in alone)


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("name", ["car.{}.html", "letter.{}.txt", "columns.{}.html"])
def test_no_english_of_ours_is_left_in_another_language(folder: Path, language: str, name: str) -> None:
    said = shown(folder / name.format("en"))
    pieces = [piece for piece in english() if piece in said]
    assert len(pieces) > 20, "the English one has them"
    text = shown(folder / name.format(language))
    assert [piece for piece in pieces if piece in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["car", "columns"])
def test_a_page_names_its_language_and_the_way_that_it_runs(folder: Path, language: str, name: str) -> None:
    way = "rtl" if language == "ar" else "ltr"
    (head,) = re.findall(r"<html [^>]*>", (folder / f"{name}.{language}.html").read_text("utf-8"))
    assert f'lang="{language}"' in head
    assert (f'dir="{way}"' in head) or (way == "ltr" and "dir=" not in head)


def test_a_hash_an_address_and_a_day_run_from_left_to_right_in_arabic(folder: Path) -> None:
    page, letter = ((folder / name).read_text("utf-8") for name in ("car.ar.html", "letter.ar.txt"))
    for value in (HASH, DEFANGED):
        assert f'<code dir="ltr">{value}</code>' in page
    assert f"\u2066{DEFANGED}\u2069" in letter
    # drawings keep a base from left to right; UAX #9, 2.4: LRI and PDI around a day in a text without markup
    flowing = re.sub(r"<title>.*?</title>|<svg.*?</svg>", "", page, flags=re.DOTALL)
    for text, before in ((flowing, r'<bdi dir="ltr"[^>]*>'), (letter, "\u2066")):
        days = re.findall(rf"({before})?2026-\d\d-\d\d", text)
        assert len(days) > 5
        assert all(days)


@needs_pdftotext
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hash_and_an_address_are_printed_in_their_order_in_every_language(folder: Path, language: str) -> None:
    made = subprocess.run(
        ["pdftotext", "-raw", folder / f"car.{language}.pdf", "-"], capture_output=True, check=True, encoding="utf-8"
    ).stdout
    text = re.sub("[\\s\u00ad\u200b\u200e\u200f\u202a-\u202c\u2066-\u2069]", "", made)
    assert HASH in text
    assert DEFANGED in text
    assert "2026-11-23" in text
