"""What is fuzzed for would be found: a fault that is planted breaks the promise that it should, and no other."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from accord.columns.reading import Chunk, Context, Document, Parsed
from accord.formats import csv, misp, plain
from accord.vocabulary.errors import RefusedFileError
from fuzz import formats, opening, twins
from fuzz.columns import check_fields, check_instants, check_lines, check_values
from fuzz.interpreted import CheckedArray, OutsideError
from fuzz.mutation import cross, mutate
from fuzz.pattern import check_pattern
from fuzz.target import BrokenPromiseError
from fuzz.targets import TARGETS

GOOD = b"8.8.4.4\n"
TEXT = b"9.9.9.9\nno indicator at all\n# comment\nevil.example.net\n"


def planted(module: ModuleType, meddle: Callable[[Parsed], Parsed]) -> ModuleType:
    """A format that does to its results what a fault would do."""
    parse = module.parse

    def faulty(chunk: Chunk | Document, context: Context) -> Parsed:
        return meddle(parse(chunk, context))

    kept = {name: getattr(module, name) for name in ("NAME", "TITLE", "GRAIN", "recognises")}
    if hasattr(module, "layout"):
        kept["layout"] = module.layout
    return SimpleNamespace(**kept, parse=faulty)  # type: ignore[return-value]


def check(module: ModuleType, text: bytes) -> None:
    """What the target of a format does."""
    specimen = formats.specimens_of(plain if module.NAME == "plain" else misp)[0]
    formats.check_alone(module, text, specimen.path, specimen.context, 1)
    if isinstance(specimen, formats.DocumentSpecimen):
        formats.check_amid_records(module, specimen, text, 1)
    else:
        assert isinstance(specimen, formats.LineSpecimen)
        formats.check_amid_lines(module, specimen, text, 1)


def of_good_length(parsed: Parsed) -> bool:
    return parsed.observations.num_rows > 1


FAULTS: dict[str, tuple[Callable[[Parsed], Parsed], str]] = {
    "a record that nobody counts": (lambda p: replace(p, records=p.records + 1), "every physical line is a record"),
    "a taken record that is dropped": (
        lambda p: replace(p, observations=p.observations.slice(1)) if of_good_length(p) else p,
        "accepted [+] ignored [+] rejected = records",
    ),
    "a dropped record that is called a comment": (
        lambda p: (
            replace(
                p,
                observations=p.observations.slice(1),
                ignored={**p.ignored, "comment": p.ignored.get("comment", 0) + 1},
            )
            if of_good_length(p)
            else p
        ),
        "however cut|says what it says alone",
    ),
    "an unknown reason": (lambda p: replace(p, ignored={**p.ignored, "moon": 0}), "closed list"),
    "a value that is not canonical": (lambda p: with_column(p, "value", "EVIL.example.net"), "read again as itself"),
    "no sightings": (lambda p: with_column(p, "count", 0), "at least one sighting"),
    "a port that is none": (lambda p: with_column(p, "port", 70_000), "a port is one"),
    "another member": (lambda p: with_column(p, "member", 3), "of the member that was read"),
}


def with_column(parsed: Parsed, name: str, value: object) -> Parsed:
    """The same, with one value in all of a column."""
    rows = [{**row, name: value} for row in parsed.observations.to_pylist()]
    return replace(parsed, observations=type(parsed.observations).from_pylist(rows, schema=parsed.observations.schema))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_format_breaks_its_promise(fault: str) -> None:
    meddle, promise = FAULTS[fault]
    check(plain, TEXT)
    with pytest.raises(BrokenPromiseError, match=promise):
        check(planted(plain, meddle), TEXT)


def test_a_good_record_that_a_document_loses_to_its_neighbour_is_missed() -> None:
    def lose(parsed: Parsed) -> Parsed:
        # Beside one fault more the first record is taken for an attribute that is not for detection.
        if parsed.rejects.num_rows == own_rejects:
            return parsed
        first = parsed.observations["record"][0].as_py()
        rows = [row for row in parsed.observations.to_pylist() if row["record"] != first]
        kept = type(parsed.observations).from_pylist(rows, schema=parsed.observations.schema)
        return replace(
            parsed, observations=kept, ignored={**parsed.ignored, "not-to-ids": 1 + parsed.ignored["not-to-ids"]}
        )

    specimen = formats.specimens_of(misp)[0]
    own_rejects = len(formats.parse_document(misp, specimen.data, specimen.path, specimen.context).rejects)
    check(misp, b'"junk"')
    with pytest.raises(BrokenPromiseError, match="no good record is lost"):
        check(planted(misp, lose), b'"junk"')


def test_anything_but_a_refusal_ends_a_check() -> None:
    def fail(parsed: Parsed) -> Parsed:
        raise KeyError("a fault")

    with pytest.raises(KeyError):
        check(planted(plain, fail), TEXT)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("read_spans", b"8.8.8.8\nevil.example.net"),
        ("read_instants", b"2026-06-17 11:00:37\n2026-06-17"),
        ("cut", b"\x00a\nb\r\nc"),
    ],
)
def test_a_kernel_that_says_something_else_than_its_twin_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, data: bytes
) -> None:
    from fuzz import columns

    checks = {"read_spans": check_values, "read_instants": check_instants, "cut": check_lines}
    real = getattr(columns, name)
    checks[name](data)

    def faulty(*arguments: object) -> object:
        found = real(*arguments)
        first = found.outcome if name == "read_spans" else found[0]
        first[-1] += 1
        return found

    monkeypatch.setattr(columns, name, faulty)
    with pytest.raises(BrokenPromiseError):
        checks[name](data)


def test_a_splitter_that_takes_a_stray_quote_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    check_fields(b'\x00a"b,c\n')
    monkeypatch.setattr(twins, "has_stray_quote", lambda *_: False)
    with pytest.raises(BrokenPromiseError, match="whether a line is sound"):
        check_fields(b'\x00a"b,c\n')


def test_a_pattern_that_is_taken_against_the_validator_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    check_pattern(b"[a:b = 1]")
    monkeypatch.setattr("stix2patterns.v21.validator.run_validator", lambda _: ["FAIL: something"])
    with pytest.raises(BrokenPromiseError, match="exactly when its validator"):
        check_pattern(b"[a:b = 1]")


@pytest.mark.parametrize("field", ["sha256", "size"])
def test_a_custody_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    opening.check_opening(b"\x01" + GOOD)
    finish = opening.Opening.finish
    wrong = {"sha256": "0" * 64, "size": 1}[field]
    monkeypatch.setattr(opening.Opening, "finish", lambda self: replace(finish(self), **{field: wrong}))
    with pytest.raises(BrokenPromiseError, match="custody"):
        opening.check_opening(b"\x01" + GOOD)


def test_a_sound_archive_that_is_refused_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = bytes((0, 1)) + b"\x00\x05\x01hello" + b"\x01\x04\x01more" + bytes((1, 1, 0))
    opening.check_opening(recipe)

    def refuse(file: object, limits: object, where: str) -> None:
        raise RefusedFileError("no", where=where)

    monkeypatch.setattr("accord.intake.zip.open_archive", refuse)
    with pytest.raises(BrokenPromiseError, match="a sound archive is not refused"):
        opening.check_opening(recipe)


@pytest.mark.parametrize("index", [-1, 4, (-1,), (4,)])
def test_an_index_outside_of_an_array_is_seen_even_where_python_would_count_from_the_end(index: object) -> None:
    array = CheckedArray(np.zeros(4, np.uint8))
    with pytest.raises(OutsideError):
        array[index]
    with pytest.raises(OutsideError):
        array[index] = 1


@pytest.mark.parametrize("index", [(-1, 0), (0, 3), (2, 0), -1])
def test_an_index_outside_of_a_table_is_seen(index: object) -> None:
    table = CheckedArray(np.zeros((2, 3), np.int64))
    with pytest.raises(OutsideError):
        table[index]


def test_a_number_that_its_array_cannot_hold_is_seen() -> None:
    array = CheckedArray(np.zeros(4, np.uint8))
    array[0] = 255
    with pytest.raises(ValueError, match="memoryview"):
        array[0] = 256


def test_rows_and_values_of_a_checked_array_are_plain_numbers() -> None:
    table = CheckedArray(np.array([[1, 2, 3], [4, 5, 6]], np.int64))
    assert [table[1, 2], *table[0]] == [6, 1, 2, 3]
    assert len(table) == table.shape[0] == 2
    assert list(CheckedArray(np.array([True, False]))) == [True, False]


@pytest.mark.parametrize("name", ["format-csv", "format-stix", "values", "opening"])
def test_a_mutation_is_told_by_its_number_alone(name: str) -> None:
    target = TARGETS[name]()
    for number in range(50):
        once, again = (mutate(target.seeds[0], 900, Random(number), target) for _ in range(2))
        assert once == again
        assert len(once) <= 900
        assert cross(once, target.seeds[-1], 900, Random(number), target) == cross(
            once, target.seeds[-1], 900, Random(number), target
        )
    assert len({mutate(target.seeds[0], 900, Random(number), target) for number in range(50)}) > 25


def test_a_specimen_knows_what_each_good_line_says() -> None:
    for specimen in formats.specimens_of(csv):
        assert isinstance(specimen, formats.LineSpecimen)
        assert all(observations for observations, _, _ in specimen.said)
        assert specimen.opening.count(b"\n") == specimen.opened
