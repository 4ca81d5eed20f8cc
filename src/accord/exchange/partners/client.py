"""What a partner asks a hub for by HTTP, within bounds: its deliveries, and notices of recalls, which it answers."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

import msgspec

from accord.exchange.asking import BOUNDS, Asking, Bounds, Told, unfit
from accord.exchange.partners.routes import ACKNOWLEDGEMENTS, DELIVERIES
from accord.exchange.partners.server import MOST, NOTICE_NAME
from accord.vocabulary.errors import UnreadableError

UNPACKED_BYTES = 256 << 20
"""Of a notice's files, and no more: of three million findings."""


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""


class AskedHub:
    """One hub, asked by whoever holds a token; as a context the connection is closed at its end."""

    def __init__(self, url: str, token: str, *, ca_file: Path | None = None, bounds: Bounds = BOUNDS) -> None:
        """`url`: the hub's, without a slash at its end. Nothing is asked yet."""
        self._url, self._bounds = url, bounds
        self._asking = Asking({"authorization": f"Bearer {token}"}, ca_file=ca_file, bounds=bounds)

    def __enter__(self) -> "AskedHub":
        self._asking.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        self._asking.__exit__(None, None, None)

    def deliveries(self) -> Iterator[dict[str, object]]:
        """What became of each delivery of the token's partner. Raises UnreadableError."""
        yield from self._rows(DELIVERIES, "deliveries", "write")

    def notices(self) -> Iterator[dict[str, object]]:
        """The notices of recalls that the token's partner has still to answer. Raises UnreadableError."""
        for one in self._rows(ACKNOWLEDGEMENTS, "notices", "report"):
            # files are named after it
            if NOTICE_NAME.fullmatch(str(one["name"])) is None:
                raise unfit(self._url + ACKNOWLEDGEMENTS, "notices named by recall and package", str(one["name"])[:200])
            yield one

    def notice(self, name: str, names: frozenset[str]) -> Mapping[str, bytes]:
        """The files of a notice, none of them named otherwise than `names`. Raises UnreadableError."""
        place = f"{self._url}{ACKNOWLEDGEMENTS}/{name}"
        told = self._asking.ask("GET", place)
        _demand(told, place, "report")
        return _unpacked(told.body, names, place)

    def acknowledge(self, answer: bytes) -> bool:
        """Hand in a signed answer to a notice; was it new? Raises UnreadableError."""
        place = f"{self._url}{ACKNOWLEDGEMENTS}"
        told = self._asking.ask("POST", place, body=answer, headers={"content-type": "text/plain; charset=utf-8"})
        _demand(told, place, "report")
        try:
            return bool(msgspec.json.decode(told.body, type=dict[str, object])["new"])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, KeyError) as error:
            raise unfit(place, "what became of an answer", str(error)[:200]) from error

    def _rows(self, route: str, key: str, scope: str) -> Iterator[dict[str, object]]:
        place, after = self._url + route, ""
        for _ in range(self._bounds.pages):
            told = self._asking.ask("GET", place, {"after": after, "limit": str(MOST)})
            _demand(told, place, scope)
            try:
                page = msgspec.json.decode(told.body, type=dict[str, list[dict[str, object]] | bool])
                rows, more = page[key], page["more"]
                if not isinstance(rows, list):
                    raise unfit(place, "a list", "none")
                names = [str(one["name"]) for one in rows]
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, KeyError) as error:
                raise unfit(place, f"a page of {key}", str(error)[:200]) from error
            yield from rows
            if not more:
                return
            if not names or max(names) <= after:
                raise unfit(place, "an end, or something new with each page", "neither")
            after = max(names)
        raise unfit(place, f"an end after at most {self._bounds.pages:,} pages", "more")


def _demand(told: Told, place: str, scope: str) -> None:
    if told.status == HTTPStatus.OK:
        return
    try:
        said = msgspec.json.decode(told.body, type=_Problem).detail
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        said = ""
    # its words are another machine's: one line of them, and nothing that a terminal would do something with
    words = "".join(one if one.isprintable() else " " for one in said[:200])
    raise UnreadableError(
        "The hub does not do it.",
        where=place,
        expected="status 200",
        got=f"status {told.status}{f': {words}' if words else ''}",
        remedy=f"the token needs the scope `{scope}`, and must not have ended or been revoked"
        if told.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        else None,
    )


def _unpacked(data: bytes, names: frozenset[str], place: str) -> Mapping[str, bytes]:
    """The files of an archive that has one folder, by their names in it."""
    found: dict[str, bytes] = {}
    left = UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for one in packed.infolist():
                name = one.filename.rpartition("/")[2]
                if name not in names or name in found:
                    raise unfit(place, f"files named {', '.join(sorted(names))}, each once", name)
                with packed.open(one) as file:
                    found[name] = file.read(left + 1)
                left -= len(found[name])
                if left < 0:
                    raise unfit(place, f"at most {UNPACKED_BYTES:,} bytes", "more")
    except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, OSError, zlib.error) as error:
        raise unfit(place, "a ZIP archive", str(error)[:200]) from error
    return found
