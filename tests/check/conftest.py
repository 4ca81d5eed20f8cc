"""One service that many tests ask, and services of a test's own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.check.check_served import (
    CONTACTS,
    MAIL,
    Check,
    publish_check,
    publish_with_mail,
    serve_check,
    settings_of,
    stop,
)


@pytest.fixture(scope="session")
def check(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    """A service with addresses of every grade, which nobody asks too often."""
    folder = tmp_path_factory.mktemp("check")
    publish_check(folder / "data")
    served = serve_check(settings_of(folder))
    yield served
    stop(served)


@pytest.fixture(scope="session")
def mail_check(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    """A service that asks for mail addresses, too, of which MAILBOX is known; it writes to nobody."""
    folder = tmp_path_factory.mktemp("mail-check")
    publish_with_mail(folder / "data")
    served = serve_check(settings_of(folder, more=CONTACTS + MAIL))
    yield served
    stop(served)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Check]]:
    """Start a service with settings of its own."""
    started: list[Check] = []

    def begin(*, env: dict[str, str] | None = None, host: str = "127.0.0.1", **settings: str) -> Check:
        publish_check(tmp_path / "data")
        started.append(serve_check(settings_of(tmp_path, **settings), env, host=host))
        return started[-1]

    yield begin
    for one in started:
        stop(one)


@pytest.fixture
def accord_words() -> Callable[[Path, int], str]:
    """What a service says that does not begin; its exit code must be the expected one."""

    def words(settings: Path, code: int) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "accord.cli.main", "check", "serve", "--settings", settings, "--port", "1"],
            env=os.environ | {"PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        return done.stderr

    return words
