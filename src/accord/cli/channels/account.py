"""What a channel's member is told so that it can check: written by the hub, verified by the member without the hub."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from accord.access.consultations import Processing
from accord.cli.acting import Actor, log
from accord.cli.hub import OpenHub, opened_hub
from accord.cli.ledgers.handing import write_new
from accord.cli.releases.handed import RELEASES
from accord.cli.terminal import counted, say
from accord.columns.formulas import disarmed
from accord.journal import book
from accord.journal.facts import Kind
from accord.journal.files import LedgerReader
from accord.journal.reconciling import COLUMNS
from accord.ledger.commitments import encode_opened
from accord.ledger.reading import TiledTree
from accord.ledger.tiles import TILE_WIDTH, EntryBundle
from accord.release.channel_account import (
    MAX_ACCOUNT_BYTES,
    ChannelAccount,
    Compared,
    Polled,
    ToldDisclosure,
    closed_fields,
    compare_polled,
    digest_of,
    parse_account,
    proven,
    verify_account,
)
from accord.release.channels import find_channel, load_channels
from accord.release.disclosures import Disclosure, disclosures
from accord.vocabulary.errors import SettingsError, UnprovenError, UnreadableError
from accord.workspace.regular import read_small

OBJECTS = "objects"
"""In a disclosure's folder, what was put into the channel: a line an object, with id and version."""


def write_account(folder: Path, name: str, partner: str, out: Path, actor: Actor, *, now: datetime) -> None:
    """Write the account of what a member, or who was one, found in a channel; logged before it is written."""
    with opened_hub(folder) as hub:
        if hub.ledger.place.folder.resolve() in out.resolve().parents:
            raise SettingsError(
                "What is in the ledger's folder is for everybody, and an account for its member alone.",
                where="--out",
                expected="a place outside it",
                got=str(out),
            )
        hub.ledger.verify_standing()
        with hub.database.reading() as connection:
            channel = find_channel(load_channels(connection), name)
            told = [
                one
                for one in disclosures(connection)
                if (one.channel, one.recipient) == (channel.id, partner) and one.handed_over_at is not None
            ]
            if not told and all(one.partner != partner for one in channel.members):
                raise SettingsError(
                    "The channel has no such member, and had none: nothing was disclosed to it.",
                    where="--to",
                    expected=", ".join(one.partner for one in channel.members) or "none",
                    got=partner,
                )
            kept = book.kept(connection, [number for one in told for number in one.entries])
        account = ChannelAccount(
            log=hub.ledger.place.origin,
            channel=channel.id,
            partner=told[0].recipient if told else next(o.partner for o in channel.members if o.partner == partner),
            disclosures=tuple(
                ToldDisclosure(id=one.id, entries=tuple(one.entries), objects=_listed(hub, one)) for one in told
            ),
            openings=encode_opened({one.number: one.openings for one in kept}).decode("ascii"),
        )
        log(
            hub.database,
            actor,
            Processing.CONSULTATION,
            [f"channel {channel.id}: account of {counted(len(told), 'disclosure')}"],
            recipients=[partner],
            now=now,
        )
    write_new(out, account.encode())
    say(f"{out}: {counted(len(told), 'disclosure')} to {partner}, of {counted(len(kept), 'entry', 'entries')}")


def _listed(hub: OpenHub, one: Disclosure) -> tuple[str, ...] | None:
    """The list that a disclosure's entries commit to; None: it is not kept any more. Raises UnreadableError."""
    path = hub.workspace.root / RELEASES / str(one.id) / OBJECTS
    if not path.exists():
        return None
    lines = tuple(path.read_text("ascii", "replace").splitlines())
    if digest_of(lines) != one.sealed:
        raise UnreadableError(
            "The list of what was put into a channel is not the one that the ledger's entries commit to.",
            where=str(path),
            expected=f"SHA-256 {one.sealed}",
            got=f"SHA-256 {digest_of(lines)}",
            remedy="restore it from the newest copy of the workspace",
        )
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAccount:
    """An account whose entries stand in a log, and what came of holding it against what was polled."""

    account: ChannelAccount
    opened: Mapping[int, Mapping[str, str]]
    compared: Compared | None
    """None: nothing polled was given."""

    @property
    def unproven(self) -> tuple[ToldDisclosure, ...]:
        """The disclosures whose list the ledger does not prove, be it that it is kept no longer."""
        return tuple(one for one in self.account.disclosures if not proven(one, self.opened))

    @property
    def differs(self) -> bool:
        """Has one side what the other has not, or is something said that the ledger does not prove?"""
        compared = self.compared
        if compared is None:
            return any(one.objects is not None for one in self.unproven)
        return bool(compared.unknown or any(compared.missing.values()) or self.unproven)

    @property
    def told(self) -> Iterator[str]:
        """In words, line by line."""
        account, compared = self.account, self.compared
        yield (
            f"channel {account.channel}: {counted(len(account.disclosures), 'disclosure')} to {account.partner}, "
            f"{counted(len(account.entries), 'entry', 'entries')} in this log"
        )
        for number, said in self.opened.items():
            if closed := closed_fields(said):
                yield (
                    f"entry {number}: this account does not open {', '.join(closed)}; ask the hub for the entry of the "
                    "erasure that destroyed what opens it"
                )
        for one in account.disclosures:
            if one.objects is None:
                yield f"disclosure {one.id}: the hub does not keep its list of objects any more"
            elif one in self.unproven:
                yield f"disclosure {one.id}: its entries do not prove the list of the account, which counts for nothing"
            elif compared is not None:
                yield (
                    f"disclosure {one.id}: {len(compared.held[one.id]):,} of "
                    f"{counted(len(one.objects), 'object')} polled"
                )
                yield from (f"  disclosed, and not polled: {line}" for line in compared.missing[one.id])
        if compared is not None:
            yield from (f"  polled, and in no disclosure: {line}" for line in compared.unknown)

    def content(self) -> dict[str, object]:
        """For programs."""
        compared = self.compared
        return {
            "channel": self.account.channel,
            "partner": self.account.partner,
            "entries": list(self.account.entries),
            "closed": {
                str(number): list(closed_fields(said)) for number, said in self.opened.items() if closed_fields(said)
            },
            "unproven": [str(one.id) for one in self.unproven],
            "disclosures": [
                {
                    "id": str(one.id),
                    "entries": list(one.entries),
                    "objects": None if one.objects is None else len(one.objects),
                    "not_polled": None if compared is None else list(compared.missing[one.id]),
                }
                for one in self.account.disclosures
            ],
            "in_no_disclosure": None if compared is None else list(compared.unknown),
        }


def check_account(
    file: Path, objects: Sequence[Path], log_: LedgerReader, origin: str, tree: TiledTree
) -> CheckedAccount:
    """Verify that an account's entries stand in a log, and hold it against what was polled. Raises AccordError."""
    account = parse_account(read_small(file, MAX_ACCOUNT_BYTES))
    if account.log != origin:
        raise UnprovenError(
            "The account is of another log.", where=str(file), expected=f"an account of {origin}", got=account.log
        )
    opened = verify_account(account, _entries(account.entries, log_, tree, str(file)))
    polled = Polled()
    for path in objects:
        polled.add(read_small(path, MAX_ACCOUNT_BYTES), str(path))
    lists = [one if proven(one, opened) else replace(one, objects=None) for one in account.disclosures]
    compared = compare_polled(lists, polled) if objects else None
    return CheckedAccount(account=account, opened=opened, compared=compared)


def _entries(numbers: Iterable[int], log_: LedgerReader, tree: TiledTree, where: str) -> dict[int, bytes]:
    """Some entries of a log, each verified to be in it."""
    found: dict[int, bytes] = {}
    bundle: list[bytes] = []
    first = -1
    for number in sorted(numbers):
        if not 0 <= number < tree.size:
            raise UnprovenError(
                "The log is shorter than the account says.",
                where=f"{where}: entry {number}",
                expected=f"at least {number + 1:,} entries",
                got=f"{tree.size:,}",
                remedy="check the newest copy of the log; if it stays so, tell whoever supervises the hub",
            )
        if number - number % TILE_WIDTH != first:
            first = number - number % TILE_WIDTH
            which = EntryBundle(index=first // TILE_WIDTH, width=min(TILE_WIDTH, tree.size - first))
            bundle = tree.entries(which, log_.read_bundle(which))
        found[number] = bundle[number - first]
    return found


def write_own_list(checked: CheckedAccount, out: Path) -> None:
    """Write what a member has polled as a list for `accord ledger reconcile`.

    The digests are those of what was polled; data set, date and count are what the ledger's entries say.
    """
    account, compared = checked.account, checked.compared
    if compared is None:
        raise SettingsError(
            "What you received is told by the objects that you polled.", where="--list", expected="--objects FILE"
        )
    rows: list[Sequence[str]] = []
    for one in account.disclosures:
        for number in one.entries:
            said = checked.opened[number]
            digest = said.get("digest", "") if one in checked.unproven else digest_of(compared.held[one.id])
            title = disarmed(pa.array([said.get("dataset", "")], pa.string())).to_pylist()[0]
            rows.append(
                (account.partner, Kind.DISCLOSURE, digest, title, said.get("at", "")[:10], said.get("count", ""))
            )
    if compared.unknown:
        rows.append((account.partner, Kind.DISCLOSURE, digest_of(compared.unknown), "", "", ""))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_new(out, text.getvalue().encode())
