"""Where a hub's ledger lies, by what name it goes, and whose signatures make it one to rely on."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from accord.ledger.checkpoints import MAX_ORIGIN_BYTES
from accord.ledger.notes import SignatureType, SigningKey, parse_signing_key
from accord.ledger.policies import MAX_POLICY_BYTES, Policy, parse_policy
from accord.vocabulary.errors import MalformedError, SettingsError
from accord.workspace.keys import KEY_BYTES, kept_secret
from accord.workspace.regular import open_regular, unreadable
from accord.workspace.settings import SettingsTable

FOLDER = "ledger"
"""In the workspace: what anybody may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPlace:
    """A hub's ledger as its settings name it."""

    origin: str
    """The log's name, which no other log has."""
    key_file: Path
    policy_file: Path
    folder: Path
    hub: str = ""
    """The hub's name, for the public page."""
    contact: str = ""


def read_ledger(settings: SettingsTable, hub: UUID) -> LedgerPlace:
    """What `[ledger]` of a workspace's settings says, or what goes without saying. Raises SettingsError."""
    root = settings.file.resolve().parent
    origin, key, policy = f"accord/{hub}", "ledger.key", "ledger.policy"
    if settings.offers("ledger"):
        table = settings.table("ledger")
        origin = table.optional_text("origin") or origin
        key = table.optional_text("key_file") or key
        policy = table.optional_text("policy_file") or policy
        if not origin.isprintable() or {" ", "+"} & {*origin} or len(origin.encode()) > MAX_ORIGIN_BYTES:
            raise table.wrong("origin", "a name of the log without spaces and +, such as fusion.example/ledger", origin)
        table.done()
    name, contact = "", ""
    if settings.offers("hub"):
        about = settings.table("hub")
        name, contact = about.optional_text("name") or "", about.optional_text("contact") or ""
    return LedgerPlace(
        origin=origin,
        key_file=root / key,
        policy_file=root / policy,
        folder=root / FOLDER,
        hub=name,
        contact=contact,
    )


def ledger_key(place: LedgerPlace, *, make: bool = False) -> SigningKey:
    """The key that signs the log; with `make` made if there is none.

    Raises SettingsError, UnreadableError, OutputError.
    """

    def new() -> bytes:
        seed = secrets.token_bytes(KEY_BYTES)
        return f"{SigningKey(name=place.origin, type=SignatureType.ED25519, seed=seed).export()}\n".encode()

    text = kept_secret(place.key_file, what="The ledger's key", make=new if make else None)
    try:
        key = parse_signing_key(text.decode("utf-8").removesuffix("\n"))
    except (MalformedError, UnicodeDecodeError) as error:
        raise SettingsError(
            "The ledger's key file holds something else.",
            where=str(place.key_file),
            expected="a line PRIVATE+KEY+<name>+<id>+<base64>",
            remedy="restore the key: with a new one the log is another log",
        ) from error
    if key.name != place.origin or key.type is not SignatureType.ED25519:
        raise SettingsError(
            "The ledger's key is of another log.",
            where=str(place.key_file),
            expected=f"a key of {place.origin}, as [ledger] origin says",
            got=f"a key of {key.name}",
            remedy="a log keeps its name and its key for ever: set origin back",
        )
    return key


def ledger_policy(place: LedgerPlace, key: SigningKey) -> Policy:
    """The policy that the hub's own checkpoints must satisfy; made, without a witness, if there is none.

    Raises SettingsError when it does not list the hub's own log, UnreadableError, OutputError.
    """
    first = f"# Whose signatures the ledger needs: docs/ledger.md\nlog {key.verifier}\nquorum none\n".encode()
    text = read_policy_file(place)
    if text is None:
        # no secret, but made in the same way: whole or not at all
        text = kept_secret(place.policy_file, what="The ledger's policy", make=lambda: first)
    try:
        policy = parse_policy(text)
    except SettingsError as error:
        raise SettingsError(
            error.what, where=f"{place.policy_file}: {error.where or ''}".rstrip(": "), expected=error.expected,
            got=error.got, remedy=error.remedy,
        ) from error  # fmt: skip
    if all(log.key != key.verifier for log in policy.logs):
        raise SettingsError(
            "The ledger's policy does not list the hub's own log.",
            where=str(place.policy_file),
            expected=f"a line `log {key.verifier}`",
        )
    return policy


def read_policy_file(place: LedgerPlace) -> bytes | None:
    """The policy as it was written; None: there is no file. Raises UnreadableError."""
    try:
        with open_regular(place.policy_file) as file:
            return file.read(MAX_POLICY_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(error, place.policy_file, "The ledger's policy cannot be read.") from error
