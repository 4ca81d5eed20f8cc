"""A log that somebody serves by HTTP, read within bounds; what it answers is believed no more than a folder's files."""

from types import TracebackType
from typing import Self

import httpx

from accord.journal.files import LedgerReader
from accord.journal.witnesses import no_answer
from accord.vocabulary.errors import SettingsError, UnreadableError

TIMEOUT_S = 20.0
"""Seconds that a server has for each step of an answer."""
_TRIES = 3
_HERE, _NOT_HERE = 200, frozenset({404, 410})


class FetchedLedger(LedgerReader):
    """The files below a URL; as a context its connections are closed at the end."""

    at_once = 8

    def __init__(self, url: str) -> None:
        """Nothing is fetched yet. Raises SettingsError for a URL that is none."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise SettingsError("This is no URL.", got=url[:200], expected="https://HOST/PATH of a ledger") from error
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise SettingsError("This is no URL of a ledger.", got=url[:200], expected="https://HOST/PATH of a ledger")
        self._url = url.rstrip("/")
        # a log is static: whoever redirects, or asks for a password, serves something else
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def where(self, path: str) -> str:
        """The URL of a file."""
        return f"{self._url}/{path}"

    def read(self, path: str, limit: int) -> bytes | None:
        """A file of at most `limit` bytes; None: there is none. Raises UnreadableError."""
        for left in reversed(range(_TRIES)):
            try:
                return self._fetch(self.where(path), limit)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if not left:
                    raise UnreadableError(
                        "A file of the ledger cannot be fetched.",
                        where=self.where(path),
                        got=f"no answer ({no_answer(error)})",
                        remedy="try again later, or copy the folder and check the copy",
                    ) from error
        raise AssertionError("a loop of no tries")

    def _fetch(self, url: str, limit: int) -> bytes | None:
        with self._client.stream("GET", url) as response:
            if response.status_code in _NOT_HERE:
                return None
            if response.status_code != _HERE:
                raise UnreadableError(
                    "A file of the ledger cannot be fetched.",
                    where=url,
                    expected="status 200 or 404",
                    got=f"status {response.status_code}",
                )
            received = bytearray()
            for block in response.iter_bytes():
                received += block
                if len(received) > limit:
                    raise UnreadableError(
                        "A file of the ledger is too large.", where=url, expected=f"at most {limit:,} bytes"
                    )
            return bytes(received)
