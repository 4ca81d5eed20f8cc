"""`accord lookup`: what an output folder knows, by value, defanged or not, and by the host or address of a finding."""

import json
from pathlib import Path

import pytest

KNOWN = {
    "ipv4": "103.28.36.1",
    "ipv6": "2401:d800::7",
    "domain": "panel.accord-tests.net",
    "url": "http://203.113.131.1:8080/gate.php?id=1",
    "url on a host": "https://files.accord-tests.org/x",
    "sha256": "ab" * 32,
}


@pytest.fixture(scope="module")
def out(accord, operation_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookup")
    file = operation_of(folder, {"list.txt": "\n".join(KNOWN.values())})
    accord("operation", "run", file, "--out", folder / "out", "--workers", "1")
    return folder / "out"


@pytest.fixture
def ask(accord_here, out: Path):
    """Ask for values; the answers, in the order of the questions."""

    def look_up(*values: str, expect: int = 0) -> list[dict]:
        said = accord_here("lookup", "--in", out, "--json", *values, expect=expect)
        assert said.stderr == ""
        answers = json.loads(said.stdout)
        assert [one["asked"] for one in answers] == list(values)
        return answers

    return look_up


def found(answer: dict) -> list[str]:
    return [one["value"] for one in answer["findings"]]


def test_every_type_is_found_by_its_value(ask) -> None:
    for value, answer in zip(KNOWN.values(), ask(*KNOWN.values()), strict=True):
        assert found(answer) == [value]
        (finding,) = answer["findings"]
        assert (finding["role"], finding["families"], finding["datasets"]) == ("c2-server", ["QakBot"], ["list"])
        assert finding["first_seen"] == "2026-10-20T00:00:00Z"


def test_defanged_and_other_spellings_are_the_same_value(ask) -> None:
    asked = {
        "103[.]28[.]36[.]1": KNOWN["ipv4"],
        "::ffff:103.28.36.1": KNOWN["ipv4"],
        "2401:D800:0:0::7": KNOWN["ipv6"],
        "Panel[.]Accord-Tests(.)NET.": KNOWN["domain"],
        "hxxp://203.113.131[.]1:8080/gate.php?id=1": KNOWN["url"],
        "hxxps[://]files.accord-tests[.]org/x": KNOWN["url on a host"],
        "AB" * 32: KNOWN["sha256"],
    }
    assert [found(answer) for answer in ask(*asked)] == [[value] for value in asked.values()]


def test_a_url_is_found_by_its_host_and_by_its_address(ask) -> None:
    by_address, by_host = ask("203.113.131.1", "files.accord-tests.org")
    assert found(by_address) == [KNOWN["url"]]
    assert found(by_host) == [KNOWN["url on a host"]]


def test_one_known_value_is_enough_and_the_others_are_answered_too(ask) -> None:
    known, unknown, odd = ask(KNOWN["ipv4"], "103.28.36.2", "no indicator!")
    assert found(known) == [KNOWN["ipv4"]]
    assert (found(unknown), unknown["type"], unknown["fault"]) == ([], "ipv4", None)
    assert (odd["findings"], odd["value"]) == ([], None)
    assert odd["fault"]


def test_nothing_known_is_exit_code_1(ask, accord, out: Path) -> None:
    ask("103.28.36.2", "no indicator!", expect=1)
    said = accord("lookup", "--in", out, "103.28.36.2", "10.0.0.1", expect=1)
    assert "not known here, which does not mean that it is harmless" in said.stdout
    assert "10.0.0.1: no indicator" in said.stdout


def test_nothing_known_of_a_network_does_not_pass_for_nothing_known_in_it(accord, out: Path) -> None:
    said = accord("lookup", "--in", out, "110.164.0.0/16", "AS45758", expect=1)
    told = [line.split(": ")[1] for line in said.stdout.splitlines()]
    assert len(told) == 2
    assert all(line.startswith("nothing is known here of the network as a whole") for line in told)
    assert "not known here" not in said.stdout


def test_a_person_is_told_where_it_is_and_how_sure_that_is(accord, out: Path) -> None:
    said = accord("lookup", "--in", out, KNOWN["ipv4"])
    assert "hosted in VN; AS131353" in said.stdout
    assert "confidence" in said.stdout
    assert "no record says a time" in said.stdout


def test_what_is_asked_cannot_steer_the_terminal(accord, out: Path) -> None:
    said = accord("lookup", "--in", out, "evil\x1b[31m\u202e.example", expect=1)
    assert "\x1b" not in said.stdout
    assert "\u202e" not in said.stdout
    assert "\\u001b" in said.stdout


def test_a_folder_that_is_no_output_is_an_error(accord, tmp_path: Path) -> None:
    said = accord("lookup", "--in", tmp_path, "103.28.36.1", expect=4)
    assert "This is no output folder and no workspace." in said.stderr
    assert "name it with --in" in said.stderr
    assert said.stdout == ""
