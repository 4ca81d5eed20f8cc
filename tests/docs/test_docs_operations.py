"""The page on the operation file names every key that is read, and no other; its example is read as it stands."""

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from accord.agreements.declarations import PartnerKind
from accord.cli.main import INTERNAL, INTERRUPTED, TERMINATED
from accord.cli.terminal import COMPLETE_WITH_REFUSED
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_operation
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.errors import OutputError, ReferenceDataError, SettingsError, UnreadableError
from accord.vocabulary.markings import Marking

if TYPE_CHECKING:
    from tests.docs.conftest import FirstRun

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text("utf-8")
EXAMPLE = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]

TABLES = {
    "top level": "",
    "hub": "[hub]",
    "operation": "[operation]",
    "partner": "[[partner]]",
    "dataset": "[[dataset]]",
    "dataset.csv": "[[dataset.csv]]",
    "dataset.rule": "[[dataset.rule]]",
    "recipient": "[[recipient]]",
    "report": "[[report]]",
}


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)


def write(folder: Path, text: str) -> Path:
    (folder / "deliveries").mkdir(exist_ok=True)
    path = folder / "operation.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_whole_example_is_a_valid_operation(tmp_path: Path) -> None:
    operation = read_operation(write(tmp_path, EXAMPLE), FORMATS)
    (dataset,) = operation.datasets
    assert (len(dataset.rules), dataset.upstream, dataset.share_with) == (3, "Malware exchange X", ("csirt-th",))


@pytest.mark.parametrize("heading", TABLES)
def test_the_page_names_every_key_that_a_table_takes_and_no_other(heading: str, tmp_path: Path) -> None:
    header = TABLES[heading]
    odd = "no_such_key = 1\n"
    text = EXAMPLE.replace(f"{header}\n", f"{header}\n{odd}", 1) if header else odd + EXAMPLE
    with pytest.raises(SettingsError, match="not known") as raised:
        read_operation(write(tmp_path, text), FORMATS)
    told = str(raised.value.expected).removeprefix("one of ").split(", ")
    wanted = "Top level" if heading == "top level" else heading
    assert sorted(first_column(section(wanted))) == sorted(told)


@pytest.mark.parametrize("heading", TABLES)
def test_the_example_has_every_key(heading: str) -> None:
    table = tomllib.loads(EXAMPLE)
    for name in heading.split(".") if heading != "top level" else []:
        inner = table[name]
        table = inner[0] if isinstance(inner, list) and name not in {"rule", "partner"} else inner
    keys = {key for one in table for key in one} if isinstance(table, list) else set(table)
    wanted = "Top level" if heading == "top level" else heading
    assert keys == set(first_column(section(wanted)))


def row(heading: str, key: str) -> str:
    (found,) = [line for line in section(heading).splitlines() if line.startswith(f"| `{key}` |")]
    return found


@pytest.mark.parametrize(
    ("heading", "key", "values"),
    [
        ("partner", "kind", PartnerKind),
        ("dataset", "origin", Origin),
        ("dataset", "legal_basis", LegalBasis),
        ("dataset", "marking", Marking),
    ],
)
def test_the_page_lists_the_closed_lists_whole(heading: str, key: str, values: type[Origin]) -> None:
    told = set(re.findall(r"`([a-z+-]+)`", row(heading, key).split("|", 2)[2]))
    assert told == {one.value for one in values}


def test_the_page_gives_the_weight_of_every_rated_grade() -> None:
    # policy: a 0.9, b 0.7, c 0.5, d 0.3, e 0.1; f and g carry none
    assert [one.value for one in SourceGrade] == ["a", "b", "c", "d", "e", "f", "g"]
    assert "0.9, 0.7, 0.5, 0.3, 0.1; `f` and `g`" in row("dataset", "grade")


@pytest.mark.parametrize(
    ("key", "default"),
    [("kind", "vendor"), ("name_partner", "false"), ("simulated", "false"), ("delimiter", ",")],
)
def test_a_default_is_the_one_that_the_page_names(key: str, default: str, tmp_path: Path) -> None:
    stated = re.search(rf"^\| `{key}` \| [^|]*?`([^`]+)` \|", PAGE, re.MULTILINE)
    assert stated is not None
    assert stated[1] == default
    without = re.sub(rf"^{key} = .*\n", "", EXAMPLE, count=1, flags=re.MULTILINE)
    operation = read_operation(write(tmp_path, without), FORMATS)
    (dataset,) = operation.datasets
    read = {
        "kind": dataset.partner.kind.value,
        "name_partner": str(dataset.name_partner).lower(),
        "simulated": str(operation.simulated).lower(),
        "delimiter": dataset.columns[0].delimiter,
    }
    assert read[key] == default


def test_the_page_states_the_exit_codes_in_force() -> None:
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}
    errors = (SettingsError, UnreadableError, OutputError, ReferenceDataError)
    signals = {INTERRUPTED, TERMINATED}
    assert stated == {0, COMPLETE_WITH_REFUSED, INTERNAL, *signals, *(error.exit_code for error in errors)}


def test_the_output_holds_what_the_page_says(first_run: "FirstRun") -> None:
    out = first_run.folder / "out"
    told = re.findall(r"^\| `([\w./<>-]+)`", section("What DIR contains"), re.MULTILINE)
    files = [name for name in told if "." in name and not name.startswith("reports/")]
    assert sorted(files) == sorted(
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_file() and path.relative_to(out).parts[0] != "reports"
    )
    text = section("What DIR contains")
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    named = set(re.findall(r"`([a-z_0-9]+)`", text))
    keys = set(summary) | set(summary["deliveries"][0]) | set(summary["findings"]) | set(summary["countries"]["TH"])
    assert keys <= named
