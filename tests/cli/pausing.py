"""A command that stops where it is told to, and goes on when it is told so: whatever somebody else does, it does then.

    python pausing.py FUNCTION WORDS...

runs `accord WORDS`. When Accord's FUNCTION is called for the first time, `paused` is written to standard error, and the
next line of standard input is waited for. Nothing is timed.
"""

import sys
from types import FrameType

from accord.cli import main


def pause_at(function: str) -> None:
    """Wait at the first call of a function of Accord's."""

    def seen(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == function and "/accord/" in frame.f_code.co_filename:
            sys.setprofile(None)
            sys.stderr.write("paused\n")
            sys.stderr.flush()
            sys.stdin.readline()

    sys.setprofile(seen)


if __name__ == "__main__":
    pause_at(sys.argv[1])
    sys.argv = ["accord", *sys.argv[2:]]
    main.run()
