"""The folder that one audience gets: complete, repeatable, and never half of an earlier one."""

import csv
import dataclasses
import errno
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from accord.columns.schema import FINDINGS
from accord.release.view import View
from accord.reports import publish
from accord.vocabulary.errors import OutputError, UnreadableError


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def later(view: View, days: int) -> View:
    operation = dataclasses.replace(view.operation, as_of=view.operation.as_of + timedelta(days=days))
    return dataclasses.replace(view, operation=operation)


@pytest.fixture(scope="module")
def view(make_view) -> View:
    return make_view(findings=40)


@pytest.fixture(scope="module")
def folder(view, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("published") / "reports" / "ID"
    publish.write(view, place, None, ["en"])
    return place


def test_a_report_is_these_files(view, folder):
    networks = {f"by-network/AS{asn}.csv" for asn in set(view.findings["asn"].to_pylist())}
    assert set(contents(folder)) == {
        "bundle.json",
        "car.en.html",
        "car.en.pdf",
        "columns.en.html",
        "findings.csv",
        "intelmq.jsonl",
        "letter.en.txt",
        "outcomes.csv",
        "xarf.jsonl",
        *networks,
    }
    assert all(contents(folder).values())


def test_what_is_said_to_have_been_written_was(view, tmp_path):
    report = publish.write(view, tmp_path / "new", None, ["en"])
    with (tmp_path / "new" / "findings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = [each["type"] for each in json.loads((tmp_path / "new" / "bundle.json").read_text())["objects"]]
    lines = (tmp_path / "new" / "xarf.jsonl").read_text().splitlines()
    events = (tmp_path / "new" / "intelmq.jsonl").read_text().splitlines()
    assert report == publish.PublishedReport(
        country="ID",
        theme=None,
        directory=tmp_path / "new",
        findings=len(rows),
        in_review=sum(bool(row["review"]) for row in rows),
        networks=len(list((tmp_path / "new" / "by-network").iterdir())),
        indicators=kinds.count("indicator"),
        observed=kinds.count("observed-data"),
        abuse_reports=len(lines),
        events=len(events),
        compared=False,
    )


def test_writing_again_gives_the_same_bytes(view, folder, tmp_path):
    publish.write(view, tmp_path / "again", None, ["en"])
    assert contents(tmp_path / "again") == contents(folder)


def test_another_process_writes_the_same_bytes(view, folder, tmp_path):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        report = pool.submit(publish.write, view, tmp_path / "there", None, ["en"]).result()
    assert report.directory == tmp_path / "there"
    assert contents(tmp_path / "there") == contents(folder)


def test_a_view_and_what_comes_back_can_be_sent_to_another_process(view, tmp_path):
    report = publish.write(view, tmp_path / "new", None, ["en"])
    assert pickle.loads(pickle.dumps(report)) == report  # noqa: S301


def test_an_earlier_report_is_compared_with(view, folder, tmp_path):
    report = publish.write(later(view, 7), tmp_path / "new", folder, ["en"])
    assert report.compared
    objects = json.loads((tmp_path / "new" / "bundle.json").read_text())["objects"]
    assert {each["modified"] for each in objects if each["type"] == "indicator"} == {"2026-11-23T12:00:00.000Z"}


def test_an_earlier_report_for_another_audience_leaves_no_trace(view, folder, tmp_path):
    other = dataclasses.replace(later(view, 7), recipients=())
    assert not publish.write(other, tmp_path / "one", folder, ["en"]).compared
    publish.write(other, tmp_path / "two", None, ["en"])
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_ids_of_data_sets_change_not_one_byte_of_what_machines_read(view, folder, tmp_path):
    at = view.findings.schema.get_field_index("datasets")
    hidden = pa.array([["secret-sinkhole"]] * view.findings.num_rows, pa.list_(pa.string()))
    findings = view.findings.set_column(at, FINDINGS.field("datasets"), hidden)
    publish.write(dataclasses.replace(view, findings=findings), tmp_path / "new", None, ["en"])
    machines = {name: data for name, data in contents(folder).items() if not name.startswith(("car", "letter"))}
    assert {name: data for name, data in contents(tmp_path / "new").items() if name in machines} == machines


def test_a_country_that_had_no_earlier_report_gets_one(view, tmp_path):
    assert not publish.write(view, tmp_path / "new", tmp_path / "nowhere", ["en"]).compared


def test_a_damaged_earlier_report_stops_before_anything_is_written(view, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "findings.csv").write_text("nonsense")
    (tmp_path / "old" / "bundle.json").write_text("nonsense")
    with pytest.raises(UnreadableError):
        publish.write(view, tmp_path / "new", tmp_path / "old", ["en"])
    assert not (tmp_path / "new").exists()


def test_a_report_is_never_written_over_another(view, folder):
    before = contents(folder)
    with pytest.raises(OutputError):
        publish.write(view, folder, None, ["en"])
    assert contents(folder) == before


def test_a_file_in_the_way_of_the_folder_is_an_output_error(view, tmp_path):
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(OutputError, match="reports"):
        publish.write(view, tmp_path / "reports" / "ID", None, ["en"])


def test_a_full_disk_is_an_output_error(view, tmp_path):
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("needs /dev/full: a device that is always full")
    (tmp_path / "ID").mkdir()
    (tmp_path / "ID" / "bundle.json").symlink_to(full)
    with pytest.raises(OutputError) as caught:
        publish.write(view, tmp_path / "ID", None, ["en"])
    assert caught.value.got == "No space left on device"
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC


def test_a_report_without_findings_is_complete(make_view, tmp_path):
    report = publish.write(make_view(findings=0), tmp_path / "ID", None, ["en"])
    assert (report.findings, report.networks, report.indicators, report.abuse_reports) == (0, 0, 0, 0)
    assert {"car.en.pdf", "findings.csv", "outcomes.csv", "bundle.json", "xarf.jsonl"} <= set(contents(tmp_path / "ID"))
