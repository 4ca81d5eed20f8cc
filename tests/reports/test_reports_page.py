"""The page: one file that asks nobody for anything, and that any browser and any reader can follow."""

import base64
import gettext
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from babel import Locale

from accord.release.view import View
from accord.reports import page
from accord.reports.content import compose
from accord.reports.guidance import OUTCOMES
from accord.reports.tables import FINDINGS_HEADER, OUTCOMES_HEADER, SIGHTINGS_HEADER, SIMULATED
from accord.reports.words import Speaker
from accord.vocabulary.markings import Marking

MakeView = Callable[..., View]
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


class Outline(HTMLParser):
    """What a page is made of; fails where an element is not closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: list[int] = []
        self.words: list[str] = []
        self.style = ""
        self.tables: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.tables.append([])
        elif self.tables:
            self.tables[-1].append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.words.append(data)

    def values(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def outline(view: View) -> Outline:
    return Outline(page.render(compose(view, None), "en"))


@pytest.mark.parametrize("findings", [0, 1, 300])
def test_every_element_is_closed_in_its_turn(make_view: MakeView, findings: int) -> None:
    made = outline(make_view(findings=findings))
    assert made.tags[0][0] == "html"
    assert made.tags[0][1] == {"lang": "en", "dir": "ltr"}


@pytest.mark.parametrize("findings", [0, 300])
def test_headings_begin_with_one_and_leave_no_level_out(make_view: MakeView, findings: int) -> None:
    levels = outline(make_view(findings=findings)).headings
    assert levels.count(1) == 1
    assert levels[0] == 1
    for before, after in pairwise(levels):
        # a chart's title is a level 4 under a level 2: the drawing is no section of its own
        assert after <= before + 1 or after == 4


def test_the_page_asks_nobody_for_anything(make_view: MakeView) -> None:
    view = make_view(findings=300)
    text = page.render(compose(view, None), "en")
    made = Outline(text)
    assert not {tag for tag, _ in made.tags} & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not made.values("src")
    assert all(href.startswith("#") for href in made.values("href"))
    assert not [name for _, attributes in made.tags for name in attributes if name.startswith("on") or name == "style"]
    assert "@import" not in made.style
    assert all(target.startswith(("data:", "#")) for target in re.findall(r"url\(\s*[\"']?([^\"')]+)", text))
    # what is left of URLs: the SVG name space, and who made the style sheet
    assert set(re.findall(r"https?://[a-z0-9./]+", text)) == {"http://www.w3.org/2000/svg", "https://picocss.com"}


def test_the_page_permits_nothing_but_its_own_style_sheet(make_view: MakeView) -> None:
    made = outline(make_view(findings=3))
    (policy,) = [a["content"] for _, a in made.tags if a.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(made.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_every_data_table_has_a_caption_and_headed_columns(make_view: MakeView) -> None:
    layout, *data = outline(make_view(findings=300)).tables
    assert "caption" not in layout
    assert len(data) >= 10
    for tags in data:
        assert tags[0] == "caption"
        assert tags[1:3] == ["thead", "tr"]
        assert tags[3] == "th"


def test_every_link_leads_somewhere_and_every_anchor_is_one(make_view: MakeView) -> None:
    made = outline(make_view(findings=300))
    anchors = made.values("id")
    assert len(anchors) == len(set(anchors))
    assert {href[1:] for href in made.values("href")} <= set(anchors)
    assert set(made.values("aria-labelledby")) <= set(anchors)


@pytest.mark.parametrize("marking", list(Marking))
def test_the_label_stands_in_head_and_foot_and_in_the_title(make_view: MakeView, marking: Marking) -> None:
    made = outline(make_view(findings=3, marking=marking))
    places = [a for tag, a in made.tags if tag == "b" and a.get("class", "").startswith("tlp ")]
    assert len(places) == 2
    assert "".join(made.words).count(marking.label) >= 3


def test_simulated_data_says_so_in_head_foot_and_map(make_view: MakeView) -> None:
    assert "".join(outline(make_view(findings=3, simulated=True)).words).count("SIMULATED DATA") == 3
    assert "SIMULATED" not in "".join(outline(make_view(findings=3)).words)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></svg><b>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;&#60;",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_from_outside_becomes_markup(make_view: MakeView, text: str) -> None:
    row = {
        "families": [text],
        "network_owner": text,
        "sources": [text],
        "abuse_contact": text,
        "cautions": [text],
        "government": True,
        "country_conflict": True,
    }
    view = make_view(
        rows=[row, {"value": "203.0.113.9", "review": [text]}, {"type": "url", "value": f"http://a.example/{text}"}],
        title=text,
        hub_name=text,
        theme="t",
        theme_title=text,
        csirt=text,
        legal_basis=text,
    )
    made, plain = outline(view), outline(make_view(rows=[{"government": True, "country_conflict": True}]))
    assert {tag for tag, _ in made.tags} <= {tag for tag, _ in plain.tags} | {"br", "ul", "code"}
    assert "".join(made.words).count(text) >= 8


def test_the_same_report_gives_the_same_page(make_view: MakeView) -> None:
    view = make_view(findings=100)
    assert page.render(compose(view, None), "en") == page.render(compose(view, None), "en")


class Masked(gettext.NullTranslations):
    """Translates every word into `x`, and leaves the slots."""

    def gettext(self, message: str) -> str:
        return re.sub(r"(\{\w+\})|[A-Za-z]", lambda match: match[1] or "x", message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def test_every_word_of_a_page_can_be_translated(make_view: MakeView) -> None:
    made = Outline(page.lay_out(compose(make_view(findings=300), None), Speaker(Locale.parse("de"), Masked())))
    text = " ".join(made.words).lower()
    english = {
        "the",
        "of",
        "and",
        "is",
        "are",
        "finding",
        "findings",
        "network",
        "networks",
        "page",
        "likely",
        "owner",
        "data",
        "we",
    }
    # what stands there in English was written by a partner or the operator, or names a file or column
    for verbatim in (
        "regional cyber fusion centre",
        "university of the coast",
        "department of public works",
        "kepulauan data centre",
        "list of known amazon aws ip address ranges",
        "findings.csv",
        "finding_id",
        "by-network",
        "unknown-network.csv",
    ):
        text = text.replace(verbatim, "")
    assert set(re.findall(r"[a-z]+", text)) & english == set()


def test_a_page_in_arabic_runs_from_right_to_left_and_its_addresses_do_not(make_view: MakeView) -> None:
    voice = Speaker(Locale.parse("ar"), gettext.NullTranslations())
    made = Outline(page.lay_out(compose(make_view(findings=20), None), voice))
    assert made.tags[0][1] == {"lang": "ar", "dir": "rtl"}
    codes = [attributes for tag, attributes in made.tags if tag == "code"]
    assert codes
    assert all(attributes.get("dir") == "ltr" for attributes in codes)
    text = page.lay_out(compose(make_view(findings=20), None), voice)
    assert '<bdi dir="ltr" class="whole">2026-11-23</bdi>' in text
    assert '<bdi dir="ltr" class="whole">AS64496</bdi>' in text
    assert "<bdi>Nusantara Broadband</bdi>" in text
    body = re.sub(r"<title>.*?</title>|<svg.*?</svg>|<mark>.*?</mark>", "", text, flags=re.DOTALL)
    assert not set(body) & set("\u2066\u2067\u2068\u2069"), "who copies an address copies nothing invisible"


def test_a_day_and_an_as_number_are_never_parted(make_view: MakeView) -> None:
    text = page.render(compose(make_view(findings=20), None), "en")
    assert '<span class="whole">2026-11-23</span>' in text
    assert '<span class="whole">AS64496</span>' in text
    assert re.search(r"\.whole \{[^}]*white-space: nowrap", text)


def test_the_guide_explains_every_column_and_word_of_the_tables() -> None:
    made = Outline(page.render_columns("en"))
    text = " ".join(made.words)
    for name in {*FINDINGS_HEADER, *SIGHTINGS_HEADER, *OUTCOMES_HEADER, SIMULATED, *(word for word, _ in OUTCOMES)}:
        assert f" {name} " in f" {text} "
    assert "TLP:CLEAR" in text
