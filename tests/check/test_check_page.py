"""The check's pages in a real browser: without scripts, on a telephone, by keyboard, printed, and attacked."""

import http.server
import itertools
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.check.check_served import (
    BEHIND_NAT,
    CLEAN,
    DAY,
    HOST,
    LANGUAGES,
    MAIL_PAGES,
    MAILBOX,
    MONTH,
    SHARED,
    Check,
    open_mail_page,
)
from tests.simulators.browser import NEEDS, Browser, Page, browser, program
from tools.check_pictures import pixels_of, small_png

AXE = Path(__file__).parents[1] / "interop/node_modules/axe-core/axe.min.js"

pytestmark = pytest.mark.skipif(program() is None, reason=NEEDS)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Browser) -> Page:
    made = chromium.page()
    made.show()
    return made


def url(check: Check, path: str, host: str = HOST) -> str:
    return f"http://{host}:{check.port}{path}"


def ask(check: Check, page: Page, visitor: str, language: str = "en") -> None:
    """Open the page as a visitor behind the proxy, and press its button."""
    page.say({"X-Forwarded-For": visitor})
    page.open(url(check, f"/{language}"))
    page.press("form button")


def heading(page: Page) -> str:
    return page.evaluate("document.querySelector('h1').innerText")


def test_a_visitor_presses_a_button_and_is_told_without_any_script(check: Check, page: Page) -> None:
    page.without_scripts()
    for language, visitor in itertools.product(LANGUAGES, (DAY, CLEAN)):
        ask(check, page, visitor, language)
        assert heading(page) == check.ask_json(visitor, f"/{language}")["title"]
    assert page.evaluate("document.querySelector('.facts code').innerText") == CLEAN
    assert not page.do("Network.getCookies")["cookies"]


def test_nothing_is_asked_of_anybody_else_and_the_policy_stops_nothing_of_ours(check: Check, page: Page) -> None:
    for visitor in (DAY, CLEAN):
        ask(check, page, visitor)
        page.evaluate("new Promise(done => requestAnimationFrame(done))")
        assert page.requested()
        assert all(one.startswith(url(check, "/")) for one in page.requested())
        assert page.complaints() == []
        styled = page.evaluate("getComputedStyle(document.querySelector('h1')).borderInlineStartWidth")
        assert styled == "6px", "the style sheet counts"


def test_the_keyboard_alone_is_enough(check: Check, page: Page) -> None:
    page.say({"X-Forwarded-For": DAY})
    page.open(url(check, "/en"))
    page.type("Tab", 9)
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#text"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0"), "the way past the head is seen"
    for _ in range(10):
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
        page.type("Tab", 9)
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.browser.events.clear()
    page.type("Enter", 13)
    page.browser.wait("Page.loadEventFired")
    assert heading(page) == "An infected device used your address within the last day"


def test_a_language_is_chosen_by_the_browser_and_changed_by_a_link(check: Check, page: Page) -> None:
    page.say({"X-Forwarded-For": DAY, "Accept-Language": "de-AT,de;q=0.9"})
    page.open(url(check, "/"))
    assert page.evaluate("document.documentElement.lang") == "de"
    page.press("nav a[hreflang=ar]")
    assert page.evaluate("[document.documentElement.lang, getComputedStyle(document.body).direction]") == ["ar", "rtl"]
    page.press("form button")
    assert heading(page) == check.ask_json(DAY, "/ar")["title"]
    assert page.evaluate("getComputedStyle(document.querySelector('.facts code')).direction") == "ltr"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_telephone_shows_it_without_scrolling_sideways_and_a_thumb_hits_every_target(
    check: Check, page: Page, language: str
) -> None:
    page.show(width=390, height=844)
    for visitor in (None, MONTH, BEHIND_NAT):
        if visitor is None:
            page.open(url(check, f"/{language}"))
        else:
            ask(check, page, visitor, language)
        assert too_wide_or_small(page) == (390, [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_telephone_shows_the_pages_of_the_check_by_mail_whole_and_a_thumb_hits_every_target(
    mail_check: Check, page: Page, language: str
) -> None:
    page.show(width=390, height=844)
    page.say({"X-Forwarded-For": CLEAN})
    page.open(url(mail_check, f"/{language}"))
    assert too_wide_or_small(page) == (390, [])
    for what in MAIL_PAGES:
        open_mail_page(mail_check, page, language, what)
        assert too_wide_or_small(page) == (390, []), what


def too_wide_or_small(page: Page) -> tuple[int, list[list[object]]]:
    """How wide a page is, and what of it a thumb misses."""
    small = page.evaluate(
        "[...document.querySelectorAll('a:not(.skip), button, input')].map(one => [one.outerHTML, one.offsetHeight])"
        ".filter(([_, height]) => height < 44)"
    )
    return page.evaluate("document.documentElement.scrollWidth"), small


LOOKS = {
    "bright": {},
    "dark": {"prefers_color_scheme": "dark"},
    "contrast": {"prefers_contrast": "more"},
    "telephone": {"width": 390, "prefers_color_scheme": "dark", "prefers_contrast": "more"},
}


@pytest.mark.skipif(not AXE.exists(), reason="`make interop` has not installed axe-core")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("look", LOOKS)
def test_who_cannot_see_it_can_use_it_says_axe(check: Check, page: Page, language: str, look: str) -> None:
    page.show(**LOOKS[look])
    for visitor, path in (
        (None, f"/{language}"),
        (None, f"/{language}/report"),
        (None, "/wrong"),
        *((visitor, f"/{language}") for visitor in (DAY, MONTH, SHARED, CLEAN, BEHIND_NAT)),
    ):
        page.say({"X-Forwarded-For": visitor or CLEAN, "Accept-Language": language})
        page.open(url(check, path))
        if visitor is not None:
            page.press("form button")
        assert said_by_axe(page) == [], (visitor, path)


@pytest.mark.skipif(not AXE.exists(), reason="`make interop` has not installed axe-core")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("look", LOOKS)
def test_who_cannot_see_it_can_use_the_check_by_mail_says_axe(
    mail_check: Check, page: Page, language: str, look: str
) -> None:
    page.show(**LOOKS[look])
    page.say({"X-Forwarded-For": CLEAN})
    titles = []
    for what in MAIL_PAGES:
        open_mail_page(mail_check, page, language, what)
        titles.append(heading(page))
        assert said_by_axe(page) == [], what
    assert len(set(titles)) == len(MAIL_PAGES)


SOFT, PLAIN = (".hub", ".facts dt", ".data"), ("main p:not(.data)", "dd code")
CONTRAST = {
    "light": dict.fromkeys(SOFT, "#323f4b") | dict.fromkeys(PLAIN, "#000000") | {"h1.seen": "#8f1a10"},
    "dark": dict.fromkeys(SOFT, "#e4e9ee") | dict.fromkeys(PLAIN, "#ffffff") | {"h1.seen": "#ff8a80"},
}
"""Colours of text that check.css sets for who prefers more contrast, by what they prefer else."""

TEXTS = """(() => {
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "nothing";
  };
  return [...document.body.querySelectorAll("*")].filter(one => one.matches("input") ||
    [...one.childNodes].some(part => part.nodeType === Node.TEXT_NODE && part.data.trim()))
    .map(one => [one.outerHTML.slice(0, 80), getComputedStyle(one).color, ground(one)]);
})()"""
"""Of each element that has text of its own: how it begins, its colour, and the colour of what it stands on."""


def colour(said: str) -> tuple[int, ...]:
    """Red, green and blue, each up to 255, as `#52606d` or as a browser says it of what is not transparent."""
    if said.startswith("#"):
        return tuple(bytes.fromhex(said[1:]))
    found = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", said)
    assert found is not None, said
    return tuple(map(int, found.groups()))


def luminance(said: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [one / 255 for one in colour(said)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_does() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    # the palest grey that passes 4.5:1 on white, and the next one (WebAIM's contrast checker)
    assert ratio("#767676", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.005)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", CONTRAST)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_who_prefers_more_contrast_gets_the_colours_for_it_and_seven_to_one_everywhere(
    mail_check: Check, page: Page, scheme: str, language: str
) -> None:
    page.show(prefers_contrast="more", prefers_color_scheme=scheme)
    for reach in (
        lambda: page.open(url(mail_check, f"/{language}")),
        lambda: page.open(url(mail_check, f"/{language}/report")),
        *(partial(ask, mail_check, page, visitor, language) for visitor in (DAY, CLEAN)),
        *(partial(open_mail_page, mail_check, page, language, what) for what in MAIL_PAGES),
    ):
        page.say({"X-Forwarded-For": CLEAN})
        reach()
        texts = page.evaluate(TEXTS)
        assert len(texts) > 10
        assert [one for one in texts if ratio(*one[1:]) < 7] == []
    ask(mail_check, page, DAY, language)
    for selector, expected in CONTRAST[scheme].items():
        said = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).color")
        assert colour(said) == colour(expected), selector
    facts = page.evaluate(
        "(style => [style.borderBlockEndWidth, style.borderBlockEndStyle, style.borderBlockEndColor, "
        "style.backgroundColor])(getComputedStyle(document.querySelector('.facts')))"
    )
    ground, text = ("rgb(255, 255, 255)", "rgb(0, 0, 0)")[:: 1 if scheme == "light" else -1]
    assert facts == ["2px", "solid", text, ground]


@pytest.mark.skipif(not AXE.exists(), reason="`make interop` has not installed axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_has_their_system_force_its_colours_can_use_it(check: Check, page: Page, scheme: str) -> None:
    """Axe reads the style sheet's colour of a button's text, which the system does not use; so it is looked at here."""
    page.show(forced_colors="active", prefers_color_scheme=scheme)
    page.say({"X-Forwarded-For": DAY, "Accept-Language": "en"})
    page.open(url(check, "/en"))
    for press in (True, False):
        colours = page.evaluate(
            "(style => [matchMedia('(forced-colors: active)').matches, style.color, style.backgroundColor, "
            "style.borderColor])(getComputedStyle(document.querySelector('form button')))"
        )
        black, white = "rgb(0, 0, 0)", "rgb(255, 255, 255)"
        text, ground = (black, white) if scheme == "light" else (white, black)
        assert colours == [True, text, ground, text]
        assert [rule for rule, _ in said_by_axe(page)] == ["color-contrast"]
        if press:
            page.press("form button")


def said_by_axe(page: Page) -> list[object]:
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(said => "
        "[...said.violations, ...said.incomplete].map(one => [one.id, one.nodes.map(node => node.html)]))"
    )
    assert page.evaluate("axe.version")
    return found


def test_a_small_picture_is_the_picture_where_it_has_few_colours(page: Page, tmp_path: Path) -> None:
    """Sixteen colours, of which none is like another, and an odd number of dots in a line."""
    colours = np.array([[17 * number, 255 - 17 * number, 40] for number in range(16)], np.uint8)
    pixels = colours[np.random.default_rng(7).integers(0, 16, (37, 51))]
    path = tmp_path / "picture.png"
    path.write_bytes(small_png(pixels))
    page.open("about:blank")
    assert np.array_equal(pixels_of(page, path), pixels)
    # of more colours the rarer take the nearest: a dot that is nearly black becomes black
    pixels[3, 3], pixels[:2] = (1, 0, 2), (0, 0, 0)
    path.write_bytes(small_png(pixels))
    assert pixels_of(page, path)[3, 3].tolist() == [0, 0, 0]


def test_what_is_printed_says_what_to_do_and_holds_no_button(check: Check, page: Page, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext: what stands on paper")
    ask(check, page, DAY)
    page.printed(tmp_path / "answer.pdf")
    done = subprocess.run(["pdftotext", tmp_path / "answer.pdf", "-"], capture_output=True, text=True, check=True)
    said = " ".join(done.stdout.split())
    for words in (
        "An infected device used your address within the last day",
        DAY,
        "Simda",
        "offline scan",
        "CSIRT of tests",
    ):
        assert words in said
    for words in ("Check again", "Français", "Check the IPv4 address"):
        assert words not in said


def test_what_is_printed_of_a_link_says_what_is_known_and_what_to_do(
    mail_check: Check, page: Page, tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext: what stands on paper")
    page.say({"X-Forwarded-For": CLEAN})
    open_mail_page(mail_check, page, "en", "mail-told")
    page.printed(tmp_path / "told.pdf")
    done = subprocess.run(["pdftotext", tmp_path / "told.pdf", "-"], capture_output=True, text=True, check=True)
    said = " ".join(done.stdout.split())
    for words in ("Your mail address was in the hands of criminals", "Mirai", "FluBot", "Emotet", "offline scan"):
        assert words in said
    for words in ("Show it", "Français", MAILBOX):
        assert words not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_marking_of_what_a_link_shows_stands_at_the_right_of_head_and_foot_and_of_every_sheet(
    mail_check: Check, page: Page, tmp_path: Path, language: str
) -> None:
    """TLP 2.0: capitals, at least 12 points, at the right, #FFC000 on #000000."""
    page.say({"X-Forwarded-For": CLEAN})
    page.show(prefers_color_scheme="dark")
    open_mail_page(mail_check, page, language, "mail-told")
    labels = page.evaluate(
        "['header', 'footer'].flatMap(place => [...document.querySelectorAll(place + ' .tlp')].map(one => "
        "(style => [one.innerText, style.color, style.backgroundColor, parseFloat(style.fontSize) * 72 / 96 >= 12, "
        "Math.round(one.getBoundingClientRect().right - document.querySelector('h1').getBoundingClientRect().right)])"
        "(getComputedStyle(one))))"
    )
    assert labels == [["TLP:AMBER", "rgb(255, 192, 0)", "rgb(0, 0, 0)", True, 0]] * 2
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext: what stands on paper")
    page.printed(tmp_path / "told.pdf")
    words = ["pdftotext", "-layout", tmp_path / "told.pdf", "-"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    *sheets, _ = done.stdout.split("\f")
    assert len(sheets) > 1
    for sheet in sheets:
        # an Arabic line holds marks of direction (UAX #9), too
        lines = [line.strip("\u202a\u202b\u202c ") for line in sheet.splitlines() if line.strip()]
        assert (lines[0], lines[-1]) == ("TLP:AMBER", "TLP:AMBER")


HOSTILE = """<!doctype html><title>Another site</title>
<iframe id="opened" src="{target}/en"></iframe><iframe id="posted" name="posted"></iframe>
<iframe id="written" name="written"></iframe>
<img id="picture" src="{target}/en"><script src="{target}/en"></script>
<form id="form" method="post" action="{target}/en" target="posted"></form>
<form id="plain" method="post" enctype="text/plain" action="{target}/en" target="written">
<input name="a" value="b"></form>
<script>
const into = (frame, form) => new Promise(done => {{
  document.getElementById(frame).onload = () => done("");
  document.getElementById(form).submit();
}});
const tried = Promise.all([
  ...["cors", "no-cors"].flatMap(mode => ["include", "omit"].map(credentials =>
    fetch("{target}/en", {{method: "POST", mode, credentials, headers: {{"Accept": "application/json"}}}})
      .then(answer => answer.text()).catch(error => "failed"))),
  new Promise(done => {{
    const asked = new XMLHttpRequest();
    asked.open("POST", "{target}/en");
    asked.onloadend = () => done(asked.responseText);
    asked.send();
  }}),
  into("posted", "form"),
  into("written", "plain"),
  navigator.sendBeacon("{target}/en") ? "" : "refused",
]);
</script>"""


@pytest.fixture
def other_site() -> Iterator[http.server.ThreadingHTTPServer]:
    """A site of somebody else's, whose page is set by the test."""

    class Hostile(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.server.hostile.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("host", [HOST, "localhost"])
def test_a_page_of_another_origin_gets_nothing_by_a_visitors_browser(
    check: Check, page: Page, other_site, host
) -> None:
    """At localhost, which browsers trust, Sec-Fetch-Site comes too; elsewhere over plain HTTP only Origin."""
    before = check.health()["answers"]
    other_site.hostile = HOSTILE.format(target=url(check, "", host))
    page.open(f"http://evil.example:{other_site.server_port}/")
    told = page.evaluate("tried")
    assert "failed" in told
    assert [one for one in told if one not in {"", "failed"}] == []
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 0
    inside = "[...document.querySelectorAll('iframe')].map(frame => frame.contentDocument)"
    assert page.evaluate(inside) == [None] * 3
    assert check.health()["answers"] == before


def test_a_real_browser_that_asks_from_the_page_itself_is_answered_where_it_says_where_it_comes_from(
    check: Check, page: Page
) -> None:
    page.open(url(check, "/en", "localhost"))
    page.press("form button")
    sent = [one["params"] for one in page.browser.events if one.get("method") == "Network.requestWillBeSentExtraInfo"]
    posted = [one["headers"] for one in sent if "Origin" in one["headers"]]
    assert [one["Sec-Fetch-Site"] for one in posted] == ["same-origin"]
    assert [one["Origin"] for one in posted] == [f"http://localhost:{check.port}"]
    assert heading(page).startswith("It cannot be told")
