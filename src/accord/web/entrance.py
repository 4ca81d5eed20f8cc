"""Who asks: what a request says of it (RFC 9110, 11), held against the database, and how often each may ask."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from accord.access.clients import Client, by_token
from accord.access.tokens import BEGINNING, holder
from accord.web.rates import Rates, client_of
from accord.web.settings import Serving
from accord.workspace.database import Database

UNKNOWN_A_MINUTE = 60
"""Requests of one address that do not show who asks."""


class NotLetInError(Exception):
    """A request that is refused before it is looked at: 401 or 429, why, in words for whoever asked, and headers."""

    def __init__(self, status: HTTPStatus, words: str, headers: Mapping[str, str]) -> None:
        self.status = status
        self.words = words
        self.headers = headers
        super().__init__(status, words)


class Entrance:
    """Lets in who shows who it is, as often as agreed."""

    def __init__(self, database: Database, serving: Serving) -> None:
        self._database = database
        self._known = Rates(serving.requests_a_minute)
        self._unknown = Rates(UNKNOWN_A_MINUTE)

    def enter(self, headers: Mapping[str, str], address: str, now: datetime) -> Client:
        """Who asks, by the headers under lower-case names and the address of a request. Raises NotLetInError."""
        client = self._client(headers.get("authorization"), now)
        if client is None:
            _demand_rested(self._unknown.take(client_of(address)))
            raise NotLetInError(
                HTTPStatus.UNAUTHORIZED,
                "Say who you are: with a token of the hub's as password, or as bearer.",
                {"www-authenticate": 'Basic realm="accord", charset="UTF-8"'},
            )
        # whoever else has the same address does not use up what a known client may ask
        _demand_rested(self._known.take(client.person))
        return client

    def _client(self, said: str | None, now: datetime) -> Client | None:
        """Whose token a request carries: as a password (RFC 7617), as a bearer's (RFC 6750), or as `Token`."""
        scheme, _, rest = (said or "").partition(" ")
        secret = ""
        if scheme.lower() == "basic":
            try:
                secret = base64.b64decode(rest.strip(), validate=True).decode("ascii").partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                secret = ""
        elif scheme.lower() in {"bearer", "token"}:
            secret = rest.strip()
        if not secret.startswith(BEGINNING):
            return None
        with self._database.reading() as connection:
            token = holder(connection, secret, now)
        return None if token is None else by_token(token)


def _demand_rested(wait_s: int) -> None:
    if wait_s:
        raise NotLetInError(
            HTTPStatus.TOO_MANY_REQUESTS, "You ask too often: wait, and ask again.", {"retry-after": str(wait_s)}
        )
