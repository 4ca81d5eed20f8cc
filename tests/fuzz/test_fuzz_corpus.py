"""What Atheris found worth keeping keeps every promise, here without Atheris; so does what every target begins with."""

import subprocess
import sys
from pathlib import Path

import pytest

from accord.formats.catalogue import FORMATS
from fuzz.corpus import keep, kept, name_of, unpack
from fuzz.targets import KERNELS, TARGETS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_keeps_every_promise(name: str) -> None:
    target = TARGETS[name]()
    for data in [*target.seeds, *kept(name).values()]:
        try:
            target.check(data)
        except Exception as error:
            error.add_note(f"{name}, input {name_of(data)}: {data!a}")
            raise


def test_kernels_reach_nothing_outside_their_arrays_on_any_kept_input() -> None:
    program = (
        "import sys; from fuzz.interpreted import interpret_kernels; interpret_kernels()\n"
        "from fuzz.corpus import kept; from fuzz.targets import TARGETS\n"
        "for name in sys.argv[1:]:\n"
        "    target = TARGETS[name]()\n"
        "    for data in (*target.seeds, *kept(name).values()): target.check(data)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *KERNELS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_format_of_the_catalogue_is_a_target() -> None:
    assert {f"format-{name}" for name in FORMATS} <= set(TARGETS)


def test_something_is_kept_for_every_target_and_for_nothing_else() -> None:
    assert {path.stem for path in (ROOT / "fuzz/corpus").glob("*.zip")} == set(TARGETS)
    assert [name for name in TARGETS if not kept(name)] == [], "to do: make fuzz corpus TARGETS=..."


def test_a_corpus_is_small_and_named_by_its_content() -> None:
    for path in (ROOT / "fuzz/corpus").glob("*.zip"):
        assert path.stat().st_size < 100_000, path.name
        for name, data in kept(path.stem).items():
            assert name == name_of(data)
            assert data != b""


def test_a_corpus_is_kept_in_the_same_bytes_whatever_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.corpus.KEPT", tmp_path / "corpus")
    keep("a", [b"one", b"two", b"one"])
    keep("b", [b"two", b"one"])
    assert (tmp_path / "corpus/a.zip").read_bytes() == (tmp_path / "corpus/b.zip").read_bytes()
    assert unpack("a", tmp_path / "out") == 2
    assert {path.read_bytes() for path in (tmp_path / "out").iterdir()} == {b"one", b"two"}
    assert kept("never") == {}
