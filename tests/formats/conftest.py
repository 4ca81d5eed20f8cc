"""How tests read a JSON format: lines or a document as its start tells, and cases with what must come of them."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accord.columns.instants import read_instant
from accord.columns.reading import HEAD_LIMIT, Chunk, Context, Document, Parsed, Part, grain_of
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.markings import MARKINGS

SAID = ("role", "family", "port", "marking", "seen_at")


class JsonFormat:
    """One format's module, and what it makes of bytes."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def read(self, data: bytes, *, fields: tuple[str, ...] = ()) -> Parsed:
        """What the format makes of one member; raises RefusedFileError."""
        context = Context(
            is_public_suffix=lambda name: name in {"com", "net", "org", "co.uk"},
            has_known_suffix=bool,
            rule_fields=fields,
        )
        if grain_of(self.module, data[:HEAD_LIMIT]) == "document":
            return self.module.parse(Document(member=7, path="a.json", data=data), context)
        layout = self.module.layout(data[:HEAD_LIMIT], "a.jsonl", context)
        part = Part(member=7, path="a.jsonl", start=0, end=len(data), first_line=1, layout=layout)
        return self.module.parse(Chunk(data=np.frombuffer(data, np.uint8), parts=(part,)), context)

    def of(self, *records: object, fields: tuple[str, ...] = ()) -> Parsed:
        """What the format makes of these objects, one a line."""
        return self.read(b"".join(json.dumps(one).encode() + b"\n" for one in records), fields=fields)

    def observed(self, *records: object) -> list[dict[str, object]]:
        """The observations of these objects, with words for codes."""
        return rows(self.of(*records))

    def assert_case(self, case: Path) -> None:
        """A case gives exactly what stands beside it."""
        expected = json.loads(case.with_suffix(".expected.json").read_text("utf-8"))
        parsed = self.read(case.read_bytes())
        accounted(parsed)
        assert parsed.records == expected["records"]
        assert rows(parsed) == [
            {"count": 1} | dict.fromkeys(SAID) | row | _instants(row, "seen_at") for row in expected["observations"]
        ]
        assert [
            {
                "record": row["record"],
                "domain": row["domain"],
                "address": row["address"],
                "seen_at": _microseconds(row["first_seen"]),
                "marking": _marking(row["marking"]),
            }
            for row in parsed.resolutions.to_pylist()
            if row["first_seen"] == row["last_seen"]
        ] == [{"marking": None} | row | _instants(row, "seen_at") for row in expected["resolutions"]]
        assert len(parsed.resolutions) == len(expected["resolutions"])
        assert dict(parsed.ignored) == expected["ignored"]
        rejects = [{k: v for k, v in row.items() if k != "member"} for row in parsed.rejects.to_pylist()]
        assert rejects == [{"pointer": None} | row for row in expected["rejects"]]


def rows(parsed: Parsed) -> list[dict[str, object]]:
    """Observations with words for codes, and times in microseconds."""
    return [
        {name: value for name, value in row.items() if name != "member" and not name.startswith("field:")}
        | {
            "type": INDICATOR_TYPES[row["type"]].value,
            "marking": _marking(row["marking"]),
            "seen_at": _microseconds(row["seen_at"]),
        }
        for row in parsed.observations.to_pylist()
    ]


def accounted(parsed: Parsed) -> None:
    """Every record is accepted, ignored or rejected, and only one of them."""
    taken = {row["record"] for batch in (parsed.observations, parsed.resolutions) for row in batch.to_pylist()}
    rejected = [row["record"] for row in parsed.rejects.to_pylist() if not row["partial"]]
    assert len(rejected) == len(set(rejected))
    assert not taken & set(rejected)
    assert parsed.records == len(taken) + len(rejected) + sum(parsed.ignored.values())


def _marking(code: int | None) -> str | None:
    return None if code is None else MARKINGS[code].value


def _microseconds(instant: object) -> int | None:
    return None if instant is None else round(instant.timestamp() * 1_000_000)


def _instants(row: dict[str, object], name: str) -> dict[str, object]:
    return {name: row[name] and read_instant(str(row[name]))} if name in row else {}


@pytest.fixture(scope="session")
def json_format() -> Callable[[ModuleType], JsonFormat]:
    """`json_format(module)`: a JSON format to be tested."""
    return JsonFormat


@pytest.fixture(scope="session")
def account() -> Callable[[Parsed], None]:
    """`account(parsed)`: fails unless every record is accounted for."""
    return accounted
