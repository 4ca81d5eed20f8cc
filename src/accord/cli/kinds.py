"""What a file seems to be, of those that Accord makes itself: so that who gives a command another one is told which.

Only the beginning is looked at, and nothing is believed: whoever verifies a file reads it himself.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accord.journal.files import CHECKPOINT, POLICY
from accord.journal.proving import HEADER as OPENED_PROOF_HEADER
from accord.ledger.proofs import HEADER as PROOF_HEADER
from accord.release.notices import ACKNOWLEDGEMENT, RECALL
from accord.release.package.keys import AGE, RECEIPTS
from accord.release.receipts import VERSION as RECEIPT_VERSION
from accord.vocabulary.errors import LedgerError, SettingsError, UnprovenError, UnreadableError
from accord.workspace.regular import open_regular, unreadable
from accord.workspace.store import SETTINGS

_LOOKED_AT = 4096
_SHOWN = 40

_CHECKPOINT_TEXT = re.compile(r"[^\n]+\n(?:0|[1-9][0-9]{0,18})\n[A-Za-z0-9+/]{43}=\n")
_POLICY_LINE = re.compile(r"(?:log|witness|group|quorum)[ \t]")
_JSON_LIST = re.compile(r"\ufeff?\s*\[\s*[{\]]")
_TAR_MAGIC = slice(257, 262)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKind:
    """A kind of file or folder that Accord makes."""

    name: str
    looks: str
    """By what it is known."""
    taken_by: str
    """What it is for, in commands."""


PACKAGE = OwnKind(
    name="package",
    looks="an archive that begins with `manifest.json`, as `accord release make` makes it",
    taken_by="`accord package show`, `verify` and `open` take it",
)
HANDOVER = OwnKind(
    name="handover",
    looks="an archive that begins with `handover`: it lies beside the package",
    taken_by="`accord package verify` and `open` take it, after its package",
)
NOTICE = OwnKind(
    name="notice of a recall",
    looks=f"a signed text that begins with `{RECALL}`",
    taken_by="`accord package acknowledge` answers it; at the hub `accord recall acknowledge --by-hand` takes it",
)
ANSWER = OwnKind(
    name="answer to a notice of a recall",
    looks=f"a signed text that begins with `{ACKNOWLEDGEMENT}`, as `accord package acknowledge` writes it",
    taken_by="`accord recall acknowledge` takes it",
)
RECEIPT = OwnKind(
    name="receipt",
    looks=f"a signed text that begins with `{RECEIPT_VERSION}`, as `accord package open` writes it",
    taken_by="`accord release receipt` takes it",
)
CHECKPOINT_KIND = OwnKind(
    name="checkpoint",
    looks="a signed text of a log's name, its size and its root: the file `checkpoint` of a ledger",
    taken_by="`accord ledger check LOG --against` takes it",
)
POLICY_KIND = OwnKind(
    name="policy",
    looks="lines that begin with `log`, `witness`, `group` and `quorum`: the file `policy` of a ledger",
    taken_by="--policy takes it",
)
LIST = OwnKind(
    name="list to reconcile",
    looks="CSV with the columns partner, kind and digest, or the same as JSON",
    taken_by="`accord ledger reconcile` takes it",
)
OPENINGS = OwnKind(
    name="file of openings", looks="a text that begins with `accord-openings/v1`", taken_by="it lies beside an entry"
)
OPENED = OwnKind(
    name="file of published openings",
    looks="a text that begins with `accord-opened/v1`",
    taken_by="`accord ledger check` reads it in a ledger's folder",
)
ENTRY = OwnKind(
    name="entry of a ledger", looks="a text that begins with `accord-entry/v1`", taken_by="it goes with its proof"
)
PROOF = OwnKind(
    name="proof that an entry is in a ledger",
    looks=f"a text that begins with `{PROOF_HEADER}`, as `accord ledger prove` writes it",
    taken_by="it goes with its entry",
)
OPENED_PROOF = OwnKind(
    name="proof with openings",
    looks=f"a text that begins with `{OPENED_PROOF_HEADER}`: the receipt of a delivery, or of `accord ledger prove`",
    taken_by="`accord ledger check --proof` takes it",
)
SECRET = OwnKind(
    name="secret key", looks="as `accord package keys` makes it", taken_by="--keys takes its folder; keep it secret"
)
WORKSPACE = OwnKind(
    name="workspace", looks=f"a folder with `{SETTINGS}`", taken_by="--in takes it; its ledger is the folder `ledger`"
)
LEDGER = OwnKind(
    name="ledger",
    looks="a folder with `checkpoint` and `tile`, as `accord ledger publish` makes it",
    taken_by="`accord ledger check` takes it",
)
KEYS = OwnKind(
    name="folder of keys", looks=f"a folder with `{AGE}` and `{RECEIPTS}`", taken_by="--keys takes it; keep it secret"
)
RELEASED = OwnKind(
    name="folder of a release",
    looks="a folder with `package` and `handover`",
    taken_by="name the two files in it: `accord package verify package handover`",
)

_FIRST_LINES = {
    RECALL: NOTICE,
    ACKNOWLEDGEMENT: ANSWER,
    RECEIPT_VERSION: RECEIPT,
    PROOF_HEADER: PROOF,
    OPENED_PROOF_HEADER: OPENED_PROOF,
    "accord-openings/v1": OPENINGS,
    "accord-opened/v1": OPENED,
    "accord-entry/v1": ENTRY,
}
_MEMBERS = {b"manifest.json": PACKAGE, b"handover": HANDOVER}
_FOLDERS = (
    ({SETTINGS}, WORKSPACE),
    ({AGE, RECEIPTS}, KEYS),
    ({"notice", "entry"}, NOTICE),
    ({"package", "handover"}, RELEASED),
    ({CHECKPOINT, POLICY}, LEDGER),
)


def kind_at(path: Path) -> OwnKind | None:
    """What is there, if Accord makes such; None: something else. Raises OSError when it cannot be read."""
    if path.is_dir():
        return next((kind for names, kind in _FOLDERS if all((path / name).exists() for name in names)), None)
    return _kind_of(_beginning(path))


def described(path: Path) -> str:
    """What a person is told is there. Raises OSError when it cannot be read."""
    kind = kind_at(path)
    if kind is not None:
        return f"a {kind.name}" if kind.name[0] not in "aeiou" else f"an {kind.name}"
    if path.is_dir():
        return "a folder without it"
    data = _beginning(path)
    if not data:
        return "an empty file"
    line = data.split(b"\n", 1)[0][:_SHOWN].decode("utf-8", "replace")
    return f"a text that begins with {line!r}" if line.isprintable() and b"\0" not in data else "other bytes"


@contextmanager
def taking(*files: tuple[Path, OwnKind]) -> Iterator[None]:
    """Whoever fails to read one of these, because it is of another kind, is told which, and what takes that kind.

    Raises what was raised, in words that name the file.
    """
    try:
        yield
    except (LedgerError, SettingsError, UnreadableError) as error:
        for path, wanted in files:
            try:
                found = kind_at(path)
            except OSError:
                continue
            told = error.remedy is not None and not isinstance(error.__cause__, OSError)
            if found is None and error.where == str(path) and told:
                # it is told already, with what would help
                raise
            if found is not wanted:
                raise type(error)(
                    f"This is no {wanted.name}.",
                    where=str(path),
                    expected=wanted.looks,
                    got=described(path),
                    remedy=f"name another file: {wanted.taken_by}" if found is None else found.taken_by,
                ) from error
        for path, wanted in files:
            if isinstance(error.__cause__, OSError) and error.where == str(path):
                # nothing was read that could be damaged
                raise unreadable(
                    error.__cause__, path, f"The {wanted.name} cannot be read.", expected=wanted.looks
                ) from error
        if error.remedy is not None and (error.where is not None or len(files) != 1):
            raise
        remedy = "take it anew from whoever made it; if it is the same there, tell them"
        raise type(error)(
            error.what,
            where=str(files[0][0]) if error.where is None and len(files) == 1 else error.where,
            expected=error.expected,
            got=error.got,
            remedy=error.remedy or remedy,
        ) from error


@contextmanager
def signed_by(partner: str, path: Path) -> Iterator[None]:
    """Whoever verifies what a partner must have signed itself is told of which file, and whose key it must be."""
    try:
        yield
    except UnprovenError as error:
        raise UnprovenError(
            error.what,
            where=str(path) if error.where is None else f"{path}: {error.where}",
            expected=error.expected,
            got=error.got,
            remedy=f"it must be signed with the key that is registered as `receipts` of partner {partner}, over just "
            "what it was given: ask for it anew, or register its new key (`accord partner apply`)",
        ) from error


def _beginning(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(_LOOKED_AT)


def _kind_of(data: bytes) -> OwnKind | None:
    if data[_TAR_MAGIC] == b"ustar":
        return _MEMBERS.get(data[:100].rstrip(b"\0"))
    text = data.decode("utf-8", "replace")
    first, _, _ = text.partition("\n")
    if first in _FIRST_LINES:
        return _FIRST_LINES[first]
    if _CHECKPOINT_TEXT.match(text) is not None:
        return CHECKPOINT_KIND
    if first.startswith(("PRIVATE+KEY+", "AGE-SECRET-KEY-", "# public key: age1")):
        return SECRET
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if lines and _POLICY_LINE.match(lines[0].lstrip()) is not None:
        return POLICY_KIND
    if {"partner", "kind", "digest"} <= {each.strip('"') for each in first.removeprefix("\ufeff").strip().split(",")}:
        return LIST
    return LIST if _JSON_LIST.match(text) is not None else None
