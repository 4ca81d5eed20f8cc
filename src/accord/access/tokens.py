"""Tokens: by what a partner's systems are known, and what they may do.

    accord1_3QmZ0kT2...      8 characters that say what it is, then 256 random bits in base64url (RFC 4648, 5)

The database has a token's SHA-256 alone: who reads it can be nobody. A token has that much randomness that a slow hash
would add nothing (NIST SP 800-63B, 3.1.2.2).
"""

import base64
import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import TOKENS

BEGINNING = "accord1_"
SECRET_BYTES, ID_BYTES = 32, 4


class Scope(StrEnum):
    """What a token lets its holder do; nothing that is not named."""

    READ = "read"
    """Poll the channels of which its partner is a member."""
    WRITE = "write"
    """Add to its partner's data sets."""
    REPORT = "report"
    """Say what became of what its partner was handed."""


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
    connection.execute(
        insert(TOKENS).values(
            id=token.id,
            digest=_digest(secret),
            partner=partner,
            name=name,
            scopes=" ".join(sorted(scopes)),
            made_at=at,
            expires_at=expires_at,
        )
    )
    return token, secret


def holder(connection: Connection, secret: str, at: datetime) -> Token | None:
    """Whose token this is; None: it is none, or opens nothing any more."""
    if not secret.startswith(BEGINNING) or not secret.isascii() or len(secret) > 2 * SECRET_BYTES:
        return None
    # the digest of a secret is looked for, so that how long it takes tells nothing of any secret
    row = connection.execute(select(TOKENS).where(TOKENS.c.digest == _digest(secret))).one_or_none()
    token = None if row is None else _token(row)
    return token if token is not None and token.counts(at) else None


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


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        partner=row.partner,
        name=row.name,
        scopes=frozenset(map(Scope, row.scopes.split())),
        made_at=row.made_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
