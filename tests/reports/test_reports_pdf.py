"""The printed report: marked on every page, the same bytes twice, nothing over the margin."""

import gettext
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from accord.release.view import View
from accord.reports import pdf
from accord.reports.content import compose
from accord.reports.words import Speaker
from accord.vocabulary.markings import Marking

MakeView = Callable[..., View]
needs_pdftotext = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="needs pdftotext: the text of a PDF is read back with it (poppler-utils)"
)
MARGIN_PT = 56.0
"""2 cm less rounding."""


def pages(made: bytes, tmp_path: Path) -> list[str]:
    """The text of each page."""
    path = tmp_path / "car.pdf"
    path.write_bytes(made)
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True).stdout.decode()
    return text.replace("\u200b", "").removesuffix("\f").split("\f")


def words_with_boxes(made: bytes, tmp_path: Path) -> list[tuple[str, float, float, float]]:
    """(word, left, right, page width) of every word, in points."""
    path = tmp_path / "car.pdf"
    path.write_bytes(made)
    text = subprocess.run(["pdftotext", "-bbox", str(path), "-"], capture_output=True, check=True).stdout.decode()
    root = ElementTree.fromstring(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text))  # noqa: S314
    name = "{http://www.w3.org/1999/xhtml}"
    return [
        (word.text or "", float(word.attrib["xMin"]), float(word.attrib["xMax"]), float(sheet.attrib["width"]))
        for sheet in root.iter(f"{name}page")
        for word in sheet.iter(f"{name}word")
    ]


@pytest.mark.parametrize("findings", [0, 1, 300])
def test_a_report_is_one_pdf(make_view: MakeView, findings: int) -> None:
    made = pdf.render(compose(make_view(findings=findings), None), "en")
    assert made.startswith(b"%PDF-1.")
    assert made.rstrip().endswith(b"%%EOF")


def test_the_same_report_gives_the_same_bytes(make_view: MakeView) -> None:
    report = compose(make_view(findings=150), None)
    assert pdf.render(report, "en") == pdf.render(report, "en")


def test_another_process_gives_the_same_bytes(make_view: MakeView, tmp_path: Path) -> None:
    conftest = Path(__file__).with_name("conftest.py")
    code = (
        "import importlib.util, pathlib, sys\n"
        f"spec = importlib.util.spec_from_file_location('views', {str(conftest)!r})\n"
        "views = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(views)\n"
        "from accord.reports import pdf\n"
        "from accord.reports.content import compose\n"
        "sys.stdout.buffer.write(pdf.render(compose(views.build_view(pathlib.Path(), findings=60), None), 'en'))\n"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path).stdout
    assert other == pdf.render(compose(make_view(findings=60), None), "en")


def test_several_threads_give_the_same_bytes_as_one(make_view: MakeView) -> None:
    reports = [compose(make_view(findings=30, country=country), None) for country in ("ID", "SG", "TH", "VN")]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda report: pdf.render(report, "en"), reports))
    assert together == [pdf.render(report, "en") for report in reports]
    assert len(set(together)) == 4


@needs_pdftotext
@pytest.mark.parametrize("marking", list(Marking))
def test_the_label_stands_in_head_and_foot_of_every_page(make_view: MakeView, marking: Marking, tmp_path: Path) -> None:
    sheets = pages(pdf.render(compose(make_view(findings=120, marking=marking), None), "en"), tmp_path)
    assert len(sheets) > 5
    for sheet in sheets:
        lines = [line for line in sheet.splitlines() if line.strip()]
        assert lines[0].endswith(marking.label)
        assert lines[-1].endswith(marking.label)


@needs_pdftotext
@pytest.mark.parametrize("findings", [0, 2])
def test_pages_are_numbered_as_they_lie(make_view: MakeView, findings: int, tmp_path: Path) -> None:
    sheets = pages(pdf.render(compose(make_view(findings=findings), None), "en"), tmp_path)
    count = len(sheets)
    assert all(f"Page {number} of {count}" in sheet for number, sheet in enumerate(sheets, 1))


@needs_pdftotext
def test_simulated_data_says_so_on_every_page_and_on_the_map(make_view: MakeView, tmp_path: Path) -> None:
    sheets = pages(pdf.render(compose(make_view(findings=120, simulated=True), None), "en"), tmp_path)
    assert sheets[0].count("SIMULATED DATA") == 3
    assert all(sheet.count("SIMULATED DATA") >= 2 for sheet in sheets)


@needs_pdftotext
def test_the_cover_is_already_the_report(make_view: MakeView, tmp_path: Path) -> None:
    view = make_view(rows=[{"value": f"203.0.113.{n}"} for n in range(1, 9)])
    first = " ".join(pages(pdf.render(compose(view, None), "en"), tmp_path)[0].split())
    for words in (
        "Indonesia",
        "Operation ASEAN Cyber Surge. Data as of 2026-11-23 12:00 UTC.",
        "We know of 8 command-and-control servers hosted in Indonesia",
        "C2 servers",
        "What we ask you to do",
        "2026-12-14",
        "National Police Cybercrime Unit",
        "Natural Earth",
    ):
        assert words in first


@needs_pdftotext
def test_indicators_are_printed_defanged_and_never_plain(make_view: MakeView, tmp_path: Path) -> None:
    view = make_view(rows=[{}, {"type": "url", "value": "http://evil.example/x.php"}])
    text = "".join(pages(pdf.render(compose(view, None), "en"), tmp_path))
    assert "203.0.113[.]7" in text
    assert "hxxp://evil[.]" in text
    assert "203.0.113.7" not in text
    assert "http://" not in text


HOSTILE = (
    '#panic("x") $x$ *bold* _it_ `raw` <label> @ref \\ // /* [ #import "/etc/passwd"',
    "\u202eevil\u202d\u0000\ud800",
    "W" * 400,
    "😀👩\u200d👩\u200d👧 مرحبا ไทย 日本語",
    "{0} {x} %s",
    " ",
    "]]> & < \" '",
)


@needs_pdftotext
def test_no_text_from_outside_is_read_as_markup_or_leaves_the_margins(make_view: MakeView, tmp_path: Path) -> None:
    rows = [
        {
            "type": "domain",
            "value": "a" * 60 + "." + "b" * 63 + "." + "c" * 60 + f".x{place}.go.id",
            "families": [text],
            "network_owner": text,
            "asn": 64496 + place,
            "sources": [text],
            "abuse_contact": text,
            "government": True,
            "country_conflict": True,
            "cautions": [text],
            "ports": list(range(50_000, 50_032)),
            "ports_many": True,
        }
        # a lone surrogate is no UTF-8, so that no column can hold one
        for place, text in enumerate(text.replace("\ud800", "") for text in HOSTILE)
    ]
    rows.append({"type": "url", "value": "http://a.example/" + "q" * 4000})
    view = make_view(
        rows=[*rows, {"value": "203.0.113.9", "review": [HOSTILE[2]]}],
        title=HOSTILE[0],
        hub_name=HOSTILE[1],
        theme="t",
        theme_title=HOSTILE[0],
        csirt=HOSTILE[0],
        legal_basis=HOSTILE[2],
    )
    made = pdf.render(compose(view, None), "en")
    text = " ".join("".join(pages(made, tmp_path)).split())
    assert '#panic("x") $x$ *bold* _it_ `raw` <label> @ref' in text
    assert "<U+202E>evil<U+202D><U+0000>" in text
    # words of charts are cut by an estimate of their width, and stand well inside
    over = [
        found for found in words_with_boxes(made, tmp_path) if found[1] < MARGIN_PT or found[2] > found[3] - MARGIN_PT
    ]
    assert over == []


@needs_pdftotext
@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_a_row_is_on_one_page(make_view: MakeView, language: str, tmp_path: Path) -> None:
    rows = [
        {
            "value": f"203.0.113.{n}",
            "families": [],
            "sources": [f"Partner of the north {n}a", f"Partner of the south {n}b", f"Last{n}z"],
        }
        for n in range(1, 90)
    ]
    sheets = pages(pdf.render(compose(make_view(rows=rows), None), language), tmp_path)
    begun = [set(re.findall(r"203\.0\.113\[\.\](\d+)", sheet)) for sheet in sheets]
    ended = [set(re.findall(r"Last(\d+)z", sheet)) for sheet in sheets]
    assert begun == ended
    assert sum(1 for page in begun if page) > 3


@needs_pdftotext
def test_a_row_that_is_higher_than_a_page_goes_on_overleaf(make_view: MakeView, tmp_path: Path) -> None:
    lists = [f"List number {n} of names that are seldom criminal" for n in range(200)]
    made = pdf.render(compose(make_view(rows=[{"review": lists}]), None), "en")
    text = " ".join("".join(pages(made, tmp_path)).split())
    assert [n for n in range(200) if f"List number {n} of" not in text] == []


@needs_pdftotext
@pytest.mark.parametrize("findings", [5, 60, 150, 300])
def test_a_small_table_is_on_one_page(make_view: MakeView, findings: int, tmp_path: Path) -> None:
    sheets = pages(pdf.render(compose(make_view(findings=findings), None), "en"), tmp_path)
    (sheet,) = (sheet for sheet in sheets if "What it is for" in sheet)
    assert "findings.csv" in sheet
    assert "car.<language>.html" in sheet


@given(st.text(min_size=0, max_size=80))
def test_breaking_a_long_word_adds_nothing_that_is_seen(text: str) -> None:
    text = text.replace("\u200b", "")
    assert pdf.breakable(text).replace("\u200b", "") == text


@given(st.from_regex(r"[a-z0-9./-]{25,300}", fullmatch=True))
def test_a_long_word_can_break_every_few_characters(word: str) -> None:
    assert max(map(len, pdf.breakable(word).split("\u200b"))) <= 12


@needs_pdftotext
def test_a_report_in_arabic_keeps_dates_and_addresses_from_left_to_right(make_view: MakeView, tmp_path: Path) -> None:
    class Arabic(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"Who must act": "من يجب أن يتصرف", "Page": "صفحة"}.get(message, message)

    voice = Speaker(Locale.parse("ar"), Arabic())
    made = pdf.typeset(compose(make_view(findings=40), None), voice)
    text = "".join(pages(made, tmp_path))
    assert "2026-11-23 12:00 UTC" in text
    assert re.search(r"198\.18\.0\[\.\]\d+", text)
    assert text.count("TLP:AMBER") >= 2
    assert re.search(r"(?<!\u2066)198\.18\.0\[\.\]\d+(?![\d\u2069])", text), "an address in a table is copied by itself"


@pytest.mark.parametrize("country", ["SG", "BN", "FJ", "US", "XK"])
def test_every_country_can_be_printed(make_view: MakeView, country: str) -> None:
    assert pdf.render(compose(make_view(findings=5, country=country), None), "en").startswith(b"%PDF")
