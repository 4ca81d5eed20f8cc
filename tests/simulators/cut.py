"""A way to a server that can be cut: whatever is sent is passed on, until the server is said to have died."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Way:
    """Connections to a server of this machine; `answers` come through, and a part of the next."""

    def __init__(self, port: int) -> None:
        self.to, self.answers = port, 1 << 30
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        # a request in one piece is as much as a test asks
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self.to)) as server:
            while asked := client.recv(1 << 20):
                server.sendall(asked)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += server.recv(1 << 20)
                head, _, body = answer.partition(b"\r\n\r\n")
                length = next(
                    int(one[15:]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")
                )
                while len(body) < length:
                    body += server.recv(1 << 20)
                self.answers -= 1
                if self.answers < 0:
                    client.sendall(head + b"\r\n\r\n" + body[: length // 2])
                    return
                client.sendall(head + b"\r\n\r\n" + body)
                if b"connection: close" in head.lower():
                    return

    def close(self) -> None:
        """No more connections."""
        self._listening.close()


@contextmanager
def way(port: int) -> Iterator[Way]:
    """A way to a server's port."""
    found = Way(port)
    try:
        yield found
    finally:
        found.close()
