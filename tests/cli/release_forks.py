"""A process in which one operation's reports lie ready; it forks for each release of them, under a name of its own.

    python release_forks.py HUB OPERATION.toml OUT [channel]      reads a JSON object a line, answers with one

`{"name": "op-7", "how": null}` releases under that name to the end, or puts them into the channel of that name;
"count" counts its steps as forking.py does, and `["calls", 30]` ends it there as `kill -9` does. The answer has the
exit code and the counts.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import forking

from accord.cli.acting import acting
from accord.cli.channels.placing import put_views
from accord.cli.operations.gathering import Gathered, gather
from accord.cli.operations.running import Shown, channel_views, run_operation
from accord.cli.places import reference_in_use
from accord.cli.releases.desk import desk
from accord.cli.releases.releasing import release_run
from accord.release.channels import ChannelId, load_channels


def quiet(_what: str, _done: int, _total: int) -> None:
    """Say nothing."""


def prepare(hub: Path, file: Path, out: Path) -> tuple[Gathered, tuple[Shown, ...]]:
    """The reports, once."""
    with desk(hub, acting("prepares", None)) as one:
        gathered = gather(one.workspace, one.ledger.database, file, None, out_at=datetime.now(UTC))
        sheet = run_operation(
            gathered.operation,
            out,
            reference=reference_in_use(),
            since=None,
            workers=1,
            progress=quiet,
            traced=True,
            arrivals=gathered.arrivals,
            terms=gathered.terms(gathered.register, datetime.now(UTC)),
        )
    return gathered, sheet.shown


def release(hub: Path, gathered: Gathered, shown: tuple[Shown, ...], out: Path, name: str) -> None:
    """Release the reports under a name, as `accord release make` does once they are made."""
    named = replace(gathered, operation=replace(gathered.operation, name=name))
    with desk(hub, acting("tester", None)) as one:
        terms = named.terms(named.register, datetime.now(UTC))
        release_run(one, named, terms, out, shown, named.operation.recipients, quiet)


@contextmanager
def released_by(hub: Path, file: Path, out: Path) -> Iterator[Callable[[str], None]]:
    """What releases under a name."""
    gathered, shown = prepare(hub, file, out)
    yield lambda name: release(hub, gathered, shown, out, name)


@contextmanager
def put_by(hub: Path, file: Path, out: Path) -> Iterator[Callable[[str], None]]:
    """What puts into a channel."""
    out.mkdir()
    with desk(hub, acting("prepares", None)) as one:
        gathered = gather(one.workspace, one.ledger.database, file, None, out_at=datetime.now(UTC))
        with one.ledger.database.reading() as connection:
            channels = load_channels(connection)
        terms = gathered.terms(gathered.register, datetime.now(UTC))
        with channel_views(
            gathered.operation,
            out,
            channel="any",
            audience=next(iter(channels.values())).audience(gathered.register),
            reference=reference_in_use(),
            workers=1,
            progress=quiet,
            arrivals=gathered.arrivals,
            terms=terms,
        ) as views:
            pass

    def put(name: str) -> None:
        channel = channels[ChannelId(name)]
        mine = [(replace(view, sheet=replace(view.sheet, channel=name)), traces) for view, traces in views]
        with desk(hub, acting("tester", None)) as one:
            put_views(one, gathered, gathered.terms(gathered.register, datetime.now(UTC)), channel, mine, quiet)

    yield put


def main() -> None:
    """Answer until there is no more to read."""
    hub, file, out = map(Path, sys.argv[1:4])
    with (put_by if sys.argv[4:] else released_by)(hub, file, out) as act:
        answer(act)


def answer(act: Callable[[str], None]) -> None:
    """Answer until there is no more to read."""
    for line in sys.stdin:
        told = json.loads(line)
        with tempfile.TemporaryFile() as counted:
            process = os.fork()
            if not process:
                signal.alarm(forking.PATIENCE_S)
                steps = {} if told["how"] is None else forking.count(told["how"])
                act(told["name"])
                sys.setprofile(None)
                os.write(counted.fileno(), json.dumps(steps).encode())
                os._exit(0)
            _, status = os.waitpid(process, 0)
            counted.seek(0)
            steps = json.loads(counted.read() or b"null")
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "steps": steps}), flush=True)


if __name__ == "__main__":
    main()
    os._exit(0)
