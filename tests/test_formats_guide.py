"""The guide for formats holds for every format, today's and tomorrow's.

A format is four things (CONTRIBUTING.md): a module with the names that columns/reading.py lists, a catalogue line, a
folder of cases and a docs page. What holds for it whatever bytes it gets is in tests/fuzz.
"""

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import accord.formats
from accord.columns.reading import HEAD_LIMIT, grain_of
from accord.formats.catalogue import FORMATS
from accord.vocabulary.errors import RefusedFileError
from fuzz.formats import context_of, deliveries, parse_document, parse_lines, slow_lines, verify, without_mark

ROOT = Path(__file__).parents[1]
MODULES = sorted(each.name for each in pkgutil.iter_modules(accord.formats.__path__) if each.name != "catalogue")

every_module = pytest.mark.parametrize(
    "module", [import_module(f"accord.formats.{name}") for name in MODULES], ids=MODULES
)
every_format = pytest.mark.parametrize("module", list(FORMATS.values()), ids=list(FORMATS))


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
        assert len(re.findall(rf'^ +"{name}",  # \S.{{5,}}$', source, re.MULTILINE)) == 1, name


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
def test_every_record_of_every_case_is_accounted_for_under_the_schemas_of_the_contract(module: ModuleType) -> None:
    taken = 0
    for case in deliveries(module):
        data, context = without_mark(case.read_bytes()), context_of(case)
        document = grain_of(module, data[:HEAD_LIMIT]) == "document"
        try:
            if document:
                read = parse_document(module, data, case.name, context)
            else:
                layout = module.layout(data[:HEAD_LIMIT], case.name, context)
                read = parse_lines(module, [(data, 1)], case.name, layout, context)
        except RefusedFileError:
            continue
        verify(read, context, None if document else len(slow_lines(data)))
        taken += read.parsed.records
    assert taken
