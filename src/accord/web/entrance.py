"""Who asks: what a request says of it (RFC 9110, 11), held against the database, and how often each may ask."""

import base64
import binascii
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from accord.access.clients import Client, by_token, by_user
from accord.access.passwords import LONGEST, Passwords
from accord.access.tokens import BEGINNING, certificate_holder, holder
from accord.access.users import NAME, find_user
from accord.web.addresses import read_address, read_forwarded
from accord.web.rates import Rates, client_of
from accord.web.settings import Serving
from accord.web.turns import Turns
from accord.workspace.database import Database

UNKNOWN_A_MINUTE = 60
"""Requests of one address that do not show who asks."""


class NotLetInError(Exception):
    """A request that is refused before it is looked at (401, 429, 503), and why, in words for whoever asked."""

    def __init__(self, status: HTTPStatus, words: str, headers: Mapping[str, str]) -> None:
        self.status = status
        self.words = words
        self.headers = headers
        super().__init__(status, words)


class Entrance:
    """Lets in who shows who it is, as often as agreed."""

    def __init__(self, database: Database, serving: Serving, *, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._database = database
        self._serving = serving
        self._known = Rates(serving.requests_a_minute, clock=clock)
        self._unknown = Rates(UNKNOWN_A_MINUTE, clock=clock)
        self._passwords = Passwords(clock=clock)
        self._turns = Turns(clock=clock)

    def enter(self, headers: Mapping[str, str], address: str, now: datetime) -> Client:
        """Who asks, by the headers under lower-case names and the address of a request. Raises NotLetInError."""
        trusted = self._is_proxy(address)
        if trusted:
            address = self._asked_for(headers.get("x-forwarded-for"), address)
        said, shown = headers.get("authorization"), None
        if trusted and said is None and self._serving.certificate_header is not None:
            shown = headers.get(self._serving.certificate_header)
        client = self._client(said, address, now) if shown is None else self._by_certificate(shown, now)
        if client is None:
            _demand_rested(self._unknown.take(client_of(address)))
            raise _unknown()
        # whoever else has the same address does not use up what a known client may ask
        _demand_rested(self._known.take(client.person))
        return client

    def _is_proxy(self, address: str) -> bool:
        read = read_address(address)
        return read is not None and any(read in one for one in self._serving.proxies)

    def _asked_for(self, said: str | None, address: str) -> str:
        """For whom a proxy asks: what stands last is its word, what is before that the word of whom it names."""
        for one in reversed((said or "").split(",")):
            named = one.strip()
            read = read_forwarded(named)
            if named:
                address = named if read is None else str(read)
            if read is None or not self._is_proxy(address):
                break
        return address

    def _by_certificate(self, shown: str, now: datetime) -> Client | None:
        der = _read_certificate(shown)
        if der is None:
            return None
        with self._database.asking() as connection:
            token = certificate_holder(connection, der, now)
        return None if token is None else by_token(token)

    def _client(self, said: str | None, address: str, now: datetime) -> Client | None:
        """Who a request says it is: by a token as password (RFC 7617), as a bearer's (RFC 6750) or as `Token`.

        Or by a user and their password, as UTF-8 (RFC 7617, 2.1).
        """
        scheme, _, rest = (said or "").partition(" ")
        name, secret = "", ""
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
        elif scheme.lower() in {"bearer", "token"}:
            secret = rest.strip()
        if secret.startswith(BEGINNING):
            with self._database.asking() as connection:
                token = holder(connection, secret, now)
            return None if token is None else by_token(token)
        return self._user(name, secret, address) if NAME.fullmatch(name) and 0 < len(secret) <= LONGEST else None

    def _user(self, name: str, password: str, address: str) -> Client | None:
        with self._database.asking() as connection:
            user = find_user(connection, name)
        if user is not None and user.closed_at is not None:
            user = None
        if user is not None and self._passwords.remembered(user.password, password):
            return by_user(user)
        # who guesses is slowed down before it costs anything
        source = client_of(address)
        _demand_rested(self._unknown.take(source))
        if not self._turns.begin(source):
            raise NotLetInError(HTTPStatus.SERVICE_UNAVAILABLE, "Others are before you.", {"retry-after": "2"})
        right = False
        try:
            right = self._passwords.compare(None if user is None else user.password, password)
        finally:
            self._turns.end(source, right=right)
        if user is None or not right:
            raise _unknown()
        return by_user(user)


def _read_certificate(shown: str) -> bytes | None:
    """A certificate's DER as a proxy says it: as RFC 9440 does, or as PEM with percent signs (nginx)."""
    if shown.startswith(":") and shown.endswith(":") and len(shown) > 2:
        try:
            return base64.b64decode(shown[1:-1], validate=True)
        except binascii.Error:
            return None
    try:
        return ssl.PEM_cert_to_DER_cert(unquote_to_bytes(shown).decode("ascii"))
    except ValueError:
        return None


def _unknown() -> NotLetInError:
    return NotLetInError(
        HTTPStatus.UNAUTHORIZED,
        "Say who you are: with a token of the hub's as password or as bearer, or as a user with a password.",
        {"www-authenticate": 'Basic realm="accord", charset="UTF-8"'},
    )


def _demand_rested(wait_s: int) -> None:
    if wait_s:
        raise NotLetInError(
            HTTPStatus.TOO_MANY_REQUESTS, "You ask too often: wait, and ask again.", {"retry-after": str(wait_s)}
        )
