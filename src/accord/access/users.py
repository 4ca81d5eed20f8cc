"""Users: people of partners, who are known by name and password."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from accord.access.tokens import Scope
from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import USERS

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What is kept of a user."""

    name: str
    partner: str
    scopes: frozenset[Scope]
    password: str
    """As `access.passwords` keeps it."""
    made_at: datetime
    closed_at: datetime | None


def make_user(
    connection: Connection, name: str, partner: str, scopes: Collection[Scope], password: str, *, at: datetime
) -> User:
    """Record a new user. Raises SettingsError: the name is none, or somebody has or had it."""
    if NAME.fullmatch(name) is None:
        raise SettingsError(
            "This is no user's name.",
            expected="1 to 64 of a-z, 0-9, '.', '_', '-', beginning and ending in a letter or digit",
            got=name,
        )
    if find_user(connection, name) is not None:
        # the log of consultations would tell of two people under one name
        raise SettingsError("There is or was such a user.", got=name, remedy="`accord user list` lists them")
    user = User(name=name, partner=partner, scopes=frozenset(scopes), password=password, made_at=at, closed_at=None)
    connection.execute(
        insert(USERS).values(name=name, partner=partner, scopes=" ".join(sorted(scopes)), password=password, made_at=at)
    )
    return user


def find_user(connection: Connection, name: str) -> User | None:
    """The user of this name, closed or not."""
    row = connection.execute(select(USERS).where(USERS.c.name == name)).one_or_none()
    return None if row is None else _user(row)


def users(connection: Connection) -> tuple[User, ...]:
    """All of them, by name."""
    return tuple(sorted(map(_user, connection.execute(select(USERS))), key=lambda one: one.name))


def change_password(connection: Connection, name: str, password: str) -> User:
    """From now on a user is known by another password. Raises SettingsError: there is none, or it is closed."""
    user = _demand_user(connection, name)
    if user.closed_at is not None:
        raise SettingsError("The user is closed.", got=name)
    connection.execute(update(USERS).where(USERS.c.name == name).values(password=password))
    return user


def close_user(connection: Connection, name: str, at: datetime) -> User:
    """From now on nobody is known as this user. Done before, nothing changes. Raises SettingsError."""
    user = _demand_user(connection, name)
    connection.execute(update(USERS).where(USERS.c.name == name, USERS.c.closed_at.is_(None)).values(closed_at=at))
    return user


def _demand_user(connection: Connection, name: str) -> User:
    user = find_user(connection, name)
    if user is None:
        raise SettingsError("There is no such user.", got=name, remedy="`accord user list` lists them")
    return user


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(
        name=row.name,
        partner=row.partner,
        scopes=frozenset(map(Scope, row.scopes.split())),
        password=row.password,
        made_at=row.made_at,
        closed_at=row.closed_at,
    )
