"""A process that forks for each upload of one object, and takes it in; each fork may be killed as `kill -9` does.

    python upload_forks.py HUB SECRET       reads a JSON object a line, answers with one, as release_forks.py

`{"name": "7", "how": ...}` uploads the object number 7, or goes on with it: where its upload is stands in a file beside
the hub, as a client remembers it.
"""

import fcntl
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from release_forks import answer

from accord.cli.services.jobs import work_once
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_workspace
from accord.workspace.database import open_database
from accord.workspace.store import open_workspace
from tests.cli.test_cli_taxii_adds import indicators
from tests.cli.test_cli_uploads import asking, begun, named, sent


class Place:
    """A hub, as what asks its desk needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder


def main() -> None:
    """Answer until there is no more to read."""
    folder, secret = Path(sys.argv[1]), sys.argv[2]
    declared = read_workspace(open_workspace(folder).settings, FORMATS)

    def act(name: str) -> None:
        # steps are counted from the first lock on
        with tempfile.TemporaryFile() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
        ask = asking(Place(folder), secret)
        data = json.dumps({"objects": indicators(int(name))}).encode()
        half = len(data) // 2
        known = folder.parent / f"place-{name}"
        place = known.read_text() if known.exists() else ""
        there = ask("HEAD", place) if place else None
        if there is None or there.status == 404:
            state = ask("GET", f"/deliveries/{named(data, 'indicators')}")
            if state.status == 404:
                place = begun(ask, data, "indicators", f"{name}.json")
                known.write_text(place)
                there = ask("HEAD", place)
        if there is not None and there.status == 200:
            offset = int(there.headers["upload-offset"])
            for end in (half, len(data)):
                if offset < end:
                    told = sent(ask, place, offset, data[offset:end])
                    assert told.status == 204, told
                    offset = end
        with open_database(declared.database) as database:
            while work_once(database, folder, "worker", lease_s=0.5) is not None:
                pass

    answer(act)


if __name__ == "__main__":
    main()
