"""Writes accord.pot from the messages in the code, and brings every catalogue up to it: `make translations`.

A message is a call of `say` with one text or of `count_of` with two. A comment that begins with `l10n:` is for
translators; it goes with the next message. No file holds a time, a line number or the name of a machine, so that a run
without new messages changes nothing. A message that is gone is dropped; one that has changed keeps its old
translation, marked fuzzy, until a translator has looked at it.

    python tools/translations.py          # after messages have changed
    python tools/translations.py pt       # also begins a catalogue of a new language
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT / "src/accord/reports", ROOT / "src/accord/check")
CATALOGUES = ROOT / "src/accord/workspace/translations"
TEMPLATE = "accord.pot"

TEXTS = {"say": 1, "count_of": 2}
"""Function -> how many of its first arguments are texts."""

MARK = "# l10n:"
HEADERS = ("Language", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
PLURALS = {
    # the order of forms that gettext's manual gives; Babel has the last two the other way round
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}


def template() -> Catalog:
    """Every message of the code, by file and place."""
    catalogue = Catalog(
        charset="utf-8", fuzzy=False, header_comment="# Messages of Accord. Written by `make translations`."
    )
    for path in sorted(path for source in SOURCES for path in source.rglob("*.py")):
        for texts, comments in messages(path.read_text("utf-8")):
            catalogue.add(
                texts if len(texts) > 1 else texts[0],
                locations=[(path.relative_to(ROOT).as_posix(), 0)],
                auto_comments=comments,
            )
    return catalogue


def messages(code: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The texts of each message in order, and its comments. Raises ValueError for a text that is no literal."""
    comments = [
        (token.start[0], token.string.removeprefix(MARK).strip())
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT and token.string.startswith(MARK)
    ]
    calls = [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TEXTS
    ]
    for call in sorted(calls, key=lambda node: (node.args[0].lineno, node.args[0].col_offset)):
        arguments = call.args[: TEXTS[call.func.id]]  # type: ignore[attr-defined]
        texts = tuple(one.value for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str))
        if len(texts) != TEXTS[call.func.id]:  # type: ignore[attr-defined]
            raise ValueError(f"line {call.lineno}: a message must be a literal, so that it can be translated")
        told = [comment for line, comment in comments if line < arguments[0].lineno]
        comments = comments[len(told) :]
        yield texts, told


def begun(language: str) -> Catalog:
    """An empty catalogue of a language."""
    catalogue = Catalog(locale=Locale.parse(language, sep="-"), charset="utf-8", fuzzy=False)
    if language in PLURALS:
        catalogue.mime_headers = [("Plural-Forms", PLURALS[language])]
    return catalogue


def updated(catalogue: Catalog, messages_now: Catalog) -> Catalog:
    """A catalogue with exactly the messages of now."""
    name = catalogue.locale.english_name if catalogue.locale else ""
    catalogue.update(messages_now, update_header_comment=False)
    catalogue.header_comment = f"# Messages of Accord in {name}. docs/translations.md says how to translate them."
    return catalogue


def written(catalogue: Catalog) -> str:
    """A catalogue as text, without what differs from run to run."""
    binary = io.BytesIO()
    write_po(binary, catalogue, width=110, include_lineno=False, ignore_obsolete=True)
    head, _, body = binary.getvalue().decode().partition("\n\n")
    lines = head.split("\n")[: head.split("\n").index('msgstr ""') + 1]
    lines += [f'"{name}: {value}\\n"' for name, value in catalogue.mime_headers if name in HEADERS]
    return "\n".join(lines) + "\n\n" + body.rstrip("\n") + "\n"


def read(path: Path) -> Catalog:
    """A catalogue as it stands in its file."""
    with path.open("rb") as file:
        return read_po(file, locale=Locale.parse(path.stem, sep="-"), abort_invalid=True)


def main(languages: list[str]) -> None:
    """Write the template, every catalogue that is there, and new ones."""
    now = template()
    (CATALOGUES / TEMPLATE).write_text(written(now), "utf-8")
    there = {path.stem: path for path in sorted(CATALOGUES.glob("*.po"))}
    for language in dict.fromkeys([*there, *languages]):
        catalogue = updated(read(there[language]) if language in there else begun(language), now)
        (CATALOGUES / f"{language}.po").write_text(written(catalogue), "utf-8")
        open_ones = sum(1 for message in catalogue if message.id and (message.fuzzy or not all_of(message.string)))
        print(f"{language}: {len(catalogue)} messages, {open_ones} to translate")


def all_of(string: object) -> bool:
    """Is a translation there, in all its forms?"""
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


if __name__ == "__main__":
    main(sys.argv[1:])
