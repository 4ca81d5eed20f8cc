"""What a hub and its auditor see of the hub's own ledger: does everything agree, and what does each entry say?"""

import csv
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from accord.agreements.declarations import DatasetId
from accord.agreements.naming import public_name
from accord.agreements.register import documents_by_digest, load_register
from accord.cli.deliveries.kept import read_account
from accord.cli.kinds import LIST, taking
from accord.cli.ledgers.opening import opened_ledger, pages_of
from accord.cli.ledgers.verifying import DIFFERS
from accord.cli.releases.handed import handed_over, lost_releases, unknown_releases
from accord.cli.terminal import counted, progress_bar, say, say_json, show_error, show_table
from accord.columns.formulas import disarmed
from accord.formats.catalogue import FORMATS
from accord.journal.facts import AGREEMENT_KINDS, Fact, Kind
from accord.journal.keeping import Ledger
from accord.journal.reconciling import MAX_LIST_BYTES, Difference, Line, compare, read_list
from accord.journal.verifying import VerifiedLedger, verify_ledger
from accord.operations.declaration import read_workspace
from accord.release.audit import Audited, Missing, Received, entries, missing
from accord.release.disclosures import disclosures
from accord.vocabulary.errors import LedgerError, SettingsError
from accord.workspace.keys import hub_key
from accord.workspace.store import open_workspace

COLUMNS = ("number", "date", "kind", "partner", "dataset", "country", "purpose", "marking", "count", "digest", "refers",
    "records", "title", "document")  # fmt: skip


def verify(folder: Path, *, as_json: bool) -> int:
    """Say whether all of a hub's ledger agrees; the exit code. Raises AccordError."""
    with opened_ledger(folder) as ledger, progress_bar() as follow:
        found = verify_ledger(ledger, pages=pages_of(ledger), follow=follow)
    if as_json:
        say_json(
            {
                "entries": found.entries,
                "published": None if found.checkpoint is None else found.checkpoint.size,
                "witnesses": list(found.witnesses),
                "opened": found.opened,
                "page_is_behind": found.page_is_behind,
                "faults": [{"where": one.where, "what": one.what, "to_do": one.remedy} for one in found.faults],
            }
        )
    else:
        _tell(found)
    return LedgerError.exit_code if found.faults else 0


def _tell(found: VerifiedLedger) -> None:
    published = 0 if found.checkpoint is None else found.checkpoint.size
    say(
        f"{counted(found.entries, 'entry', 'entries')} in the database, "
        f"{published:,} published, {found.opened:,} opened"
    )
    say(f"cosigned by: {', '.join(found.witnesses) or 'no witness'}")
    if found.page_is_behind:
        say("the public page is behind: `accord ledger publish` brings it up, and so does `accord serve`")
    for one in found.faults:
        say(f"{one.where}: {one.what}\n  to do: {one.remedy}")
    say("All of it agrees." if not found.faults else f"{counted(len(found.faults), 'fault')}: see above.")


def audit(folder: Path, *, as_json: bool) -> int:
    """Say what each entry says, and what ledger and books have that the other has not; the exit code."""
    with opened_ledger(folder) as ledger:
        workspace = open_workspace(folder)
        code = _standing(ledger)
        # folders first: who delivers meanwhile has an entry that is looked at after
        folders = (*workspace.deliveries(), *workspace.withdrawn())
        deliveries = [Received(dataset=one.dataset, sha256=one.sha256) for one in folders]
        lying = handed_over(workspace.root)
        with ledger.database.reading() as connection:
            said = list(entries(connection))
            found = missing(connection, said, deliveries)
            known = disclosures(connection)
    found += tuple(Missing(side="ledger", what=what) for _, what in unknown_releases(lying, known))
    found += tuple(Missing(side="books", what=what) for what in lost_releases(workspace.root, known))
    if as_json:
        say_json(
            {
                "entries": [_row(one) for one in said],
                "missing": [{"lacks": one.side, "what": one.what} for one in found],
            }
        )
    else:
        _show(said)
        say("")
        _show_missing(found)
    return code or (DIFFERS if found else 0)


def _standing(ledger: Ledger) -> int:
    """The exit code that it comes to when database and files tell two histories, which is said; what each has is told
    all the same."""
    try:
        ledger.verify_standing()
    except LedgerError as error:
        show_error(error)
        return error.exit_code
    return 0


def _show_missing(found: tuple[Missing, ...]) -> None:
    for side, words in (
        ("ledger", "The books have, the ledger has not:"),
        ("books", "The ledger has, the books have not:"),
    ):
        rows = [one.what for one in found if one.side == side]
        if rows:
            say(words)
            for row in rows:
                say(f"  {row}")
    if not found:
        say("Ledger and books say the same.")


def show_list(folder: Path, partner: str | None, *, as_csv: bool, as_json: bool) -> None:
    """The entries, of one partner or of all, with what they say."""
    with opened_ledger(folder) as ledger, ledger.database.reading() as connection:
        said = [
            one
            for one in entries(connection)
            if partner is None or (one.fact is not None and one.fact.partner == partner)
        ]
        if partner is not None and not said:
            load_register(connection).partner(partner, "--partner")
        about = {one.fact.agreement for one in said if one.fact is not None and one.fact.kind in AGREEMENT_KINDS}
        documents = documents_by_digest(connection, about)
    if not as_csv and not as_json:
        _show(said)
        return
    known = _known(folder, documents)
    rows = [_row(one) | known.of(one.fact) for one in said]
    if as_json:
        say_json([row | {"closed": one.why or None} for row, one in zip(rows, said, strict=True)])
    else:
        safe = {
            name: disarmed(pa.array([str(row[name] or "") for row in rows], pa.string())).to_pylist()
            for name in ("dataset", "title")
        }
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row, dataset, title in zip(rows, safe["dataset"], safe["title"], strict=True):
            cells = (row | {"dataset": dataset, "title": title}).values()
            writer.writerow(["" if cell is None else cell for cell in cells])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the hub knows of entries beside the ledger, for the partner that they are about."""

    titles: Mapping[tuple[str, str], str]
    """Of data sets, by their partner and their name in the ledger."""
    records: Mapping[tuple[str, str], int]
    """Of deliveries that are still there, by data set's name in the ledger and SHA-256."""

    documents: Mapping[str, Mapping[str, str]]
    """Of agreements, by the digests of their entries."""

    def of(self, fact: Fact | None) -> dict[str, object]:
        """How many records a delivery had, and what its own partner calls the data set; nobody else is told. Of an
        agreement the document."""
        if fact is None or fact.kind is not Kind.DELIVERY:
            agreed = {} if fact is None else self.documents.get(fact.agreement, {})
            signed = None if fact is None or fact.kind not in AGREEMENT_KINDS else agreed.get(fact.digest)
            return {"records": None, "title": None, "document": signed}
        return {
            "records": self.records.get((fact.dataset, fact.digest)),
            "title": self.titles.get((fact.partner, fact.dataset)),
            "document": None,
        }


def _known(folder: Path, documents: Mapping[str, Mapping[str, str]]) -> _Known:
    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    key = hub_key(declared.hub.key_file)
    names = {one.id: public_name(one, key) for one in declared.datasets}
    records = {}
    for one in (*workspace.deliveries(), *workspace.withdrawn()):
        account = read_account(one)
        if one.dataset in names and isinstance(account.get("records"), int):
            records[names[DatasetId(one.dataset)], one.sha256] = int(str(account["records"]))
    titles = {(str(one.partner.id), names[one.id]): one.title for one in declared.datasets}
    return _Known(titles=titles, records=records, documents=documents)


def _show(said: list[Audited]) -> None:
    show_table(
        (("entry", True), ("when", False), ("what", False), ("whom", False), ("data set", False), ("count", True)),
        [
            (one.number, f"{one.fact.at:%Y-%m-%d}", one.fact.kind, _whom(one.fact), one.fact.dataset, _count(one.fact))
            if one.fact is not None
            else (one.number, "", f"closed: {one.why}", "", "", "")
            for one in said
        ],
    )


def _whom(fact: Fact) -> str:
    return " ".join(word for word in (fact.partner, fact.country) if word)


def _count(fact: Fact) -> int | str:
    return "" if fact.count is None else fact.count


def _row(one: Audited) -> dict[str, object]:
    fact = one.fact
    if fact is None:
        return dict.fromkeys(COLUMNS) | {"number": one.number}
    return {
        "number": one.number,
        "date": f"{fact.at:%Y-%m-%d}",
        "kind": fact.kind.value,
        "partner": fact.partner,
        "dataset": fact.dataset,
        "country": fact.country,
        "purpose": None if fact.purpose is None else fact.purpose.value,
        "marking": None if fact.marking is None else fact.marking.value,
        "count": fact.count,
        "digest": fact.digest,
        "refers": fact.refers,
    }


def reconcile(hub: Path, partners: list[str], recipients: list[str], *, as_json: bool) -> int:
    """Hold the hub's list against partners' and recipients' own; the exit code. Raises AccordError.

    Theirs are named `FILE`, or `FILE=ID` with the partner's id.
    """
    if not partners and not recipients:
        raise SettingsError(
            "Nothing would be compared: the hub's list is the only one.",
            where="--partner, --recipient",
            expected="at least one list that somebody else keeps (docs/ledger.md)",
        )
    ours = _read(hub)
    found: list[Difference] = []
    for files, kind in ((partners, Kind.DELIVERY), (recipients, Kind.DISCLOSURE)):
        for file in files:
            place, whose = _whose(file)
            theirs = _read(place)
            with taking((place, LIST)):
                found += compare(ours, theirs, kind, whose)
    if as_json:
        say_json([{"what": one.what, "hub": _place(one.hub), "theirs": _place(one.theirs)} for one in found])
    elif not found:
        say("The lists say the same.")
    else:
        for one in found:
            line = one.hub or one.theirs
            say(f"{line.partner}: {line.kind} {line.digest} {line.dataset}".rstrip() if line else "")
            say(f"  {one.what}: {', '.join(each.place for each in (one.hub, one.theirs) if each is not None)}")
        say(counted(len(found), "difference"))
    return DIFFERS if found else 0


def _whose(said: str) -> tuple[Path, str | None]:
    """A list's file, and whose it is where that is said. A file of that very name is taken as it is."""
    file, parting, whose = said.rpartition("=")
    if not parting or not file or not whose or Path(said).exists():
        return Path(said), None
    return Path(file), whose


def _place(line: Line | None) -> dict[str, object] | None:
    if line is None:
        return None
    day = None if line.day is None else line.day.isoformat()
    return {
        "place": line.place,
        "partner": line.partner,
        "kind": line.kind.value,
        "digest": line.digest,
        "dataset": line.dataset,
        "date": day,
        "count": line.count,
    }


def _read(file: Path) -> tuple[Line, ...]:
    from accord.workspace.regular import read_small

    with taking((file, LIST)):
        return read_list(read_small(file, MAX_LIST_BYTES), str(file))
