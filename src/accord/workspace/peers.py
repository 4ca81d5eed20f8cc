"""TAXII servers of partners: the tables [[peer]] of a hub's settings, and what opens them.

A secret stands in a file or in a variable of the environment; the settings name it, and no command takes it as a word.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from accord.vocabulary.errors import SettingsError
from accord.workspace.regular import open_regular, unreadable
from accord.workspace.settings import SettingsTable, known, unique

SECRET_BYTES = 1 << 12

_COLLECTION = re.compile(r"https?://[^/?#@\s]+/(?:[^?#\s]*/)?collections/[^/?#\s]+", re.ASCII)
_URL = re.compile(r"https?://[^/?#@\s]+(?:/[^?#\s]*)?", re.ASCII)
_ENCRYPTED = "https: over http everybody on the way reads secret and data"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_Name = TypeVar("_Name", bound=str)


class Scheme(StrEnum):
    """How a server is told who asks (RFC 9110, 11): by user and password, or by a token."""

    BASIC = "basic"
    BEARER = "bearer"
    TOKEN = "token"  # noqa: S105 -- the name of a scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A collection of a partner's."""

    id: str
    partner: str
    collection: str
    """Its URL, without a slash at its end."""
    scheme: Scheme
    user: str | None
    secret_file: Path | None
    secret_variable: str | None
    """Neither: the server asks nobody who it is."""
    ca_file: Path | None
    """Whose certificates are trusted; None: those that the system trusts."""
    dataset: str | None
    """Into which it is pulled."""
    channel: str | None
    """From which it is fed."""


def read_peers(
    table: SettingsTable, partners: Mapping[_Name, object], datasets: Mapping[str, tuple[str, tuple[str, ...]]]
) -> tuple[Peer, ...]:
    """The tables [[peer]]. `datasets`: the partner and the formats of each. Raises SettingsError."""
    rows = [(one, _read(one, partners, datasets)) for one in table.tables("peer")]
    unique([(one, row.id) for one, row in rows], "id")
    return tuple(row for _, row in rows)


def find_peer(peers: tuple[Peer, ...], name: str, settings: Path) -> Peer:
    """The peer of this id. Raises SettingsError."""
    found = next((one for one in peers if one.id == name), None)
    if found is None:
        raise SettingsError(
            "There is no such peer.",
            where=str(settings),
            expected="one of " + (", ".join(sorted(one.id for one in peers)) or "none: no [[peer]] is declared yet"),
            got=name,
        )
    return found


def secret_of(peer: Peer) -> str | None:
    """What opens a peer's server; None: nothing is named. Raises SettingsError, UnreadableError."""
    if peer.secret_file is not None:
        try:
            with open_regular(peer.secret_file) as file:
                said = file.read(SECRET_BYTES + 1)
        except OSError as error:
            raise unreadable(error, peer.secret_file, "The secret of a peer cannot be read.") from error
        secret = said.decode("ascii", "replace").rstrip("\r\n") if len(said) <= SECRET_BYTES else ""
    elif peer.secret_variable is not None:
        secret = os.environ.get(peer.secret_variable, "")
    else:
        return None
    if not secret or not secret.isascii() or not secret.isprintable():
        raise SettingsError(
            "There is no secret for a peer.",
            where=str(peer.secret_file or peer.secret_variable),
            expected=f"one line of printable ASCII, of at most {SECRET_BYTES:,} bytes",
        )
    return secret


def _read(
    table: SettingsTable, partners: Mapping[_Name, object], datasets: Mapping[str, tuple[str, tuple[str, ...]]]
) -> Peer:
    folder = table.file.resolve().parent
    secret_file, variable = table.optional_text("secret_file"), table.optional_text("secret_variable")
    if secret_file is not None and variable is not None:
        raise table.wrong("secret_variable", "a file or a variable, and not both", variable)
    if variable is not None and _VARIABLE.fullmatch(variable) is None:
        raise table.wrong("secret_variable", "the name of a variable of the environment, and never its value", "…")
    scheme, user = table.choice("scheme", Scheme, Scheme.BEARER), table.optional_text("user")
    if (scheme is Scheme.BASIC) != (user is not None):
        raise table.wrong("user", "a user's name exactly where scheme is 'basic'", user)
    if user is not None and ((secret_file or variable) is None or ":" in user or not user.isascii()):
        raise table.wrong("user", "a name in ASCII without a colon, with secret_file or secret_variable", user)
    ca_file = table.optional_text("ca_file")
    partner = known(table, "partner", table.text("partner"), partners, "partner")
    peer = Peer(
        id=table.identifier("id"),
        partner=partner,
        collection=_collection(table),
        scheme=scheme,
        user=user,
        secret_file=None if secret_file is None else folder / secret_file,
        secret_variable=variable,
        ca_file=None if ca_file is None else folder / ca_file,
        dataset=_dataset(table, partner, datasets),
        channel=table.identifier("channel") if table.offers("channel") else None,
    )
    if peer.dataset is None and peer.channel is None:
        raise table.wrong("dataset", "a data set to pull into, or a channel to push from", None)
    table.done()
    return peer


def _collection(table: SettingsTable) -> str:
    said = table.text("collection").rstrip("/")
    if _COLLECTION.fullmatch(said) is None or not said.isascii():
        raise table.wrong("collection", "the URL of a collection: https://HOST/ROOT/collections/ID/", said)
    if _is_open(said):
        raise table.wrong("collection", _ENCRYPTED, said)
    return said


def demand_url(said: str, where: str) -> None:
    """Raise SettingsError unless this is a URL to which a secret may be said."""
    if _URL.fullmatch(said) is None or _is_open(said):
        raise SettingsError("This is no URL of a hub.", where=where, expected=_ENCRYPTED, got=said[:200])


def _is_open(url: str) -> bool:
    """Can everybody on the way read what is said there?"""
    host = url.partition("://")[2].partition("/")[0]
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return url.startswith("http:") and name not in {"localhost", "127.0.0.1", "[::1]"}


def _dataset(table: SettingsTable, partner: str, datasets: Mapping[str, tuple[str, tuple[str, ...]]]) -> str | None:
    if not table.offers("dataset"):
        return None
    name = known(table, "dataset", table.text("dataset"), datasets, "dataset")
    owner, formats = datasets[name]
    if owner != partner or "stix" not in formats:
        raise table.wrong("dataset", f"a data set of {partner} with the format stix", name)
    return str(name)
