"""A process that forks for each push to a member's collection; each fork may be killed as `kill -9` does.

python push_forks.py HUB        reads a JSON object a line, answers with one, as release_forks.py
"""

import fcntl
import io
import sys
import tempfile
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from accord.cli.acting import Actor
from accord.cli.channels.pushing import push

sys.path.insert(0, str(Path(__file__).parents[2]))

from release_forks import answer


def main() -> None:
    """Answer until there is no more to read."""

    def act(_: str) -> None:
        # steps are counted from the first lock on
        with tempfile.TemporaryFile() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
        actor = Actor(person="a test", justification="")
        with redirect_stdout(io.StringIO()):
            code = push(Path(sys.argv[1]), "theirs", actor, clock=lambda: datetime.now(UTC), as_json=True)
        assert code == 0, code

    answer(act)


if __name__ == "__main__":
    main()
