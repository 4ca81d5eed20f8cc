"""What every server needs of its machine: an address and a port, words when it answers, and an end with its parent."""

import ctypes
import http.client
import ipaddress
import os
import signal
import socket
import sys
import threading
import time

from accord.cli.terminal import say
from accord.vocabulary.errors import OutputError, SettingsError

LOGGING = {
    "formatters": {"generic": {"format": "%(levelname)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
}
"""Only what goes wrong, on standard error; no requests."""


def end_with(parent: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Get a signal when the parent ends, also where it is killed (prctl(2), PR_SET_PDEATHSIG; Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number, 0, 0, 0)
        if os.getppid() != parent:
            # it ended before it was asked for
            raise SystemExit(0)


def announce(what: str, host: str, port: int, path: str) -> None:
    """Say where it is served, as soon as `path` answers: whoever waits for the line may ask."""

    def look() -> None:
        own = "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host  # noqa: S104 -- compared, not bound
        while not _answers(own, port, path):
            time.sleep(0.05)
        shown = f"[{host}]" if ":" in host else host
        say(f"Serving {what} at http://{shown}:{port}/ (Ctrl-C ends it)")
        sys.stdout.flush()

    threading.Thread(target=look, name="readiness", daemon=True).start()


def _answers(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path, headers={"host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def listening_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that `--host` names. Raises SettingsError where it is none."""
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise SettingsError(
            "This is no address of this machine.",
            where="--host",
            expected="an IPv4 or IPv6 address, such as 127.0.0.1 or ::1",
            got=host,
            remedy="names by which it is reached go to --name",
        ) from None


def demand_free(host: str, port: int) -> None:
    """Raise OutputError where the port is taken: the server shares it among processes, and would with another's too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise OutputError(
                "It cannot be served there.",
                where=f"{host}:{port}",
                expected="an address of this machine and a port that is free",
                got=error.strerror or type(error).__name__,
                remedy="name another with --host or --port",
            ) from error
