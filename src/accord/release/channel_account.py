"""The account of what a channel's member was disclosed, which it holds against the ledger and against what it polled.

    {
      "version": "accord-channel-account/v1",
      "log": "fusion.example/ledger",
      "channel": "infected-th",
      "partner": "csirt-th",
      "disclosures": [
        {"id": "...", "entries": [17], "objects": ["observed-data--... 2026-11-27T10:00:00.000Z", ...]}
      ],
      "openings": "accord-opened/v1\\nentry 17\\n..."
    }

`objects` is the list that the entries commit to by its SHA-256, a line each; null: the hub keeps it no longer.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import msgspec

from accord.agreements.declarations import PartnerId
from accord.journal.facts import NAMES, Kind
from accord.ledger.commitments import verify_opened
from accord.release.channels import ChannelId
from accord.vocabulary.errors import MalformedError, UnprovenError

MAX_ACCOUNT_BYTES = 1 << 30

NO_VERSION = "-"
"""What stands for the version of an object that has none."""

_PROVING = frozenset({"kind", "partner", "digest"})
"""What an entry must say for a list to be proven."""

_OF_NO_FINDING = frozenset({"identity", "marking-definition"})
"""Objects that tell of no finding: they may be put again for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDisclosure:
    """What was put into a channel at once, as one member is told of it."""

    id: UUID
    entries: tuple[int, ...]
    objects: tuple[str, ...] | None

    @property
    def digest(self) -> str | None:
        """SHA-256 of the list, in hex."""
        return None if self.objects is None else digest_of(self.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAccount:
    """All disclosures to a member of a channel, with what opens their entries."""

    version: Literal["accord-channel-account/v1"] = "accord-channel-account/v1"
    log: str
    channel: ChannelId
    partner: PartnerId
    disclosures: tuple[ToldDisclosure, ...]
    openings: str
    """`accord-opened/v1` (docs/ledger.md), in ASCII."""

    def encode(self) -> bytes:
        """Its only spelling: JSON, every key, in this order, indented by two spaces."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @property
    def entries(self) -> tuple[int, ...]:
        """The numbers of its entries in the ledger, ascending."""
        return tuple(sorted(number for one in self.disclosures for number in one.entries))


def parse_account(data: bytes) -> ChannelAccount:
    """Read an account; nothing of it is verified. Raises MalformedError."""
    try:
        account = msgspec.json.decode(data, type=ChannelAccount)
        spelled = account.encode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedError(
            "This is no account of a channel.", expected="accord-channel-account/v1", got=str(error)[:300]
        ) from error
    if spelled != data or len({*account.entries}) != len(account.entries):
        raise MalformedError("The account of a channel is spelled otherwise.", expected="docs/channels.md")
    if len({one.id for one in account.disclosures}) != len(account.disclosures):
        raise MalformedError("The account of a channel names a disclosure twice.", expected="each disclosure once")
    for one in account.disclosures:
        if not one.entries:
            # nothing would hold its list against the ledger
            raise MalformedError(
                "The account of a channel names a disclosure without an entry.",
                where=f"disclosure {one.id}",
                expected="the numbers of its entries in the ledger: nothing is disclosed without one",
            )
    return account


def digest_of(lines: Iterable[str]) -> str:
    """What entries commit to: the SHA-256 of a list of objects, sorted, each line with its end, in hex."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(lines)).encode()).hexdigest()


def verify_account(account: ChannelAccount, entries: Mapping[int, bytes]) -> dict[int, dict[str, str]]:
    """What an account opens of each of its entries, which were verified to be the log's.

    A field that was destroyed is missing there. Raises MalformedError, and UnprovenError when an entry says something
    else: of another partner, another kind, or of another list of objects.
    """
    opened = {
        number: {name: value.decode("utf-8", "replace") for name, value in fields.items()}
        for number, fields in verify_opened(account.openings.encode("ascii", "replace"), entries).items()
    }
    for one in account.disclosures:
        for number in one.entries:
            said = opened.setdefault(number, {})
            for name, expected in (("kind", Kind.DISCLOSURE), ("partner", account.partner), ("digest", one.digest)):
                if name in said and expected is not None and said[name] != expected:
                    raise UnprovenError(
                        "The ledger's entry says something else than the account.",
                        where=f"entry {number}: {name}",
                        expected=str(expected),
                        got=said[name],
                        remedy="ask the hub for the account again; if it stays so, tell whoever supervises the hub",
                    )
    return opened


def closed_fields(opened: Mapping[str, str]) -> tuple[str, ...]:
    """The fields of an entry that the account does not open: what opened them was destroyed, or is kept back."""
    return tuple(name for name in NAMES if name not in opened)


def proven(one: ToldDisclosure, opened: Mapping[int, Mapping[str, str]]) -> bool:
    """Do a disclosure's entries say that it is this list, and whose?"""
    return one.objects is not None and not any(_PROVING.intersection(closed_fields(opened[n])) for n in one.entries)


@dataclass(slots=True)
class Polled:
    """What a member has polled: by object, its versions; values, networks and families aside, which no list names."""

    versions: dict[str, set[str]] = field(default_factory=dict)
    revoked: set[tuple[str, str]] = field(default_factory=set)

    def add(self, data: bytes, where: str) -> None:
        """Take the objects of a TAXII envelope, a STIX bundle, or what `accord channel poll --json` prints.

        Raises MalformedError.
        """
        try:
            found = msgspec.json.decode(data, type=_Envelope | list[_Shown])
            objects = found.objects if isinstance(found, _Envelope) else [one.object for one in found]
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise MalformedError(
                "These are no polled objects.",
                where=where,
                expected="a TAXII envelope, a STIX bundle, or what `accord channel poll --json` prints",
                got=str(error)[:300],
                remedy="keep the answers of polls as they come, a file for each page",
            ) from error
        for one in objects:
            kind = one.id.partition("--")[0]
            if kind == "malware" or (one.modified is None and kind != "marking-definition"):
                continue
            version = one.modified if one.modified is not None else NO_VERSION
            self.versions.setdefault(one.id, set()).add(version)
            if one.revoked:
                self.revoked.add((one.id, version))

    def holds(self, line: str) -> bool:
        """Was an object of a list polled, in that version or in one that came later?"""
        name, _, version = line.partition(" ")
        return any(one >= version for one in self.versions.get(name, ()))


class _Thing(msgspec.Struct):
    id: str
    modified: str | None = None
    revoked: bool = False


class _Shown(msgspec.Struct):
    object: _Thing


class _Envelope(msgspec.Struct):
    objects: list[_Thing] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a member polled, held against the lists of what was disclosed to it."""

    held: Mapping[UUID, tuple[str, ...]]
    """By disclosure, the lines of its list that the member has."""
    missing: Mapping[UUID, tuple[str, ...]]
    """By disclosure, those that it has not."""
    unknown: tuple[str, ...]
    """What the member has and no list names."""


def compare_polled(disclosures: Sequence[ToldDisclosure], polled: Polled) -> Compared:
    """Hold what was polled against the lists that are proven.

    A revoked version is in no list: its recall has an entry of its own. Nothing is unknown where a list is lost.
    """
    held: dict[UUID, tuple[str, ...]] = {}
    missing: dict[UUID, tuple[str, ...]] = {}
    listed: set[str] = set()
    for one in disclosures:
        lines = one.objects or ()
        listed.update(lines)
        held[one.id] = tuple(line for line in lines if polled.holds(line))
        missing[one.id] = tuple(line for line in lines if not polled.holds(line))
    names = {line.partition(" ")[0] for line in listed}
    unknown = [
        f"{name} {version}"
        for name, versions in polled.versions.items()
        for version in versions
        if f"{name} {version}" not in listed
        and name.partition("--")[0] not in _OF_NO_FINDING
        and not ((name, version) in polled.revoked and name in names)
    ]
    whole = all(one.objects is not None for one in disclosures)
    return Compared(held=held, missing=missing, unknown=tuple(sorted(unknown)) if whole else ())
