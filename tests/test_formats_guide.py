"""The guide for formats holds for every format, today's and tomorrow's.

A format is four things (CONTRIBUTING.md): a module with the names that columns/reading.py lists, a catalogue line, a
folder of cases and a docs page. And whatever bytes it gets, it refuses or accounts for every record.
"""

import inspect
import pkgutil
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import accord.formats
from accord.columns.reading import HEAD_LIMIT, Chunk, Columns, Context, Document, Parsed, Part, grain_of
from accord.columns.schema import OBSERVATIONS, REJECTS, RESOLUTIONS
from accord.formats.catalogue import FORMATS
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.reasons import Ignored, Rejected

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests/cases"
MODULES = sorted(each.name for each in pkgutil.iter_modules(accord.formats.__path__) if each.name != "catalogue")
EXPECTATIONS = (".toml", ".expected.json", ".md", ".yaml")
FIELDS = ("tag", "meta.desc", "comment")

every_module = pytest.mark.parametrize(
    "module", [import_module(f"accord.formats.{name}") for name in MODULES], ids=MODULES
)
every_format = pytest.mark.parametrize("module", list(FORMATS.values()), ids=list(FORMATS))


def deliveries(module: ModuleType) -> list[Path]:
    """The bytes among a format's cases."""
    folder = CASES / module.NAME
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(EXPECTATIONS))


def context(case: Path | None = None) -> Context:
    """A context with the case's own column mapping, and one that generated headers can meet."""
    mapping = {"indicators": {"ip": "ip", "host": "any"}, "seen_at": ["seen"], "port": "port"}
    told = case.with_suffix(".toml") if case else None
    columns = [mapping]
    if told is not None and told.exists() and "mapping" in (found := tomllib.loads(told.read_text("utf-8"))):
        columns.insert(0, found["mapping"])
    return Context(
        is_public_suffix=lambda name: name in {"com", "net", "org", "co.uk"},
        has_known_suffix=lambda name: name.rsplit(".", 1)[-1] in {"com", "net", "org", "uk", "example"},
        columns=tuple(_columns(one) for one in columns),
        rule_fields=FIELDS,
    )


def _columns(mapping: Mapping[str, object]) -> Columns:
    told = {key: tuple(value) if isinstance(value, list) else value for key, value in mapping.items()}
    indicators = dict(told.pop("indicators"))  # type: ignore[call-overload]
    # An operation file writes "any" where the contract has None.
    return Columns(indicators={name: None if kind == "any" else kind for name, kind in indicators.items()}, **told)


def without_mark(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


def read(module: ModuleType, data: bytes, path: str, known: Context, cuts: tuple[int, ...] = ()) -> list[Parsed] | None:
    """What the format makes of a member, cut after the given lines where its grain is lines; None: it refuses."""
    try:
        if grain_of(module, data[:HEAD_LIMIT]) == "document":
            return [module.parse(Document(member=7, path=path, data=data), known)]
        layout = module.layout(data[:HEAD_LIMIT], path, known)
    except RefusedFileError:
        return None
    lines = re.findall(rb"[^\n]*\n|[^\n]+\Z", data)
    parsed, first = [], 0
    for cut in (*sorted({c for c in cuts if 0 < c < len(lines)}), len(lines)):
        piece = b"".join(lines[first:cut])
        part = Part(member=7, path=path, start=0, end=len(piece), first_line=first + 1, layout=layout)
        parsed.append(module.parse(Chunk(data=np.frombuffer(piece, np.uint8), parts=(part,)), known))
        first = cut
    return parsed


def account(parsed: Parsed) -> None:
    """Every record is accepted, ignored or rejected, and only one of them (columns.reading.Parsed)."""
    accepted = {
        (row["member"], row["record"])
        for batch in (parsed.observations, parsed.resolutions)
        for row in batch.select(["member", "record"]).to_pylist()
    }
    rejected = [(r["member"], r["record"]) for r in parsed.rejects.to_pylist() if not r["partial"]]
    assert len(rejected) == len(set(rejected))
    assert accepted.isdisjoint(rejected)
    assert len(accepted) + len(rejected) + sum(parsed.ignored.values()) == parsed.records
    assert set(parsed.ignored) <= set(Ignored)
    assert set(parsed.rejects.column("reason").to_pylist()) <= set(Rejected)
    assert all(count > 0 for count in parsed.ignored.values())
    assert all(len(text) <= 300 for text in parsed.rejects.column("text").to_pylist())


@every_module
def test_a_format_has_the_names_of_the_contract(module: ModuleType) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", module.NAME)
    assert 5 <= len(module.TITLE) <= 80
    assert "\n" not in module.TITLE
    assert module.GRAIN in {"lines", "document", "either"}
    wanted = {"recognises": ["head", "path"]}
    if module.GRAIN == "either":
        wanted |= {"grain": ["head"], "layout": ["head", "path", "context"], "parse": ["read", "context"]}
    elif module.GRAIN == "lines":
        wanted |= {"layout": ["head", "path", "context"], "parse": ["chunk", "context"]}
    else:
        wanted |= {"parse": ["document", "context"]}
        assert not hasattr(module, "layout")
    assert {name: list(inspect.signature(getattr(module, name)).parameters) for name in wanted} == wanted
    assert module.__doc__


@every_module
def test_a_format_stands_in_the_catalogue_once_under_its_own_name(module: ModuleType) -> None:
    assert [name for name, listed in FORMATS.items() if listed is module] == [module.NAME]


def test_the_catalogue_gives_each_format_a_line_that_says_what_it_is_told_by() -> None:
    source = (ROOT / "src/accord/formats/catalogue.py").read_text("utf-8")
    for module in FORMATS.values():
        name = module.__name__.rpartition(".")[2]
        assert len(re.findall(rf"^ +{name},  # \S.{{5,}}$", source, re.MULTILINE)) == 1, name


@every_module
def test_a_format_has_a_folder_of_cases_with_expectations_and_tests_that_read_it(module: ModuleType) -> None:
    cases = deliveries(module)
    assert cases
    for case in cases:
        told = [case.with_suffix(".toml"), case.with_suffix(".expected.json"), case.with_name(f"{case.name}.toml")]
        assert any(path.exists() for path in told), f"{case.name}: nothing says what must come out"
    stem = module.__name__.rpartition(".")[2]
    tests = (ROOT / "tests/formats").glob(f"test_formats_{stem}*.py")
    assert any("cases" in path.read_text("utf-8") for path in tests)


@every_module
def test_a_format_has_a_page_that_a_partner_can_follow(module: ModuleType) -> None:
    page = (ROOT / "docs/formats" / f"{module.NAME}.md").read_text("utf-8")
    assert page.startswith("# ")
    assert f'"{module.NAME}"' in page or f"`{module.NAME}`" in page, "says what to write in `format`"


@every_format
def test_a_format_recognises_its_own_cases(module: ModuleType) -> None:
    own = [
        case
        for case in deliveries(module)
        if module.recognises(without_mark(case.read_bytes())[:HEAD_LIMIT], case.name)
    ]
    assert own, "not one case that the format knows as its own"


@every_format
def test_no_format_that_proves_itself_claims_the_cases_of_another(module: ModuleType) -> None:
    told = ("stix", "misp", "xarf", "n6", "intelmq", "passive-dns", "zeek", "shadowserver")
    proven = [FORMATS[name] for name in told]
    for case in deliveries(module):
        head = without_mark(case.read_bytes())[:HEAD_LIMIT]
        assert [other.NAME for other in proven if other.recognises(head, case.name) and other is not module] == [], case


@every_format
def test_every_record_of_every_case_is_accounted_for(module: ModuleType) -> None:
    taken = 0
    for case in deliveries(module):
        parsed = read(module, without_mark(case.read_bytes()), case.name, context(case))
        for one in parsed or ():
            account(one)
            taken += one.records
    assert taken


@every_format
def test_what_a_format_hands_over_has_the_schemas_that_it_must_have(module: ModuleType) -> None:
    fields = [pa.field(f"field:{name}", pa.dictionary(pa.int32(), pa.string())) for name in FIELDS]
    for case in deliveries(module):
        for one in read(module, without_mark(case.read_bytes()), case.name, context(case)) or ():
            found = one.observations.schema
            assert [(f.name, f.type) for f in found] == [(f.name, f.type) for f in (*OBSERVATIONS, *fields)]
            assert [(f.name, f.type) for f in one.resolutions.schema] == [(f.name, f.type) for f in RESOLUTIONS]
            assert [(f.name, f.type) for f in one.rejects.schema] == [(f.name, f.type) for f in REJECTS]


line_formats = [module for module in FORMATS.values() if module.GRAIN != "document"]


@pytest.mark.parametrize("module", line_formats, ids=[module.NAME for module in line_formats])
@settings(max_examples=25)
@given(data=st.data())
def test_lines_say_the_same_however_they_are_cut_into_chunks(module: ModuleType, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(deliveries(module)), label="case")
    cuts = tuple(data.draw(st.lists(st.integers(1, 30), max_size=4), label="cuts"))
    text, known = without_mark(case.read_bytes()), context(case)
    whole, pieces = read(module, text, case.name, known), read(module, text, case.name, known, cuts)
    assert (whole is None) == (pieces is None)
    if whole is None or pieces is None:
        return
    for name in ("observations", "resolutions", "rejects"):
        assert [r for p in pieces for r in getattr(p, name).to_pylist()] == getattr(whole[0], name).to_pylist()
    ignored: Counter[str] = Counter()
    for piece in pieces:
        ignored.update(piece.ignored)
    assert ignored == whole[0].ignored
    assert sum(piece.records for piece in pieces) == whole[0].records


@every_format
@settings(max_examples=60)
@given(data=st.data())
def test_no_bytes_raise_anything_but_a_refusal_and_every_record_is_accounted_for(
    module: ModuleType, data: st.DataObject
) -> None:
    """Arbitrary bytes, and cases with some of their bytes replaced, doubled or cut away."""
    case = data.draw(st.sampled_from([None, *deliveries(module)]), label="case")
    if case is None:
        text = data.draw(st.binary(max_size=400), label="bytes")
    else:
        text = without_mark(case.read_bytes())[:20_000]
        for _ in range(data.draw(st.integers(0, 3), label="edits")):
            at = data.draw(st.integers(0, len(text)), label="at")
            gone = data.draw(st.integers(0, 40), label="gone")
            text = text[:at] + data.draw(st.binary(max_size=12), label="put") + text[at + gone :]
    path = data.draw(st.sampled_from(["a.txt", "é/2026-06-17-event4_sinkhole-x.csv", "x.zip!/b"]), label="path")
    assert module.recognises(text[:HEAD_LIMIT], path) in {True, False}
    if not text:
        return
    for one in read(module, text, path, context(case)) or ():
        account(one)
