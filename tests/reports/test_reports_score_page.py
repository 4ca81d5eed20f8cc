"""What became of an operation, as a page: every figure, in every language, marked, and asking nobody for anything."""

import re
from datetime import UTC, date, datetime

import pytest

from accord.reports.page import render_score
from accord.reports.score_page import compose_score
from accord.vocabulary.markings import Marking
from accord.vocabulary.outcomes import Counts, Network, Score, Week
from accord.vocabulary.roles import SERVER_ROLES, Role
from accord.workspace.translations import LANGUAGES


def score(counts: Counts, *, simulated: bool = False) -> Score:
    return Score(
        operation="<october>&2026",
        at=datetime(2026, 12, 1, tzinfo=UTC),
        roles=tuple(role for role in Role if role in SERVER_ROLES),
        releases=3,
        first_day=date(2026, 10, 1),
        last_day=date(2026, 10, 8),
        marking=Marking.AMBER_STRICT,
        simulated=simulated,
        counts=counts,
        by_country=(("TH", counts), ("LA", Counts(sent=5, done=10, acknowledged=3))) if counts.asked else (),
        by_network=((Network(asn=64500, owner="<b>Net</b>"), counts), (Network(asn=None, owner=None), counts)),
        weeks=tuple(Week(number=number + 1, right=1311, done=100 * number) for number in range(4)),
        by_role=((Role.C2_SERVER, counts),),
        in_review=17,
        withdrawn=19,
    )


def words(page: str) -> str:
    # no-break blanks stay: they part the digits of a number
    return re.sub("[ \n]+", " ", re.sub("<[^>]*>", " ", re.sub("<style>.*?</style>", "", page, flags=re.S)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_every_figure_in_every_language(language: str) -> None:
    page = render_score(compose_score(score(Counts(sent=21, acknowledged=22, done=983, refused=23, false_positive=24))),
                        language)  # fmt: skip
    said = re.sub(r"(?<=\d)[.,\u202f\u00a0](?=\d{3})", "", words(page))
    # 983 of 1049 are 94%: the false positives are no part of it
    for number in (
        "94",
        "1049",
        "983",
        "21",
        "22",
        "23",
        "24",
        "17",
        "19",
        "2026-10-01",
        "AS64500",
        "70",
        "76",
        "1311",
    ):
        assert re.search(rf"(?<!\d){number}(?!\d)", said), number
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page
    assert "TLP:AMBER+STRICT" in said


def test_it_asks_nobody_for_anything_and_names_are_text() -> None:
    page = render_score(compose_score(score(Counts(done=1))), "en")
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|img|iframe|form|link|b>Net)", page)
    assert "&lt;october&gt;&amp;2026" in page
    assert "src=" not in page


def test_an_exercise_is_marked_as_one() -> None:
    assert "SIMULATED DATA" in words(render_score(compose_score(score(Counts(done=1), simulated=True)), "en"))
    assert "SIMULATED DATA" not in words(render_score(compose_score(score(Counts(done=1))), "en"))


def test_a_share_of_nothing_is_no_share() -> None:
    said = words(render_score(compose_score(score(Counts())), "en"))
    assert "There is no such finding on which a recipient is asked to act" in said


def test_bars_of_shares_end_at_a_hundred_per_cent() -> None:
    page = render_score(compose_score(score(Counts(sent=1, done=1))), "en")
    chart = re.search(r'id="share-by-country".*?</svg>', page, re.S)
    assert chart is not None
    widths = [
        float(one)
        for one in re.findall(
            r'<rect[^>]*class="bar"[^>]*width="([\d.]+)"|<rect[^>]*width="([\d.]+)"[^>]*class="bar"', chart[0]
        )
        for one in one
        if one
    ]
    # 56% and 50% of 360: not one of them as wide as all
    assert [round(one) for one in sorted(widths, reverse=True)] == [202, 180]
