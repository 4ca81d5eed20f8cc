"""`accord ledger check`: a whole log verified by its files and a policy, without a hub, a workspace or a database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accord.cli.kinds import (
    CHECKPOINT_KIND,
    HANDOVER,
    LEDGER,
    PACKAGE,
    WORKSPACE,
    described,
    kind_at,
    taking,
)
from accord.cli.releases.packages import read_policy
from accord.cli.terminal import counted, progress_bar, say, say_json, show_table, talk
from accord.journal.checking import EVIDENCE, Checked, check_log
from accord.journal.figures import Bounds, Figures, encode_figures
from accord.journal.files import CHECKPOINT, POLICY, LedgerFiles, LedgerReader
from accord.ledger.checkpoints import parse_checkpoint
from accord.ledger.notes import MAX_NOTE_BYTES, Note, parse_note
from accord.ledger.policies import MAX_POLICY_BYTES, Policy, parse_policy
from accord.ledger.reading import TiledTree
from accord.ledger.tree import leaf_hash
from accord.vocabulary.errors import SettingsError, UnprovenError, UnreadableError
from accord.workspace.regular import read_small

if TYPE_CHECKING:
    from accord.cli.channels.account import CheckedAccount
    from accord.cli.ledgers.paging import Paged


DIFFERS = 1
"""Exit code when two sides were compared and something differs, as diff(1) has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a member of a channel checks."""

    account: Path | None
    objects: tuple[Path, ...]
    own: Path | None
    """Where to what it polled is written as a list."""


def check(
    place: str,
    policy_file: Path | None,
    against: Path | None,
    packages: Sequence[Path],
    member: Member,
    proofs: Sequence[Path],
    *,
    as_json: bool,
) -> int:
    """Check a log, a folder or a URL, and what else is given; say what holds; the exit code. Raises AccordError."""
    if member.account is None and (member.objects or member.own):
        raise SettingsError(
            "What was polled is held against what the hub says that it disclosed.",
            where="--objects" if member.objects else "--list",
            expected="--account FILE",
            remedy="the hub writes it by `accord channel account`",
        )
    if len(packages) % 2:
        raise SettingsError(
            "A package comes with its handover.",
            expected="PACKAGE HANDOVER, as often as you like",
            got=" ".join(map(str, packages)),
        )
    # catalogues and templates take half a second to load, which no other command on the ledger waits for
    from accord.cli.ledgers.paging import check_pages
    from accord.cli.ledgers.proven import demand_proven, tell_proven

    with _opened(place) as log:
        policy = _policy(log, policy_file)
        seen = None if against is None else _note(against)
        with progress_bar() as follow:
            checked = check_log(log, policy, against=seen, follow=follow)
        pages = {} if checked.published is None else check_pages(log, checked)
        tree = TiledTree(checked.checkpoint.size, checked.checkpoint.root, log.read_tile)
        pairs = list(zip(packages[::2], packages[1::2], strict=True))
        standing = [_demand_standing(package, handover, policy, tree) for package, handover in pairs]
        proven = [demand_proven(file, policy, tree) for file in proofs]
        held = None if member.account is None else _held(member, member.account, log, checked, tree)
    if as_json:
        said = _content(checked, standing, pages)
        said |= {"proofs": [one.content() for one in proven]} if proven else {}
        say_json(said if held is None else said | {"account": held.content()})
    else:
        tell_proven(proven)
        _tell(checked, compared=seen is not None, standing=standing, held=held, pages=pages)
    return DIFFERS if held is not None and held.differs else 0


def _held(member: Member, account: Path, log: LedgerReader, checked: Checked, tree: TiledTree) -> "CheckedAccount":
    from accord.cli.channels.account import check_account, write_own_list

    held = check_account(account, member.objects, log, checked.checkpoint.origin, tree)
    if member.own is not None:
        write_own_list(held, member.own)
    return held


@contextmanager
def _opened(place: str) -> Iterator[LedgerReader]:
    if place.startswith(("http://", "https://")):
        from accord.journal.fetching import FetchedLedger

        with FetchedLedger(place) as log:
            if log.read(CHECKPOINT, MAX_NOTE_BYTES) is None:
                raise UnreadableError(
                    "This is no ledger, or nothing was published of it yet.",
                    where=place,
                    expected="a URL under which there is a file `checkpoint`",
                    remedy=f"the ledger of a hub that runs `accord serve` is at {place.rstrip('/')}/ledger",
                )
            yield log
        return
    folder = Path(place)
    if not folder.exists():
        raise UnreadableError("There is no such folder.", where=place, expected="a ledger's folder, or its URL",
            remedy="name the folder `ledger` of a workspace, or https://HOST/ledger",
        )  # fmt: skip
    # a log whose files are gone in part is one all the same: what is missing is then told
    if not any((folder / name).exists() for name in (CHECKPOINT, POLICY, "tile")):
        found = kind_at(folder)
        if found is WORKSPACE:
            remedy = f"name its ledger: {folder / 'ledger'}"
        else:
            remedy = "name the folder of a ledger" if found is None else found.taken_by
        raise UnreadableError(
            "This is no ledger, or nothing was published of it yet.",
            where=place,
            expected=f"{LEDGER.looks}, or its URL",
            got=described(folder),
            remedy=remedy,
        )
    yield LedgerFiles(folder)


def _policy(log: LedgerReader, file: Path | None) -> Policy:
    if file is not None:
        return read_policy(file)
    data = log.read(POLICY, MAX_POLICY_BYTES)
    if data is None:
        raise UnreadableError("The log has no policy beside it.", where=log.where(POLICY), remedy="name one: --policy")
    talk(
        "warning: without --policy the log's own file `policy` says whose signatures count; nobody vouches for it.\n"
        "  to do: compare its keys with those that you were given otherwise, keep a copy, and name it with --policy"
    )
    return parse_policy(data)


def _note(path: Path) -> Note:
    with taking((path, CHECKPOINT_KIND)):
        note = parse_note(read_small(path, MAX_NOTE_BYTES))
        parse_checkpoint(note.text)
        return note


def _demand_standing(package: Path, handover: Path, policy: Policy, tree: TiledTree) -> tuple[Path, tuple[int, ...]]:
    """The numbers of a package's entries, which stand in this very log. Raises UnprovenError as whatever verifies."""
    from accord.release.package.opening import verify_package
    from accord.release.package.reading import opened_file, read_package

    with taking((package, PACKAGE), (handover, HANDOVER)):
        verified = verify_package(package, handover, policy)
    with opened_file(package) as file:
        entries = read_package(file, str(package)).entries
    for one in entries:
        if one.number >= tree.size:
            raise UnprovenError(
                "The log is shorter than the package proves.",
                where=f"{package}: entry {one.number}",
                expected=f"at least {one.number + 1:,} entries",
                got=f"{tree.size:,}",
                remedy=f"the handover holds the checkpoint that contradicts it: {EVIDENCE}",
            )
        if tree.node(0, one.number) != leaf_hash(one.entry):
            raise UnprovenError(
                "The log has another entry than the one that the package proves.",
                where=f"{package}: entry {one.number}",
                remedy=f"the handover holds the checkpoint that contradicts it: {EVIDENCE}",
            )
    return package, verified.entries


def _tell(
    checked: Checked,
    *,
    compared: bool,
    standing: Sequence[tuple[Path, tuple[int, ...]]],
    held: "CheckedAccount | None",
    pages: Mapping[str, "Paged"],
) -> None:
    figures = checked.figures
    say(f"{checked.checkpoint.origin}: {counted(figures.size, 'entry', 'entries')}, each verified")
    cosigned = ", ".join(checked.witnesses) or "no witness, and the policy asks for none"
    say(f"  signed by the log, and by {cosigned}")
    say(f"  opened for everybody: {figures.opened:,}; not yet, or no longer, and so closed: {figures.closed:,}")
    if checked.published is None:
        say("  the log publishes no figures")
    elif checked.published == figures.size:
        say("  its published figures are the same as those below")
    else:
        say(f"  its published figures, of the first {checked.published:,} entries, are right")
    for how in dict.fromkeys(pages.values()):
        names = ", ".join(name for name, one in pages.items() if one is how)
        say(f"  {names}: {how.words}")
    if compared:
        say("  the checkpoint that you kept is one of its history")
    for package, numbers in standing:
        say(f"  {package}: {counted(len(numbers), 'entry', 'entries')} ({', '.join(map(str, numbers))}) in this log")
    for line in () if held is None else held.told:
        say(f"  {line}")
    show_figures(figures)


def show_figures(figures: Figures) -> None:
    """The figures as tables, year by year."""
    for year in figures.years:
        if year.held:
            say("")
            show_table(
                (("data set", False), ("origin", False), ("deliveries", True), ("records", True)),
                [(one.dataset, one.origin, one.deliveries, between(one.records)) for one in year.held],
                title=f"{year.year}: taken in",
            )
        if year.kept:
            say("")
            show_table(
                (("data set", False), ("origin", False), ("records", True)),
                [(one.dataset, one.origin, between(one.records)) for one in year.kept],
                title=f"{year.year}: held at its end, or by now",
            )
        if year.passed:
            say("")
            show_table(
                (("country", False), ("purpose", False), ("marking", False), ("disclosures", True), ("records", True)),
                [(one.country, one.purpose, one.marking, one.disclosures, between(one.records)) for one in year.passed],
                title=f"{year.year}: passed on (a disclosure for each data set in it)",
            )
        if year.given_out:
            say("")
            show_table(
                (("data set", False), ("origin", False), ("publications", True), ("addresses", True)),
                [(one.dataset, one.origin, one.publications, between(one.records)) for one in year.given_out],
                title=f"{year.year}: check data (an address counts in each publication)",
            )
        if year.done:
            say("")
            show_table(
                (("country", False), ("purpose", False), ("reports", True), ("findings", True)),
                [(one.country, one.purpose, one.reports, between(one.records)) for one in year.done],
                title=f"{year.year}: reported as done",
            )
        if year.taken_out:
            say("")
            show_table(
                (("data set", False), ("what happened", False), ("entries", True), ("records", True)),
                [(one.dataset, one.kind, one.entries, between(one.records)) for one in year.taken_out],
                title=f"{year.year}: erased, or taken out of use, whenever it was taken in",
            )
        if year.happened:
            say("")
            show_table(
                (("what happened", False), ("entries", True), ("records", True)),
                [(one.kind, one.entries, between(one.records) if one.records.most else "") for one in year.happened],
                title=f"{year.year}: what else happened",
            )


def between(bounds: Bounds) -> str:
    """A number within its bounds: `1,240`, `1,240 to 1,258`."""
    if bounds.least == bounds.most:
        return f"{bounds.least:,}"
    return f"{bounds.least:,} to {bounds.most:,}"


def _content(
    checked: Checked, standing: Sequence[tuple[Path, tuple[int, ...]]], pages: Mapping[str, "Paged"]
) -> dict[str, object]:
    import json

    return {
        "log": checked.checkpoint.origin,
        "size": checked.checkpoint.size,
        "root": checked.checkpoint.root.hex(),
        "witnesses": list(checked.witnesses),
        "published_figures_of": checked.published,
        "pages": {name: how.value for name, how in pages.items()},
        "packages": [{"package": str(package), "entries": list(numbers)} for package, numbers in standing],
        "figures": json.loads(encode_figures(checked.figures, checked.checkpoint)),
    }
