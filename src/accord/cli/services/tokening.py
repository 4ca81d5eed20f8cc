"""What a person meets of tokens: the words around `access.tokens`."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from accord.access.tokens import Scope, Token, admit_certificate, make_token, revoke_token, tokens
from accord.agreements.register import load_register
from accord.cli.reasons import demand_no_value
from accord.cli.register.registering import opened
from accord.cli.terminal import say, say_json, show_table, talk
from accord.vocabulary.errors import SettingsError
from accord.workspace.regular import open_regular, unreadable

_LONGEST_NAME = 100
_LONGEST_PEM = 1 << 16


def make_one(folder: Path, partner: str, name: str, scopes: Sequence[str], days: int, *, as_json: bool) -> None:
    """Make a token, and print its secret this once."""
    now = datetime.now(UTC)
    asked = [scope_of(one) for one in scopes]
    name = _named(name)
    with changing(folder) as connection:
        holder = load_register(connection).partner(partner, "PARTNER")
        token, secret = make_token(
            connection,
            holder,
            name,
            asked,
            draw=secrets.token_bytes,
            at=now,
            expires_at=now + timedelta(days=days),
        )
    if as_json:
        say_json(_told(token, now) | {"token": secret})
        return
    say(secret)
    talk(f"token {token.id} of {partner}, until {token.expires_at:%Y-%m-%d}: it is shown this once")


def admit_one(
    folder: Path, partner: str, name: str, scopes: Sequence[str], days: int, certificate: Path, *, as_json: bool
) -> None:
    """Make a token for which a certificate stands."""
    now = datetime.now(UTC)
    asked = [scope_of(one) for one in scopes]
    name = _named(name)
    der, ends_at = _read_certificate(certificate)
    if ends_at <= now:
        raise SettingsError("The certificate has ended.", where=str(certificate), got=f"{ends_at:%Y-%m-%d %H:%M} UTC")
    with changing(folder) as connection:
        holder = load_register(connection).partner(partner, "PARTNER")
        token = admit_certificate(
            connection,
            holder,
            name,
            asked,
            der,
            draw=secrets.token_bytes,
            at=now,
            expires_at=min(now + timedelta(days=days), ends_at),
        )
    if as_json:
        say_json(_told(token, now))
        return
    say(f"Certificate {token.certificate} stands for token {token.id} of {partner}, until {token.expires_at:%Y-%m-%d}.")
    talk("it counts where [serve] of the settings names proxies and their certificate_header (docs/serving.md)")


def list_all(folder: Path, *, as_json: bool) -> None:
    """List the tokens that were made."""
    now = datetime.now(UTC)
    with opened(folder) as database, database.reading() as connection:
        found = tokens(connection)
    if as_json:
        say_json([_told(one, now) for one in found])
    elif not found:
        say("None yet. `accord token make PARTNER --name NAME` makes one.")
    else:
        show_table(
            [(word, False) for word in ("token", "partner", "name", "may", "until", "")],
            [
                (
                    one.id,
                    one.partner,
                    one.name,
                    ", ".join(sorted(one.scopes)),
                    f"{one.expires_at:%Y-%m-%d}",
                    _stands(one, now),
                )
                for one in found
            ],
        )


def revoke_one(folder: Path, name: str) -> None:
    """Let a token open nothing from now on."""
    with changing(folder) as connection:
        token = revoke_token(connection, name, datetime.now(UTC))
    say(f"Token {token.id} of {token.partner} opens nothing any more.")


@contextmanager
def changing(folder: Path) -> Iterator[Connection]:
    """A connection that writes, in its turn."""
    with opened(folder) as database:
        database.take_turn()
        with database.writing() as connection:
            yield connection


def _named(name: str) -> str:
    """What a token is for. Raises SettingsError."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise SettingsError(
            "A token needs a name.", where="--name", expected=f"words, at most {_LONGEST_NAME} characters", got=name
        )
    # it stands in the log of consultations at every look
    demand_no_value(name, "--name")
    return name.strip()


def _read_certificate(file: Path) -> tuple[bytes, datetime]:
    """A certificate's DER, and its end. Raises SettingsError, UnreadableError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        with open_regular(file) as opened_file:
            found = x509.load_pem_x509_certificate(opened_file.read(_LONGEST_PEM))
    except OSError as error:
        raise unreadable(
            error, file, "The certificate cannot be read.", expected="an X.509 certificate in PEM"
        ) from error
    except ValueError:
        raise SettingsError(
            "This is no certificate.", where=str(file), expected="an X.509 certificate in PEM"
        ) from None
    return found.public_bytes(Encoding.DER), found.not_valid_after_utc


def scope_of(said: str) -> Scope:
    """What `--scope` says. Raises SettingsError."""
    try:
        return Scope(said)
    except ValueError as error:
        raise SettingsError("There is no such scope.", where="--scope", expected=", ".join(Scope), got=said) from error


def _stands(token: Token, at: datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    if not token.counts(at):
        return "expired"
    return "" if token.certificate is None else f"certificate {token.certificate[:8]}"


def _told(token: Token, at: datetime) -> dict[str, object]:
    return {
        "id": token.id,
        "partner": token.partner,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "made_at": token.made_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "revoked_at": None if token.revoked_at is None else token.revoked_at.isoformat(),
        "counts": token.counts(at),
        "certificate": token.certificate,
    }
