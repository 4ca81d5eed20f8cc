"""A process in which Accord is imported and warm; it forks for each command, so that a thousand starts cost little.

    python forking.py            reads a JSON object a line, answers with one

`{"words": [...], "how": null}` runs a command in a fork to its end, and "count" counts its steps there from the moment
that it has the workspace for itself: calls of Accord's functions and returns from them (`calls`), those of its fusion
alone (`fusion`), what changes files or folders (`disk`) and what a database is asked (`database`), before and after.
`"how": ["disk", 30]` ends the fork at the 30th of these as `kill -9` does, and "here" runs it in this process, so that
forks find everything loaded. The answer has the exit code (negative: the signal), what was said, and the counts. `env`
is what a command gets into its environment beside.
"""

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accord.reference.store import Reference

sys.path.insert(0, str(Path(__file__).parents[2]))

DISK = frozenset({"chmod", "close", "fsync", "mkdir", "mkdtemp", "open", "rename", "rmdir", "unlink", "write"})
DATABASE = frozenset({"commit", "execute", "executemany", "rollback"})
"""Of sqlite3, which is written in C, and of psycopg, which is not."""
OWN, FUSION, PSYCOPG = "/accord/", "/accord/fusion/", "/psycopg/"
PATIENCE_S = 600
"""After which a fork that hangs is ended by a signal of its own, which no test expects."""


@cache
def reference() -> "Reference":
    """The bundled reference data, each part read once for all forks."""
    from accord.reference.store import load

    return load(None)


def warm() -> None:
    """Import what commands import when they are called, and read the reference data that they ask for."""
    from accord.cli import places
    from accord.cli.operations import operation, running  # noqa: F401
    from accord.cli.releases import explaining, releasing  # noqa: F401
    from accord.cli.rights import subjects  # noqa: F401
    from accord.formats.catalogue import FORMATS
    from accord.reference.store import load
    from accord.workspace import database
    from tests import copied_schema
    from tests.cli import publishing

    for part in ("country", "country_second", "network", "suffixes", "families", "warning_lists"):
        getattr(reference(), part)
    for name in FORMATS:
        FORMATS[name]
    places.load = lambda folder: load(folder) if folder else reference()
    database._upgrade = copied_schema.upgrade
    if publishing.HERE:
        from accord.reports import publish  # noqa: F401
    # the kernels are loaded where they are first called
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("192.0.2.1\n")
        file.flush()
        run(["delivery", "check", file.name, "--format", "plain"])


def write_reports_here() -> None:
    """At home; what is counted or ended has other processes write them, so that each of its steps is its own."""
    from accord.cli.operations import running
    from tests.cli import publishing

    if publishing.HERE:
        running._publishers = publishing.publishers


def count(kill: Sequence[object]) -> dict[str, int]:
    """Count steps in all threads from the moment that the workspace is locked; what they are counted in."""
    steps = {"calls": 0, "fusion": 0, "disk": 0, "database": 0}
    locked = False

    def seen(frame: FrameType, event: str, called: object) -> None:
        nonlocal locked
        name = getattr(called, "__name__", "") if event.startswith("c_") else ""
        locked = locked or name == "flock"
        if not locked:
            return
        place = "" if name else frame.f_code.co_filename
        asked = name in DATABASE or (PSYCOPG in place and frame.f_code.co_name in DATABASE)
        for what, counts in (
            ("calls", OWN in place),
            ("fusion", FUSION in place),
            ("disk", name in DISK),
            ("database", asked),
        ):
            if counts:
                steps[what] += 1
                if [what, steps[what]] == kill:
                    os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(seen)
    sys.setprofile(seen)
    return steps


def run(words: Sequence[str]) -> int:
    """Run a command in this process; its exit code."""
    from accord.cli import main

    sys.argv = ["accord", *words]
    try:
        main.run()
    except SystemExit as ending:
        return int(ending.code or 0)
    return 0


def fork(
    words: Sequence[str], how: str | Sequence[object] | None, env: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Run a command in a fork, and say what became of it."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as talk, tempfile.TemporaryFile() as counted:
        process = os.fork()
        if not process:
            signal.alarm(PATIENCE_S)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(said.fileno(), 1)
            os.dup2(talk.fileno(), 2)
            os.environ.update(env or {})
            if how is None:
                write_reports_here()
            steps = {} if how is None else count(how)
            code = run(words)
            sys.setprofile(None)
            sys.stdout.flush()
            os.write(counted.fileno(), json.dumps(steps).encode())
            os._exit(code)
        _, status = os.waitpid(process, 0)
        texts = []
        for file in (said, talk, counted):
            file.seek(0)
            texts.append(file.read().decode())
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "said": texts[0], "talk": texts[1], "steps": json.loads(texts[2] or "null")}


def answer() -> None:
    """Answer until there is no more to read."""
    with os.fdopen(os.dup(1), "w") as out, Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        warm()
        for line in sys.stdin:
            told = json.loads(line)
            done = {"code": run(told["words"])} if told["how"] == "here" else fork(**told)
            out.write(json.dumps(done) + "\n")
            out.flush()


if __name__ == "__main__":
    answer()
    # nothing is left to tidy up, and taking all that is loaded apart takes a while
    os._exit(0)
