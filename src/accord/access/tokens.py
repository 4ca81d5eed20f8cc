"""Tokens: by what a partner's systems are known, and what they may do.

    accord1_3QmZ0kT2...      8 characters that say what it is, then 256 random bits in base64url (RFC 4648, 5)

The database has a token's SHA-256 alone: who reads it can be nobody. A token has that much randomness that a slow hash
would add nothing (NIST SP 800-63B, 3.1.2.2).

A certificate stands for a token where a reverse proxy has seen that its holder has the key (mutual TLS): it is kept as
`x509-` and the SHA-256 of its DER, which is the digest of no secret.
"""

import base64
import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import JOURNAL_ENTRIES, TOKENS

BEGINNING = "accord1_"
SECRET_BYTES, ID_BYTES = 32, 4

_CERTIFICATE = "x509-"


class Scope(StrEnum):
    """What a token lets its holder do; nothing that is not named."""

    READ = "read"
    """Poll the channels of which its partner is a member."""
    WRITE = "write"
    """Add to its partner's data sets."""
    REPORT = "report"
    """Say what became of what its partner was handed, and answer recalls of it."""
    CHECK = "check"
    """Ask which of its partner's own values were seen (private set intersection)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is kept of a token."""

    id: str
    partner: str
    name: str
    scopes: frozenset[Scope]
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    certificate: str | None = None
    """SHA-256 of the certificate, in hex, that stands for it; None: it has a secret."""

    def counts(self, at: datetime) -> bool:
        """Does it still open anything?"""
        return self.revoked_at is None and at < self.expires_at


def make_token(
    connection: Connection,
    partner: str,
    name: str,
    scopes: Collection[Scope],
    *,
    draw: Callable[[int], bytes],
    at: datetime,
    expires_at: datetime,
) -> tuple[Token, str]:
    """Record a new token; the second is the secret, which is nowhere else."""
    secret = BEGINNING + base64.urlsafe_b64encode(draw(SECRET_BYTES)).rstrip(b"=").decode()
    token = Token(
        id=draw(ID_BYTES).hex(),
        partner=partner,
        name=name,
        scopes=frozenset(scopes),
        made_at=at,
        expires_at=expires_at,
        revoked_at=None,
    )
    _insert(connection, token, _digest(secret))
    return token, secret


def admit_certificate(
    connection: Connection,
    partner: str,
    name: str,
    scopes: Collection[Scope],
    der: bytes,
    *,
    draw: Callable[[int], bytes],
    at: datetime,
    expires_at: datetime,
) -> Token:
    """Record a token for which a certificate stands. Raises SettingsError: it stands, or stood, for another."""
    known = connection.execute(select(TOKENS).where(TOKENS.c.digest == _certificate_digest(der))).one_or_none()
    if known is not None:
        raise SettingsError(
            "This certificate was let in before.",
            got=f"token {known.id} of {known.partner}",
            remedy="let another one be issued; `accord token list` lists those that are known",
        )
    token = Token(
        id=draw(ID_BYTES).hex(),
        partner=partner,
        name=name,
        scopes=frozenset(scopes),
        made_at=at,
        expires_at=expires_at,
        revoked_at=None,
        certificate=hashlib.sha256(der).hexdigest(),
    )
    _insert(connection, token, _certificate_digest(der))
    return token


def _insert(connection: Connection, token: Token, digest: str) -> None:
    connection.execute(
        insert(TOKENS).values(
            id=token.id,
            digest=digest,
            partner=token.partner,
            name=token.name,
            scopes=" ".join(sorted(token.scopes)),
            made_at=token.made_at,
            expires_at=token.expires_at,
        )
    )


def holder(connection: Connection, secret: str, now: datetime) -> Token | None:
    """Whose token this is; None: it is none, or opens nothing any more, by the clock or the ledger's last entry."""
    if not secret.startswith(BEGINNING) or not secret.isascii() or len(secret) > 2 * SECRET_BYTES:
        return None
    # the digest of a secret is looked for, so that how long it takes tells nothing of any secret
    return _held(connection, _digest(secret), now)


def certificate_holder(connection: Connection, der: bytes, now: datetime) -> Token | None:
    """For whose token a certificate stands; None: for none, or it opens nothing any more, as `holder` says."""
    return _held(connection, _certificate_digest(der), now)


def _held(connection: Connection, digest: str, now: datetime) -> Token | None:
    # a clock that was set back brings back no token; both are asked for at once, for each is waited for
    entries = JOURNAL_ENTRIES.c
    last = select(entries.at).order_by(entries.number.desc()).limit(1).scalar_subquery().label("last_entry")
    row = connection.execute(select(TOKENS, last).where(TOKENS.c.digest == digest)).one_or_none()
    if row is None:
        return None
    token = _token(row)
    return token if token.counts(max(now, row.last_entry or now)) else None


def tokens(connection: Connection) -> tuple[Token, ...]:
    """All of them, the oldest first."""
    return tuple(_token(row) for row in connection.execute(select(TOKENS).order_by(TOKENS.c.made_at, TOKENS.c.id)))


def revoke_token(connection: Connection, name: str, at: datetime) -> Token:
    """From now on a token, named by its id or the beginning of it, opens nothing. Done before, nothing changes.

    Raises SettingsError when that names none or several.
    """
    found = [one.id for one in tokens(connection) if one.id.startswith(name.lower())] if name else []
    if len(found) != 1:
        raise SettingsError(
            "There is no such token." if not found else "Several tokens begin like this.",
            expected="a token's id, or enough of its beginning",
            got=name,
            remedy="`accord token list` lists them",
        )
    (known,) = found
    connection.execute(update(TOKENS).where(TOKENS.c.id == known, TOKENS.c.revoked_at.is_(None)).values(revoked_at=at))
    return _token(connection.execute(select(TOKENS).where(TOKENS.c.id == known)).one())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _certificate_digest(der: bytes) -> str:
    return _CERTIFICATE + hashlib.sha256(der).hexdigest()


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        partner=row.partner,
        name=row.name,
        scopes=frozenset(map(Scope, row.scopes.split())),
        made_at=row.made_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        certificate=row.digest.removeprefix(_CERTIFICATE) if row.digest.startswith(_CERTIFICATE) else None,
    )
