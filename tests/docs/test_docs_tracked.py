"""What must not stand in a tracked file, and what must."""

import ast
import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BINARY = {".ttf", ".woff2", ".parquet", ".png", ".gz", ".zst", ".zip", ".tar", ".mmdb", ".pdf"}

# Put together here, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile("|".join(f"/{name}/" for name in ("work", "root", "home/[a-z]+", "Users/[A-Za-z]+")))
REGISTRIES = re.compile(
    "|".join(re.escape(name + "." + zone) for name, zone in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("debian", "org"),
    )) + "|(?<!emit-)index" + "-url"
)  # fmt: skip
# Looked for in the code and prose below src; bundled data are other people's
# words (a synonym of the exploit kit Angler is one of these).
BUNDLED = "src/accord/reference/bundled/"
UNFINISHED = re.compile(
    r"\b(TODO|FIXME|XXX|HACK|NotImplementedError|for now|placeholder|stub(?:bed)?)\b", re.IGNORECASE
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def lines_with(pattern: re.Pattern[str], *, below: str = "") -> list[str]:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        # Minified files are other people's, carried as they are.
        if path.suffix in BINARY or ".min." in name or not name.startswith(below):
            continue
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
            if match := pattern.search(line):
                found.append(f"{name}:{number}: {match[0]}")
    return found


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    assert lines_with(MACHINE_PATHS) == []


def test_no_tracked_file_names_a_registry() -> None:
    assert lines_with(REGISTRIES) == []


def test_nothing_in_the_source_says_that_it_is_unfinished() -> None:
    found = [line for line in lines_with(UNFINISHED, below="src/") if not line.startswith(BUNDLED)]
    # "todo" is a word of Spanish
    assert [line for line in found if not line.split(":")[0].endswith("/es.po")] == []


@pytest.mark.parametrize("text", ["# TODO: later", "raise NotImplementedError", "good enough for now"])
def test_the_search_for_unfinished_work_finds_it(text: str) -> None:
    assert UNFINISHED.search(text)


def test_no_tracked_file_is_a_lock_of_a_tool_that_writes_hosts() -> None:
    names = {path.name for path in tracked()}
    assert names.isdisjoint({"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "package-lock.json", "yarn.lock"})


def test_the_licence_is_the_apache_licence_word_for_word() -> None:
    # The text as the Apache Software Foundation publishes it (LICENSE-2.0.txt).
    published = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == published


def test_the_notice_names_every_data_set_font_and_style_sheet_that_is_bundled() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    bundled = ROOT / "src/accord/reference/bundled"
    manifest = json.loads((bundled / "manifest.json").read_text("utf-8"))
    fonts = {re.sub(r"(?<=[a-z])(?=[A-Z])", " ", p.stem.split("-")[0]) for p in (ROOT / "src/accord").rglob("*.ttf")}
    sheets = {"Pico CSS" for path in (ROOT / "src/accord").rglob("pico*.css")}
    named = {entry["name"] for entry in manifest} | fonts | sheets
    assert {name for name in named if name not in notice} == set()


def test_the_notice_gives_the_attribution_that_each_licence_asks_for() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    # DBIP-LICENSE asks for a link, ROUTEVIEWS-LICENSE and NRO_LICENSE for the site's name.
    for asked in (
        "https://db-ip.com",
        "routeviews.org",
        "nro.net",
        "creativecommons.org/licenses/by/4.0",
        "ISC licence",
    ):
        assert asked in notice


PURE = {
    "accord", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib",
    "hmac", "itertools", "math", "operator", "re", "string", "types", "typing", "unicodedata", "uuid",
    "binascii", "calendar",
}  # fmt: skip


@pytest.mark.parametrize(
    ("package", "more"), [("vocabulary", set()), ("ledger", {"base64", "cryptography"})], ids=["vocabulary", "ledger"]
)
def test_words_and_proofs_import_only_what_does_no_input_or_output(package: str, more: set[str]) -> None:
    taken = set()
    for path in (ROOT / "src/accord" / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                taken |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                taken.add((node.module or "").split(".")[0])
                if (node.module or "").startswith("accord"):
                    assert node.module.split(".")[1] in {package, "vocabulary"}  # type: ignore[union-attr]
    assert taken <= PURE | more
