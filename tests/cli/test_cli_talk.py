"""Results stand on standard output, talk on standard error, and `--json` is JSON and nothing else."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from accord.cli.main import _built, app
from accord.cli.terminal import show_table

ESCAPE = "\x1b"

LISTINGS = {
    "format list": ("format", "list"),
    "reference show": ("reference", "show"),
    "lookup": ("lookup", "--in", "{out}", "103.28.36.1"),
    "delivery check": ("delivery", "check", "{list}", "--format", "plain"),
}


@pytest.fixture(scope="module")
def place(accord, operation_of, servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("talk")
    file = operation_of(folder, {"list.txt": "\n".join(servers["VN"]) + "\nno indicator\n"})
    said = accord("operation", "run", file, "--out", folder / "out", "--workers", "1")
    return {"out": str(folder / "out"), "list": str(folder / "deliveries/list.txt"), "out_said": said.stdout}


def filled(words: tuple[str, ...], place: dict[str, str]) -> list[str]:
    return [word.format(**place) for word in words]


@pytest.mark.parametrize("words", LISTINGS.values(), ids=LISTINGS)
def test_json_is_all_that_stands_on_standard_output(accord, place, words: tuple[str, ...]) -> None:
    said = accord(*filled(words, place), "--json")
    assert json.loads(said.stdout)
    assert said.stderr == ""


@pytest.mark.parametrize("words", LISTINGS.values(), ids=LISTINGS)
def test_what_is_no_terminal_gets_no_colours_and_no_bars(accord, place, words: tuple[str, ...]) -> None:
    said = accord(*filled(words, place))
    assert said.stdout
    assert ESCAPE not in said.stdout + said.stderr
    assert "\r" not in said.stdout + said.stderr
    assert said.stderr == ""


def test_a_run_tells_its_result_on_standard_output_and_the_rest_on_standard_error(ran, place) -> None:
    assert json.loads(ran.stdout)["operation"] == "asean-2017"
    assert ESCAPE not in ran.stderr
    assert "%" not in ran.stderr, "no progress where nobody watches"
    assert place["out_said"].splitlines()[-1].startswith("Open ")
    assert ESCAPE not in place["out_said"]


def test_a_run_names_a_report_in_a_language_that_its_readers_read(accord, operation_of, servers, tmp_path) -> None:
    reader = '[[recipient]]\npartner = "csirt-vn"\ncountry = "VN"\nlanguages = ["es", "fr"]\n'
    file = operation_of(tmp_path, {"list.txt": "\n".join(servers["VN"])}, more=reader)
    said = accord("operation", "run", file, "--out", tmp_path / "out", "--workers", "1")
    report = tmp_path / "out/reports/VN/car.es.pdf"
    assert said.stdout.splitlines()[-1] == f"Open {report}"
    assert report.is_file()


def test_a_run_says_which_reports_hold_less_than_was_found(accord, operation_of, servers, tmp_path) -> None:
    files = {"amber.txt": "\n".join([*servers["VN"][:3], *servers["TH"]]), "green.txt": servers["VN"][3]}
    told = ({"name": "amber", "marking": "amber"}, {"name": "green", "marking": "green"})
    alone = operation_of(tmp_path / "alone", files, *told, countries=("VN", "TH"))
    said = accord("operation", "run", alone, "--out", tmp_path / "alone/out", "--workers", "1").stderr
    assert "TH 4 of 4 (no recipient), VN 3 of 4 (no recipient)" in said
    readers = "".join(f'[[recipient]]\npartner = "csirt-{one.lower()}"\ncountry = "{one}"\n' for one in ("VN", "TH"))
    entitled = operation_of(tmp_path / "entitled", files, *told, countries=("VN", "TH"), more=readers)
    said = accord("operation", "run", entitled, "--out", tmp_path / "entitled/out", "--workers", "1").stderr
    assert "withheld" not in said


@pytest.mark.parametrize("words", [*LISTINGS.values(), ("--help",), ("operation", "run", "--help")])
def test_a_reader_that_goes_away_is_no_error(environment, program, place, words: tuple[str, ...]) -> None:
    # unbuffered, the first line fails; buffered, what is sent at the very end
    unbuffered = "1" if "--help" in words or "list" in words else ""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*program, *filled(words, place)],
            env=environment | {"PYTHONUNBUFFERED": unbuffered},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_that_of_the_project(accord) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert accord("--version").stdout == f"accord {project['version']}\n"


def test_words_that_are_no_command_are_an_error_of_their_own(accord) -> None:
    said = accord("operation", "rum", expect=2)
    assert "rum" in said.stderr
    assert said.stdout == ""


def test_all_that_a_command_lacks_is_named_at_once(accord) -> None:
    said = accord("agreement", "renew", "--signed", "2019-06-03", "of-2014", expect=2)
    assert (said.stdout, said.stderr) == (
        "",
        (
            "error: The command is not complete.\n"
            "  where: accord agreement renew\n"
            "  expected: --document, --from\n"
            "  to do: `accord agreement renew --help` says what it takes\n"
        ),
    )


@pytest.mark.parametrize(
    ("words", "wrong", "expected", "got"),
    [
        (("serve", "--port", "0"), "--port", "1 or more", "0"),
        (("token", "make", "csirt-th", "--name", "n", "--days", "900"), "--days", "730 or less", "900"),
        (("recall", "make", "--due", "soon"), "--due", "a whole number", "soon"),
        (("simulate", "asean-2017", "out", "--scale", "much"), "--scale", "a number", "much"),
        (("job", "list", "--limit", "0"), "--limit", "1 or more", "0"),
    ],
)
def test_what_is_out_of_bounds_is_said_in_words_of_its_own(accord, words, wrong, expected, got) -> None:
    said = accord(*words, expect=2).stderr
    assert f"error: {wrong} is wrong.\n" in said
    assert f"  expected: {expected}\n  got: {got}\n" in said
    assert "Input should" not in said


ASKED = ("psi", "check", "customers.csv", "--at", "https://hub.example", "--state", "state.json")
NAMED = {
    "policy": (*ASKED, "--token-file", "token", "--policy", "WRONG"),
    "token": (*ASKED, "--policy", "policy", "--token-file", "WRONG"),
    "customers": ("psi", "check", "WRONG", *ASKED[3:], "--token-file", "token", "--policy", "policy"),
    "deliveries of mine": ("delivery", "list", "--mine", "--at", "https://hub.example", "--token-file", "WRONG"),
    "proof": ("ledger", "check", "--proof", "WRONG", "--policy", "policy"),
    "receipt": ("release", "receipt", "WRONG", "--in", "hub"),
    "answer": ("recall", "acknowledge", "WRONG", "--in", "hub"),
    "outcomes": ("outcome", "import", "WRONG", "--from", "csirt-th", "--in", "hub"),
    "certificate": ("token", "make", "csirt-th", "--name", "n", "--certificate", "WRONG", "--in", "hub"),
    "package": ("package", "open", "WRONG", "handover", "--keys", "keys", "--policy", "policy", "--out", "out"),
    "agreement": ("agreement", "apply", "WRONG", "--in", "hub"),
}


@pytest.mark.parametrize("words", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("wrong", ["absent", "folder"])
def test_of_a_file_that_is_none_it_is_said_which_what_it_should_be_and_what_to_do(
    accord_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    accord_here("init", "hub", "--ledger", "hub.example/ledger")
    accord_here("package", "keys", "--name", "csirt-th.example", "--out", "keys")
    Path("folder").mkdir()
    Path("token").write_text("a-token\n")
    Path("policy").write_bytes(Path("hub/ledger.policy").read_bytes())
    Path("customers.csv").write_text("customer,type,value,day\nanna,ipv4,8.8.8.8,2026-10-01\n")
    said = accord_here(*[wrong if word == "WRONG" else word for word in words], expect=4).stderr
    labels = [line.split(":")[0].strip() for line in said.splitlines() if line.startswith(("error:", "  "))]
    assert labels == ["error", "where", "expected", "got", "to do"], said
    assert f"  where: {wrong}\n" in said


@pytest.mark.parametrize("wrong", ["absent", "folder", "token"])
def test_of_certificates_that_are_none_it_is_said_which_what_they_should_be_and_what_to_do(
    accord_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("token").write_text("a-token\n")
    accord_here("init", "hub", "--ledger", "hub.example/ledger")
    Path("customers.csv").write_text("customer,type,value,day\nanna,ipv4,8.8.8.8,2026-10-01\n")
    words = (*ASKED, "--token-file", "token", "--policy", "hub/ledger.policy", "--ca-file", wrong)
    said = accord_here(*words, expect=2).stderr
    said = said[said.index("error:") :]
    labels = [line.split(":")[0].strip() for line in said.splitlines()]
    assert labels == ["error", "where", "expected", "got", "to do"], said
    assert f"  where: {wrong}\n" in said


def test_an_option_that_may_be_no_is_named_by_both_its_names(accord) -> None:
    said = accord("package", "acknowledge", "notice", "--keys", "keys", "--note", "Gone.", expect=2).stderr
    assert "--done/--refused" in said


def test_what_is_typed_for_a_new_workspace_is_looked_at_before_there_is_a_file(accord_here, tmp_path: Path) -> None:
    for words in (
        ("--name", ""),
        ("--contact", " "),
        ("--contact", "not-a-mail"),
        ("--ledger", "a b"),
        ("--database", "mysql://hub"),
    ):
        said = accord_here("init", tmp_path / "hub", *words, expect=2).stderr
        assert f"The option {words[0]} is wrong.\n  where: {words[0]}\n" in said
    assert not (tmp_path / "hub").exists()


def commands(command) -> list:
    return [command, *(each for below in getattr(command, "commands", {}).values() for each in commands(below))]


def test_whatever_a_command_needs_has_a_name_to_ask_for_it() -> None:
    needed = [one for each in commands(get_command(app)) for one in each.params if one.required]
    assert len(needed) > 50
    assert all(one.metavar or one.opts[0].startswith("--") for one in needed)


def test_what_asks_the_database_alone_starts_without_what_reads_deliveries(
    accord_here, environment: dict[str, str], tmp_path: Path
) -> None:
    accord_here("init", tmp_path / "hub")
    words = ("-X", "importtime", "-m", "accord.cli.main", "partner", "list", "--in", tmp_path / "hub")
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"accord.cli.register.registering", "accord.formats.catalogue"} <= loaded
    assert not {"numba", "numpy", "pyarrow", "accord.formats.plain"} & loaded


def parameters(command) -> tuple[object, ...]:
    below = getattr(command, "commands", {})
    return (
        command.help,
        [(each.name, each.opts) for each in command.params],
        {n: parameters(c) for n, c in below.items()},
    )


def test_a_command_that_is_built_alone_is_what_it_is_among_all() -> None:
    whole = get_command(app)
    for word, among_all in whole.commands.items():
        alone = _built(word).commands
        assert list(alone) == [word]
        assert parameters(alone[word]) == parameters(among_all)
    for word in ("", "--help", "lookop"):
        assert list(_built(word).commands) == list(whole.commands)


def test_an_id_is_never_broken_and_prose_gives_way(capsys: pytest.CaptureFixture[str]) -> None:
    ids = ["vendor-sinkhole", "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11", "csirt-th, police-th-and-others"]
    prose = "What was agreed about machines that speak to the vendor's sinkhole, at some length and in many words"
    show_table([("data set", False), ("id", False), ("partners", False), ("what", False)], [(*ids, prose)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    for whole in (*ids[:2], "csirt-th,", "police-th-and-others"):
        assert any(whole in line for line in lines), lines
    said = " ".join(" ".join(lines[1:]).split())
    assert all(word in said for word in prose.split())
