"""Rows about addresses, merged by sorting: the same as adding them up one by one in a dictionary."""

import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns import runs
from accord.columns.runs import RUN, Rows, merge_runs, merged, ordered, taken, write_run

MAPPED = 0xFFFF_0000_0000
Row = tuple[int, int, int, int, int, int, int, int, bool]

addresses = st.one_of(
    st.sampled_from(
        [(0, MAPPED | 1), (0, MAPPED | 2), (0, MAPPED | 0xFFFF_FFFF), (0x2A02 << 48, 0), (0x2A02 << 48, 1)]
    ),
    st.tuples(st.just(0), st.integers(MAPPED, MAPPED | 0xFFFF_FFFF)),
    st.tuples(st.integers(0x2000 << 48, (0x4000 << 48) - 1), st.integers(0, 2**64 - 1)),
)
row_lists = st.lists(
    st.builds(
        lambda address, meaning, day, first, length, count, lines, undated: (
            *address, meaning, day, first, first + length, count, lines, undated
        ),
        addresses,
        st.sampled_from([0, 1, 2, 65_535, 65_536, 1 << 20]),
        st.integers(0, 47_846),
        st.integers(0, 1 << 50),
        st.integers(0, 1 << 40),
        st.integers(1, 999_999_999),
        st.integers(1, 1000),
        st.booleans(),
    ),
    max_size=60,
)  # fmt: skip


def rows_of(listed: list[Row]) -> Rows:
    columns = list(zip(*listed, strict=True)) or [()] * 9
    kinds = (np.uint64, np.uint64, np.int32, np.int32, np.int64, np.int64, np.int64, np.int64, np.bool_)
    return Rows(
        **{name: np.array(column, kind) for name, column, kind in zip(RUN.names[:-1], columns, kinds, strict=True)}
    )


def listed_of(rows: Rows) -> list[Row]:
    return list(zip(*(getattr(rows, name).tolist() for name in RUN.names[:-1]), strict=True))


def by_hand(listed: list[Row], *, days: bool = True) -> list[Row]:
    found: dict[tuple[int, int, int, int], list[int]] = {}
    for high, low, meaning, day, first, last, count, lines, undated in listed:
        key = (high, low, meaning, day if days else 0)
        old = found.setdefault(key, [first, last, 0, 0, True])
        found[key] = [min(old[0], first), max(old[1], last), old[2] + count, old[3] + lines, old[4] and undated]
    return [(*key, *said) for key, said in sorted(found.items())]


@given(listed=row_lists)
def test_merged_rows_are_sorted_and_added_up(listed: list[Row]) -> None:
    assert listed_of(merged(rows_of(listed))) == by_hand(listed)


@settings(max_examples=60)
@given(pieces=st.lists(row_lists, max_size=4), days=st.booleans(), stretch=st.sampled_from([3, 20, 1 << 20]))
def test_runs_are_merged_in_stretches_that_follow_each_other(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[Row]], days: bool, stretch: int
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    paths: list[Path] = []
    for number, listed in enumerate(pieces):
        rows = rows_of(listed)
        paths.append(folder / f"{number}.run")
        write_run(paths[-1], taken(rows, ordered(rows)))
    meaning = np.arange((1 << 20) + 1, dtype=np.int32)[::-1].copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "STRETCH", stretch)
        found = [row for rows in merge_runs(paths, meaning, days=days, threads=2) for row in listed_of(rows)]
    turned = [(*row[:2], (1 << 20) - row[2], *row[3:]) for listed in pieces for row in listed]
    assert found == by_hand(turned, days=days)


def test_rows_of_members_that_do_not_count_are_left_out(tmp_path: Path) -> None:
    rows = rows_of([(0, MAPPED | n, 0, 1, 5, 6, 1, 1, False) for n in range(4)])
    write_run(tmp_path / "a.run", rows, np.array([0, 1, 2, 1], np.int32))
    meaning = np.zeros(1, np.int32)
    (found,) = merge_runs([tmp_path / "a.run"], meaning, [1])
    assert found.low.tolist() == [MAPPED, MAPPED | 2]
    assert list(merge_runs([], meaning)) == []


def test_more_runs_are_merged_than_files_may_be_open(tmp_path: Path) -> None:
    for number in range(80):
        write_run(tmp_path / f"{number:02d}.run", rows_of([(0, MAPPED | number, 0, 1, 5, 6, 1, 1, False)]))
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # descriptors are numbered from the lowest that is free
    with (tmp_path / "00.run").open("rb") as probe:
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + 20, hard))
    try:
        found = [row for rows in merge_runs(sorted(tmp_path.iterdir()), np.zeros(1, np.int32)) for row in rows.low]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    assert found == [MAPPED | number for number in range(80)]
