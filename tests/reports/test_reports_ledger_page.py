"""The ledger's public page: what the figures say, in every language, and nothing beside them."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from accord.journal.facts import Kind
from accord.journal.figures import (
    NOTICE,
    Bounds,
    Figures,
    GivenOut,
    Happened,
    Held,
    Kept,
    Passed,
    Reported,
    TakenOut,
    Year,
)
from accord.ledger.checkpoints import Checkpoint
from accord.reports.ledger_page import COLLECTED, HAPPENED, PURPOSES, Keeper, compose_ledger
from accord.reports.page import ledger_style, render_ledger
from accord.vocabulary.datasets import Origin, Purpose
from accord.workspace.translations import LANGUAGES

POLICY = "log hub.example/ledger+c74f20a3+ARpc2Q==\nwitness north north.example+da77ade7+BOvN63==\nquorum north\n"
KEEPER = Keeper(hub="Fusion centre <North>", contact="desk@hub.example", day=date(2026, 11, 27))
CHECKPOINT = Checkpoint(origin="hub.example/ledger", size=1234, root=bytes(range(32)))


def year(name: str, dataset: str = "Infected machines") -> Year:
    return Year(
        year=name,
        held=(Held(dataset=dataset, origin="sinkhole", deliveries=3, records=Bounds(least=1240, most=1258)),),
        passed=(
            Passed(country="", purpose="", marking="", disclosures=1, records=Bounds(least=0, most=9)),
            Passed(
                country="TH",
                purpose="victim-notification",
                marking="amber+strict",
                disclosures=2,
                records=Bounds(least=70011, most=70011),
            ),
        ),
        done=(
            Reported(country="", purpose="", reports=1, records=Bounds(least=0, most=9)),
            Reported(country="TH", purpose="victim-notification", reports=3, records=Bounds(least=49001, most=49010)),
        ),
        happened=(
            Happened(kind="erasure", entries=1, records=Bounds(least=5, most=14)),
            Happened(kind="receipt", entries=4, records=Bounds(least=0, most=0)),
        ),
        taken_out=(TakenOut(dataset=dataset, kind="erasure", entries=1, records=Bounds(least=5, most=14)),),
        given_out=(
            GivenOut(dataset=dataset, origin="sinkhole", publications=360, records=Bounds(least=8100, most=8109)),
        ),
        kept=(Kept(dataset=dataset, origin="sinkhole", records=Bounds(least=1226, most=1257)),),
    )


TAKEN_OUT = {
    "en": "Erased or taken out of use, ",
    "fr": "Effacé ou mis hors d’usage, ",
    "es": "Suprimido o dejado de usar, ",
    "ar": "ما مُحي أو أُخرج من الاستخدام، ",
    "de": "Gelöscht oder aus dem Gebrauch genommen, ",
}
HELD_BY_NOW = {
    "en": "Data sets held, by now",
    "fr": "Jeux de données détenus à ce jour",
    "es": "Conjuntos de datos que se conservan a día de hoy",
    "ar": "مجموعات البيانات المحفوظة حتى الآن",
    "de": "Datenbestände, die jetzt vorliegen",
}
HELD_AT_END = {
    "en": "Data sets held at the end of 2025",
    "fr": "Jeux de données détenus à la fin de 2025",
    "es": "Conjuntos de datos que se conservaban al final de 2025",
    "ar": "مجموعات البيانات المحفوظة في نهاية 2025",
    "de": "Datenbestände, die Ende 2025 vorlagen",
}
CHECKED = {
    "en": "Given out for the public check, 2026",
    "fr": "Remis pour la vérification publique, 2026",
    "es": "Entregado para la comprobación pública, 2026",
    "ar": "ما سُلّم للتحقق العام، 2026",
    "de": "Für die öffentliche Prüfung ausgegeben, 2026",
}
TITLES = {
    "en": "What this hub has taken in and passed on",
    "fr": "Ce que ce centre a reçu et transmis",
    "es": "Lo que este centro ha recibido y transmitido",
    "ar": "ما استلمه هذا المركز وما سلّمه إلى غيره",
    "de": "Was diese Stelle übernommen und weitergegeben hat",
}


def figures(*years: Year) -> Figures:
    return Figures(size=1234, opened=1200, years=years)


class Page(HTMLParser):
    """What a browser is given."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "link", "br", "rect", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"rect", "line"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(language: str, said: Figures) -> tuple[str, Page]:
    text = render_ledger(compose_ledger(said, CHECKPOINT, POLICY, KEEPER), language)
    return text, Page(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_and_asks_nobody_for_anything(language: str) -> None:
    text, read = page(language, figures(year("2026"), year("2025")))
    assert read.open == []
    (html,) = read.of("html")
    assert (html["lang"], html["dir"]) == (language, "rtl" if language == "ar" else "ltr")
    assert {"script", "img", "iframe", "form", "style"}.isdisjoint(name for name, _ in read.tags)
    assert not any("style" in attributes for _, attributes in read.tags)
    assert "default-src 'none'; style-src 'self'" in text
    links = {attributes["href"] for name, attributes in read.tags if name in {"a", "link"}}
    others = {f"index.{one}.html" for one in LANGUAGES if one != language}
    assert links == {"style.css", "#account", "policy", "checkpoint", "figures.json", *others}
    # its tables can be read by who does not see them
    assert len(read.of("caption")) == len(read.of("table")) == 14
    assert all(one.get("scope") in {"col", "rowgroup"} for one in read.of("th"))
    headings = [int(name[1]) for name, _ in read.tags if re.fullmatch("h[1-6]", name)]
    assert headings.count(1) == 1
    assert len({one["id"] for _, one in read.tags if "id" in one}) == sum("id" in one for _, one in read.tags)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_each_figure(language: str) -> None:
    _, read = page(language, figures(year("2026")))
    digits = re.sub(r"[^0-9]+", " ", re.sub(r"(?<=\d)[.,\u202f\u00a0](?=\d{3})", "", " ".join(read.text)))
    for number in (1234, 1200, 34, 3, 1240, 1258, 70011, 9, 14, 49001, 49010, 360, 8100, 8109, 1226, 1257):
        assert f" {number} " in f" {digits} ", number
    said = " ".join(read.text)
    for word in ("Infected machines", "TLP:AMBER+STRICT", "hub.example/ledger", "figures.json", "quorum north"):
        assert word in said
    assert "accord ledger check URL --policy policy" in " ".join(said.split())
    for word in ("Fusion centre <North>", "desk@hub.example", "2026-11-27 (UTC)"):
        assert word in said


def test_bounds_are_said_as_such() -> None:
    _, read = page("en", figures(year("2026")))
    assert "1,240 to 1,258" in " ".join(read.text)


def test_a_title_is_text_whatever_it_holds() -> None:
    text, read = page("en", figures(year("2026", dataset="<script>alert(1)</script>\u202e&")))
    assert "<script" not in text
    assert "<U+202E>" in "".join(read.text)


def test_a_log_without_openings_says_so() -> None:
    _, read = page("en", Figures(size=3, opened=0, years=()))
    assert "Nothing was opened yet." in " ".join(read.text)


def test_every_word_of_a_fact_has_its_message() -> None:
    assert {*COLLECTED} == {*Origin}
    assert {*PURPOSES} == {*Purpose}
    assert {*HAPPENED} == {*Kind, NOTICE} - {Kind.DELIVERY, Kind.DISCLOSURE, Kind.OUTCOME}


def test_the_style_sheet_asks_nobody_for_anything() -> None:
    assert "http" not in re.sub(r"data:[^)]*\)", "", re.sub(r"/\*.*?\*/", "", ledger_style(), flags=re.S))


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_what_was_taken_in_and_beside_it_what_is_gone_by_now(language: str) -> None:
    text, _ = page(language, figures(year("2026")))
    assert TITLES[language] in text
    assert TAKEN_OUT[language] in text
    assert text.index('id="held-2026"') < text.index('id="taken-out-2026"') < text.index('id="happened-2026"')
    assert text.index('id="taken-out-2026"') < text.index('id="kept-2026"') < text.index('id="passed-2026"')
    assert text.index('id="passed-2026"') < text.index('id="check-data-2026"') < text.index('id="done-2026"')
    two = "".join(page(language, figures(year("2026"), year("2025")))[1].text)
    assert HELD_BY_NOW[language] in two
    assert HELD_AT_END[language] in two
    assert HELD_AT_END[language].replace("2025", "2026") not in two
    assert CHECKED[language] in two
    assert 'id="taken-out-' not in page(language, figures(replace(year("2026"), taken_out=())))[0]
