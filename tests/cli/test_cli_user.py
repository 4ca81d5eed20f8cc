"""`accord user`: a person of a partner is let in by name and password, which stands nowhere."""

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from taxii2client.v21 import Server

from tests.cli.conftest import PROGRAM
from tests.cli.rights import rows_of
from tests.cli.test_cli_channel import Hub
from tests.cli.test_cli_serve import end, serve
from tests.cli.test_cli_taxii import asked

__all__ = ["serve"]

PASSWORD = "correct horse battery"


@pytest.fixture
def hub(accord_here: Callable[..., object], tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path, ())


@pytest.fixture
def say(hub: Hub, environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A command that reads what is said on standard input."""

    def run(said: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, "user", *words, "--in", str(hub.folder)]
        return subprocess.run(command, input=said, env=environment, capture_output=True, text=True, check=False)

    return run


def test_a_person_is_let_in_by_a_password_that_stands_nowhere(hub: Hub, serve, say) -> None:
    assert "None yet" in hub("user", "list", "--in", hub.folder)
    made = say(f"{PASSWORD}\n", "make", "somchai", "--partner", "csirt-th")
    assert made.stdout == "somchai of csirt-th may read.\n", made.stderr
    (row,) = hub.json("user", "list")
    assert (row["name"], row["partner"], row["scopes"], row["closed_at"]) == ("somchai", "csirt-th", ["read"], None)
    assert not any(PASSWORD.encode() in row for _, row in rows_of(hub.folder))
    served = serve(hub.folder)
    url = f"http://127.0.0.1:{served.port}/taxii2/"
    assert Server(url, user="somchai", password=PASSWORD).title
    assert say("another horse battery\n", "password", "somchai").stdout == "somchai has another password.\n"
    assert asked(served.port, "/taxii2/")[0] == 401
    with pytest.raises(Exception, match="401"):
        assert Server(url, user="somchai", password=PASSWORD).title
    assert Server(url, user="somchai", password="another horse battery").title
    assert "is let in no more" in hub("user", "close", "somchai", "--in", hub.folder)
    with pytest.raises(Exception, match="401"):
        assert Server(url, user="somchai", password="another horse battery").title
    assert end(served) == 0
    assert "closed" in hub("user", "list", "--in", hub.folder)


def test_what_makes_no_user_is_said_in_words(hub: Hub, say) -> None:
    assert say(f"{PASSWORD}\n", "make", "somchai", "--partner", "csirt-th").returncode == 0
    for said, words, told in (
        (PASSWORD, ("make", "somchai", "--partner", "csirt-th"), "There is or was such a user."),
        (PASSWORD, ("make", "Som Chai", "--partner", "csirt-th"), "no user's name"),
        (PASSWORD, ("make", "dao", "--partner", "nobody"), "no such partner"),
        (PASSWORD, ("make", "dao", "--partner", "csirt-th", "--scope", "all"), "no such scope"),
        ("", ("make", "dao", "--partner", "csirt-th"), "no password"),
        ("short\n", ("make", "dao", "--partner", "csirt-th"), "no password"),
        ("x" * 1000, ("make", "dao", "--partner", "csirt-th"), "no password"),
        (PASSWORD, ("password", "dao"), "no such user"),
    ):
        refused = say(said, *words)
        assert refused.returncode == 2
        assert told in refused.stderr
    assert "no such user" in hub("user", "close", "dao", "--in", hub.folder, code=2)
    hub("user", "close", "somchai", "--in", hub.folder)
    assert "is closed" in say(PASSWORD, "password", "somchai").stderr
    assert [one["name"] for one in hub.json("user", "list")] == ["somchai"]


def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(hub: Hub, environment: dict[str, str]) -> None:
    for second, code in ((PASSWORD, 0), ("another horse battery", 2)):
        process, terminal = pty.fork()
        if process == 0:
            command = [*PROGRAM, "user", "make", f"dao{code}", "--partner", "csirt-th", "--in", str(hub.folder)]
            os.execve(command[0], command, environment)  # noqa: S606 -- what a terminal runs
        seen = b""
        for answer, after in ((PASSWORD, b"Password of "), (second, b"The same again: ")):
            while after not in seen:
                seen += os.read(terminal, 1000)
            os.write(terminal, f"{answer}\n".encode())
        while True:
            try:
                part = os.read(terminal, 1000)
            except OSError:
                break
            if not part:
                break
            seen += part
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == code, seen
        assert PASSWORD.encode() not in seen
    assert [one["name"] for one in hub.json("user", "list")] == ["dao0"]
