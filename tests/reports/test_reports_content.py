"""What a report says, whatever it is printed on."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.release.view import View
from accord.reports.actors import WORST
from accord.reports.blocks import Band, BarChart, MapSheet, Report, Table, WeekChart
from accord.reports.content import compose
from accord.reports.families import FALLBACK, what_it_does
from accord.reports.tally import cover_counts, tally
from accord.reports.words import Code, Message, Verbatim, speaker

MakeView = Callable[..., View]
VOICE = speaker("en")


@dataclass(frozen=True)
class GoneFinding:
    finding_id: str
    type: str
    value: str
    role: str


@dataclass(frozen=True)
class Change:
    previous_as_of: datetime = datetime(2026, 10, 1, tzinfo=UTC)
    new: frozenset[str] = frozenset()
    gone: tuple[GoneFinding, ...] = ()
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    previous_counts: dict[str, int] = field(default_factory=dict)


def everything(part: object) -> Iterator[object]:
    """Every object in a report, depth first."""
    yield part
    if is_dataclass(part):
        for item in fields(part):
            yield from everything(getattr(part, item.name))
    elif isinstance(part, tuple):
        for item in part:
            yield from everything(item)


def said(report: Report) -> str:
    """Every message of a report, one a line."""
    return "\n".join(VOICE.say(part) for part in everything(report) if isinstance(part, (Message, Verbatim, Code)))


def tables(report: Report) -> dict[str, Table]:
    return {part.anchor: part for part in everything(report) if isinstance(part, Table)}


def test_the_lead_says_what_matters_in_one_sentence(make_view: MakeView) -> None:
    view = make_view(rows=[{"value": f"203.0.113.{n}", "government": n == 1} for n in range(1, 4)], country="PH")
    assert VOICE.say(compose(view, None).cover.lead) == (
        "We know of 3 command-and-control servers hosted in the Philippines; 1 finding is on a government system."
    )


def test_a_name_that_is_only_registered_in_the_country_is_not_said_to_be_hosted_there(make_view: MakeView) -> None:
    view = make_view(
        rows=[
            {
                "type": "domain",
                "value": "evil.co.id",
                "basis": ["registry"],
                "countries": ["SG"],
                "country": "SG",
                "public_suffix": "co.id",
                "registry_country": "ID",
            }
        ]
    )
    report = compose(view, None)
    assert "hosted in Indonesia or named under its registry" in VOICE.say(report.cover.lead)
    assert [figure.number for figure in report.cover.figures.items] == [1, 0, 0, 0]
    bands = [row for row in tables(report)["worst-findings"].rows if isinstance(row, Band)]
    assert [VOICE.say(band.title) for band in bands] == ["Registry of Indonesia (names under .co.id)"]


def test_a_report_without_findings_says_so_and_asks_nothing(make_view: MakeView) -> None:
    report = compose(make_view(findings=0), None)
    assert "no findings in Indonesia" in VOICE.say(report.cover.lead)
    assert [figure.number for figure in report.cover.figures.items] == [0, 0, 0, 0]
    assert set(tables(report)) == {"file-list", "reference"}
    assert not [part for part in everything(report) if isinstance(part, (BarChart, WeekChart))]
    assert "Handling rules: TLP:CLEAR" in said(report)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_numbers_are_those_that_counting_row_by_row_gives(make_view: MakeView, data: st.DataObject) -> None:
    rows = [
        {
            "value": f"198.18.0.{index}",
            "role": data.draw(st.sampled_from(["c2-server", "infected-system", "spam"])),
            "asn": data.draw(st.sampled_from([None, 64496, 64497])),
            "families": sorted(data.draw(st.sets(st.sampled_from(["Mirai", "Emotet"])))),
            "review": data.draw(st.sampled_from([[], [], ["List (1)"]])),
            "basis": data.draw(st.sampled_from([["hosting"], ["registry"], ["hosting", "registry"]])),
            "confidence": data.draw(st.sampled_from([None, 0.0, 0.3, 0.6, 0.9, 1.0])),
            "government": data.draw(st.booleans()),
            "marking": data.draw(st.sampled_from(["clear", "amber", "amber+strict", "red"])),
        }
        for index in range(data.draw(st.integers(0, 12)))
    ]
    view = make_view(rows=rows)
    numbers = tally(view)
    acted = [row for row in rows if not row["review"]]
    assert numbers.findings == len(acted)
    assert numbers.in_review == len(rows) - len(acted)
    assert dict(numbers.roles) == Counter(row["role"] for row in acted)
    assert dict(numbers.families) == Counter(name for row in acted for name in row["families"])
    assert numbers.without_family == sum(not row["families"] for row in acted)
    assert numbers.government == sum(row["government"] for row in acted)
    assert numbers.abroad == sum("hosting" not in row["basis"] for row in acted)
    assert numbers.restricted == sum(row["marking"] in {"amber+strict", "red"} for row in acted)
    hosted = [row for row in acted if "hosting" in row["basis"] and row["asn"] is not None]
    assert {network.asn: network.findings for network in numbers.networks} == Counter(row["asn"] for row in hosted)
    assert sum(numbers.rated) == len(acted)
    assert numbers.rated[4] == sum(row["confidence"] is None for row in acted)
    assert cover_counts(view.findings) == {
        "c2-server": sum(row["role"] == "c2-server" for row in acted),
        "system-compromise": 0,
        "infected-system": sum(row["role"] == "infected-system" for row in acted),
        "networks": len({row["asn"] for row in hosted}),
    }


def test_the_figures_on_the_cover_are_the_ones_that_an_earlier_report_is_compared_by(make_view: MakeView) -> None:
    view = make_view(findings=200)
    report = compose(view, None)
    assert [figure.number for figure in report.cover.figures.items] == list(cover_counts(view.findings).values())


def test_a_finding_under_review_counts_nowhere_and_is_listed_apart(make_view: MakeView) -> None:
    view = make_view(rows=[{"value": "203.0.113.1"}, {"value": "203.0.113.2", "review": ["Tranco (7)"], "asn": 64511}])
    report = compose(view, None)
    assert report.cover.figures.items[0].number == 1
    assert "203.0.113[.]2" not in "".join(
        VOICE.say(cell) for row in _cells(tables(report)["worst-findings"]) for cell in row
    )
    (row,) = _cells(tables(report)["review-findings"])
    assert VOICE.say(row[0]) == "203.0.113[.]2"
    assert VOICE.say(row[2]) == "Tranco (7)"
    assert "AS64511" not in said(report)


def _cells(table: Table) -> list[tuple[object, ...]]:
    return [row for row in table.rows if not isinstance(row, Band)]


def test_weeks_have_no_gaps_begin_on_mondays_and_end_with_the_week_of_as_of(make_view: MakeView) -> None:
    view = make_view(
        rows=[
            # 2026-10-05 and 2026-11-02 are Mondays; 2026-10-11 is the Sunday of the first's week
            {
                "value": "203.0.113.1",
                "first_seen": datetime(2026, 10, 5, tzinfo=UTC),
                "last_seen": datetime(2026, 10, 11, 23, 59, tzinfo=UTC),
            },
            {
                "value": "203.0.113.2",
                "first_seen": datetime(2026, 11, 2, tzinfo=UTC),
                "last_seen": datetime(2026, 11, 2, tzinfo=UTC),
            },
        ]
    )
    (chart,) = [part for part in everything(compose(view, None)) if isinstance(part, WeekChart)]
    assert chart.starts[0] == datetime(2026, 10, 5, tzinfo=UTC)
    assert chart.starts[-1] == datetime(2026, 11, 23, tzinfo=UTC)
    assert {b - a for a, b in zip(chart.starts, chart.starts[1:], strict=False)} == {timedelta(weeks=1)}
    assert chart.numbers == (1, 0, 0, 0, 1, 0, 0, 0)


def test_a_weeks_chart_of_years_is_cut_to_half_a_year_and_says_so(make_view: MakeView) -> None:
    old = datetime(2024, 1, 1, tzinfo=UTC)
    view = make_view(rows=[{"first_seen": old, "last_seen": old}, {"value": "203.0.113.9"}])
    (chart,) = [part for part in everything(compose(view, None)) if isinstance(part, WeekChart)]
    assert len(chart.starts) == 26
    assert "1 finding was last seen before these weeks" in VOICE.say(chart.source)


def test_a_network_says_how_many_of_its_findings_are_shown_only_when_some_are_not(make_view: MakeView) -> None:
    few = [{"value": "203.0.113.1", "asn": 64500, "severity": 90.0}]
    many = [
        {"value": f"198.51.100.{n % 250}", "role": role} for n in range(WORST) for role in ("c2-server", "phishing")
    ]
    rows = tables(compose(make_view(rows=[*few, *many]), None))["worst-findings"].rows
    details = [VOICE.say(row.detail) for row in rows if isinstance(row, Band)]
    assert sorted(details) == ["1 finding", f"{WORST - 1} of {len(many)} findings"]


def test_the_worst_findings_are_a_few_hundred_and_each_stands_under_who_must_act(make_view: MakeView) -> None:
    view = make_view(findings=1000)
    table = tables(compose(view, None))["worst-findings"]
    acted = [row for row in view.findings.to_pylist() if not row["review"]]
    assert len(_cells(table)) == WORST
    owners = {row["value"]: f"{row['network_owner']} (AS{row['asn']})" for row in acted[:WORST]}
    shown, band = {}, ""
    for row in table.rows:
        if isinstance(row, Band):
            band = VOICE.say(row.title)
        else:
            shown[VOICE.say(row[0]).replace("[.]", ".").replace("hxxp", "http")] = band
    assert shown == owners


def test_an_owner_of_several_networks_is_one_bar(make_view: MakeView) -> None:
    owners = {64496: "Big", 64497: "Big", 64498: None, 64499: "Small"}
    rows = [
        {"value": f"203.0.113.{place}", "asn": asn, "network_owner": owners[asn]}
        for place, asn in enumerate([64496, 64496, 64497, 64498, 64498, 64499])
    ]
    (chart,) = [
        part
        for part in everything(compose(make_view(rows=rows), None))
        if isinstance(part, BarChart) and part.anchor == "chart-networks"
    ]
    assert [(VOICE.say(bar.label), bar.number) for bar in chart.bars] == [("Big", 3), ("AS64498", 2), ("Small", 1)]
    assert VOICE.say(chart.title) == "1 of 3 network owners holds half of the findings or more"


def test_networks_stand_in_the_order_of_their_weight(make_view: MakeView) -> None:
    view = make_view(
        rows=[
            {"value": "203.0.113.1", "asn": 64496, "severity": 90.0},
            {"value": "203.0.113.2", "asn": 64497, "network_owner": None, "severity": 50.0},
            {"value": "203.0.113.3", "asn": 64497, "network_owner": None, "severity": 50.0},
        ]
    )
    rows = _cells(tables(compose(view, None))["networks"])
    assert [VOICE.say(row[0]).split("\n") for row in rows] == [
        ["Owner not known", "AS64497"],
        ["Nusantara Broadband", "AS64496"],
    ]


def test_a_partner_that_may_not_be_named_is_not_named(make_view: MakeView) -> None:
    view = make_view(rows=[{"sources": [], "datasets": ["contoso-telemetry"], "partners": 1}])
    text = said(compose(view, None))
    assert "a partner that may not be named" in text
    assert "1 partner" in text
    assert "Northwind" not in text
    assert "Fabrikam" not in text


def test_the_map_knows_other_countries_of_the_operation_by_name_only(make_view: MakeView) -> None:
    view = make_view(rows=[{"countries": ["ID", "US"]}])
    sheet = compose(view, None).cover.map
    assert isinstance(sheet, MapSheet)
    assert dict(sheet.numbers) == {"ID": 1, "US": 1}
    assert set(sheet.elsewhere) == {"BN", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "VN"}


@pytest.mark.parametrize(
    ("before", "words"),
    [(1, "1 more than on 2026-10-01"), (5, "3 fewer than on 2026-10-01"), (2, "as many as on 2026-10-01")],
)
def test_the_cover_compares_with_the_earlier_report(make_view: MakeView, before: int, words: str) -> None:
    view = make_view(rows=[{}, {"value": "203.0.113.8"}])
    figure = compose(view, Change(previous_counts={"c2-server": before})).cover.figures.items[0]
    assert figure.change is not None
    assert VOICE.say(figure.change) == words


def test_what_is_new_changed_and_gone_is_shown(make_view: MakeView) -> None:
    view = make_view(
        rows=[{"severity": 3.0}, {"value": "203.0.113.8", "severity": 2.0}, {"value": "203.0.113.9", "severity": 1.0}]
    )
    first, second, third = view.findings["finding_id"].to_pylist()
    change = Change(
        new=frozenset({first}),
        changed={second: ("last_seen",)},
        gone=(GoneFinding(finding_id="x", type="domain", value="old.example", role="phishing"),),
    )
    report = compose(view, change)
    tags = [row[0].tag for row in _cells(tables(report)["worst-findings"]) if isinstance(row[0], Code)]
    assert [None if tag is None else VOICE.say(tag) for tag in tags] == ["new", "changed", None]
    assert third not in change.changed
    assert [VOICE.say(cell) for cell in _cells(tables(report)["gone"])[0]] == ["old[.]example", "Phishing"]
    assert report.sections[0].anchor == "changes"


def test_the_legal_basis_is_the_operators_or_national_procedure(make_view: MakeView) -> None:
    assert "National procedure: no treaty" in said(compose(make_view(findings=3), None))
    text = said(compose(make_view(findings=3, legal_basis="Treaty of Somewhere, Article 4."), None))
    assert "Treaty of Somewhere, Article 4. Whoever acts" in text
    assert "National procedure" not in text


def test_red_persons_stand_on_the_cover(make_view: MakeView) -> None:
    from accord.release.view import RecipientSheet

    sheet = RecipientSheet(partner="Police", country="ID", persons=("A. Person", "B. Person"))
    assert "Police (A. Person and B. Person)" in said(compose(make_view(findings=1, recipients=(sheet,)), None))
    assert "only findings marked clear or green" in said(compose(make_view(findings=1, recipients=()), None))


def test_every_anchor_of_a_report_is_used_once(make_view: MakeView) -> None:
    report = compose(make_view(findings=300), Change())
    anchors = [anchor for part in everything(report) if (anchor := getattr(part, "anchor", None))]
    assert sorted(anchors) == sorted(set(anchors))


def test_the_same_view_gives_the_same_report(make_view: MakeView) -> None:
    assert compose(make_view(findings=120), None) == compose(make_view(findings=120), None)


@pytest.mark.parametrize(
    ("family", "word"),
    [
        ("Cobalt Strike", "penetration-test tool"),
        ("cobalt-strike", "penetration-test tool"),
        ("QakBot", "bank"),
        ("LockBit", "ransom"),
        ("Mirai", "flood"),
        ("Lumma Stealer", "passwords"),
        ("AsyncRAT", "remote control"),
        ("Cutwail", "spam"),
    ],
)
def test_a_well_known_family_is_explained_under_any_spelling(family: str, word: str) -> None:
    assert word in VOICE.say(what_it_does(family))


@pytest.mark.parametrize("family", ["", "win.somethingnew", "emotet2026", "\u202e"])
def test_an_unknown_family_gets_no_guess(family: str) -> None:
    assert what_it_does(family) is FALLBACK
