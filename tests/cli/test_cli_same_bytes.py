"""Running again gives the same bytes, however many workers there are and however Python's hashes fall."""

from pathlib import Path


def test_another_number_of_workers_and_other_hashes_give_the_same_bytes(started, ran, content, tmp_path: Path) -> None:
    out = tmp_path / "again"
    again = started(
        "operation", "run", ran.operation, "--out", out, "--workers", "1", expect=3, env={"PYTHONHASHSEED": "4711"}
    )
    first, second = content(ran.out), content(out)
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert len(first) > 100
    assert str(out) in again.stdout, "the path is told to the person, and stands in no file"


def test_a_run_over_its_own_output_gives_the_same_bytes_and_leaves_nothing_beside_it(
    started, operation_of, servers, content, tmp_path: Path
) -> None:
    file = operation_of(tmp_path, {"list.txt": "\n".join(servers["VN"])})
    out = tmp_path / "out"
    seen = []
    for seed, workers in (("1", "2"), ("2", "3")):
        started("operation", "run", file, "--out", out, "--workers", workers, env={"PYTHONHASHSEED": seed})
        seen.append(content(out))
    assert seen[0] == seen[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deliveries", "hub.key", "operation.toml", "out"]
