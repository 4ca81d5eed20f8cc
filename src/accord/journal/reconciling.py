"""Lists held against each other: what a hub says that it took from or gave to somebody, and what they say themselves.

    partner,kind,digest,dataset,date,count
    vendor,delivery,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,Infected machines,2026-11-27,1240

CSV with these columns in any order, or a JSON list of objects with these keys. `dataset`, `date` and `count` may be
empty: then nothing is said of them. Other columns are passed over. A list without lines says that there was nothing.

A hub's list may have three columns more. `records` is how many a delivery had, of which `count` were accepted: whoever
sent it may count either. `title` is what the partner itself calls the data set, where the ledger's name tells nothing.
`document` is what was signed, where `digest` commits to more of an agreement than that: a partner may list either.
"""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from accord.journal.facts import TAKES_BACK, Kind
from accord.vocabulary.errors import UnreadableError

COLUMNS = ("partner", "kind", "digest", "dataset", "date", "count")
_HUB_COLUMNS = ("records", "title", "document")
MAX_LIST_BYTES = 256 << 20
SLACK_DAYS = 1
"""Days by which two dates of one thing may differ: it is sent in one place and taken in in another."""

_FORM = f"CSV with the columns {', '.join(COLUMNS)}, or a JSON list of objects with these keys"
_REMEDY = "`accord ledger list --csv` writes such a list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was handed over, as a list has it."""

    place: str
    """File and line, or record."""
    partner: str
    kind: Kind
    digest: str
    """Of what was handed over, SHA-256 in hex."""
    dataset: str
    day: date | None
    count: int | None
    records: int | None = None
    """A hub's line: how many the delivery had, accepted or not; None: it is not said."""
    title: str = ""
    """A hub's line: what its partner calls the data set; empty: it is not said."""
    document: str = ""
    """A hub's line about an agreement: the document's SHA-256; empty: it is not said, or `digest` is it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one list has and the other has not, or has otherwise."""

    hub: Line | None
    theirs: Line | None
    what: str
    """In words."""


def read_list(data: bytes, name: str) -> tuple[Line, ...]:
    """Read a list; `name` is the file's. Raises UnreadableError, which names the line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            "A list is no text.", where=f"{name}: byte {error.start}", expected="UTF-8", remedy=_REMEDY
        ) from error
    if text.lstrip().startswith("["):
        return tuple(_line(row, f"{name}: record {at}") for at, row in enumerate(_objects(text, name), start=1))
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    lines = []
    try:
        if not {"partner", "kind", "digest"} <= {*(reader.fieldnames or ())}:
            raise UnreadableError(
                "A list lacks columns.", where=name, expected=_FORM, got=text[:100].split("\n")[0], remedy=_REMEDY
            )
        for row in reader:
            lines.append(_line(row, f"{name}: line {reader.line_num}"))
    except csv.Error as error:
        raise UnreadableError(
            "A list is no CSV.", where=f"{name}: line {reader.line_num}", got=str(error), remedy=_REMEDY
        ) from error
    return tuple(lines)


def compare(
    hub: Sequence[Line], theirs: Sequence[Line], main: Kind, whose: str | None = None
) -> tuple[Difference, ...]:
    """What the hub's list and somebody's own have otherwise, of this somebody.

    Compared are the kind that matters (`main`) and every other one of which they list anything. What the hub takes back
    counts as not listed. `whose`: the partner's id; None: the one that each line names. A list without lines says that
    there was nothing. Raises UnreadableError when their list is of several partners, of another, or of nobody knows
    whom.
    """
    partners = {one.partner for one in theirs} | ({whose} if whose else set())
    if len(partners) != 1:
        raise UnreadableError(
            "A partner's list is of one partner.", where=theirs[0].place if theirs else None,
            expected=f"{whose!r} in each line's `partner`" if whose else "the same id in each line's `partner`",
            got=", ".join(sorted(partners - {whose})) or "no line, and nobody says whose list it is",
            remedy="a list that says that there was nothing is named with its partner's id: FILE=ID",
        )  # fmt: skip
    (partner,) = partners
    kinds = {main, *(one.kind for one in theirs)}
    mine = [one for one in hub if one.partner == partner]
    ours = [one for one in _left(mine) if one.kind in kinds]
    documents = {one.digest: one.document for one in ours if one.document}
    groups: defaultdict[tuple[Kind, str], tuple[list[Line], list[Line]]] = defaultdict(lambda: ([], []))
    for side, lines in enumerate((ours, theirs)):
        for one in lines:
            groups[one.kind, documents.get(one.digest, one.digest)][side].append(one)
    return tuple(found for here, there in groups.values() for found in _matched(here, there))


def _left(hub: Sequence[Line]) -> list[Line]:
    """A hub's list without what it takes back: each line of such a kind for one that it takes back."""
    back = Counter((TAKES_BACK[one.kind], one.digest, one.dataset) for one in hub if one.kind in TAKES_BACK)
    left = []
    for one in hub:
        which = (one.kind, one.digest, one.dataset)
        if back[which]:
            back[which] -= 1
        else:
            left.append(one)
    return left


def _matched(hub: list[Line], theirs: list[Line]) -> Iterable[Difference]:
    """Lines of one kind and digest, paired: what is equal, then of one data set, then of none, then the rest."""
    alone, left = list(hub), list(theirs)
    for same in (_equal, _of_one_dataset, _of_any_dataset, _of_another_dataset):
        waiting, alone = alone, []
        for one in waiting:
            other = next((at for at, two in enumerate(left) if same(one, two)), None)
            if other is None:
                alone.append(one)
            else:
                yield from _otherwise(one, left.pop(other))
    yield from (Difference(hub=one, theirs=None, what="the hub has it, they have not") for one in alone)
    yield from (Difference(hub=None, theirs=one, what="they have it, the hub has not") for one in left)


def _equal(one: Line, other: Line) -> bool:
    return _of_one_dataset(one, other) and one.day == other.day and other.count in {one.count, one.records}


def _of_one_dataset(one: Line, other: Line) -> bool:
    return other.dataset == one.dataset or (other.dataset != "" and other.dataset == one.title)


def _of_any_dataset(one: Line, other: Line) -> bool:
    return not (one.dataset and other.dataset)


def _of_another_dataset(_one: Line, _other: Line) -> bool:
    return True


def _otherwise(hub: Line, theirs: Line) -> Iterable[Difference]:
    if hub.dataset and theirs.dataset and not _of_one_dataset(hub, theirs):
        yield Difference(hub=hub, theirs=theirs, what=f"the hub names it {hub.dataset}, they {theirs.dataset}")
    if hub.count is not None and theirs.count is not None and theirs.count not in {hub.count, hub.records}:
        of = "" if hub.records is None or hub.records == hub.count else f" of {hub.records:,} delivered"
        what = f"the hub counts {hub.count:,}{of}, they {theirs.count:,}"
        yield Difference(hub=hub, theirs=theirs, what=what)
    if hub.day is not None and theirs.day is not None and abs((hub.day - theirs.day).days) > SLACK_DAYS:
        yield Difference(hub=hub, theirs=theirs, what=f"the hub says {hub.day}, they {theirs.day}")


def _objects(text: str, name: str) -> list[Mapping[str, object]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("A list is no JSON.", where=name, got=str(error)[:200], remedy=_REMEDY) from error
    if not all(isinstance(row, dict) for row in content):
        raise UnreadableError("A list holds something else than records.", where=name, expected=_FORM, remedy=_REMEDY)
    return list(content)


def _line(row: Mapping[str, object], place: str) -> Line:
    said = {name: "" if row.get(name) is None else str(row[name]).strip() for name in (*COLUMNS, *_HUB_COLUMNS)}
    try:
        return Line(
            place=place,
            partner=said["partner"],
            kind=Kind(said["kind"]),
            digest=said["digest"].lower(),
            # how `accord ledger list --csv` keeps spreadsheets from running a title
            dataset=said["dataset"].removeprefix("'"),
            day=date.fromisoformat(said["date"][:10]) if said["date"] else None,
            count=int(said["count"]) if said["count"] else None,
            records=int(said["records"]) if said["records"] else None,
            title=said["title"].removeprefix("'"),
            document=said["document"].lower(),
        )
    except ValueError as error:
        raise UnreadableError(
            "A line of a list is not understood.", where=place, expected=_FORM,
            got=", ".join(f"{name} {said[name][:80]!r}" for name in ("kind", "date", "count", "digest")),
            remedy=f"kinds are {', '.join(Kind)}; dates 2026-11-27; counts whole numbers",
        ) from error  # fmt: skip
