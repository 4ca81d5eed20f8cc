"""Clients: who asks a service, for which partner, and what they may do there."""

from dataclasses import dataclass

from accord.access.tokens import Scope, Token
from accord.access.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Somebody, or some system, that has shown who it is."""

    person: str
    """As the log of consultations names it: `token 7e57d004`, `user somchai`."""
    name: str
    """As people know it."""
    partner: str
    scopes: frozenset[Scope]


def by_token(token: Token) -> Client:
    """Who carries a token."""
    return Client(person=f"token {token.id}", name=token.name, partner=token.partner, scopes=token.scopes)


def by_user(user: User) -> Client:
    """Who has shown a user's password."""
    return Client(person=f"user {user.name}", name=user.name, partner=user.partner, scopes=user.scopes)
