"""A package from the hub to its recipient: opened with everything that it holds, and by age and tar as well."""

import hashlib
import io
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.release.package.age import decrypt, public_of
from accord.release.package.keys import make_keys, read_keys
from accord.release.package.opening import open_package, verify_package
from accord.release.package.reading import opened_file, read_package
from accord.release.package.sealing import seal
from accord.release.receipts import read_receipt
from accord.vocabulary.errors import OutputError, SettingsError, UnreadableError

NOW = datetime(2026, 11, 27, 12, 30, 15, 999, tzinfo=UTC)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_what_was_sealed_is_opened_byte_for_byte_with_a_receipt_that_the_hub_takes(handed, keys, statement, tmp_path):
    opened = open_package(
        handed.package, handed.handover, keys=keys, policy=handed.policy, out=tmp_path / "out", now=NOW
    )
    assert tree(tmp_path / "out/content") == tree(handed.package.parent / "content")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "SHA256SUMS", "content", "manifest.json", "receipt",
    ]  # fmt: skip
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert opened.manifest == handed.sealed.manifest
    assert opened.manifest.statement == statement
    assert opened.disclosed.entries == (1, 2)
    assert opened.disclosed.content == handed.sealed.content
    assert dict(opened.proven.cosigned) == {"north": 1_795_773_600, "south": 1_795_773_600}
    assert opened.proven.checkpoint.size == 5
    receipt = read_receipt(
        (tmp_path / "out/receipt").read_bytes(), key=keys.receipts.verifier, disclosed=opened.disclosed
    )
    assert receipt.opened_at == NOW.replace(microsecond=0)


def test_a_package_is_verified_without_any_key(handed):
    verified = verify_package(handed.package, handed.handover, handed.policy)
    assert verified.entries == (1, 2)
    assert verified.digest == handed.sealed.digest
    assert verified.digest == hashlib.sha256((handed.package.parent / "manifest.json").read_bytes()).hexdigest()


def test_nobody_can_tell_from_a_package_what_is_in_it(handed):
    data = handed.package.read_bytes()
    for path in (handed.package.parent / "content").rglob("*.*"):
        assert path.name.encode() not in data
        assert hashlib.sha256(path.read_bytes()).hexdigest().encode() not in data
    assert handed.sealed.content.encode() not in data
    assert handed.sealed.identity.encode() not in data + handed.handover.read_bytes()


def test_the_same_content_sealed_twice_has_nothing_in_common(make):
    one, other = make(), make(package=UUID(int=5))
    assert one.sealed.identity != other.sealed.identity
    assert one.sealed.manifest.content.sealed != other.sealed.manifest.content.sealed


def test_a_package_that_rests_on_no_data_set_is_none(statement):
    with pytest.raises(ValueError, match="rests on no data set"):
        replace(statement, datasets=())


DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
NAMES = st.from_regex(r"[A-Za-z0-9_+][A-Za-z0-9._+-]{0,40}[A-Za-z0-9_+-]", fullmatch=True).filter(
    lambda name: name.lower().split(".")[0] not in DEVICES
)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


def apart(names: list[str]) -> bool:
    folded = [name.lower() for name in names]
    return not any(
        a == b or b.startswith(f"{a}/") for i, a in enumerate(folded) for j, b in enumerate(folded) if i != j
    )


CONTENT = st.dictionaries(
    PATHS, st.one_of(st.binary(max_size=2000), st.integers(0, 300_000).map(bytes)), max_size=8
).filter(lambda files: apart(list(files)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(CONTENT)
def test_any_tree_of_files_arrives_as_it_was(make, keys, tmp_path_factory, files):
    handed = make(files)
    out = tmp_path_factory.mktemp("any") / "out"
    open_package(handed.package, handed.handover, keys=keys, policy=handed.policy, out=out, now=NOW)
    assert tree(out / "content") == files
    assert handed.sealed.manifest.content.files == len(files)


def test_age_and_tar_open_a_package_without_accord(handed, keys, tmp_path):
    if shutil.which("age") is None:
        pytest.skip("needs age: another implementation of age, Go's")
    (tmp_path / "mine.key").write_text(keys.identity + "\n")
    script = (
        'tar xf "$0" && tar xf "$1" && age -d -i mine.key key.age > package.key && '
        "age -d -i package.key content.age | tar x && sha256sum --check --strict --quiet SHA256SUMS && "
        "sha256sum manifest.json content.age"
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script, handed.package, handed.handover],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "content") == tree(handed.package.parent / "content")
    assert done.stdout.split()[::2] == [handed.sealed.digest, handed.sealed.manifest.content.sealed]


def test_what_age_has_encrypted_to_a_recipient_is_decrypted(keys, tmp_path):
    if shutil.which("age") is None:
        pytest.skip("needs age: another implementation of age, Go's")
    data = Random(2).randbytes(200_000)
    sealed = subprocess.run(["age", "-r", keys.age], input=data, capture_output=True, check=True).stdout
    out = io.BytesIO()
    decrypt(iter([sealed]), out, keys.identity, what="it")
    assert out.getvalue() == data


def test_a_folder_that_holds_something_is_left_as_it_is(handed, keys, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(OutputError, match="holds something already"):
        open_package(handed.package, handed.handover, keys=keys, policy=handed.policy, out=tmp_path / "out", now=NOW)
    assert tree(tmp_path / "out") == {"mine": b"mine"}
    (tmp_path / "out/mine").unlink()
    open_package(handed.package, handed.handover, keys=keys, policy=handed.policy, out=tmp_path / "out", now=NOW)
    (tmp_path / "out/content/findings.csv").write_text("worked on")
    with pytest.raises(OutputError, match="holds something already"):
        open_package(handed.package, handed.handover, keys=keys, policy=handed.policy, out=tmp_path / "out", now=NOW)
    assert (tmp_path / "out/content/findings.csv").read_text() == "worked on"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".hidden", "a name that no package holds"),
        ("a b", "a name that no package holds"),
        ("é", "a name that no package holds"),
        ("nul.txt", "a name that no package holds"),
        ("dot.", "a name that no package holds"),
        ("a" * 101, "a name that no package holds"),
        ("-rf", "a name that no package holds"),
    ],
)
def test_a_name_that_is_not_the_same_file_everywhere_is_not_sealed(statement, tmp_path, name, reason):
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / name).write_text("x")
    with pytest.raises(UnreadableError, match=reason):
        seal(tmp_path / "content", statement, tmp_path, draw=Random(1).randbytes)
    assert not (tmp_path / "content.age").exists()


def test_names_that_some_systems_take_for_one_are_not_sealed(statement, tmp_path):
    (tmp_path / "content/A").mkdir(parents=True)
    (tmp_path / "content/A/x").write_text("x")
    (tmp_path / "content/a").write_text("y")
    with pytest.raises(UnreadableError, match="one name"):
        seal(tmp_path / "content", statement, tmp_path, draw=Random(1).randbytes)


@pytest.mark.parametrize("kind", ["link", "link to a folder", "pipe"])
def test_what_is_no_file_is_not_sealed(statement, tmp_path, kind):
    (tmp_path / "content").mkdir()
    if kind == "pipe":
        os.mkfifo(tmp_path / "content/it")
    else:
        (tmp_path / "content/it").symlink_to("/etc/passwd" if kind == "link" else "/etc")
    with pytest.raises(UnreadableError, match="holds files alone"):
        seal(tmp_path / "content", statement, tmp_path, draw=Random(1).randbytes)


def test_content_that_is_not_there_is_named(statement, tmp_path):
    with pytest.raises(UnreadableError, match="cannot be read"):
        seal(tmp_path / "nowhere", statement, tmp_path, draw=Random(1).randbytes)


def test_a_recipients_keys_are_made_once_and_read_by_their_owner_alone(tmp_path):
    made = make_keys(tmp_path / "keys", "csirt.example", draw=Random(4).randbytes)
    assert read_keys(tmp_path / "keys") == made
    assert public_of(made.identity) == made.age
    assert made.age.startswith("age1")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert made.identity not in repr(made)
    with pytest.raises(OutputError, match="keys already"):
        make_keys(tmp_path / "keys", "csirt.example", draw=Random(4).randbytes)
    assert read_keys(tmp_path / "keys") == made
    (tmp_path / "keys/age.key").chmod(0o640)
    with pytest.raises(SettingsError, match="read by others"):
        read_keys(tmp_path / "keys")


@pytest.mark.parametrize("file", ["age.key", "receipts.key"])
@pytest.mark.parametrize("text", ["", "junk\n", "# nothing\n", "AGE-SECRET-KEY-1\n", "a\nb\n"])
def test_a_key_that_is_none_is_named_and_not_quoted(tmp_path, file, text):
    make_keys(tmp_path / "keys", "csirt.example", draw=Random(4).randbytes)
    (tmp_path / "keys" / file).write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_keys(tmp_path / "keys")
    assert caught.value.where == str(tmp_path / "keys" / file)
    assert caught.value.got is None


def test_a_name_with_a_space_is_none_for_a_key(tmp_path):
    with pytest.raises(SettingsError, match="no name of a key"):
        make_keys(tmp_path / "keys", "a b", draw=Random(4).randbytes)
    assert not (tmp_path / "keys").exists()


def test_a_package_tells_itself_before_any_key_is_there(handed):
    with opened_file(handed.package) as file:
        package = read_package(file, "it")
    assert package.manifest == handed.sealed.manifest
    assert package.entries == handed.entries
