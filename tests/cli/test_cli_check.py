"""`accord delivery check`: the account of each format's cases is what the case says, offline, without an operation."""

import gzip
import hashlib
import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from accord.formats.catalogue import FORMATS

CASES = Path(__file__).parents[1] / "cases"


def expectation(case: Path) -> dict:
    """What the case says must come out; some expectations stand in TOML, some in JSON."""
    told = case.with_suffix(".toml")
    return (
        tomllib.loads(told.read_text("utf-8"))
        if told.exists()
        else json.loads(case.with_suffix(".expected.json").read_bytes())
    )


ALL = sorted(
    case
    for name in FORMATS
    for case in (CASES / name).iterdir()
    if case.suffix not in {".md", ".toml"} and not case.name.endswith(".expected.json")
)


def counted(rejects: list) -> Counter:
    """Reasons of whole records among a case's rejects, written `line [column] reason [partial]` or as tables."""
    found: Counter = Counter()
    for one in rejects:
        words = one.split() if isinstance(one, str) else [one["reason"], *(["partial"] if one.get("partial") else [])]
        if words[-1] != "partial":
            found[words[-1]] += 1
    return found


@pytest.fixture
def check(accord_here, tmp_path: Path):
    """Check a case as its format; a mapping is written as a data set would declare it."""

    def run(case: Path, *more: str, expect: int = 0) -> dict:
        words = ["delivery", "check", case, "--format", case.parent.name, "--json", *more]
        mapping = expectation(case).get("mapping")
        if mapping is not None:
            indicators = ", ".join(f'"{name}" = "{kind}"' for name, kind in mapping["indicators"].items())
            rest = [f"{name} = {json.dumps(value)}" for name, value in mapping.items() if name != "indicators"]
            file = tmp_path / f"{case.stem}.toml"
            file.write_text("\n".join(["[[csv]]", f"indicators = {{ {indicators} }}", *rest]) + "\n", "utf-8")
            words += ["--mapping", file]
        said = accord_here(*words, expect=expect)
        assert said.stderr == ""
        return json.loads(said.stdout)

    return run


@pytest.mark.parametrize("case", ALL, ids=[f"{case.parent.name}/{case.name}" for case in ALL])
def test_the_account_of_a_case_is_what_the_case_says(check, case: Path) -> None:
    told = expectation(case)
    refused = "refused" in told
    account = check(case, "--rejects", "1000", expect=3 if refused else 0)
    data = case.read_bytes()
    assert (account["file"], account["bytes"]) == (case.name, len(data))
    assert account["sha256"] == hashlib.sha256(data).hexdigest()
    ignored, rejected = account["ignored_by_reason"], account["rejected_by_reason"]
    assert account["accepted"] + sum(ignored.values()) + sum(rejected.values()) == account["records"]
    if refused:
        (one,) = account["refused"]
        assert one["member"] is None
        assert one["reason"].startswith(told["refused"]["what"])
        assert account["records"] == account["observations"] == 0
        return
    assert account["refused"] == []
    assert account["formats"] == [case.parent.name]
    for name in ("records", "accepted"):
        assert account[name] == told.get(name, account[name])
    if isinstance(told.get("ignored"), dict):
        assert ignored == told["ignored"]
    if isinstance(told.get("rejects"), list):
        assert rejected == counted(told["rejects"])
    for name in ("observations", "resolutions"):
        if isinstance(told.get(name), list):
            assert account[name] == len(told[name])
    whole = [row for row in account["rejects"] if not row["partial"]]
    assert Counter(row["reason"] for row in whole) == rejected


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_has_a_case_here(name: str) -> None:
    assert any(case.parent.name == name for case in ALL)


def test_an_unknown_format_is_named_with_what_was_meant(accord) -> None:
    said = accord("delivery", "check", CASES / "plain/servers.txt", "--format", "plian", expect=2)
    assert "There is no such format." in said.stderr
    assert "got: plian" in said.stderr
    assert "did you mean 'plain'?" in said.stderr
    assert all(name in said.stderr for name in FORMATS)


@pytest.mark.parametrize(
    "words",
    [
        ("--format", "csv"),
        ("--format", "plain", "--mapping", str(CASES / "csv/semicolons.toml")),
        ("--format", "csv", "--mapping", str(CASES / "csv/semicolons.toml")),
    ],
    ids=["csv without mapping", "mapping without csv", "a file that is no mapping"],
)
def test_a_csv_and_its_mapping_belong_together(accord_here, words: tuple[str, ...]) -> None:
    said = accord_here("delivery", "check", CASES / "csv/semicolons.csv", *words, expect=2)
    assert said.stdout == ""
    assert "expected: " in said.stderr


def test_a_person_reads_the_reasons_in_words_and_the_lines_they_are_about(accord_here) -> None:
    said = accord_here("delivery", "check", CASES / "plain/servers.txt", "--format", "plain")
    assert "rejected: public-suffix" in said.stdout
    assert "line 13" in said.stdout
    assert "records" in said.stdout


def test_a_file_with_a_name_like_a_pattern_is_that_file(accord_here, tmp_path: Path) -> None:
    (tmp_path / "a[1]*.txt").write_text("8.8.4.4\n")
    (tmp_path / "a1.txt").write_text("8.8.4.4\n1.0.0.1\n")
    said = accord_here("delivery", "check", tmp_path / "a[1]*.txt", "--format", "plain", "--json")
    assert json.loads(said.stdout)["records"] == 1


def test_a_file_that_is_not_there_is_an_error(accord_here, tmp_path: Path) -> None:
    said = accord_here("delivery", "check", tmp_path / "none.txt", "--format", "plain", expect=4)
    assert str(tmp_path / "none.txt") in said.stderr


def test_a_file_of_another_format_is_told_which(accord_here, tmp_path: Path) -> None:
    (tmp_path / "events.json").write_bytes(gzip.compress((CASES / "n6/inside.json").read_bytes()))
    said = accord_here("delivery", "check", tmp_path / "events.json", "--format", "intelmq")
    assert said.stdout.splitlines()[-1].endswith(": --format n6")
    refused = accord_here("delivery", "check", tmp_path / "events.json", "--format", "shadowserver", expect=3)
    assert refused.stdout.splitlines()[-1].endswith(": --format n6")
    taken = accord_here("delivery", "check", tmp_path / "events.json", "--format", "n6")
    assert "another format" not in taken.stdout
    (tmp_path / "words.txt").write_text("nothing of use\n")
    unlike = accord_here("delivery", "check", tmp_path / "words.txt", "--format", "plain")
    assert "another format" not in unlike.stdout


def test_a_folder_is_no_file_and_is_called_a_folder(accord_here, tmp_path: Path) -> None:
    assert "got: a folder" in accord_here("delivery", "check", tmp_path, "--format", "plain", expect=4).stderr
