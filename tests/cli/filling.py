"""Commands in a workspace on a small disk that is filled up before each, so far that some room is left.

    python filling.py TOLD      reads a JSON object, answers with a list of one for each step

`{"from": HUB, "to": DISK, "steps": [[["release", "make", "october.toml"], 40], ...]}` copies a hub to a disk and does
each step there with so many KiB left (null: all there is). `*` in a word stands for the release that is there. The
answer has the exit code, what was said, and what lies in the workspace that does not belong there.
"""

import json
import os
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path

import forking

KIB = 1024


def fill(disk: Path, room: int | None) -> None:
    """Leave so many KiB."""
    filler = disk.parent / "filler"
    filler.unlink(missing_ok=True)
    if room is not None:
        found = os.statvfs(disk)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_bsize - room * KIB))


def main() -> None:
    """Do all steps."""
    told = json.loads(sys.argv[1])
    # what forks would each load; standard output is for the answer
    with redirect_stdout(sys.stderr):
        forking.warm()
    disk = Path(told["to"]) / "hub"
    shutil.copytree(told["from"], disk)
    done = []
    for words, room in told["steps"]:
        fill(disk, room)
        release = next((path.name for path in disk.glob("releases/*")), "*")
        came = forking.fork([word.replace("*", release) for word in words], None)
        done.append(came | {"words": words, "room": room, "left": [path.name for path in disk.glob(".staging-*")]})
    print(json.dumps(done))


if __name__ == "__main__":
    main()
    os._exit(0)
