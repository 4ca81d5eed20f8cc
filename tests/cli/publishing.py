"""Reports written in the process that a command runs in: at home, where no process need import everything for each run.

A command that is started as a process of its own has other processes write them, here as everywhere.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

HERE = not os.environ.get("CI")


@contextmanager
def publishers(_workers: int) -> Iterator[Executor]:
    """As `running._publishers`, but a thread."""
    with ThreadPoolExecutor(1, "reports") as pool:
        yield pool
