"""What a person meets of users: the words around `access.users`."""

import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from accord.access.passwords import LONGEST, hash_password
from accord.access.users import User, change_password, close_user, make_user, users
from accord.agreements.register import load_register
from accord.cli.register.registering import opened
from accord.cli.services.tokening import changing, scope_of
from accord.cli.terminal import say, say_json, show_table
from accord.vocabulary.errors import SettingsError


def make_one(folder: Path, name: str, partner: str, scopes: Sequence[str]) -> None:
    """Let a person of a partner in."""
    asked = [scope_of(one) for one in scopes]
    password = hash_password(_asked_for(name))
    with changing(folder) as connection:
        holder = load_register(connection).partner(partner, "--partner")
        make_user(connection, name, holder, asked, password, at=datetime.now(UTC))
    say(f"{name} of {partner} may {', '.join(sorted(asked))}.")


def change_one(folder: Path, name: str) -> None:
    """Give a user another password."""
    password = hash_password(_asked_for(name))
    with changing(folder) as connection:
        change_password(connection, name, password)
    say(f"{name} has another password.")


def list_all(folder: Path, *, as_json: bool) -> None:
    """List the users."""
    with opened(folder) as database, database.reading() as connection:
        found = users(connection)
    if as_json:
        say_json([_told(one) for one in found])
    elif not found:
        say("None yet. `accord user make NAME --partner PARTNER` makes one.")
    else:
        rows = [
            (
                one.name,
                one.partner,
                ", ".join(sorted(one.scopes)),
                f"{one.made_at:%Y-%m-%d}",
                "" if one.closed_at is None else f"closed {one.closed_at:%Y-%m-%d}",
            )
            for one in found
        ]
        show_table([(word, False) for word in ("user", "partner", "may", "since", "")], rows)


def close_one(folder: Path, name: str) -> None:
    """Let a user in no more."""
    with changing(folder) as connection:
        user = close_user(connection, name, datetime.now(UTC))
    say(f"{user.name} of {user.partner} is let in no more.")


def _asked_for(name: str) -> str:
    """A password, which is never a word of the command: others on the machine see those."""
    if not sys.stdin.isatty():
        # one more than there may be shows that it is too long
        return sys.stdin.readline(LONGEST + 2).removesuffix("\n")
    said = getpass.getpass(f"Password of {name}: ")
    if getpass.getpass("The same again: ") != said:
        raise SettingsError("These are two passwords.", expected="the same twice")
    return said


def _told(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "partner": user.partner,
        "scopes": sorted(user.scopes),
        "made_at": user.made_at.isoformat(),
        "closed_at": None if user.closed_at is None else user.closed_at.isoformat(),
    }
