"""The tables of a report, read back by Python's own csv module."""

import csv
import dataclasses
import tracemalloc
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.columns.schema import VIEW_SIGHTINGS
from accord.release.view import Sightings, View
from accord.reports import tables
from accord.vocabulary.roles import SERVER_ROLES

SEEN = datetime(2026, 11, 1, tzinfo=UTC)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def findings_of(view: View, folder: Path) -> list[dict[str, str]]:
    tables.write_findings(view, folder / "findings.csv")
    return rows_of(folder / "findings.csv")


def test_a_row_says_what_the_finding_says(make_view, tmp_path):
    view = make_view(
        rows=[
            {
                "value": "203.0.113.7",
                "families": ["Cobalt Strike", "Emotet"],
                "families_reported": ["Heodo", "cobalt_strike"],
                "first_seen": datetime(2026, 10, 1, 23, 59, 59, tzinfo=UTC),
                "last_seen": datetime(2026, 11, 2, 3, 4, 5, 250_000, tzinfo=UTC),
                "ports": [443, 8080],
                "sources": ["Fabrikam CERT", "Northwind, Inc."],
                "resolved": ["198.51.100.1", "2001:db8::1"],
                "confidence": 0.912349,
                "basis": ["hosting", "registry"],
                "review": ["Top 1000 (3)"],
            }
        ]
    )
    (row,) = findings_of(view, tmp_path)
    assert row["type"] == "ipv4"
    assert row["value"] == "203.0.113.7"
    assert row["families"] == "Cobalt Strike|Emotet"
    assert row["first_seen"] == "2026-10-01T23:59:59Z"
    assert row["last_seen"] == "2026-11-02T03:04:05.25Z"
    assert row["ports"] == "443 8080"
    assert row["sources"] == "Fabrikam CERT|Northwind, Inc."
    assert row["resolved"] == "198.51.100.1 2001:db8::1"
    assert row["confidence"] == "0.9123"
    assert row["basis"] == "hosting registry"
    assert row["review"] == "Top 1000 (3)"
    assert row["government"] == "false"
    assert row["host"] == ""
    assert row["asn"] == "64496"


def test_the_header_is_the_one_that_is_promised(make_view, tmp_path):
    findings_of(make_view(findings=0), tmp_path)
    assert (tmp_path / "findings.csv").read_bytes() == (
        b"finding_id,type,value,role,families,families_reported,first_seen,last_seen,undated,sightings,ports,"
        b"ports_many,partners,sources,confidence,marking,personal,host,address,resolved,country,country_second,"
        b"country_conflict,countries,asn,network_owner,public_suffix,registered_domain,registry_country,"
        b"government,csirt,abuse_contact,basis,review,cautions,reviewed,severity,simulated\r\n"
    )
    tables.write_outcomes(make_view(findings=0), tmp_path / "outcomes.csv")
    assert (tmp_path / "outcomes.csv").read_bytes() == (
        b"finding_id,type,value,role,asn,network_owner,marking,review,simulated,outcome,date,note\r\n"
    )


@pytest.mark.parametrize("simulated", [True, False])
def test_every_line_of_every_table_says_whether_it_is_an_exercise(make_view, tmp_path, simulated):
    view = make_view(findings=9, simulated=simulated)
    tables.write_findings(view, tmp_path / "findings.csv")
    tables.write_outcomes(view, tmp_path / "outcomes.csv")
    tables.write_networks(view, tmp_path / "by-network")
    files = [tmp_path / "findings.csv", tmp_path / "outcomes.csv", *(tmp_path / "by-network").iterdir()]
    said = {row["simulated"] for file in files for row in rows_of(file)}
    assert len(files) > 2
    assert said == {str(simulated).lower()}


def test_ids_of_data_sets_stay_with_the_hub(make_view, tmp_path):
    tables.write_findings(make_view(findings=30), tmp_path / "findings.csv")
    text = (tmp_path / "findings.csv").read_text("utf-8")
    assert "contoso-telemetry" not in text
    assert "northwind-sinkhole" not in text


def test_lines_end_as_rfc_4180_says_and_findings_keep_their_order(make_view, tmp_path):
    view = make_view(findings=60)
    rows = findings_of(view, tmp_path)
    assert [row["finding_id"] for row in rows] == view.findings["finding_id"].to_pylist()
    data = (tmp_path / "findings.csv").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 61
    assert not data.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "'=1", "'quoted'", "＝1"])
def test_a_spreadsheet_never_gets_a_formula_and_a_program_gets_the_text(make_view, tmp_path, text):
    view = make_view(rows=[{"network_owner": text, "families": [text], "sources": [text, "B"]}])
    (row,) = findings_of(view, tmp_path)
    for cell in (row["network_owner"], row["families"]):
        assert cell[0] == "'"
        assert cell.removeprefix("'") == text
    assert row["sources"] == f"'{text}|B"


@pytest.mark.parametrize("text", ["Emotet", "a=b", "O'Neil Networks", "3+3", "a-b@c.example"])
def test_ordinary_text_gets_no_apostrophe(make_view, tmp_path, text):
    (row,) = findings_of(make_view(rows=[{"network_owner": text, "abuse_contact": text}]), tmp_path)
    assert row["network_owner"] == row["abuse_contact"] == text


def test_an_e_mail_address_that_a_spreadsheet_would_run_is_disarmed(make_view, tmp_path):
    value = "=cmd|'/c'!a@x.example"
    view = make_view(rows=[{"type": "email", "value": value, "role": "phishing"}])
    (row,) = findings_of(view, tmp_path)
    assert row["value"] == f"'{value}"
    tables.write_outcomes(view, tmp_path / "outcomes.csv")
    assert rows_of(tmp_path / "outcomes.csv")[0]["value"] == f"'{value}"
    tables.write_networks(view, tmp_path / "by-network")
    assert rows_of(tmp_path / "by-network" / "AS64496.csv")[0]["value"] == f"'{value}"


def test_a_bar_in_a_name_is_not_two_names(make_view, tmp_path):
    (row,) = findings_of(make_view(rows=[{"families": ["a|b", "c\\d"]}]), tmp_path)
    assert row["families"] == "a\\|b|c\\\\d"


def test_line_breaks_and_control_characters_in_free_text_become_blanks(make_view, tmp_path):
    (row,) = findings_of(make_view(rows=[{"network_owner": "a\r\nb\0c\td\u2028e"}]), tmp_path)
    assert row["network_owner"] == "a  b c d e"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1, max_size=4))
def test_no_text_breaks_a_file_or_another_row(make_view, tmp_path, names):
    view = make_view(
        rows=[
            {"value": f"203.0.113.{at}", "network_owner": name, "families": names, "severity": float(at)}
            for at, name in enumerate(names)
        ]
    )
    rows = findings_of(view, tmp_path)
    assert [row["finding_id"] for row in rows] == view.findings["finding_id"].to_pylist()
    assert [row["role"] for row in rows] == ["c2-server"] * len(names)
    assert (
        tables.read_findings(tmp_path / "findings.csv")
        .drop_columns(["simulated"])
        .equals(tables.findings_text(view.findings))
    )


def test_what_is_read_back_is_what_was_written_for_an_empty_report_too(make_view, tmp_path):
    view = make_view(findings=0)
    tables.write_findings(view, tmp_path / "findings.csv")
    assert (
        tables.read_findings(tmp_path / "findings.csv")
        .drop_columns(["simulated"])
        .equals(tables.findings_text(view.findings))
    )


def test_outcomes_name_every_finding_and_leave_three_cells_to_fill_in(make_view, tmp_path):
    view = make_view(rows=[{"value": "203.0.113.7"}, {"value": "203.0.113.8", "review": ["list (1)"], "asn": None}])
    assert tables.write_outcomes(view, tmp_path / "outcomes.csv") == 2
    rows = {row["value"]: row for row in rows_of(tmp_path / "outcomes.csv")}
    assert {(row["outcome"], row["date"], row["note"]) for row in rows.values()} == {("", "", "")}
    assert rows["203.0.113.7"]["review"] == "false"
    assert rows["203.0.113.8"]["review"] == "true"
    assert rows["203.0.113.8"]["asn"] == ""
    assert {row["finding_id"] for row in rows.values()} == set(view.findings["finding_id"].to_pylist())


def slow_networks(view: View) -> dict[str, list[tuple[str, ...]]]:
    """What the by-network files must hold: one obvious loop over findings, worst first, and their sightings."""
    sightings = defaultdict(list)
    for piece in view.sightings.pieces():
        for sighting in piece.to_pylist():
            sightings[sighting["row"]].append(sighting)
    files: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for place, finding in enumerate(view.findings.to_pylist()):
        if finding["review"]:
            continue
        stand_in = {
            "seen_at": finding["last_seen"],
            "undated": finding["undated"],
            "port": None,
            "family": None,
            "count": finding["sightings"],
        }
        name = "unknown-network.csv" if finding["asn"] is None else f"AS{finding['asn']}.csv"
        for sighting in sightings[place] or [stand_in]:
            port = "" if sighting["port"] is None else str(sighting["port"])
            serves = finding["role"] in SERVER_ROLES
            files[name].append(
                (
                    *(finding[key] for key in ("finding_id", "type", "value", "role")),
                    sighting["family"] or "",
                    sighting["seen_at"].isoformat().replace("+00:00", "Z"),
                    str(sighting["undated"]).lower(),
                    "" if serves else port,
                    port if serves else "",
                    str(sighting["count"]),
                    finding["marking"],
                    str(view.operation.simulated).lower(),
                )
            )
    return dict(files)


def written_networks(view: View, folder: Path) -> dict[str, list[tuple[str, ...]]]:
    number = tables.write_networks(view, folder)
    files = {path.name: [tuple(row.values()) for row in rows_of(path)] for path in folder.iterdir()}
    assert number == len(files)
    return files


def test_by_network_files_agree_with_the_slow_loop(make_view, tmp_path):
    view = make_view(findings=200, seed=7)
    assert written_networks(view, tmp_path / "by-network") == slow_networks(view)


_single = st.fixed_dictionaries(
    {
        "row": st.integers(0, 39),
        "seen_at": st.integers(0, 5).map(lambda hours: SEEN + timedelta(hours=hours)),
        "undated": st.booleans(),
        "port": st.sampled_from([None, 1, 80, 65_535]),
        "family": st.sampled_from([None, "Emotet", "Mirai"]),
        "count": st.integers(1, 9),
    }
)


@given(st.lists(_single, max_size=120), st.integers(1, 60), st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_by_network_files_hold_every_sighting_wherever_the_pieces_are_cut(
    make_view, seen_as, monkeypatch, singles, size, rows, seed
):
    monkeypatch.setattr(tables, "_ROWS", rows)
    view = seen_as(make_view(findings=40, seed=seed), singles, size)
    with TemporaryDirectory() as folder:
        assert written_networks(view, Path(folder) / "by-network") == slow_networks(view)


def test_a_network_that_is_cut_by_a_batch_is_still_one_file(make_view, tmp_path, monkeypatch):
    view = make_view(findings=60, seed=3)
    monkeypatch.setattr(tables, "_ROWS", 7)
    assert written_networks(view, tmp_path / "by-network") == slow_networks(view)


def seen_often(view: View, path: Path, times: int) -> View:
    """Every finding seen so often, written a piece at a time as a run does."""
    rows = np.argsort(view.findings["asn"].to_numpy(), kind="stable")
    rows = rows[np.repeat(np.arange(len(rows)), times)]
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, VIEW_SIGHTINGS) as stream:
        for begin in range(0, len(rows), 4_096):
            part = rows[begin : begin + 4_096]
            second = begin + np.arange(len(part))
            columns = {
                "row": part,
                "seen_at": second * 1_000_000,
                "undated": np.zeros(len(part), np.bool_),
                "port": 1_024 + second % 60_000,
                "family": pa.nulls(len(part), VIEW_SIGHTINGS.field("family").type),
                "count": np.ones(len(part), np.int64),
            }
            arrays = [pa.array(columns[field.name]).cast(field.type) for field in VIEW_SIGHTINGS]
            stream.write_batch(pa.RecordBatch.from_arrays(arrays, schema=VIEW_SIGHTINGS))
    return dataclasses.replace(view, sightings=Sightings(path=path))


def test_annexes_of_thousands_of_networks_take_no_more_memory_the_more_is_in_them(make_view, tmp_path) -> None:
    networks = 3_000
    view = make_view(
        rows=[
            {"value": f"198.18.{n // 256}.{n % 256}", "role": "infected-system", "asn": 64_512 + n}
            for n in range(networks)
        ]
    )
    usual, peaks, sizes = pa.default_memory_pool(), [], []
    for times in (10, 10, 100):  # the first loads what it calls
        seen = seen_often(view, tmp_path / f"{times}.arrow", times)
        folder = tmp_path / f"by-network-{len(peaks)}"
        pool = pa.proxy_memory_pool(usual)
        pa.set_memory_pool(pool)
        tracemalloc.start()
        try:
            assert tables.write_networks(seen, folder) == networks
            peaks.append(pool.max_memory() + tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(usual)
        files = [path.read_bytes() for path in folder.iterdir()]
        assert {data.count(b"\n") for data in files} == {1 + times}
        sizes.append(sum(map(len, files)))
    assert sizes[2] > 6 * peaks[2]
    assert peaks[2] < peaks[1] + 4_000_000


def test_source_ports_are_told_from_service_ports(make_view, seen_as, tmp_path):
    view = make_view(
        rows=[
            {"value": "203.0.113.7", "role": "infected-system", "asn": None, "network_owner": None},
            {"value": "203.0.113.8", "role": "c2-server", "asn": None},
            {"value": "203.0.113.9", "role": "c2-server", "review": ["list (1)"]},
        ]
    )
    seen = {"seen_at": SEEN, "undated": False, "port": 4711, "count": 1}
    view = seen_as(view, [{"row": row} | seen for row in range(3)])
    tables.write_networks(view, tmp_path / "by-network")
    assert [path.name for path in (tmp_path / "by-network").iterdir()] == ["unknown-network.csv"]
    rows = rows_of(tmp_path / "by-network" / "unknown-network.csv")
    ports_of = {(row["role"], row["source_port"], row["service_port"]) for row in rows}
    assert ports_of == {("infected-system", "4711", ""), ("c2-server", "", "4711")}


def test_a_report_without_findings_has_no_network_files(make_view, tmp_path):
    assert tables.write_networks(make_view(findings=0), tmp_path / "by-network") == 0
    assert list((tmp_path / "by-network").iterdir()) == []


def test_the_same_view_gives_the_same_bytes(make_view, tmp_path):
    view = make_view(findings=80)
    for name in ("one", "two"):
        tables.write_findings(view, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
