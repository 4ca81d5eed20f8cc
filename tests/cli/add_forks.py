"""A process that forks for each add of one object by TAXII, and takes it in; each fork may be killed as `kill -9` does.

    python add_forks.py HUB SECRET      reads a JSON object a line, answers with one, as release_forks.py

`{"name": "7", "how": ...}` adds the object number 7; a file `accepted-7` beside the hub says that the client was told
202. The empty name only does what jobs are left.
"""

import fcntl
import json
import sys
import tempfile
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update

from accord.cli.channels.witnessing import take_out_withheld
from accord.cli.deliveries.adds import TaxiiDesk
from accord.cli.services.jobs import work_once
from accord.exchange.taxii.messages import MEDIA_TYPE
from accord.exchange.taxii.server import Hub, Question, Server
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_workspace
from accord.web.entrance import Entrance
from accord.workspace.database import open_database
from accord.workspace.schema import JOBS
from accord.workspace.store import open_workspace

sys.path.insert(0, str(Path(__file__).parents[2]))

import forking
from release_forks import answer

from tests.cli.test_cli_taxii_adds import indicators


def main() -> None:
    """Answer until there is no more to read."""
    folder, secret = Path(sys.argv[1]), sys.argv[2]
    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    with redirect_stdout(sys.stderr):
        forking.warm()

    def act(name: str) -> None:
        with open_database(declared.database) as database:
            # the lease of whoever was killed is over, and it was not the job that killed it
            with database.writing() as connection:
                connection.execute(update(JOBS).values(leased_until=None, attempts=0, not_before=datetime.now(UTC)))
            # steps are counted from the first lock on
            with tempfile.TemporaryFile() as file:
                fcntl.flock(file, fcntl.LOCK_EX)
            hub = Hub(title="A hub", contact="desk", legal_area=frozenset())
            entrance, desk = Entrance(database, declared.serving), TaxiiDesk(workspace, database)
            server = Server(database, hub, entrance=entrance, prepare=take_out_withheld, desk=desk)
            if name:
                told = server.answer(
                    Question(
                        method="POST",
                        path="/taxii2/hub/collections/dataset:indicators/objects/",
                        query=b"",
                        headers={"authorization": f"Bearer {secret}", "content-type": MEDIA_TYPE},
                        body=json.dumps({"objects": indicators(int(name))}).encode(),
                    )
                )
                assert told.status.value == 202, told
                (folder.parent / f"accepted-{name}").touch()
            while work_once(database, folder, "worker") is not None:
                pass

    answer(act)


if __name__ == "__main__":
    main()
