"""`accord reference import`: what an operator brings is used by the next run; what is wrong changes nothing."""

import csv
import json
from pathlib import Path

import pytest

CSIRTS = "# our own list\nVN|National team of tests <team@csirt-vn.example>\nTH|Other team <team@csirt-th.example>\n"
TREATIES = "country_a,country_b,treaty,article,in_force_since\nSG,VN,Treaty of tests,Article 7,2015-03-01\n"
COUNTRIES = "103.28.36.0,103.28.36.255,TH\n110.164.10.0,110.164.10.255,VN\n2001:db8::,2001:db8::ffff,VN\n"
ABUSE = "asn,contact\n131353,abuse@network.example\n"
STATED = ("--name", "Ours", "--version", "3", "--date", "2026-10-01", "--licence", "own work")


@pytest.fixture(scope="module")
def place(accord, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A folder of imported reference data, and the environment that chooses it."""
    folder = tmp_path_factory.mktemp("imported")
    env = {"ACCORD_REFERENCE": str(folder / "reference")}
    for kind, name, text in (
        ("csirts", "csirts.txt", CSIRTS),
        ("treaties", "treaties.csv", TREATIES),
        ("country", "country.csv", COUNTRIES),
        ("abuse", "abuse.csv", ABUSE),
    ):
        (folder / name).write_text(text, "utf-8")
        said = accord("reference", "import", folder / name, "--kind", kind, *STATED, env=env)
        assert said.stdout.startswith(f"{kind}: Ours 3, ")
    return {"folder": folder, "env": env}


def shown(accord, env: dict[str, str]) -> dict[str, dict]:
    return {one["kind"]: one for one in json.loads(accord("reference", "show", "--json", env=env).stdout)}


def test_show_tells_what_was_imported_beside_what_is_bundled(accord, place: dict) -> None:
    sources = shown(accord, place["env"])
    for kind, rows in (("csirts", 2), ("treaties", 1), ("country", 3), ("abuse", 1)):
        one = sources[kind]
        assert (one["name"], one["version"], one["date"], one["licence"]) == ("Ours", "3", "2026-10-01", "own work")
        assert (one["origin"], one["rows"]) == ("imported", rows)
    assert sources["network"]["origin"] == "bundled"
    assert sources["country-second"]["rows"] > 100_000


def test_show_without_imports_has_no_contacts_because_none_are_invented(accord, environment) -> None:
    sources = shown(accord, {})
    assert not {"csirts", "abuse", "treaties"} & set(sources)
    assert {"country", "country-second", "network", "suffixes", "families", "warning-lists"} <= set(sources)
    assert all(one["licence"] and one["version"] and one["rows"] > 0 for one in sources.values())


def test_a_run_uses_what_was_imported(accord, operation_of, place: dict, tmp_path: Path) -> None:
    file = operation_of(tmp_path, {"list.txt": "103.28.36.1\n110.164.10.1\n"}, countries=("VN", "TH"))
    out = tmp_path / "out"
    accord("operation", "run", file, "--out", out, "--workers", "1", env=place["env"])
    rows = {}
    for country in ("VN", "TH"):
        with (out / "reports" / country / "findings.csv").open(encoding="utf-8", newline="") as table:
            rows |= {row["value"]: row for row in csv.DictReader(table)}
    moved = rows["103.28.36.1"]
    assert (moved["country"], moved["country_second"], moved["country_conflict"]) == ("TH", "VN", "true")
    assert moved["csirt"] == "Other team <team@csirt-th.example>"
    assert moved["abuse_contact"] == "abuse@network.example"
    assert rows["110.164.10.1"]["country"] == "VN"
    assert rows["110.164.10.1"]["csirt"] == "National team of tests <team@csirt-vn.example>"
    assert rows["110.164.10.1"]["abuse_contact"] == ""
    report = (out / "reports/VN/car.en.html").read_text("utf-8")
    assert "Treaty of tests, Article 7 (in force since 2015-03-01)" in report
    assert "Treaty of tests" not in (out / "reports/TH/car.en.html").read_text("utf-8")
    assert "national procedure" in (out / "reports/TH/car.en.html").read_text("utf-8").lower()


@pytest.mark.parametrize(
    ("kind", "text", "where", "code"),
    [
        ("csirts", "VN|No mail here\n", "line 1", 6),
        ("treaties", TREATIES + "SG,SG,Alone,,2015-03-01\n", "line 3", 6),
        ("treaties", "a,b\nSG,VN\n", "line 1", 6),
        ("country", "103.28.36.0,103.28.36.255,Vietnam\n", "line 1", 6),
        ("country", "103.28.36.255,103.28.36.0,VN\n", "line 1", 6),
        ("abuse", "asn,contact\n0,abuse@network.example\n", "line 2", 6),
        ("csirts", "", "bad", 6),
        ("shapes", "{}", "--kind", 2),
    ],
)
def test_a_bad_file_is_refused_and_what_was_in_use_is_in_use_still(
    accord_here, place: dict, content, tmp_path: Path, kind: str, text: str, where: str, code: int
) -> None:
    before = content(place["folder"] / "reference")
    bad = tmp_path / "bad.csv"
    bad.write_text(text, "utf-8")
    said = accord_here("reference", "import", bad, "--kind", kind, *STATED, env=place["env"], expect=code)
    assert said.stdout == ""
    assert where in said.stderr
    assert content(place["folder"] / "reference") == before


def test_a_file_that_was_changed_by_hand_is_an_error_and_not_used(
    accord, operation_of, place: dict, tmp_path: Path
) -> None:
    reference = tmp_path / "reference"
    reference.mkdir()
    for path in (place["folder"] / "reference").iterdir():
        (reference / path.name).write_bytes(path.read_bytes())
    (csirts,) = reference.glob("csirts-*")
    csirts.write_text(csirts.read_text("utf-8").replace("team@csirt-vn", "thief@elsewhere"), "utf-8")
    file = operation_of(tmp_path, {"list.txt": "110.164.10.1\n"})
    env = {"ACCORD_REFERENCE": str(reference)}
    said = accord("operation", "run", file, "--out", tmp_path / "out", "--workers", "1", env=env, expect=6)
    assert "import the data again" in said.stderr
    assert not (tmp_path / "out").exists()
