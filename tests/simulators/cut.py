"""A way to a server that can be cut: whatever is sent is passed on, until the server is said to have died."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

END = b"\r\n\r\n"


def message(sender: socket.socket) -> bytes:
    """A whole request or answer of HTTP/1.1 that says its length; nothing: there is none."""
    read = b""
    while END not in read:
        block = sender.recv(1 << 20)
        if not block:
            return b""
        read += block
    head, _, body = read.partition(END)
    said = [int(one[15:]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")]
    while len(body) < sum(said):
        block = sender.recv(1 << 20)
        if not block:
            raise ConnectionError
        body += block
    return head + END + body


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
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self.to)) as server:
            while asked := message(client):
                server.sendall(asked)
                answer = message(server)
                self.answers -= 1
                if self.answers < 0:
                    head, _, body = answer.partition(END)
                    client.sendall(head + END + body[: len(body) // 2])
                    return
                client.sendall(answer)
                if b"connection: close" in answer.partition(END)[0].lower():
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
