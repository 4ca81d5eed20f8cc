"""What stands after all deliveries: evidence about addresses merged by sorting, and findings made of any evidence."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from accord.columns.lists import sorted_lists
from accord.columns.runs import RUN, Rows, ahead, merge_runs, merged
from accord.columns.schema import EVIDENCE, FOUND, INSTANT, STANDING
from accord.fusion.engines.files import EvidenceFile, finding_begins, pieces, whole_findings
from accord.reference.addresses import MAPPED, address_texts
from accord.vocabulary.indicators import INDICATOR_TYPES, TYPE_CODES, IndicatorType
from accord.vocabulary.markings import MARKINGS
from accord.vocabulary.roles import ROLES

_TYPES = pa.array([kind.value for kind in INDICATOR_TYPES])
_ROLES = pa.array([role.value for role in ROLES])
_MARKINGS = pa.array([marking.value for marking in MARKINGS])
_NAMED = ("role", "dataset", "family", "marking")

Codes = npt.NDArray[np.int32]

Meaning = tuple[str, str | None, str | None, int]
"""Role, data set, family and marking (its code)."""


def merge_sightings(
    runs: Sequence[Path],
    meanings: Sequence[tuple[int, int, int]],
    refused: Sequence[int],
    families: Sequence[str],
    threads: int,
) -> Iterator[pa.Table]:
    """A delivery's runs (`intake.parts.Parts`) merged: pieces of EVIDENCE.

    `meanings`: role, marking and reported family of each meaning; `refused`: members whose rows do not count.
    """
    said = [(ROLES[role].value, None, families[name] if name >= 0 else None, code) for role, code, name in meanings]
    sheet = _Sheet(said)
    stretches = merge_runs(runs, sheet.rank, refused, threads=threads)
    yield from pieces(batch for rows in stretches for batch in sheet.table(rows, EVIDENCE).to_batches())


def merge_standing(
    files: Sequence[EvidenceFile], standing: Path | None, scratch: Path, threads: int
) -> Iterator[pa.Table]:
    """The evidence about addresses of many deliveries, merged over days and deliveries: pieces of STANDING.

    `files`: EVIDENCE sorted by address, of deliveries that `standing` (a file of STANDING rows sorted by address) does
    not hold yet. `scratch` is a folder for what is between. Each piece holds whole findings.
    """
    meanings = _Meanings()
    sources = [(file.path, file.dataset) for file in files] + ([(standing, None)] if standing is not None else [])
    runs = []
    for number, (path, dataset) in enumerate(sources):
        run = scratch / f"standing-{number:06d}.run"
        _rewrite(path, dataset, run, meanings, threads)
        runs.append(run)
    sheet = _Sheet(meanings.said)
    stretches = merge_runs(runs, sheet.rank, days=False, threads=threads)
    tables = pieces(batch for rows in stretches for batch in sheet.table(rows, STANDING).to_batches())
    yield from whole_findings(tables)


def _rewrite(
    path: Path,
    dataset: str | None,
    run: Path,
    meanings: "_Meanings",
    threads: int,
) -> None:
    """A file of EVIDENCE or STANDING rows as a run of merged days."""
    names = [name for name in _NAMED if dataset is None or name != "dataset"]
    numbers = ("first_seen", "last_seen", "count", "observations")

    def rewritten(group: int) -> pa.Table:
        # a reader each: one is not to be used by two threads
        with pq.ParquetFile(path, read_dictionary=names) as source:
            columns = ["high", "low", *names, *numbers, "undated"]
            table = source.read_row_group(group, columns=columns, use_threads=False).combine_chunks()
        (batch,) = table.to_batches()
        rows = merged(
            Rows(
                high=batch["high"].to_numpy(),
                low=batch["low"].to_numpy(),
                meaning=_coded(batch, dataset, meanings),
                day=np.zeros(len(batch), np.int32),
                first_seen=batch["first_seen"].cast(pa.int64()).to_numpy(),
                last_seen=batch["last_seen"].cast(pa.int64()).to_numpy(),
                count=batch["count"].to_numpy(),
                observations=batch["observations"].to_numpy(),
                undated=batch["undated"].to_numpy(zero_copy_only=False),
            )
        )
        nobody = pa.array(np.full(len(rows), -1, np.int32))
        return pa.table([*(pa.array(getattr(rows, name)) for name in RUN.names[:-1]), nobody], schema=RUN)

    groups = range(pq.read_metadata(path).num_row_groups)
    with pa.OSFile(str(run), "wb") as sink, pa.ipc.new_file(sink, RUN) as writer:
        for table in ahead(rewritten, groups, threads):
            writer.write_table(table)


def _coded(batch: pa.RecordBatch, dataset: str | None, meanings: "_Meanings") -> Codes:
    """The meaning of each row: a code for each distinct (role, dataset, family, marking)."""
    marks = {marking.value: code for code, marking in enumerate(MARKINGS)}
    columns = [batch[name] for name in _NAMED if dataset is None or name != "dataset"]
    combined = np.zeros(len(batch), np.int64)
    for column in columns:
        combined *= len(column.dictionary) + 1
        combined += pc.fill_null(column.indices, -1).to_numpy() + 1
    distinct = pa.array(combined).dictionary_encode()
    index = distinct.indices.to_numpy()
    first = np.empty(len(distinct.dictionary), np.int64)
    first[index[::-1]] = np.arange(len(batch))[::-1]
    found = np.empty(len(first), np.int32)
    for at, row in enumerate(first.tolist()):
        said = {name: batch[name][row].as_py() for name in _NAMED if dataset is None or name != "dataset"}
        found[at] = meanings.code((said["role"], dataset or said["dataset"], said["family"], marks[said["marking"]]))
    return np.asarray(found[index])


class _Meanings:
    """Codes for what rows say; may be asked from several threads at once."""

    def __init__(self) -> None:
        self._codes: dict[Meaning, int] = {}
        self._lock = threading.Lock()

    @property
    def said(self) -> list[Meaning]:
        """What each code stands for."""
        return list(self._codes)

    def code(self, said: Meaning) -> int:
        """The code of a meaning, a new one where it has none."""
        with self._lock:
            return self._codes.setdefault(said, len(self._codes))


class _Sheet:
    """What meanings stand for, in the order in which rows are to be sorted by them."""

    def __init__(self, said: Sequence[Meaning]) -> None:
        order = sorted(range(len(said)), key=lambda at: (*(word or "" for word in said[at][:3]), said[at][3]))
        self.rank = np.empty(len(said), np.int32)
        """Place of each meaning in that order."""
        self.rank[order] = np.arange(len(said), dtype=np.int32)
        self._words = {
            name: pa.array([said[at][column] for at in order], pa.string()).dictionary_encode()
            for column, name in enumerate(_NAMED[:3])
        }
        marking = pa.array([said[at][3] for at in order], pa.int32())
        self._words["marking"] = pa.DictionaryArray.from_arrays(marking, _MARKINGS)

    def table(self, rows: Rows, schema: pa.Schema) -> pa.Table:
        """EVIDENCE or STANDING of rows whose meanings are ranks."""
        count = len(rows)
        mapped = (rows.high == 0) & (rows.low >> np.uint64(32) == MAPPED >> 32)
        v4, v6 = (TYPE_CODES[kind] for kind in (IndicatorType.IPV4, IndicatorType.IPV6))
        kind = np.where(mapped, np.int32(v4), np.int32(v6))
        nothing = np.zeros(count + 1, np.int32)
        meaning = pa.array(rows.meaning)
        columns: dict[str, pa.Array] = {
            "type": pa.DictionaryArray.from_arrays(pa.array(kind), _TYPES),
            "value": pa.StringArray.from_buffers(count, pa.py_buffer(nothing), pa.py_buffer(b"")),
            "day": pa.array(rows.day).cast(pa.date32()),
            "first_seen": pa.array(rows.first_seen).cast(INSTANT),
            "last_seen": pa.array(rows.last_seen).cast(INSTANT),
            "ports": pa.ListArray.from_arrays(pa.array(nothing), pa.array([], pa.int32())),
        }
        for name in ("high", "low", "count", "undated", "observations"):
            columns[name] = pa.array(getattr(rows, name))
        for name, words in self._words.items():
            columns[name] = pa.DictionaryArray.from_arrays(words.indices.take(meaning), words.dictionary)
        return pa.table([columns[name] for name in schema.names], schema=schema)


def findings_of(standing: pa.Table) -> pa.Table:
    """FOUND of STANDING rows that are whole findings, in their order."""
    if not len(standing):
        return FOUND.empty_table()
    first = finding_begins(standing)
    head = standing.take(pa.array(first))
    place = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(standing))))
    kind = _codes(head["type"], {word: code for code, word in enumerate(_TYPES.to_pylist())})
    short = np.isin(kind, [TYPE_CODES[IndicatorType.IPV4], TYPE_CODES[IndicatorType.IPV6]])
    value = head["value"].combine_chunks()
    if short.any():
        texts = address_texts(head["high"].to_numpy(), head["low"].to_numpy())
        value = texts if short.all() else pc.if_else(pa.array(short), texts, value)
    marking = _codes(standing["marking"], {marking.value: code for code, marking in enumerate(MARKINGS)})
    columns: dict[str, object] = {
        "type": pa.array(kind.astype(np.int8)),
        "value": value,
        "role": head["role"].combine_chunks().cast(pa.string()),
        "families": _names(place, standing["family"], len(first)),
        "datasets": _names(place, standing["dataset"], len(first)),
        "marking": _MARKINGS.take(pa.array(np.maximum.reduceat(marking, first))),
        "first_seen": _reduced(np.minimum, standing["first_seen"], first).cast(INSTANT),
        "last_seen": _reduced(np.maximum, standing["last_seen"], first).cast(INSTANT),
        "undated": pa.array(np.logical_and.reduceat(standing["undated"].to_numpy(), first)),
        "sightings": _reduced(np.add, standing["count"], first),
    }
    return pa.table([columns[name] for name in FOUND.names], schema=FOUND)


def _reduced(how: np.ufunc, column: pa.ChunkedArray, first: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(how.reduceat(column.cast(pa.int64()).to_numpy(), first))


def _codes(column: pa.ChunkedArray, known: Mapping[str, int]) -> Codes:
    """Our own codes of a column of words."""
    coded = column.combine_chunks()
    return np.asarray(
        np.array([known[word] for word in coded.dictionary.to_pylist()], np.int32)[coded.indices.to_numpy()]
    )


def _names(place: npt.NDArray[np.int64], column: pa.ChunkedArray, count: int) -> pa.ListArray:
    """The distinct words of each finding, sorted; null says nothing."""
    coded = column.combine_chunks()
    words = coded.dictionary.to_pylist()
    spelled = sorted(set(words))
    rank = {word: at for at, word in enumerate(spelled)}
    ranks = np.array([*(rank[word] for word in words), -1], np.int64)
    codes = ranks[pc.fill_null(coded.indices, -1).to_numpy()]
    return sorted_lists(place, codes, pa.array(spelled, pa.string()), count)


def files_of(paths: Iterable[tuple[str, Path]]) -> list[EvidenceFile]:
    """Those of the files that are there."""
    return [EvidenceFile(dataset=dataset, path=path) for dataset, path in paths if path.exists()]
