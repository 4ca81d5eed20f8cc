"""`accord simulate` as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., object]


def test_so_many_events_are_written_and_the_next_command_is_said(accord: Run, tmp_path: Path) -> None:
    said = accord("simulate", "simda-2015", "--out", tmp_path / "sim", "--scale", "0.001", "--events", "8000")
    truth = json.loads((tmp_path / "sim" / "truth.json").read_bytes())
    logs = sum(one["records"] - 1 for one in truth["deliveries"] if one["file"].startswith("shadow/"))
    assert truth["events"] == logs == 8000
    operation = tmp_path / "sim" / "operation.toml"
    assert said.stdout == f"accord operation run {operation} --out {tmp_path / 'sim-out'}\n"
    assert said.stderr == ""


def test_too_few_events_are_refused_with_the_number_that_would_do(accord: Run, tmp_path: Path) -> None:
    said = accord("simulate", "simda-2015", "--out", tmp_path / "sim", "--scale", "0.001", "--events", "50", expect=2)
    assert "too few events" in said.stderr
    assert "at least" in said.stderr
    assert not (tmp_path / "sim").exists()


def test_a_scenario_that_streams_nothing_has_no_events_to_count(accord: Run, tmp_path: Path) -> None:
    said = accord("simulate", "asean-2017", "--out", tmp_path / "sim", "--events", "50", expect=2)
    assert "--events" in said.stderr
    assert not (tmp_path / "sim").exists()
