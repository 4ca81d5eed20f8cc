"""`--since`: what is new, gone and changed, told apart on two operations made by hand."""

import csv
import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

OLD, NEW = "2026-10-01", "2026-10-02"
CSIRT = '\n[[recipient]]\npartner = "csirt-vn"\ncountry = "VN"\n'


@pytest.fixture(scope="module")
def place(accord, operation_of, servers, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """One server (of an unrated source, whose age says nothing) stays as it was, one gets a second witness."""
    folder = tmp_path_factory.mktemp("since")
    stays, changes, gone, new = servers["VN"]
    first, second = {"name": "first", "collected_at": "2026-09-20"}, {"name": "second", "collected_at": "2026-09-20"}
    second |= {"partner": "other", "grade": "f"}
    listed = {"first.txt": f"{changes}\n{gone}\n", "second.txt": f"{stays}\n"}
    file = operation_of(folder, listed, first, second, as_of=OLD, more=CSIRT)
    accord("operation", "run", file, "--out", folder / "old", "--workers", "1")
    later = {"first.txt": f"{changes}\n{new}\n", "second.txt": f"{stays}\n{changes}\n"}
    operation_of(folder, later, first, second, as_of=NEW, more=CSIRT)
    run = ("operation", "run", file, "--workers", "1", "--since", folder / "old")
    accord(*run, "--out", folder / "new")
    return {"folder": folder, "file": file, "stays": stays, "changes": changes, "gone": gone, "new": new}


def report(place: dict, run: str) -> Path:
    return place["folder"] / run / "reports/VN"


def page(place: dict, run: str) -> str:
    """The text of the page, without mark-up; addresses there are defanged."""
    text = (report(place, run) / "car.en.html").read_text("utf-8")
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text))).replace("[.]", ".")


def test_the_report_says_how_many_findings_are_new_gone_and_changed(place: dict) -> None:
    text = page(place, "new")
    assert "What changed since" in text
    told = text[text.rindex("What changed since") :][:1500]
    assert "1 finding is new" in told
    assert "1 finding is gone" in told
    assert "1 finding of both reports has changed" in told
    assert place["gone"] in told


def test_an_earlier_report_says_nothing_of_changes(place: dict) -> None:
    assert "What changed since" not in page(place, "old")
    assert place["gone"] not in (report(place, "new") / "findings.csv").read_text()


def indicators(place: dict, run: str) -> dict[str, dict]:
    objects = json.loads((report(place, run) / "bundle.json").read_bytes())["objects"]
    return {one["pattern"].split("'")[1]: one for one in objects if one["type"] == "indicator"}


def test_modified_moves_only_where_this_audience_s_view_has(place: dict) -> None:
    old, new = indicators(place, "old"), indicators(place, "new")
    was, now = f"{OLD}T00:00:00.000Z", f"{NEW}T00:00:00.000Z"
    assert set(old) == {place["stays"], place["changes"], place["gone"]}
    assert set(new) == {place["stays"], place["changes"], place["new"]}
    assert all((one["created"], one["modified"]) == (was, was) for one in old.values())
    assert new[place["stays"]] == old[place["stays"]]
    changed = new[place["changes"]]
    assert changed["id"] == old[place["changes"]]["id"]
    assert (changed["created"], changed["modified"]) == (was, now)
    assert (new[place["new"]]["created"], new[place["new"]]["modified"]) == (now, now)


def test_an_unchanged_operation_leaves_every_version_as_it_was(accord, place: dict, content, tmp_path: Path) -> None:
    out = tmp_path / "again"
    accord("operation", "run", place["file"], "--out", out, "--workers", "1", "--since", place["folder"] / "new")
    before, after = (
        json.loads((one / "bundle.json").read_bytes()) for one in (report(place, "new"), out / "reports/VN")
    )
    assert after == before
    text = unescape(re.sub(r"<[^>]+>", " ", (out / "reports/VN/car.en.html").read_text("utf-8")))
    told = text[text.rindex("What changed since") :][:1500]
    assert "is new" not in told
    assert "is gone" not in told
    assert "has changed" not in told


def test_an_output_may_be_compared_with_itself_and_replaced(accord, place: dict, content, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(place["folder"] / "old", out)
    accord("operation", "run", place["file"], "--out", out, "--workers", "1", "--since", out)
    apart = content(place["folder"] / "new")
    assert content(out) == apart


@pytest.mark.parametrize("kind", ["absent", "empty", "file"])
def test_an_earlier_output_that_is_none_is_an_error(accord, place: dict, tmp_path: Path, kind: str) -> None:
    earlier = tmp_path / "earlier"
    if kind == "empty":
        earlier.mkdir()
    elif kind == "file":
        earlier.touch()
    run = ("operation", "run", place["file"], "--out", tmp_path / "out", "--since", earlier)
    said = accord(*run, expect=2)
    assert "The earlier output is none." in said.stderr
    assert str(earlier) in said.stderr
    assert not (tmp_path / "out").exists()


def test_a_damaged_earlier_report_is_an_error_that_names_it(accord, place: dict, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    shutil.copytree(place["folder"] / "old", earlier)
    path = earlier / "reports/VN/findings.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[1][0] = "no id"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    run = ("operation", "run", place["file"], "--out", tmp_path / "out", "--workers", "1", "--since", earlier)
    said = accord(*run, expect=4)
    assert "reports/VN/findings.csv" in said.stderr
    assert not (tmp_path / "out").exists()
