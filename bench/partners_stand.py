"""What partners' systems are measured beside, in a process of its own: a TAXII collection in memory, and a plain PUT.

python bench/partners_stand.py OBJECTS FOLDER      says its port on standard output
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import taxii_objects

PAGE = 1_000
MEDIA_TYPE = "application/taxii+json;version=2.1"
COLLECTION = "/api/collections/servers"
ADDED = "2026-11-01T00:{minute:02}:{second:02}.000000Z"
BLOCK = 1 << 20


def pages(objects: int) -> list[bytes]:
    """The envelopes of a collection, page by page."""
    whole = list(taxii_objects.envelopes(objects, PAGE))
    ends = [b',"more":true,"next":"%d"}' % number for number in range(1, len(whole))] + [b',"more":false}']
    return [one.rstrip()[:-1] + end for one, end in zip(whole, ends, strict=True)]


class Handler(BaseHTTPRequestHandler):
    """Gives pages, and keeps what is put."""

    protocol_version = "HTTP/1.1"
    held: list[bytes]
    folder: Path

    def do_GET(self) -> None:
        """A page of the collection; whatever is asked for by its id is not there."""
        asked = parse_qs(urlsplit(self.path).query)
        number = int(asked.get("next", ["0"])[0])
        body = b'{"more":false}' if "match[id]" in asked else self.held[number]
        at = ADDED.format(minute=number // 60, second=number % 60)
        self._answer(200, body, {"x-taxii-date-added-first": at, "x-taxii-date-added-last": at})

    def do_PUT(self) -> None:
        """A file, on the disk before it is answered."""
        left = int(self.headers["content-length"])
        with (self.folder / "put").open("wb") as file:
            while left:
                left -= file.write(self.rfile.read(min(left, BLOCK)))
            os.fsync(file.fileno())
        self._answer(204, b"", {})

    def _answer(self, status: int, body: bytes, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    """Serve until killed."""
    Handler.held, Handler.folder = pages(int(sys.argv[1])), Path(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
