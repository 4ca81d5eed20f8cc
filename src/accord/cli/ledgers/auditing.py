"""What a hub and its auditor see of the hub's own ledger: does everything agree, and what does each entry say?"""

import csv
import sys
from pathlib import Path

import pyarrow as pa

from accord.agreements.register import load_register
from accord.cli.kinds import LIST, taking
from accord.cli.ledgers.opening import opened_ledger, pages_of
from accord.cli.ledgers.verifying import DIFFERS
from accord.cli.releases.handed import handed_over, lost_releases, unknown_releases
from accord.cli.terminal import counted, progress_bar, say, say_json, show_error, show_table
from accord.columns.formulas import disarmed
from accord.journal.facts import Fact, Kind
from accord.journal.keeping import Ledger
from accord.journal.reconciling import MAX_LIST_BYTES, Difference, Line, compare, read_list
from accord.journal.verifying import VerifiedLedger, verify_ledger
from accord.release.audit import Audited, Missing, Received, entries, missing
from accord.release.disclosures import disclosures
from accord.vocabulary.errors import LedgerError, SettingsError
from accord.workspace.store import open_workspace

COLUMNS = ("number", "date", "kind", "partner", "dataset", "country", "purpose", "marking", "count", "digest", "refers")


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
    if as_json:
        say_json([_row(one) | {"closed": one.why or None} for one in said])
    elif as_csv:
        rows = [_row(one) for one in said]
        safe = disarmed(pa.array([str(row["dataset"] or "") for row in rows], pa.string())).to_pylist()
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row, dataset in zip(rows, safe, strict=True):
            writer.writerow(["" if cell is None else cell for cell in (row | {"dataset": dataset}).values()])
    else:
        _show(said)


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


def reconcile(hub: Path, partners: list[Path], recipients: list[Path], *, as_json: bool) -> int:
    """Hold the hub's list against partners' and recipients' own; the exit code. Raises AccordError."""
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
            found += compare(ours, _read(file), kind)
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
    from accord.cli.ledgers.verifying import read_small

    with taking((file, LIST)):
        return read_list(read_small(file, MAX_LIST_BYTES), str(file))
