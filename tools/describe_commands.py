"""Write docs/cli.md: what every command says of itself, word for word.

    python tools/describe_commands.py > docs/cli.md

tests/docs/test_docs_commands.py holds the page to this.
"""

import inspect
import sys
from collections.abc import Iterator

from typer.main import get_command

from accord.cli.main import app

INTRODUCTION = """\
# Commands

Written by `make reference` from the commands themselves; do not edit.

Data goes to standard output, talk and progress to standard error. Exit codes: 0 complete, 1 the answer is no,
2 settings or the command's words are wrong, 3 complete with what was refused, 4 unreadable input, 5 output that cannot
be written, 6 reference data, 7 what a ledger shows is not to be trusted, 8 no agreement lets it pass, 70 a fault of
Accord's own, 130 interrupted, 143 ended by SIGTERM. `accord --version` prints the version.
"""


def commands() -> Iterator[tuple[tuple[str, ...], object]]:
    """Every command that does something, by its words after `accord`, in the order of `--help`."""
    yield from _below((), get_command(app))


def _below(words: tuple[str, ...], command: object) -> Iterator[tuple[tuple[str, ...], object]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, each in inner.items():
        yield from _below((*words, name), each)


def _describe(words: tuple[str, ...], command: object) -> str:
    told = inspect.cleandoc(getattr(command, "help", None) or "")
    text, _, example = told.partition("Example: ")
    lines = [f"## accord {' '.join(words)}", "", " ".join(text.split()), ""]
    parameters = [p for p in command.params if p.name != "help"]  # type: ignore[attr-defined]
    if parameters:
        lines += ["| | |", "|---|---|"]
        for parameter in parameters:
            is_option = parameter.param_type_name == "option"
            name = ", ".join(parameter.opts) if is_option else (parameter.metavar or parameter.name.upper())
            if is_option and parameter.secondary_opts:
                # what says no is an option of its own
                name += "/" + ", ".join(parameter.secondary_opts)
            wanted = " Required." if parameter.required and is_option else ""
            lines.append(f"| `{name}` | {' '.join((parameter.help or '').split())}{wanted} |")
        lines.append("")
    if example:
        lines += [f"    {line.strip()}" for line in example.strip().splitlines()] + [""]
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(_describe(words, command) for words, command in commands())])


if __name__ == "__main__":
    sys.stdout.write(page())
