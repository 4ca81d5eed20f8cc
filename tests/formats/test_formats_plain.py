"""Trails and plain lists: their cases, and what a member's name says of its lines."""

import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accord.columns.reading import Chunk, Context, Parsed, Part
from accord.formats import maltrail, plain
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import INDICATOR_TYPES

CASES = Path(__file__).parents[1] / "cases"
CONTEXT = Context(
    is_public_suffix={"com", "co.uk"}.__contains__,
    has_known_suffix=lambda _: True,
    rule_fields=("category", "directory"),
)


def read(module: ModuleType, *members: tuple[str, bytes]) -> Parsed:
    parts, at = [], 0
    for number, (path, data) in enumerate(members):
        parts.append(Part(member=number, path=path, start=at, end=at + len(data), first_line=1))
        at += len(data)
    joined = b"".join(data for _, data in members)
    return module.parse(Chunk(data=np.frombuffer(joined, np.uint8), parts=tuple(parts)), CONTEXT)


@pytest.mark.parametrize(
    ("module", "case"), [(maltrail, CASES / "maltrail" / "gatehouse.txt"), (plain, CASES / "plain" / "servers.txt")]
)
def test_a_case_gives_exactly_what_it_says(module: ModuleType, case: Path) -> None:
    told = tomllib.loads(case.with_suffix(".toml").read_text("utf-8"))
    parsed = read(module, (case.name, case.read_bytes()))
    observations = [
        f"{row['record']} {INDICATOR_TYPES[row['type']]} {row['value']} {row['port'] or '-'}"
        for row in parsed.observations.to_pylist()
    ]
    assert observations == told["observations"]
    assert [f"{row['record']} {row['reason']}" for row in parsed.rejects.to_pylist()] == told["rejects"]
    assert dict(parsed.ignored) == told["ignored"]
    assert parsed.records == told["records"]


def test_a_family_is_the_file_s_name_under_malware_and_a_category_elsewhere() -> None:
    parsed = read(
        maltrail,
        ("t.tar.gz!/static/malware/elf_gate.txt", b"8.8.4.4\n8.8.8.8\n"),
        ("t.tar.gz!/static/malicious/gate_tds.txt", b"1.1.1.1\n"),
    )
    rows = parsed.observations.to_pylist()
    assert [(row["family"], row["field:category"], row["field:directory"]) for row in rows] == [
        ("elf_gate", "elf_gate", "malware"),
        ("elf_gate", "elf_gate", "malware"),
        (None, "gate_tds", "malicious"),
    ]
    assert [(row["member"], row["record"]) for row in rows] == [(0, 1), (0, 2), (1, 1)]


@pytest.mark.parametrize("module", [maltrail, plain])
@pytest.mark.parametrize("head", [b'{"type": "bundle"}', b"<?xml version='1.0'?>", b"\x00\x01\x02"])
def test_what_is_no_list_of_lines_is_refused_whole(module: ModuleType, head: bytes) -> None:
    assert not module.recognises(head, "x")
    with pytest.raises(RefusedFileError, match="no list of lines"):
        module.layout(head, "x", CONTEXT)


def test_a_url_keeps_its_fragment_and_a_comment_needs_white_space() -> None:
    parsed = read(plain, ("x", b"http://evil.host.example/#/login # noted\n"))
    assert parsed.observations["value"].to_pylist() == ["http://evil.host.example/#/login"]
