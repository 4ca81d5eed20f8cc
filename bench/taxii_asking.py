"""A client that asks a TAXII server over one connection, one request after the other, and what that took."""

import http.client
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

MEDIA_TYPE = "application/taxii+json;version=2.1"
TICKS = os.sysconf("SC_CLK_TCK")


class _Object(msgspec.Struct):
    id: str


class _Envelope(msgspec.Struct):
    objects: list[_Object] = []
    more: bool = False
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long requests took, in milliseconds."""

    median_ms: float
    p95_ms: float


class Client:
    """Asks about one collection."""

    def __init__(self, port: int, collection: str, headers: Mapping[str, str]) -> None:
        """`collection`: its path."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._collection = collection
        self._headers = {"accept": MEDIA_TYPE, **headers}

    @property
    def own_port(self) -> int:
        """The client's end of the connection, once something was asked."""
        return int(self._connection.sock.getsockname()[1])

    def close(self) -> None:
        """End the connection; the next question begins another."""
        self._connection.close()

    def look(self) -> None:
        """Ask about the collection itself."""
        status, told = self._ask("GET", "")
        if status != http.HTTPStatus.OK:
            raise SystemExit(f"the collection is answered with {status}: {told[:500].decode()}")

    def add(self, body: bytes) -> int:
        """Add an envelope; the status code."""
        status, _ = self._ask("POST", "objects/", body)
        return status

    def find(self, query: str, *, what: str = "objects") -> tuple[list[str], str | None]:
        """The ids of a page, and what follows `next`."""
        status, told = self._ask("GET", f"{what}/?{query}")
        if status != http.HTTPStatus.OK:
            raise SystemExit(f"{query} was answered with {status}: {told[:500].decode()}")
        page = msgspec.json.decode(told, type=_Envelope)
        return [one.id for one in page.objects], page.next if page.more else None

    def walk(self, limit: int, most: int, *, what: str = "objects") -> list[str]:
        """The ids of at least so many objects, page by page from the beginning, each once."""
        found: list[str] = []
        after: str | None = ""
        while after is not None and len(found) < most:
            ids, after = self.find(f"limit={limit}" + (f"&next={after}" if after else ""), what=what)
            found += ids
        if len({*found}) != len(found):
            raise SystemExit("an object came twice")
        return found

    def spread(self, queries: Iterable[str]) -> Spread:
        """How long each query took to be answered."""
        took = []
        for one in queries:
            begun = time.perf_counter()
            ids, _ = self.find(one)
            took.append((time.perf_counter() - begun) * 1000)
            if not ids:
                raise SystemExit(f"{one} found nothing")
        took.sort()
        return Spread(median_ms=took[len(took) // 2], p95_ms=took[int(len(took) * 0.95)])

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        headers = self._headers if body is None else {**self._headers, "content-type": MEDIA_TYPE}
        self._connection.request(method, self._collection + path, body, headers)
        told = self._connection.getresponse()
        return told.status, told.read()


def cpu_s(pids: Iterable[int]) -> float:
    """CPU seconds of processes so far, and of their children that have ended (proc(5), /proc/PID/stat)."""
    used = 0
    for pid in pids:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += sum(map(int, after_name[11:15]))
    return used / TICKS


def answering(pids: Iterable[int], port: int, other: int) -> int:
    """Which of some processes has a connection between two ports of this machine (proc(5), /proc/net/tcp)."""
    ends = (f":{port:04X}", f":{other:04X}")
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        field = line.split()
        if field[1].endswith(ends[0]) and field[2].endswith(ends[1]):
            name = f"socket:[{field[9]}]"
            for pid in pids:
                if any(_target(each) == name for each in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
    raise SystemExit("nobody answers")


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
