"""`accord package`, the real command: offline, without a workspace, refusing in words and by exit code."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from accord.release.package.reading import opened_file, read_package
from accord.release.receipts import read_receipt


def accord(*words: object, folder) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accord.cli.main", "package", *map(str, words)],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip


@pytest.fixture
def arrived(handed, keys, tmp_path):
    """A recipient's folder: keys, policy, package, handover."""
    (tmp_path / "keys").mkdir(mode=0o700)
    for name, text in (("age.key", f"{keys.identity}\n"), ("receipts.key", f"{keys.receipts.export()}\n")):
        (tmp_path / "keys" / name).write_text(text)
        (tmp_path / "keys" / name).chmod(0o600)
    (tmp_path / "p").write_bytes(handed.package.read_bytes())
    (tmp_path / "h").write_bytes(handed.handover.read_bytes())
    with opened_file(handed.package) as file:
        (tmp_path / "policy").write_bytes(read_package(file, "it").policy)
    return tmp_path


PAGE = (Path(__file__).parents[3] / "docs/package.md").read_text("utf-8")
OPEN = ("open", "p", "h", "--keys", "keys", "--policy", "policy", "--out", "out")


def test_keys_are_made_and_the_public_lines_are_those_that_the_hub_takes(tmp_path):
    done = accord("keys", "--name", "csirt.example", "--out", "mine", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    age, receipts = done.stdout.splitlines()
    assert age.startswith('age = "age1')
    assert receipts.startswith('receipts = "csirt.example+')
    assert "SECRET" not in done.stdout + done.stderr
    assert accord("keys", "--name", "csirt.example", "--out", "mine", folder=tmp_path).returncode == 5
    assert accord("keys", "--name", "a b", "--out", "other", folder=tmp_path).returncode == 2


def test_a_package_is_shown_with_its_marking_first(arrived, handed):
    done = accord("show", "p", folder=arrived)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["TLP:AMBER+STRICT", "SIMULATED DATA: nothing in it is real."]
    assert "  for: CSIRT of Thailand (csirt-th), TH" in lines
    assert "  findings: 1,104" in lines
    assert lines[-1] == "Ledger: fusion.example/ledger, entries 1, 2; not proven yet"
    assert max(map(len, lines)) <= 80
    told = json.loads(accord("show", "p", "--json", folder=arrived).stdout)
    assert told["manifest"]["statement"]["purpose"] == "victim-notification"
    assert (told["digest"], told["entries"], told["proven"]) == (handed.sealed.digest, [1, 2], None)


def test_a_package_is_verified_without_keys(arrived):
    done = accord("verify", "p", "h", "--policy", "policy", folder=arrived)
    assert done.returncode == 0, done.stderr
    assert "entries 1, 2; proven by its checkpoint of 5 entries\n" in done.stdout
    assert "  cosigned by north on 2026-11-27 10:00 UTC\n" in done.stdout
    told = json.loads(accord("verify", "p", "h", "--policy", "policy", "--json", folder=arrived).stdout)
    assert told["proven"]["size"] == 5
    assert set(told["proven"]["cosigned"]) == {"north", "south"}


def test_a_package_is_opened_with_a_receipt(arrived, handed, keys):
    done = accord(*OPEN, folder=arrived)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Opened: 4 files in out/content\nSend out/receipt back to desk@fusion.example\n")
    assert (arrived / "out/content/findings.csv").read_bytes().startswith(b"finding_id")
    with opened_file(handed.package) as file:
        disclosed = read_package(file, "it").disclosed(handed.sealed.content)
    read_receipt((arrived / "out/receipt").read_bytes(), key=keys.receipts.verifier, disclosed=disclosed)
    assert accord(*OPEN, folder=arrived).returncode == 5


@pytest.mark.parametrize(
    ("break_it", "code", "said"),
    [
        (lambda here: (here / "p").write_bytes((here / "p").read_bytes()[:-600]), 7, "error: "),
        (lambda here: (here / "h").write_bytes((here / "p").read_bytes()), 7, "This is no handover"),
        (lambda here: (here / "p").unlink(), 4, "The package cannot be read.\n  where: p\n  expected: "),
        (lambda here: (here / "p").write_text("junk" * 1000), 7, "This is no package.\n  where: p\n"),
        (lambda here: (here / "policy").write_text("junk\n"), 2, "This is no policy.\n  where: policy\n"),
        (lambda here: (here / "policy").write_text("quorum none\n"), 7, "No known key has signed"),
        (lambda here: (here / "keys/age.key").chmod(0o644), 2, "read by others"),
        (lambda here: (here / "keys/age.key").unlink(), 4, "This is no folder of keys.\n  where: keys\n"),
        (lambda here: (here / "out").write_text("mine"), 5, "holds something already"),
    ],
)
def test_what_does_not_hold_ends_in_words_and_with_its_exit_code(arrived, break_it, code, said):
    break_it(arrived)
    before = sorted(path.name for path in arrived.iterdir())
    done = accord(*OPEN, folder=arrived)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in arrived.iterdir()) == before


def test_what_the_page_tells_a_recipient_to_do_prints_what_it_shows(arrived):
    (arrived / "p").rename(arrived / "october.package")
    (arrived / "h").rename(arrived / "october.handover")
    blocks = re.findall(r"^```console\n\$ accord package (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert [words.split()[0] for words, _ in blocks] == ["keys", "show", "open"]
    (arrived / "keys").rename(arrived / "kept")
    for words, shown in blocks:
        done = accord(*shlex.split(words), folder=arrived)
        assert done.returncode == 0, done.stderr
        pattern = re.escape(shown).replace(re.escape("..."), "(?s:.*)")
        assert re.fullmatch(pattern, done.stdout), done.stdout
        if words.startswith("keys"):
            # the package that has arrived was made for others
            shutil.rmtree(arrived / "keys")
            (arrived / "kept").rename(arrived / "keys")


def test_what_the_page_tells_to_do_without_accord_opens_a_package(arrived, handed):
    if shutil.which("age") is None:
        pytest.skip("needs age: another implementation of age, Go's")
    (arrived / "p").rename(arrived / "october.package")
    (arrived / "h").rename(arrived / "october.handover")
    (script,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=arrived, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(
        f"content/{name}: OK\n"
        for name in ("by-network/AS64500.csv", "by-network/AS64501.csv", "car.en.pdf", "findings.csv")
    )
