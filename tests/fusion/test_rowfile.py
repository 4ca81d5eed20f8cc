"""Rows on disk against lists in memory."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.fusion.rowfile import RowFile, write_rows

KIND = np.dtype([("number", np.int64), ("flag", np.bool_)])


def written(path: Path, held: list[list[int]], batch: int) -> RowFile:
    """Finding i has the rows `held[i]`; written `batch` rows at a time."""
    pairs = [(finding, number) for finding, numbers in enumerate(held) for number in numbers]

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for begin in range(0, len(pairs), batch):
            part = pairs[begin : begin + batch]
            rows = np.array([(number, number % 2 == 1) for _, number in part], KIND)
            yield np.array([finding for finding, _ in part], np.int64), rows

    return write_rows(path, KIND, batches(), len(held))


_held = st.lists(st.lists(st.integers(0, 1000), max_size=40), min_size=1, max_size=30)


@given(_held, st.data(), st.integers(1, 50), st.integers(1, 50))
@settings(max_examples=80, deadline=None)
def test_any_findings_rows_come_back_in_the_order_asked_for(
    held: list[list[int]], data: st.DataObject, batch: int, size: int
) -> None:
    asked = data.draw(st.lists(st.integers(0, len(held) - 1), unique=True))
    with TemporaryDirectory() as folder:
        file = written(Path(folder) / "rows", held, batch)
        try:
            got = file.of(np.array(asked, np.int64))
            pieces = list(file.pieces(np.array(asked, np.int64), size))
            assert file.counts(np.arange(len(held))).tolist() == [len(numbers) for numbers in held]
        finally:
            file.close()
    expected = [number for finding in asked for number in held[finding]]
    assert got["number"].tolist() == expected
    assert got["flag"].tolist() == [number % 2 == 1 for number in expected]
    assert [number for _, rows in pieces for number in rows["number"].tolist()] == expected
    assert [place for places, _ in pieces for place in places.tolist()] == [
        place for place, finding in enumerate(asked) for _ in held[finding]
    ]
    assert all(len(rows) == size for _, rows in pieces[:-1])


def test_a_file_that_lost_its_end_is_no_answer(tmp_path: Path) -> None:
    file = written(tmp_path / "rows", [[1, 2], [3]], 2)
    with (tmp_path / "rows").open("r+b") as whole:
        whole.truncate(2 * KIND.itemsize)
    assert file.of(np.array([0]))["number"].tolist() == [1, 2]
    with pytest.raises(OSError, match="ends too early"):
        file.of(np.array([1]))
    file.close()
