"""Asking another organisation's server by HTTP, within bounds of size and time.

Redirects and compressed answers are refused, its certificate is verified, and all of an answer is bounded in time.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from accord.vocabulary.errors import SettingsError, UnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a server is borne."""

    answer_s: float = 120.0
    """From a request to the last byte of its answer."""
    answer_bytes: int = 32 << 20
    pages: int = 100_000


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer."""

    status: int
    headers: httpx.Headers
    body: bytes


class Asking:
    """Connections to one server; as a context they are closed at the end."""

    def __init__(self, headers: Mapping[str, str], *, ca_file: Path | None, bounds: Bounds) -> None:
        """Nothing is asked yet. Raises SettingsError when `ca_file` is unfit."""
        self._bounds = bounds
        try:
            trusted = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        except OSError as error:
            raise SettingsError(
                "The certificates of a peer cannot be read.",
                where=str(ca_file),
                expected="certificates in PEM",
                got=error.strerror or "something else",
                remedy="check the path, and what the file holds",
            ) from error
        # only a task that can be cancelled is bounded in time as a whole
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            headers={"accept-encoding": "identity", **headers},
            verify=trusted,
            follow_redirects=False,
            trust_env=False,
            timeout=bounds.answer_s,
            limits=httpx.Limits(max_connections=1),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def ask(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        """Ask once. Raises UnreadableError when there is no whole answer within bounds."""
        try:
            told = self._runner.run(self._answer(method, url, query, body, headers))
        except TimeoutError as error:
            raise _silent(url, f"no whole answer in {self._bounds.answer_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _silent(url, (str(error) or "no connection, or one that broke off")[:200]) from error
        if told.headers.get("content-encoding", "identity") != "identity":
            raise unfit(url, "an answer that is not compressed", told.headers["content-encoding"])
        return told

    async def _answer(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Told:
        async with (
            asyncio.timeout(self._bounds.answer_s),
            self._client.stream(method, url, params=query or None, content=body, headers=headers) as response,
        ):
            received = bytearray()
            async for block in response.aiter_raw():
                received += block
                if len(received) > self._bounds.answer_bytes:
                    raise unfit(url, f"answers of at most {self._bounds.answer_bytes:,} bytes", "more")
            return Told(status=response.status_code, headers=response.headers, body=bytes(received))


def unfit(url: str, expected: str, got: str) -> UnreadableError:
    """An answer that is not to be used."""
    return UnreadableError("The peer's answer is not to be used.", where=url, expected=expected, got=got)


def _silent(url: str, got: str) -> UnreadableError:
    return UnreadableError("The peer does not answer.", where=url, got=got, remedy="the same command goes on later")
