"""What changed since the same audience's earlier report, against a slow twin that knows both views."""

import dataclasses
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.release.view import RecipientSheet, View
from accord.reports import bundle, changes, tables
from accord.reports.changes import Change, GoneFinding
from accord.reports.confidence import in_words
from accord.vocabulary.errors import UnreadableError

LATER = datetime(2026, 12, 1, 6, tzinfo=UTC)


def kept(view: View, folder: Path) -> Path:
    """An earlier report of `view`: what comparing reads of it."""
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_findings(view, folder / "findings.csv")
    bundle.write(view, folder / "bundle.json")
    return folder


def slow_compare(before: View, after: View) -> tuple[set[str], list[GoneFinding], dict[str, tuple[str, ...]]]:
    """Row by row over both views; it never sees a file."""
    old = {row["finding_id"]: row for row in before.findings.to_pylist()}
    new = {row["finding_id"]: row for row in after.findings.to_pylist()}
    gone = [
        GoneFinding(finding_id=key, type=row["type"], value=row["value"], role=row["role"])
        for key, row in old.items()
        if key not in new
    ]
    differing = {}
    for key in new.keys() & old.keys():
        one, two = dict(old[key]), dict(new[key])
        for row in (one, two):
            row["confidence"] = in_words(row["confidence"])
        names = tuple(name for name in changes.COMPARED if one[name] != two[name])
        if names:
            differing[key] = names
    return new.keys() - old.keys(), gone, differing


def row(last: int, **given: object) -> dict[str, object]:
    return {"value": f"203.0.113.{last}", "confidence": 0.5} | given


def test_new_gone_and_changed_are_told_apart(make_view, tmp_path):
    before = make_view(rows=[row(1), row(2), row(3), row(4, confidence=0.61)])
    after = make_view(rows=[row(2), row(3, ports=[53], asn=64497), row(4, confidence=0.89), row(5)])
    change = changes.compare(after, kept(before, tmp_path))
    by_value = dict(zip(after.findings["value"].to_pylist(), after.findings["finding_id"].to_pylist(), strict=True))
    assert change is not None
    assert change.new == {by_value["203.0.113.5"]}
    assert [(gone.type, gone.value, gone.role) for gone in change.gone] == [("ipv4", "203.0.113.1", "c2-server")]
    # 0.61 and 0.89 are both 'likely'
    assert dict(change.changed) == {by_value["203.0.113.3"]: ("ports", "asn")}


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        (0.9, 0.95, False),
        (0.9, 0.89, True),
        (None, None, False),
        (None, 0.1, True),
        (0.0, None, True),
        (0.3, 0.29999, False),
    ],
)
def test_confidence_has_changed_when_its_word_has(make_view, tmp_path, old, new, differs):
    earlier = kept(make_view(rows=[row(1, confidence=old)]), tmp_path)
    change = changes.compare(make_view(rows=[row(1, confidence=new)]), earlier)
    assert change is not None
    # a table holds four decimals, so 0.29999 stands as 0.3 in both
    assert list(change.changed.values()) == ([("confidence",)] if differs else [])


def shaken(view_rows: list[dict[str, object]], chance: random.Random) -> list[dict[str, object]]:
    """About a tenth of the rows gone, a fifth changed, a few new."""
    rows = []
    for each in view_rows:
        fate = chance.random()
        if fate < 0.1:
            continue
        if fate < 0.3:
            name, value = chance.choice(
                [
                    ("ports", [1, 2]),
                    ("families", ["A|B", "=C"]),
                    ("network_owner", None),
                    ("asn", None),
                    ("government", True),
                    ("sources", []),
                    ("confidence", 0.97),
                    ("last_seen", LATER),
                    ("cautions", ["list (2)"]),
                    ("review", ["list (3)"]),
                    ("marking", "amber"),
                ]
            )
            each = each | {name: value}  # noqa: PLW2901
        rows.append(each)
    return rows


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40))
def test_comparing_agrees_with_the_slow_twin(make_view, tmp_path, seed, count):
    chance = random.Random(seed)
    rows = [
        row(last, role=chance.choice(["c2-server", "infected-system", "phishing"]), severity=float(chance.randrange(9)))
        for last in range(count)
    ]
    before, after = make_view(rows=rows), make_view(rows=[*shaken(rows, chance), row(200)])
    change = changes.compare(after, kept(before, tmp_path / "old"))
    new, gone, differing = slow_compare(before, after)
    assert change is not None
    assert change.new == new
    assert list(change.gone) == gone
    assert dict(change.changed) == differing


def test_nothing_has_changed_in_the_same_view_however_much_time_has_passed(make_view, tmp_path):
    view = make_view(findings=80)
    later = dataclasses.replace(view, operation=dataclasses.replace(view.operation, as_of=LATER))
    change = changes.compare(later, kept(view, tmp_path))
    assert change is not None
    assert (change.new, change.gone, dict(change.changed)) == (frozenset(), (), {})
    assert change.previous_as_of == view.operation.as_of


def test_earlier_numbers_are_the_earlier_covers(make_view, tmp_path):
    rows = [
        row(1),
        row(2, asn=64497),
        row(3, role="infected-system", asn=None),
        row(4, role="system-compromise"),
        row(5, role="phishing", asn=64499),
        row(6, review=["list (1)"], asn=64500),
    ]
    change = changes.compare(make_view(findings=0), kept(make_view(rows=rows), tmp_path))
    assert change is not None
    assert change.previous_counts == {"c2-server": 2, "system-compromise": 1, "infected-system": 1, "networks": 3}


def test_an_earlier_report_without_findings_is_compared_with_too(make_view, tmp_path):
    view = make_view(findings=7)
    change = changes.compare(view, kept(make_view(findings=0), tmp_path))
    assert change is not None
    assert change.new == set(view.findings["finding_id"].to_pylist())
    assert set(change.previous_counts.values()) == {0}


def test_there_is_no_change_without_an_earlier_report(make_view, tmp_path):
    assert changes.compare(make_view(findings=3), tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "recipients",
    [
        (),
        (RecipientSheet(partner="Another unit", country="ID", persons=()),),
        (RecipientSheet(partner="National Police Cybercrime Unit", country="ID", persons=("A. Ali",)),),
        (
            RecipientSheet(partner="National Police Cybercrime Unit", country="ID", persons=()),
            RecipientSheet(partner="Another unit", country="ID", persons=()),
        ),
    ],
)
def test_what_another_audience_got_is_never_told(make_view, tmp_path, recipients):
    earlier = kept(make_view(findings=5), tmp_path)
    assert changes.compare(make_view(findings=5, recipients=recipients), earlier) is None


def test_a_value_with_an_apostrophe_is_gone_as_it_was(make_view, tmp_path):
    rows = [
        {"type": "email", "value": value, "role": "phishing"}
        for value in ("=x@a.example", "'y@a.example", "z@a.example")
    ]
    change = changes.compare(make_view(findings=0), kept(make_view(rows=rows), tmp_path))
    assert isinstance(change, Change)
    assert {gone.value for gone in change.gone} == {"=x@a.example", "'y@a.example", "z@a.example"}


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "Empty CSV file"),
        (b"finding_id,type\r\n", "no column value, role, asn, review"),
        (b"finding_id,type,value,role,asn,review\r\nabc,ipv4,1.2.3.4,c2-server,,\r\n", "'abc'"),
        (
            b"finding_id,type,value,role,asn,review\r\n" + b"%s,ipv4,1.2.3.4,c2-server,,\r\n" % (b"a" * 64) * 2,
            "two rows",
        ),
        (b"finding_id,type,value,role,asn,review\r\n%s,ipv4\r\n" % (b"a" * 64), "Expected 6 columns, got 2"),
        (b"finding_id,type,value,role,asn,review\r\n%s,ipv4,\xff,c2-server,,\r\n" % (b"a" * 64), "UTF8"),
    ],
)
def test_a_damaged_earlier_table_is_named_in_the_error(make_view, tmp_path, content, got):
    view = make_view(findings=2)
    kept(view, tmp_path)
    (tmp_path / "findings.csv").write_bytes(content)
    with pytest.raises(UnreadableError) as caught:
        changes.compare(view, tmp_path)
    assert str(tmp_path / "findings.csv") in str(caught.value)
    assert got in str(caught.value)


def test_an_earlier_report_without_its_bundle_is_named_in_the_error(make_view, tmp_path):
    view = make_view(findings=2)
    kept(view, tmp_path)
    (tmp_path / "bundle.json").unlink()
    with pytest.raises(UnreadableError, match=r"bundle\.json"):
        changes.compare(view, tmp_path)


def test_a_column_that_the_earlier_table_lacks_is_no_change(make_view, tmp_path):
    view = make_view(rows=[row(1)])
    kept(view, tmp_path)
    table = tables.read_findings(tmp_path / "findings.csv").drop_columns(["government", "csirt"])
    lines = [
        ",".join(table.column_names),
        *(",".join(f'"{cell}"' for cell in each.values()) for each in table.to_pylist()),
    ]
    (tmp_path / "findings.csv").write_text("\r\n".join(lines) + "\r\n", "utf-8")
    change = changes.compare(make_view(rows=[row(1, government=True)]), tmp_path)
    assert change is not None
    assert dict(change.changed) == {}


def test_findings_seen_again_have_changed(make_view, tmp_path):
    before = make_view(rows=[row(1)])
    after = make_view(rows=[row(1, last_seen=LATER - timedelta(hours=1), sightings=13)])
    change = changes.compare(after, kept(before, tmp_path))
    assert change is not None
    assert list(change.changed.values()) == [("last_seen", "sightings")]
