"""No command exists undocumented, and no documented command line is wrong."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.core import TyperGroup as Group
from typer.main import get_command

from accord.cli.main import app

ROOT = Path(__file__).parents[2]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("describe_commands", ROOT / "tools/describe_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = load_tool()
COMMANDS = dict(TOOL.commands())
every_command = pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)


def option_names(words: tuple[str, ...]) -> set[str]:
    return {
        "--help",
        *(name for parameter in COMMANDS[words].params for name in parameter.opts + parameter.secondary_opts),
    }


def split(line: str) -> tuple[tuple[str, ...], list[str]] | None:
    """The command that a line beginning with `accord` calls, and its arguments; None: there is no such command."""
    parts = shlex.split(line, comments=True)[1:]
    for length in (3, 2, 1):
        if tuple(parts[:length]) in COMMANDS:
            return tuple(parts[:length]), parts[length:]
    return None


def check_line(line: str) -> None:
    found = split(line)
    assert found is not None, f"there is no such command: {line}"
    words, arguments = found
    named = {part.split("=")[0] for part in arguments if re.match(r"--?[a-z]", part)}
    assert named <= option_names(words), line


@pytest.mark.parametrize("words", [one for one in COMMANDS if one[-1] in {"list", "show"}], ids=" ".join)
def test_whatever_lists_or_shows_does_so_for_programs_too(words: tuple[str, ...]) -> None:
    assert "--json" in option_names(words)


@every_command
def test_every_command_says_what_it_does_and_ends_with_an_example_of_itself(words: tuple[str, ...]) -> None:
    text, _, example = COMMANDS[words].help.partition("Example: ")
    assert len(text.strip()) > 20
    assert text.strip().endswith(".")
    assert example.startswith(" ".join(("accord", *words)))
    check_line(example.strip().splitlines()[0])


def test_no_list_of_commands_is_cut_short_in_eighty_columns() -> None:
    def lines(group: Group) -> Iterator[str]:
        room = 80 - 8 - max(map(len, group.commands))
        for each in group.commands.values():
            yield each.get_short_help_str(room)
            if isinstance(each, Group):
                yield from lines(each)

    told = list(lines(get_command(app)))
    assert len(told) > len(COMMANDS)
    assert [line for line in told if line.endswith("...") or not line] == []


@every_command
def test_every_option_says_what_it_is_for(words: tuple[str, ...]) -> None:
    silent = [p.opts for p in COMMANDS[words].params if p.name != "help" and not (p.help or "").strip()]
    assert silent == []


@every_command
def test_commands_are_a_noun_and_a_verb_or_one_of_the_single_words(words: tuple[str, ...]) -> None:
    assert len(words) == 2 or words[0] in {"init", "serve", "simulate", "lookup", "migrate", "warm"}


def test_the_reference_is_what_the_commands_say_of_themselves() -> None:
    assert (ROOT / "docs/cli.md").read_text("utf-8") == TOOL.page(), "run: make reference"


def command_lines() -> list[tuple[str, str]]:
    """Lines in code blocks of pages, in the Makefile and in examples that call accord."""
    found = []
    for path in [ROOT / "Makefile", *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text("utf-8").replace("\\\n", " ")
        pattern = (
            r"^\t@?\$\(BIN\)/(accord .+)$" if path.name == "Makefile" else r"^(?: {4,}|\$ )(?:\$ )?(accord [a-z].*)$"
        )
        found += [(path.relative_to(ROOT).as_posix(), line) for line in re.findall(pattern, text, re.MULTILINE)]
        for block in re.findall(r"^```(?:sh|shell|console|bash)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            found += [
                (path.relative_to(ROOT).as_posix(), line)
                for line in re.findall(r"^(?:\$ )?(accord [a-z].*)$", block, re.MULTILINE)
            ]
    return found


def test_every_command_line_on_a_page_calls_a_command_that_exists() -> None:
    lines = command_lines()
    assert {page for page, _ in lines} >= {"Makefile", "docs/cli.md"}
    for _, line in lines:
        check_line(line)
