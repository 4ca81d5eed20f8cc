"""A recall or an erasure that was recorded and cut off: what it takes back is not released again meanwhile."""

from pathlib import Path

import pytest

from accord.cli.rights import recalling, subjects
from accord.vocabulary.errors import OutputError
from tests.cli.test_cli_channel import VALUES, Accord, Hub


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path, ())


def cut_off(*_: object) -> None:
    raise OutputError("cut off")


ERASE = ("subject", "erase", "110.164.10.9", "--why", "A court asked.")
RECALL = ("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong.")


@pytest.mark.parametrize(
    ("module", "function", "words", "left"),
    [(subjects, "_finish", ERASE, {"110.164.10.1"}), (recalling, "finish", RECALL, set())],
)
def test_what_was_begun_to_be_taken_back_is_not_released_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, module: object, function: str, words: tuple[str, ...], left: set[str]
) -> None:
    hub.put()
    assert hub.values("csirt-th") == VALUES
    with monkeypatch.context() as patch:
        patch.setattr(module, function, cut_off)
        hub(*words, "--in", hub.folder, code=5)
    said = hub("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder, code=5)
    assert "was begun and has not ended" in said
    assert hub.values("csirt-th") == left
    hub(*words, "--in", hub.folder)
    hub.put()
    assert hub.values("csirt-th") == left
    # no delivery has it any more, and what was recalled is kept and used for nothing
    for path in hub.folder.glob("accord.db*"):
        assert b"110.164.10.9" not in path.read_bytes()
