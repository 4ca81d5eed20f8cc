"""What a person meets when a package is looked at, verified and opened: the words around `release.package`."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from accord.cli.kinds import HANDOVER, KEYS, PACKAGE, POLICY_KIND, taking
from accord.cli.terminal import counted, say, say_json, show_table
from accord.ledger.policies import MAX_POLICY_BYTES, Policy, parse_policy
from accord.release.package.keys import make_keys, read_keys
from accord.release.package.manifest import Manifest, Statement
from accord.release.package.opening import RECEIPT, open_package, verify_package
from accord.release.package.reading import Proven, opened_file, read_package
from accord.vocabulary.errors import SettingsError


def make(name: str, out: Path) -> None:
    """Make a recipient's keys, and print the public lines as the hub's `[[partner]]` takes them."""
    keys = make_keys(out, name, draw=secrets.token_bytes)
    say(f'age = "{keys.age}"')
    say(f'receipts = "{keys.receipts.verifier}"')


def show(file: Path, *, as_json: bool) -> None:
    """What a package says of itself."""
    with taking((file, PACKAGE)), opened_file(file) as opened:
        package = read_package(opened, str(file))
    numbers = [one.number for one in package.entries]
    if as_json:
        say_json(
            {"manifest": _plain(package.manifest), "digest": package.digest, "entries": numbers, "proven": None},
        )
        return
    _tell(package.manifest)
    say(f"Ledger: {package.manifest.statement.ledger}, {_entries(numbers)}; not proven yet")


def verify(file: Path, handover: Path, policy: Path, *, as_json: bool) -> None:
    """That a package stands in the ledger."""
    with taking((file, PACKAGE), (handover, HANDOVER)):
        verified = verify_package(file, handover, read_policy(policy))
    if as_json:
        say_json({
            "manifest": _plain(verified.manifest),
            "digest": verified.digest,
            "entries": list(verified.entries),
            "proven": {
                "size": verified.proven.checkpoint.size,
                "root": verified.proven.checkpoint.root.hex(),
                "cosigned": {name: _time(posix_s).isoformat() for name, posix_s in verified.proven.cosigned},
            },
        })  # fmt: skip
        return
    _tell(verified.manifest)
    _tell_proven(verified.manifest.statement.ledger, verified.entries, verified.proven)


def open_(file: Path, handover: Path, keys: Path, policy: Path, out: Path) -> None:
    """Open a package and sign its receipt."""
    with taking((file, PACKAGE), (handover, HANDOVER), (keys, KEYS)):
        own, trusted = read_keys(keys), read_policy(policy)
        opened = open_package(file, handover, keys=own, policy=trusted, out=out, now=datetime.now(UTC))
    _tell(opened.manifest)
    _tell_proven(opened.manifest.statement.ledger, opened.disclosed.entries, opened.proven)
    say(f"Opened: {counted(opened.manifest.content.files, 'file')} in {out / 'content'}")
    say(f"Send {out / RECEIPT} back to {opened.manifest.statement.hub.contact}")


def read_policy(path: Path) -> Policy:
    """The policy that a recipient relies on. Raises SettingsError, UnreadableError."""
    with taking((path, POLICY_KIND)):
        with opened_file(path) as file:
            data = file.read(MAX_POLICY_BYTES + 1)
        try:
            return parse_policy(data)
        except SettingsError as error:
            where = f"{path}, {error.where}" if error.where else str(path)
            raise SettingsError(
                error.what, where=where, expected=error.expected, got=error.got, remedy=error.remedy
            ) from error


def _tell(manifest: Manifest) -> None:
    """A manifest in words, its marking first."""
    said = manifest.statement
    say(said.marking.label)
    if said.simulated:
        say("SIMULATED DATA: nothing in it is real.")
    say(f"Package {said.package}")
    for name, value in _lines(said):
        say(f"  {name}: {value}")
    for value in said.handling.words:
        say(f"  handling: {value}")
    content = manifest.content
    say(f"  content: {counted(content.files, 'file')}, {counted(content.bytes, 'byte')} before sealing")
    say("")
    show_table(
        [("data set", False), ("origin", False), ("marking", False), ("findings", True)],
        [(one.name, one.origin.value, one.marking.label, one.findings) for one in said.datasets],
    )
    say("")


def _lines(said: Statement) -> list[tuple[str, str]]:
    lines = [
        ("from", f"{said.hub.name} ({said.hub.contact})"),
        ("for", f"{said.recipient.name} ({said.recipient.partner}), {said.country}"),
    ]
    if said.recipient.persons:
        lines.append(("for these persons alone", ", ".join(said.recipient.persons)))
    if said.operation is not None:
        lines.append(("operation", f"{said.operation.title} ({said.operation.name})"))
    lines += [("made", f"{said.made_at:%Y-%m-%d %H:%M} UTC"), ("purpose", said.purpose.value)]
    agreements = sorted({name for one in said.datasets for name in one.agreements})
    if agreements:
        lines.append(("under", ", ".join(agreements)))
    return [*lines, ("findings", f"{said.findings:,}")]


def _tell_proven(ledger: str, numbers: tuple[int, ...], proven: Proven) -> None:
    size = proven.checkpoint.size
    say(f"Ledger: {ledger}, {_entries(numbers)}; proven by its checkpoint of {counted(size, 'entry', 'entries')}")
    for name, posix_s in proven.cosigned:
        say(f"  cosigned by {name} on {_time(posix_s):%Y-%m-%d %H:%M} UTC")
    if not proven.cosigned:
        say("  cosigned by nobody: your policy asks for no witness")


def _entries(numbers: tuple[int, ...] | list[int]) -> str:
    return f"{'entry' if len(numbers) == 1 else 'entries'} {', '.join(map(str, numbers))}"


def _time(posix_s: int) -> datetime:
    # a time that no calendar holds is a witness's, and said as the last one that does
    return datetime.fromtimestamp(min(posix_s, 253_402_300_799), UTC)


def _plain(manifest: Manifest) -> object:
    return msgspec.to_builtins(manifest)
