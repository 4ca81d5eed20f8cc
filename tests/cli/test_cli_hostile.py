"""What a partner could try by the names and texts of its files, and an operator by a wrong --out."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

NAMES = ("=cmd.txt", "-rf.txt", "--out.txt", "{family}.txt", "[x]*?.txt", "<b>.txt", "new\nline.txt", "esc\x1b[31m.txt")


def rejects(out: Path) -> list[dict[str, str]]:
    with (out / "rejects.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_name_that_is_no_text_stops_nothing(
    accord: Callable[..., object], operation_of: Callable[..., Path], tmp_path: Path
) -> None:
    name = os.fsdecode(b"\xff\xfe.txt")
    files = {name: "103.28.36.1\nno indicator\n", "good.txt": "103.28.36.7\n"}
    operation = operation_of(tmp_path, files, {"name": "all", "paths": ["*.txt"]})
    accord("operation", "run", operation, "--out", tmp_path / "out")
    assert [row["file"] for row in rejects(tmp_path / "out")] == ["\\xff\\xfe.txt"]


def test_rejects_csv_runs_no_formula_and_keeps_a_record_on_a_line(
    accord: Callable[..., object], operation_of: Callable[..., Path], tmp_path: Path
) -> None:
    lines = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2", "'already"]
    operation = operation_of(
        tmp_path, dict.fromkeys(NAMES, "\n".join(lines) + "\n"), {"name": "all", "paths": ["*.txt"]}
    )
    accord("operation", "run", operation, "--out", tmp_path / "out")
    rows = rejects(tmp_path / "out")
    assert len(rows) == len(NAMES) * len(lines)
    assert {row["text"] for row in rows} == {"'" + line for line in lines}
    for row in rows:
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))
            assert cell.isprintable()


def test_a_name_cannot_steer_the_terminal(
    accord: Callable[..., object], operation_of: Callable[..., Path], tmp_path: Path
) -> None:
    names = ("esc\x1b[31m\u202e.txt", os.fsdecode(b"\xff.txt"))
    operation_of(tmp_path, dict.fromkeys(names, "103.28.36.1\n"), {"name": "all", "paths": ["*.txt"]})
    for path in sorted((tmp_path / "deliveries").iterdir()):
        said = accord("delivery", "check", path, "--format", "plain")
        assert said.stdout.replace("\n", "").isprintable()  # type: ignore[attr-defined]
        accord("delivery", "check", path, "--format", "plain", "--json")


@pytest.mark.parametrize("out", [".", "deliveries", "deliveries/..", "keys"])
def test_an_output_that_holds_the_operation_s_own_files_is_refused(
    accord: Callable[..., object], operation_of: Callable[..., Path], tmp_path: Path, out: str
) -> None:
    operation = operation_of(tmp_path, {"good.txt": "103.28.36.1\n"})
    operation.write_text(operation.read_text("utf-8").replace('"hub.key"', '"keys/hub.key"'), "utf-8")
    (tmp_path / "keys").mkdir()
    for folder in (tmp_path, tmp_path / "deliveries", tmp_path / "keys"):
        # as if it were an earlier output, which may be replaced
        (folder / "summary.json").write_text("{}", "utf-8")
    said = accord("operation", "run", operation, "--out", tmp_path / out, expect=5)
    assert "which every run would delete" in said.stderr  # type: ignore[attr-defined]
    assert (tmp_path / "deliveries" / "good.txt").is_file()
    assert operation.is_file()


def test_a_partner_that_may_not_be_named_is_not_named_by_its_data_set_either(
    accord: Callable[..., object], operation_of: Callable[..., Path], tmp_path: Path
) -> None:
    for named in (True, False):
        told = {"name": "kept", "title": "Sandbox of Ypsilon", "upstream": "Omikron", "name_partner": named}
        operation = operation_of(tmp_path / str(named), {"kept.txt": "103.28.36.1\n"}, told)
        accord("operation", "run", operation, "--out", tmp_path / "out")
        page = (tmp_path / "out/reports/VN/car.en.html").read_text("utf-8")
        for name in ("Vendor of tests", "Ypsilon", "Omikron"):
            assert (name in page) is named
