"""What the check's service answers: the grades, in which forms and languages, and that they look alike from outside."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from accord.check.networks import NetworkKind
from tests.check.check_data import DAY as OF
from tests.check.check_data import publish
from tests.check.check_served import (
    BEHIND_NAT,
    CLEAN,
    DAY,
    FAMILIES,
    HOST,
    HOSTED,
    INSIDE,
    LANGUAGES,
    MANY,
    MIRAI_DOES,
    MONTH,
    ODD,
    RANGES,
    RELAYED,
    SHARED,
    SHARED_CLEAN,
    UNNAMED,
    V6,
    V6_CLEAN,
    WEEK,
    Check,
    Question,
    publish_check,
    serve_check,
    service_here,
    settings_of,
    stop,
    today,
    told,
)

TEREDO = "2001:0:4136:e378::1"
"""All who use one Teredo server have one /64 (RFC 4380, section 4)."""

EVERY = ["windows", "android", "device", "mac-or-linux"]
GRADES = {
    DAY: ("day", None),
    WEEK: ("week", None),
    MONTH: ("month", None),
    UNNAMED: ("day", None),
    MANY: ("day", None),
    ODD: ("day", None),
    SHARED: ("shared", None),
    SHARED_CLEAN: ("not-seen", None),
    CLEAN: ("not-seen", None),
    HOSTED: ("cannot-tell", "hosting-or-vpn"),
    RELAYED: ("cannot-tell", "hosting-or-vpn"),
    TEREDO: ("cannot-tell", "no-public-address"),
    BEHIND_NAT: ("cannot-tell", "carrier-nat"),
    INSIDE: ("cannot-tell", "no-public-address"),
    V6: ("day", None),
    V6_CLEAN: ("not-seen", None),
    f"::ffff:{DAY}": ("day", None),
}


@pytest.mark.parametrize("visitor", GRADES)
def test_a_visitor_is_told_of_their_own_address_in_one_of_six_grades(check: Check, visitor: str) -> None:
    said = check.ask_json(visitor)
    assert (said["grade"], said["reason"]) == GRADES[visitor]
    assert said["address"] == visitor.removeprefix("::ffff:")


WHOLE = range(32)
"""Ages of which data tells."""
FIRST = {
    NetworkKind.ORDINARY: "203.0.113.0",
    NetworkKind.SHARED: "192.0.2.0",
    NetworkKind.HOSTING: "198.51.100.0",
    NetworkKind.VPN: "198.51.100.64",
    NetworkKind.CARRIER_NAT: "198.51.100.128",
}
"""By kind of network: who was seen on the data's own day; of the next addresses each a day earlier."""
BY_AGE = {-1: "day", 0: "day", 1: "day", 2: "week", 7: "week", 8: "month", 31: "month", 32: "not-seen"}
"""As docs/check.md says it; what was seen tomorrow, by a clock that is ahead, was seen today."""


@pytest.fixture(scope="module")
def at_an_age(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[NetworkKind, int, int], dict[str, Any]]]:
    """What one is told who was seen so many days ago, by data that is so many days old."""
    folder, now = tmp_path_factory.mktemp("ages"), [0]
    told = {str(ip_address(first) + age): ((1,), OF - timedelta(days=age)) for first in FIRST.values() for age in WHOLE}
    publish(folder / "data", told, ranges=RANGES, families=FAMILIES)
    settings_of(folder)
    with service_here(folder, today=lambda: now[0]) as service:

        def ask(kind: NetworkKind, age: int, late: int) -> dict[str, Any]:
            now[0] = OF.toordinal() + late
            reply = service.reply(Question(str(ip_address(FIRST[kind]) + age - late)))
            assert not callable(reply)
            return json.loads(reply[2])

        yield ask


@pytest.mark.parametrize("kind", FIRST)
@pytest.mark.parametrize(("age", "late"), [(age, late) for age in BY_AGE for late in (-1, 0, 1) if age - late in WHOLE])
def test_a_grade_is_told_by_the_days_since_the_last_sighting_and_by_the_kind_of_network(
    at_an_age: Callable[[NetworkKind, int, int], dict[str, Any]], kind: NetworkKind, age: int, late: int
) -> None:
    said = at_an_age(kind, age, late)
    if kind is NetworkKind.ORDINARY:
        expected = BY_AGE[age], None
    elif kind is NetworkKind.SHARED:
        expected = "not-seen" if age == 32 else "shared", None
    else:
        expected = "cannot-tell", "carrier-nat" if kind is NetworkKind.CARRIER_NAT else "hosting-or-vpn"
    assert (said["grade"], said["reason"]) == expected
    is_told = said["grade"] in {"day", "week", "month", "shared"}
    assert said["last_seen"] == ((OF - timedelta(days=age - late)).isoformat() if is_told else None)
    assert [one["name"] for one in said["families"]] == (["Mirai"] if is_told else [])


def test_by_data_of_yesterday_who_was_seen_on_its_day_was_seen_within_the_last_day(tmp_path: Path) -> None:
    day = today().date() - timedelta(days=1)
    publish_check(tmp_path / "data", {DAY: ((2,), day), WEEK: ((1,), day - timedelta(days=1))}, age=1)
    served = serve_check(settings_of(tmp_path))
    try:
        told = [served.ask_json(one) for one in (DAY, WEEK)]
    finally:
        stop(served)
    # a midnight in between makes it the day before yesterday
    grades = ["day", "week"] if today().date() == day + timedelta(days=1) else ["week", "week"]
    assert [one["grade"] for one in told] == grades
    assert [one["last_seen"] for one in told] == [day.isoformat(), (day - timedelta(days=1)).isoformat()]


def test_an_answer_says_the_last_day_and_the_families_and_on_what_they_run(check: Check) -> None:
    said = check.ask_json(WEEK)
    assert said["last_seen"] == told()[WEEK][1].isoformat()
    assert said["families"] == [{"name": "Mirai", "systems": ["device"]}]
    assert (said["systems"], said["more_families"]) == (["device"], False)
    assert check.ask_json(MONTH)["systems"] == ["windows", "android", "device"]
    assert check.ask_json(UNNAMED)["families"] == [{"name": None, "systems": EVERY}]
    assert [one["name"] for one in check.ask_json(MANY)["families"]] == [None, "Mirai", "Simda", "FluBot", "Emotet"]
    assert check.ask_json(MANY)["more_families"] is True


def test_a_page_says_what_a_family_does_and_nothing_where_that_is_not_known(check: Check) -> None:
    for language, words in MIRAI_DOES.items():
        assert f"<li><b>Mirai</b><br>{words}</li>" in check.ask(f"/{language}", visitor=WEEK).text
    assert "<li>A malicious program of which the name is not known.</li>" in check.ask(visitor=UNNAMED).text
    assert re.search("<li><b>[^\n]*Odd[^\n]*</b></li>", check.ask(visitor=ODD).text)


def test_nothing_of_a_sighting_is_told_where_it_may_be_somebody_elses(check: Check) -> None:
    for visitor in (HOSTED, RELAYED, BEHIND_NAT, INSIDE):
        said = check.ask_json(visitor)
        assert (said["last_seen"], said["families"], said["systems"]) == (None, [], EVERY)
        assert "Emotet" not in check.ask(visitor=visitor).text


def test_page_and_program_are_told_the_same(check: Check) -> None:
    for visitor, language in itertools.product(GRADES, LANGUAGES):
        said, page = check.ask_json(visitor, f"/{language}"), check.ask(f"/{language}", visitor=visitor)
        assert page.headers["content-language"] == said["language"] == language
        assert page.title == said["title"]
        shown = re.sub("<[^>]*>", "", page.text)
        assert said["text"] in shown
        assert said["address"] in page.text
        if said["last_seen"] is not None:
            assert said["last_seen"] in shown


def test_not_seen_does_not_say_clean(check: Check) -> None:
    assert "does not mean that your devices are clean" in check.ask(visitor=CLEAN).text


@pytest.mark.parametrize(("age", "grade", "reason"), [(2, "not-seen", None), (3, "cannot-tell", "out-of-date")])
def test_who_was_not_seen_in_data_that_is_out_of_date_is_not_told_so(
    tmp_path: Path, age: int, grade: str, reason: str | None
) -> None:
    day = today().date() - timedelta(days=age)
    publish_check(tmp_path / "data", {DAY: ((2,), day)}, age=age)
    served = serve_check(settings_of(tmp_path))
    try:
        said = served.ask_json(CLEAN)
        assert (said["grade"], said["reason"]) == (grade, reason)
        # who was seen is told all the same, on which day, and that it is not yesterday any more
        said = served.ask_json(DAY)
        assert (said["grade"], said["last_seen"]) == ("week", day.isoformat())
        assert len({len(served.ask(f"/{one}", visitor=who).body) for one in ("en", "ar") for who in (CLEAN, DAY)}) == 1
    finally:
        stop(served)


@pytest.mark.parametrize("age", [0, 3])
def test_where_nothing_is_published_of_anybody_nobody_is_told_that_they_were_not_seen(tmp_path: Path, age: int) -> None:
    publish_check(tmp_path / "data", {}, age=age)
    served = serve_check(settings_of(tmp_path))
    try:
        for visitor in (CLEAN, DAY):
            said = served.ask_json(visitor)
            assert (said["grade"], said["reason"]) == ("cannot-tell", "nothing-published")
        assert served.ask_json(BEHIND_NAT)["reason"] == "carrier-nat"
        assert "not seen" not in served.ask("/en", visitor=CLEAN).text
        assert "nichts veröffentlicht" in served.ask("/de", visitor=CLEAN).text
    finally:
        stop(served)


def test_a_refusal_speaks_the_language_of_its_path(check: Check) -> None:
    for path in ("/es", "/es/report", "/es/mail", "/es/nowhere"):
        page = check.ask(path, "DELETE", headers={"Accept-Language": "en"})
        assert page.status >= HTTPStatus.BAD_REQUEST
        assert page.headers["content-language"] == "es", path


def test_first_the_device_then_the_sessions_then_the_passwords(check: Check) -> None:
    text = check.ask(visitor=DAY).text
    order = [
        "clean the device",
        "sign out everywhere",
        "change your passwords, from a clean device",
        "watch your money",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert text.index("offline scan") < places[1]


def test_what_to_do_is_about_the_systems_that_the_families_run_on(check: Check) -> None:
    heads = re.findall("<h4>(.*?)</h4>", check.ask(visitor=DAY).text)
    assert heads == ["Windows computer"]
    heads = re.findall("<h4>(.*?)</h4>", check.ask(visitor=UNNAMED).text)
    assert [head.split()[0] for head in heads] == ["Windows", "Android", "Router,", "Mac"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("offline scan", "Play Protect", "factory settings", "login items")),
        ("de", ("Offline-Überprüfung", "Play Protect", "Werkseinstellungen", "Anmeldeobjekte")),
    ],
)
def test_under_each_system_it_says_how_it_is_cleaned(check: Check, language: str, words: tuple[str, ...]) -> None:
    ways = re.findall("</h4><ul>(.*?)</ul>", check.ask(f"/{language}", visitor=UNNAMED).text)
    for way, word in zip(ways, words, strict=True):
        assert word in way
        assert way.count("<li>") >= 3


def test_where_to_report_stands_on_the_answer_and_on_a_page_of_its_own(check: Check) -> None:
    for page in (check.ask(visitor=DAY), check.ask("/en/report", "GET")):
        assert '<h3 id="ID">Indonesia</h3>' in page.text
        assert 'href="https://csirt.example/report?a=1&amp;b=2" rel="noreferrer nofollow"' in page.text
        assert 'href="mailto:report@csirt.example"' in page.text
        assert 'href="tel:+6221000000"' in page.text


def test_both_kinds_of_addresses_are_offered_under_names_of_their_own(check: Check) -> None:
    for page in (check.ask("/fr", "GET"), check.ask("/fr", visitor=DAY)):
        assert 'href="https://v4.check.fusion.example/fr"' in page.text
        assert 'href="https://v6.check.fusion.example/fr"' in page.text
    assert check.ask(visitor=DAY, headers={"Host": "v4.check.fusion.example"}).status == HTTPStatus.OK


def test_a_page_is_in_the_language_of_the_browser_or_of_the_path_and_sets_no_cookie(check: Check) -> None:
    for accepted, language in (("ar-EG,en;q=0.5", "ar"), ("it, de;q=0.7, en;q=0.3", "de"), ("*", "en"), ("", "en")):
        page = check.ask("/", "GET", headers={"Accept-Language": accepted})
        assert page.headers["content-language"] == language
        direction = "rtl" if language == "ar" else "ltr"
        assert f'<html lang="{language}" dir="{direction}">' in page.text
        assert f'<form method="post" action="/{language}">' in page.text
        assert "set-cookie" not in page.headers
    assert check.ask("/es", "GET", headers={"Accept-Language": "de"}).headers["content-language"] == "es"
    assert check.ask("/", visitor=DAY, headers={"Accept-Language": "fr"}).headers["content-language"] == "fr"


def test_who_opens_the_page_learns_nothing_but_the_page(check: Check) -> None:
    before = check.health()["answers"]
    pages = {check.ask("/en", "GET", visitor=visitor).body for visitor in GRADES}
    assert len(pages) == 1
    assert check.health()["answers"] == before


def test_every_answer_of_a_form_has_the_same_size_status_and_headers(check: Check) -> None:
    for accept in ("text/html", "application/json"):
        answers = [
            check.ask(f"/{language}", visitor=visitor, headers={"Accept": accept})
            for visitor, language in itertools.product(GRADES, LANGUAGES)
        ]
        assert len({len(one.body) for one in answers}) == 1
        assert {one.status for one in answers} == {HTTPStatus.OK}
        alike = {
            tuple(pair for pair in one.headers.items() if pair[0] not in {"date", "content-language"})
            for one in answers
        }
        assert len(alike) == 1
        assert {len(one.headers["content-language"]) for one in answers} == {2}


@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
@pytest.mark.parametrize("path", ["/{}", "/"])
def test_every_answer_of_a_form_is_as_long_on_the_wire_whatever_may_be_compressed(
    check: Check, accept: str, path: str
) -> None:
    heads, sizes = set(), set()
    for visitor, language in itertools.product(GRADES, LANGUAGES):
        asked = (
            f"POST {path.format(language)} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {visitor}\r\n"
            f"Accept: {accept}\r\nAccept-Language: {language}\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        head, _, body = check.raw(asked.encode()).partition(b"\r\n\r\n")
        assert f"content-language: {language}\r\n".encode() in head
        heads.add(re.sub(rb"(?<=\r\ncontent-language: )..|(?<=\r\ndate: )[ -~]{29}", b"", head))
        sizes.add((len(head), len(body)))
    assert (len(heads), len(sizes)) == (1, 1), (heads, sizes)
    (head,), ((_, size),) = heads, sizes
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"\r\ncontent-length: {size}\r\n".encode() in head + b"\r\n"
    assert b"-encoding" not in head


def test_an_answer_is_kept_by_nobody_framed_by_nobody_and_read_by_no_other_page(check: Check) -> None:
    for answer in (check.ask(visitor=DAY), check.ask("/en", "GET"), check.ask("/nothing", "GET")):
        said = answer.headers
        assert said["cache-control"] == "no-store"
        policy = dict(part.strip().partition(" ")[::2] for part in said["content-security-policy"].split(";"))
        assert policy == {
            "default-src": "'none'",
            "style-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert said["x-frame-options"] == "DENY"
        assert said["cross-origin-resource-policy"] == "same-origin"
        assert said["x-content-type-options"] == "nosniff"
        assert not [name for name in said if name.startswith("access-control-")]


def test_pages_hold_no_script_no_style_and_nothing_from_elsewhere(check: Check) -> None:
    for page in (check.ask("/en", "GET"), check.ask(visitor=MONTH), check.ask("/en/report", "GET")):
        text = page.text
        assert not re.search(r"<script|<style|\bstyle=|\bon\w+=|javascript:|<img|<iframe|@import|\bsrc=", text)
        assert re.findall(r'<link rel="stylesheet" href="([^"]*)"', text) == re.findall(r'"(/style-\w+\.css)"', text)
    style = check.ask(re.findall(r'"(/style-\w+\.css)"', text)[0], "GET")
    assert (style.status, style.headers["content-type"]) == (HTTPStatus.OK, "text/css; charset=utf-8")
    assert "immutable" in style.headers["cache-control"]
    assert "@import" not in style.text


def test_a_name_from_outside_is_text_and_turns_nothing_around(check: Check) -> None:
    text = check.ask(visitor=ODD).text
    assert "&lt;b&gt;&#34;Odd&#34; &amp; " in text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    assert check.ask_json(ODD)["families"][0]["name"].startswith('<b>"Odd"')
