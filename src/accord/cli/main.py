"""The command `accord`: nouns and verbs, errors and exit codes."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from copy import copy
from functools import cache
from types import FrameType
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from accord.cli import formats, init, migrate, reference, warm
from accord.cli.channels import channel
from accord.cli.check import check
from accord.cli.deliveries import delivery, resolution
from accord.cli.ledgers import ledger
from accord.cli.operations import operation, outcome, simulate
from accord.cli.psi import psi
from accord.cli.register import agreement, dataset, partner
from accord.cli.releases import notification, package, release, review
from accord.cli.rights import consultation, recall, retention, subject
from accord.cli.services import job, serve, token, user
from accord.cli.snapshots import lookup, snapshot
from accord.cli.terminal import say, show_error, talk
from accord.vocabulary.errors import AccordError, SettingsError

app = typer.Typer(
    name="accord",
    help="Accord: what a public-private agreement against cybercrime runs on.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(operation.app, name="operation")
app.add_typer(delivery.app, name="delivery")
app.add_typer(partner.app, name="partner")
app.add_typer(dataset.app, name="dataset")
app.add_typer(agreement.app, name="agreement")
app.add_typer(outcome.app, name="outcome")
app.add_typer(ledger.app, name="ledger")
app.add_typer(channel.app, name="channel")
app.add_typer(check.app, name="check")
app.add_typer(package.app, name="package")
app.add_typer(consultation.app, name="consultation")
app.add_typer(job.app, name="job")
app.add_typer(notification.app, name="notification")
app.add_typer(psi.app, name="psi")
app.add_typer(recall.app, name="recall")
app.add_typer(retention.app, name="retention")
app.add_typer(subject.app, name="subject")
app.add_typer(token.app, name="token")
app.add_typer(user.app, name="user")
app.add_typer(formats.app, name="format")
app.add_typer(reference.app, name="reference")
app.add_typer(release.app, name="release")
app.add_typer(resolution.app, name="resolution")
app.add_typer(review.app, name="review")
app.add_typer(simulate.app, name="simulate")
app.add_typer(snapshot.app, name="snapshot")
app.command("init", short_help="Make a workspace: a folder that keeps what is delivered.")(init.init)
app.command("lookup", short_help="Say what a workspace or an output folder knows of a value.")(lookup.look_up)
app.command("migrate", short_help="Make a workspace's database, or bring it up to date.")(migrate.migrate)
app.command("serve", short_help="Run the services of a workspace, and do its jobs.")(serve.serve)
app.command("warm", short_help="Compile and index once, so that no later command waits.")(warm.warm)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"accord {version('accord-hub')}")
        raise typer.Exit


@app.callback()
def begin(
    _: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Accord: what a public-private agreement against cybercrime runs on."""


INTERNAL = 70
"""Exit code of an error that is ours (sysexits.h, EX_SOFTWARE)."""
INTERRUPTED, TERMINATED = 130, 143
"""Exit codes after SIGINT and SIGTERM, as a shell says them."""
INSIST_S = 0.5


@cache
def _built(word: str) -> Callable[..., Any]:
    """What typer makes of the commands; where the first word is one of them, of that one alone.

    Typer looks at every parameter of every command that it builds: all of them take it a tenth of a second.
    """
    one = copy(app)
    one.registered_groups = [each for each in app.registered_groups if each.name == word]
    one.registered_commands = [each for each in app.registered_commands if each.name == word]
    return get_command(one if one.registered_groups or one.registered_commands else app)


def run() -> None:
    """Run the command line; every error leaves by its class's exit code."""
    interruption = _Interruption()
    try:
        interruption.heed()
        code = _built(sys.argv[1] if sys.argv[1:] else "")(standalone_mode=False)
        sys.exit(_settle(SystemExit(code)))
    except SystemExit as ending:
        sys.exit(_settle(ending))
    except TyperException as error:
        sys.exit(_settle(SystemExit(_tell_misuse(error))))
    except Exception as error:  # noqa: BLE001 -- the command line is where an error of ours must end in words
        # who was interrupted may say so in words of its own: DuckDB raises a RuntimeError
        sys.exit(_settle(SystemExit(interruption.code)) if interruption.code is not None else _tell(error))
    finally:
        interruption.heed_no_more()


class _Interruption:
    """SIGINT and SIGTERM end a command in order, the first of them alone: a second would disturb the clearing up."""

    def __init__(self) -> None:
        self.code: int | None = None
        """The exit code that the first of them asks for; None: none came."""
        self._over = threading.Event()

    def heed(self) -> None:
        """From now on raise SystemExit when one comes."""
        # what nohup or a shell's script has switched off stays so
        for each in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(each) != signal.SIG_IGN:
                signal.signal(each, self._end)

    def heed_no_more(self) -> None:
        """The command is over, and its exit code stands."""
        self._over.set()

    def _end(self, number: int, _frame: FrameType | None) -> None:
        # without an exception there is no clearing up: the first was raised where nobody could hear it (__del__)
        if self._over.is_set() or (self.code is not None and sys.exception() is not None):
            return
        if self.code is None:
            threading.Thread(target=self._insist, daemon=True).start()
        self.code = INTERRUPTED if number == signal.SIGINT else TERMINATED
        raise SystemExit(self.code)

    def _insist(self) -> None:
        # now and then DuckDB hears of an interruption, and its query goes on all the same
        while not self._over.wait(INSIST_S):
            if (engine := sys.modules.get("accord.columns.engine")) is not None:
                engine.interrupt()


def _tell(error: Exception) -> int:
    """The exit code of an error, once it is told."""
    if isinstance(error, AccordError):
        show_error(error)
        return error.exit_code
    if os.environ.get("ACCORD_TRACEBACK"):
        traceback.print_exception(error)
    talk(
        f"error: Accord failed ({type(error).__name__}). The fault is ours; what was there before is untouched.\n"
        "  to do: run it again with ACCORD_TRACEBACK=1 and report what it prints (SECURITY.md, CONTRIBUTING.md)"
    )
    return INTERNAL


def _tell_misuse(error: Any) -> int:  # noqa: ANN401 -- typer names its errors in no public module
    """The exit code of words that are no command, once it is told what is wrong with them: all that lacks at once."""
    context, kind = error.ctx, type(error).__name__
    if kind == "NoArgsIsHelpError":
        error.show()
    else:
        lacking = [one for one in context.command.params if one.required and one.name not in context.params]
        what, expected, got = error.format_message(), None, None
        if kind == "MissingParameter":
            what, expected = "The command is not complete.", ", ".join(map(_called, lacking))
        elif kind == "BadParameter" and getattr(error, "param", None) is not None:
            what = f"{_called(error.param)} is wrong."
            expected, got = _bound(error)
        show_error(
            SettingsError(
                what,
                where=context.command_path,
                expected=expected,
                got=got,
                remedy=f"`{context.command_path} --help` says what it takes",
            )
        )
    return int(error.exit_code)


def _called(parameter: Any) -> str:  # noqa: ANN401 -- as above
    """How a parameter is named in a command: an argument by its name, an option that may be no by both of its own."""
    if not parameter.opts[0].startswith("-"):
        return str(parameter.metavar)
    return "/".join([parameter.opts[0], *parameter.secondary_opts[:1]])


def _bound(error: Any) -> tuple[str, str | None]:  # noqa: ANN401 -- as above
    """What was expected of a parameter, and what was found, in our words: typer's are its library's."""
    told: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if not told:
        return str(error.message), None
    found, bounds = told[0], told[0].get("ctx", {})
    expected = {
        "greater_than_equal": f"{bounds.get('ge')} or more",
        "less_than_equal": f"{bounds.get('le')} or less",
        "int_parsing": "a whole number",
        "float_parsing": "a number",
        "finite_number": "a number",
        "bool_parsing": "yes or no",
    }.get(found["type"], str(error.message))
    return expected, str(found["input"])


def _settle(ending: SystemExit) -> str | int | None:
    """The exit code, after what was said has gone out.

    That the reader of our output went away (`| head -1`) is no error: nothing is wrong, and nothing more can be said.
    """
    if ending.code in (INTERRUPTED, TERMINATED):
        talk("interrupted: what was there before is untouched")
    reader_gone = isinstance(ending.__context__, BrokenPipeError)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # the interpreter flushes once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if reader_gone else ending.code


if __name__ == "__main__":
    run()
