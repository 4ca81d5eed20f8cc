"""Kills are drawn by a seed that a failure shows, and that somebody may vary."""

import pytest

from tests.cli.killing import Kills, all_of


def drawn() -> list[tuple[str, int]]:
    kills = Kills("release", all_of({"calls": 10_000, "database": 10_000}), ("early", "late"), wanted=())
    return [kills.draw() for _ in range(20)]


def test_kills_are_the_same_each_time_and_others_under_another_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ACCORD_KILL_SEED", raising=False)
    first = drawn()
    assert "the seed 'release':" in capsys.readouterr().out
    assert drawn() == first
    assert {kind for kind, _ in first} == {"calls", "database"}
    monkeypatch.setenv("ACCORD_KILL_SEED", "7")
    others = drawn()
    assert others != first
    assert drawn() == others
    assert "the seed 'release 7':" in capsys.readouterr().out
