"""A mail given to a server that stalls: its time has an end, wherever the server stops."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

import pytest

from accord.workspace.mail import Came, Given, Security, give
from tests.simulators.mail_server import SECRET, USER, Server, mail_server, make_keys


@dataclass(frozen=True, kw_only=True)
class Relay:
    """A server as the settings name it."""

    port: int
    ca_file: Path | None = None
    security: Security = Security.STARTTLS
    host: str = "localhost"
    user: str | None = USER.decode()
    password_file: Path | None = None
    domain: str = "hub.example"


def given(relay: Relay, within_s: float) -> Came:
    return give(
        relay,
        sender="check@hub.example",
        to="anna@example.org",
        name="n1",
        message=b"Subject: x\r\n\r\nx\r\n",
        password=SECRET.decode(),
        before_data=lambda: None,
        within_s=within_s,
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


@pytest.fixture
def server(keys: Path) -> Iterator[Server]:
    with mail_server(keys) as running:
        yield running


def test_a_server_that_greets_a_byte_at_a_time_is_left(keys: Path) -> None:
    """Each byte is a step that was taken in time: of 8,192 smtplib would wait for the end of the line."""
    came: list[Came] = []
    sent = 0
    with create_server(("127.0.0.1", 0)) as listening:
        relay = Relay(port=listening.getsockname()[1], ca_file=keys / "ca.pem")
        asking = threading.Thread(target=lambda: came.append(given(relay, 0.3)))
        asking.start()
        connection, _ = listening.accept()
        left = threading.Event()
        with connection, suppress(ConnectionError):
            while sent < 4000 and not left.wait(0.01):
                connection.sendall(b"2")
                sent += 1
        asking.join()
    assert sent < 4000
    assert [one.given for one in came] == [Given.LATER]


@pytest.mark.parametrize(("where", "expected"), [("at_recipient", Given.LATER), ("at_data", Given.UNKNOWN)])
@pytest.mark.parametrize("implicit", [False, True])
def test_a_server_that_stalls_under_tls_is_left(keys: Path, where: str, expected: Given, implicit: bool) -> None:
    left = threading.Event()
    waited = []

    def stall(_: object) -> None:
        waited.append(left.wait(30))

    with mail_server(keys, implicit=implicit) as server:
        setattr(server.post, where, stall)
        relay = Relay(
            port=server.port,
            ca_file=keys / "ca.pem",
            security=Security.TLS if implicit else Security.STARTTLS,
            user=None if implicit else USER.decode(),
        )
        came = given(relay, 1)
        left.set()
    assert came.given is expected
    assert waited == [True], "it was left while it stalled"


def test_who_is_taken_in_time_is_not_ended(keys: Path, server: Server) -> None:
    assert given(Relay(port=server.port, ca_file=keys / "ca.pem"), 60).given is Given.TAKEN
    assert len(server.post.taken) == 1
