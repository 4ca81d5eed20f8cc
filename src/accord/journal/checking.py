"""Checking a whole log by its files alone: no hub is asked, and nobody is believed but the keys of a policy.

Every entry, every tile and every published opening is looked at once, in the order of the log and a few bundles at a
time, so that a log of any length fits into memory.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from accord.journal.figures import FIGURES, MAX_FIGURES_BYTES, Figures, Tally, differences, figures_of, published_size
from accord.journal.files import CHECKPOINT, LedgerReader, opened_path
from accord.ledger.checkpoints import Checkpoint, parse_checkpoint
from accord.ledger.commitments import verify_opened
from accord.ledger.notes import Note, verify_note
from accord.ledger.policies import Policy
from accord.ledger.reading import TiledTree
from accord.ledger.tiles import TILE_WIDTH, EntryBundle, bundles_of_growth
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError, UnreadableError

Follow = Callable[[str, int, int], None]
"""What is being done, how far, of how much."""

EVIDENCE = (
    "keep both checkpoints: each is signed by the log, and together they prove what it did. Give copies to the "
    "witnesses, to the other partners and to whoever supervises the hub, and rely on nothing in this log before it is "
    "explained"
)
"""What to do with two heads of a log that contradict each other."""

_AHEAD = 16
"""Bundles that are read at a time, for each file that is best read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What holds of a log, after all of it was looked at."""

    checkpoint: Checkpoint
    note: Note
    witnesses: tuple[str, ...]
    """Those of the policy that have cosigned the checkpoint."""
    figures: Figures
    published: int | None
    """Of how many entries the log's own figures tell, which are the same; None: it has published none."""
    told: Figures
    """Those that the log's own figures tell."""
    told_at: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What was read of one bundle."""

    bundle: EntryBundle
    packed: bytes
    hashes: bytes
    opened: bytes | None


def check_log(log: LedgerReader, policy: Policy, *, against: Note | None, follow: Follow) -> Checked:
    """Check all of a log, and that a checkpoint seen earlier (`against`) is one of this history.

    Raises UnreadableError when a file is missing or the log was published anew meanwhile, MalformedError and
    UnprovenError for whatever does not hold.
    """
    checkpoint, note, witnesses = read_head(log, policy)
    told = log.read(FIGURES, MAX_FIGURES_BYTES)
    size = checkpoint.size if told is None else published_size(told)
    tree = TiledTree(checkpoint.size, checkpoint.root, log.read_tile)
    if against is not None:
        demand_prefix(tree, note, against, policy)
    if size > checkpoint.size:
        raise UnprovenError(
            "The published figures are of more entries than the log has.", where=log.where(FIGURES),
            expected=f"at most {checkpoint.size:,}", got=f"{size:,}",
        )  # fmt: skip
    tally, later = Tally(), Tally()
    for number, values in opened_entries(log, tree, follow):
        (tally if number < size else later).add(values)
    told_at = Checkpoint(origin=checkpoint.origin, size=size, root=tree.root_of(size))
    told_figures = _figures(log, tally, size, told)
    if told is not None:
        _demand_figures(log, told, told_figures, told_at)
    tally.merge(later)
    return Checked(
        checkpoint=checkpoint,
        note=note,
        witnesses=witnesses,
        figures=_figures(log, tally, checkpoint.size, told),
        published=None if told is None else size,
        told=told_figures,
        told_at=told_at,
    )


def read_head(log: LedgerReader, policy: Policy) -> tuple[Checkpoint, Note, tuple[str, ...]]:
    """A log's checkpoint, verified by the policy, and the policy's witnesses that have cosigned it.

    Raises UnreadableError when there is none, MalformedError, UnprovenError.
    """
    note = log.checkpoint()
    if note is None:
        raise UnreadableError(
            "This is no ledger, or nothing was published of it yet.", where=log.where(CHECKPOINT),
            expected="a folder, or its URL, with a file `checkpoint`",
        )  # fmt: skip
    checkpoint, opened = policy.verify(note)
    signers = {one.key for one in opened.verified}
    return checkpoint, note, tuple(one.name for one in policy.witnesses if one.key in signers)


def demand_prefix(tree: TiledTree, note: Note, against: Note, policy: Policy) -> None:
    """Raise UnprovenError unless a checkpoint that the same log has signed is one of the tree's own history.

    Witnesses are not looked at: a log answers for whatever it has signed.
    """
    now, seen = parse_checkpoint(note.text), parse_checkpoint(against.text)
    keys = [log.key for log in policy.logs if log.key.name == now.origin]
    if seen.origin != now.origin or {one.key for one in verify_note(against, keys).verified}.isdisjoint(keys):
        raise UnprovenError(
            "The checkpoint to compare with is not one that this log has signed.",
            expected=f"a checkpoint of {now.origin}", got=f"one of {seen.origin}",
        )  # fmt: skip
    if seen.size > tree.size:
        raise UnprovenError(
            "The log is shorter than it was: it was cut back, or an old copy of it is shown.",
            expected=f"at least the {seen.size:,} entries that it has signed before", got=f"{tree.size:,} entries",
            remedy=f"see that this is the log's own address; if it is, {EVIDENCE}",
        )  # fmt: skip
    if tree.root_of(seen.size) != seen.root:
        raise UnprovenError(
            "The log has two histories: what it shows does not begin with what it has signed before.",
            where=f"the first {seen.size:,} entries", expected=f"root {seen.root.hex()}",
            got=f"root {tree.root_of(seen.size).hex()}", remedy=EVIDENCE,
        )  # fmt: skip


def opened_entries(log: LedgerReader, tree: TiledTree, follow: Follow) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Verify every tile, entry and opening; what is opened of each entry, in order. Raises as `check_log`."""
    ahead: dict[int, bytes] = {}

    def read_tile(level: int, index: int, width: int) -> bytes:
        return ahead[index] if level == 0 and index in ahead else log.read_tile(level, index, width)

    walked = TiledTree(tree.size, tree.root, read_tile, keep=TILE_WIDTH)
    for part in _parts(log, tree.size):
        ahead.clear()
        ahead[part.bundle.index] = part.hashes
        entries = walked.entries(part.bundle, part.packed)
        if part.opened is not None:
            first = part.bundle.index * TILE_WIDTH
            yield from _opened(log, part, dict(enumerate(entries, start=first)), tree.size)
        follow("entries", min((part.bundle.index + 1) * TILE_WIDTH, tree.size), tree.size)


def _opened(
    log: LedgerReader, part: _Part, entries: dict[int, bytes], size: int
) -> Iterator[tuple[int, dict[str, bytes]]]:
    where = log.where(opened_path(part.bundle.index))
    opened = part.opened or b""
    if part.bundle.width < TILE_WIDTH:
        # the log may have gone on since its checkpoint was read
        opened = _before(opened, size)
    try:
        yield from verify_opened(opened, entries).items()
    except LedgerError as error:
        raise type(error)(
            error.what, where=f"{where}: {error.where or ''}".rstrip(": "), expected=error.expected, got=error.got
        ) from error


def _before(opened: bytes, size: int) -> bytes:
    """Openings without those of entries from `size` on."""
    kept: list[bytes] = []
    for block in opened.split(b"\nentry "):
        number = block.partition(b"\n")[0]
        if kept and number.isdigit() and len(number) < 20 and int(number) >= size:
            return b"\nentry ".join(kept) + b"\n"
        kept.append(block)
    return opened


def _parts(log: LedgerReader, size: int) -> Iterator[_Part]:
    """What there is of each bundle, read ahead where that is quicker."""

    def read(bundle: EntryBundle) -> _Part:
        return _Part(
            bundle=bundle,
            packed=log.read_bundle(bundle),
            hashes=log.read_tile(0, bundle.index, bundle.width),
            opened=log.read_opened(bundle.index),
        )

    bundles = bundles_of_growth(0, size)
    if log.at_once == 1:
        yield from map(read, bundles)
        return
    with ThreadPoolExecutor(log.at_once) as pool:
        while some := list(islice(bundles, log.at_once * _AHEAD)):
            yield from pool.map(read, some)


def _figures(log: LedgerReader, tally: Tally, size: int, told: bytes | None) -> Figures:
    try:
        return figures_of(tally, size)
    except MalformedError:
        # what takes an entry back was opened with it, and read after it
        _demand_unchanged(log, told)
        raise


def _demand_unchanged(log: LedgerReader, told: bytes | None) -> None:
    if log.read(FIGURES, MAX_FIGURES_BYTES) != told:
        raise UnreadableError(
            "The log was published anew while it was read.", where=log.where(FIGURES), remedy="check it again"
        )


def _demand_figures(log: LedgerReader, told: bytes, figures: Figures, checkpoint: Checkpoint) -> None:
    wrong = differences(told, figures, checkpoint)
    if not wrong:
        return
    _demand_unchanged(log, told)
    raise UnprovenError(
        "The published figures are not what the log's openings add up to.",
        where=log.where(FIGURES),
        got="\n       ".join(wrong[:5]) + (f"\n       and {len(wrong) - 5:,} more" if len(wrong) > 5 else ""),
        remedy="check it again in a few minutes, the log may be about to be published; if it stays so, tell the hub "
        "and whoever supervises it",
    )
