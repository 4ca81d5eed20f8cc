"""A simulated operation, run and scored: what the deliveries say is found, and nothing else."""

from pathlib import Path

from accord.cli.operations.running import run_operation
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_operation
from accord.reference.store import load
from accord.training.simulate import simulate
from accord.training.truth import score


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def test_a_run_finds_what_the_deliveries_say_and_nothing_else(tmp_path: Path) -> None:
    reference = load(None)
    sheet = simulate("asean-2017", tmp_path / "telling", 3, 0.03, reference, quiet)
    operation = read_operation(sheet.operation, FORMATS)
    run_operation(operation, tmp_path / "run", reference=reference, since=None, workers=1, progress=quiet)
    families = reference.families
    result = score(sheet.truth_path, tmp_path / "run", lambda name: families.normalise([name])[0])
    assert [str(one) for one in result.mismatches] == []
    assert result.servers.recall == 1.0
    assert result.servers.wrong == result.planted_wrong == round(150 * 0.03)
    assert result.deliveries_equal == result.deliveries > 8
