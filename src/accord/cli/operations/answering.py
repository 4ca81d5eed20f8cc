"""What a person meets who takes in outcomes: the words around `operations.outcomes`."""

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import typer

from accord.access.consultations import Processing, record
from accord.access.tokens import Scope, holder
from accord.agreements.declarations import PartnerId
from accord.cli.acting import Actor, log
from accord.cli.deliveries.settling import working
from accord.cli.hub import OpenHub, opened_hub
from accord.cli.ledgers.opening import opened_ledger, publish
from accord.cli.terminal import COMPLETE_WITH_REFUSED, counted, say, say_json, show_table, talk
from accord.journal import book
from accord.operations.outcome_files import EXPLANATIONS, MAX_BYTES, read_outcomes
from accord.operations.outcomes import Answer, Recorded, Reject, Standing, history, record_outcomes, standing
from accord.vocabulary.errors import SettingsError
from accord.workspace.regular import open_regular, unreadable

STANDARD_INPUT = "-"
"""A token that is not to be seen in the list of processes is read from there."""

_SHOWN = 20
"""Rejected rows that a person is shown; --json has all."""


def take_outcomes(
    folder: Path, file: Path, partner: str | None, token: str | None, actor: Actor, *, as_json: bool
) -> None:
    """Take in a file of outcomes with its entries and its row in the log of consultations. Raises AccordError.

    Of `partner` and `token` one says who sent it. Leaves by exit code 3 when rows were rejected and none was taken.
    """
    if (partner is None) == (token is None):
        raise SettingsError("It is not said who sent it.", expected="one of --from and --token")
    answer = read_outcomes(_read(file), str(file))
    with opened_hub(folder, to_write=True) as hub, working(hub.workspace, hub.database):
        if partner is None:
            partner = _holder(hub, sys.stdin.readline().strip() if token == STANDARD_INPUT else token or "")
        sender = hub.register.partner(partner, "--from")
        recorded = take_answer(hub, sender, answer, actor)
    if as_json:
        say_json(answer_told(answer, recorded))
    else:
        _tell(partner, recorded)
    if recorded.rejected and not recorded.accepted:
        raise typer.Exit(COMPLETE_WITH_REFUSED)


def take_answer(hub: OpenHub, partner: PartnerId, answer: Answer, actor: Actor) -> Recorded:
    """Take in what a partner says, with its entries and its row in the log; the workspace must be held.

    Raises AccordError.
    """
    hub.ledger.verify_standing()
    with hub.database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        recorded = record_outcomes(connection, partner, answer, at=at, draw=secrets.token_bytes)
        if recorded.new:
            record(
                connection,
                Processing.COLLECTION,
                person=actor.person,
                justification=actor.justification or f"outcomes of {partner}",
                object=f"outcomes {answer.digest}",
                recipients=[],
                now=at,
            )
    if recorded.new:
        publish(hub.ledger, datetime.now(UTC))
    return recorded


def _holder(hub: OpenHub, token: str) -> str:
    """Whose answer it is. Raises SettingsError, which quotes nothing of the token."""
    with hub.database.reading() as connection:
        found = holder(connection, token, book.moment(connection, datetime.now(UTC)))
    if found is None or Scope.REPORT not in found.scopes:
        raise SettingsError(
            "By this token nobody may report.",
            where="--token",
            expected="the token of a mail that was sent in the last 180 days, and that was not revoked",
            remedy="`accord token list` lists what was made; --from says who sent it where you know otherwise",
        )
    return found.partner


def _read(file: Path) -> bytes:
    try:
        with open_regular(file) as opened:
            # one more than may be: so that it is known to be too large
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise unreadable(error, file, expected="CSV, or a message with it, that may be read") from error


def answer_told(answer: Answer, recorded: Recorded) -> dict[str, object]:
    """What became of an answer, as JSON."""
    return {
        "sha256": answer.digest,
        "records": recorded.records,
        "accepted": recorded.accepted,
        "new": recorded.new,
        "ignored": recorded.ignored,
        "rejected": len(recorded.rejected),
        "done_for_the_first_time": recorded.done,
        "entries": list(recorded.entries),
        "rejects": [
            {"line": one.line, "column": one.column, "reason": one.reason.value, "text": one.text}
            for one in recorded.rejected
        ],
    }


def _tell(partner: str, recorded: Recorded) -> None:
    say(
        f"{counted(recorded.records, 'row')} of {partner}: {recorded.accepted:,} taken "
        f"({recorded.new:,} new), {recorded.ignored:,} not filled in, {len(recorded.rejected):,} rejected."
    )
    if recorded.new:
        say(f"{counted(recorded.done, 'finding')} done for the first time. {_entered(recorded.entries)}")
    elif recorded.accepted:
        say("All of it was said before: nothing changes.")
    if recorded.rejected:
        show_table(
            [("line", True), ("column", False), ("why", False), ("what stands there", False)],
            [_row(one) for one in recorded.rejected[:_SHOWN]],
            wide=True,
        )
        if len(recorded.rejected) > _SHOWN:
            talk(f"and {len(recorded.rejected) - _SHOWN:,} more: --json has all")


def _entered(entries: range) -> str:
    if len(entries) == 1:
        return f"Entered in the ledger as entry {entries[0]}."
    return f"Entered in the ledger as entries {entries[0]} to {entries[-1]}."


def _row(one: Reject) -> tuple[object, ...]:
    return (str(one.line or ""), one.column or "", EXPLANATIONS[one.reason], one.text.replace("\n", " "))


def list_outcomes(
    folder: Path, partner: str | None, operation: str | None, actor: Actor, *, whole: bool, as_json: bool
) -> None:
    """`accord outcome list`."""
    asked = None if partner is None else PartnerId(partner)
    about = " ".join(one for one in ("outcomes", partner, operation) if one)
    with opened_ledger(folder) as ledger:
        log(ledger.database, actor, Processing.CONSULTATION, [about], now=datetime.now(UTC))
        with ledger.database.reading() as connection:
            found = [*(history if whole else standing)(connection, partner=asked, operation=operation)]
    if as_json:
        say_json([_standing(one) for one in found])
    elif not found:
        say("Nothing was reported yet. `accord outcome import` takes in what a recipient sends.")
    else:
        show_table(
            [("finding", False), ("from", False), ("outcome", False), ("date", False), ("note", False)],
            [
                (one.finding.hex()[:16], one.partner, one.outcome.value, one.day.isoformat(), one.note or "")
                for one in found
            ],
            wide=True,
        )


def _standing(one: Standing) -> dict[str, object]:
    return {
        "finding_id": one.finding.hex(),
        "partner": one.partner,
        "outcome": one.outcome.value,
        "date": one.day.isoformat(),
        "note": one.note,
        "received_at": one.received_at.isoformat(),
        "sha256": one.source,
        "line": one.line,
    }
