"""What a person meets when check data is published: the words around `cli.check.publishing`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from accord.cli.acting import acting
from accord.cli.check.gathering import gather_check
from accord.cli.check.publishing import place_of_check, publish_check, withdraw
from accord.cli.hub import OpenHub, opened_hub
from accord.cli.ledgers.opening import publish
from accord.cli.operations.withholding import NO_RULE, kept_back
from accord.cli.places import reference_in_use
from accord.cli.readying import keep_memory
from accord.cli.releases.desk import desk
from accord.cli.releases.handing import hand_over_waiting, hub_of
from accord.cli.terminal import counted, progress_bar, say, say_json, show_table, talk
from accord.release.check_versions import (
    CheckSource,
    CheckVersion,
    check_versions,
    load_version,
    shown_version,
    sources_of_version,
)
from accord.vocabulary.errors import LedgerError

NOBODY = 1
"""Exit code when what was published tells nobody anything: whoever does it every day must see that."""


def publish_told(folder: Path, *, person: str | None, why: str | None, as_json: bool) -> None:
    """`accord check publish`."""
    keep_memory()
    now = datetime.now(UTC)
    with desk(folder, acting(person, why)) as one, progress_bar() as progress:
        hub = hub_of(one)
        made = publish_check(hub, one.actor, reference_in_use(), progress, now=now)
        handed = hand_over_waiting(one)
        lines = _kept_back(hub)
        with hub.database.reading() as connection:
            standing = load_version(connection, made.name) or made
            sources = sources_of_version(connection, made.name)
    if as_json:
        say_json(_told(standing, sources) | {"kept_back": list(lines)})
    else:
        for line in lines:
            talk(line)
        say(f"Check data {standing.name}: {counted(standing.addresses, 'address', 'addresses')}"
            f"{_mailboxes(standing)}, {standing.marking.label}.")  # fmt: skip
        if standing.refusal is not None:
            say(f"refused, and never shown: {standing.refusal}")
        elif standing.shown_at is not None:
            say("Published.")
    if handed.check.unwitnessed:
        try:
            handed.published.demand(standing.entries[-1])
        except LedgerError as error:
            talk(f"not published yet: {error.what} `accord serve`, or the next command, publishes it later")
            raise typer.Exit(error.exit_code) from None
    if not (standing.addresses or standing.mailboxes):
        talk(f"nobody is told anything: {_EMPTY}. Take a delivery in, then publish again")
        raise typer.Exit(NOBODY)


_EMPTY = "the check answers everybody that it cannot be told, because nothing is published"


def withdraw_told(folder: Path, *, person: str | None, why: str, as_json: bool) -> None:
    """`accord check withdraw`."""
    now = datetime.now(UTC)
    with desk(folder, acting(person, why)) as one:
        hub = hub_of(one)
        made = withdraw(hub, one.actor, now=now)
        publish(one.ledger, now)
    if as_json:
        say_json(None if made is None else _told(made, frozenset()))
    elif made is None:
        say("Nothing is published.")
    else:
        say(f"Nothing is told of anybody any more: {made.name} takes the place of {made.narrows}, which is destroyed.")
        talk(f"{_EMPTY}. Take the service off, if it is not to say even that")


def show_versions(folder: Path, *, as_json: bool) -> None:
    """`accord check show`."""
    with opened_hub(folder) as hub:
        place = place_of_check(hub)
        with hub.database.reading() as connection:
            found = check_versions(connection)
            standing = shown_version(connection)
            sources = {one.name: sources_of_version(connection, one.name) for one in found}
    if as_json:
        say_json([_told(one, sources[one.name]) for one in found])
        return
    if standing is None:
        say("No check data is published: `accord check publish` does it.")
    else:
        say(f"Published in {place.folder} since {_time(standing.shown_at)} UTC: {standing.name}, "
            f"{counted(standing.addresses, 'address', 'addresses')}{_mailboxes(standing)}, {standing.marking.label}, "
            f"from {counted(len(sources[standing.name]), 'delivery', 'deliveries')}.")  # fmt: skip
    if found:
        show_table(
            [("version", False), ("addresses", True), ("mail", True), ("entries", False), ("", False)],
            [
                (
                    one.name,
                    one.addresses,
                    one.mailboxes,
                    f"{one.entries.start}-{one.entries[-1]}" if len(one.entries) > 1 else str(one.entries.start),
                    one.state if one.refusal is None else f"refused: {one.refusal}",
                )
                for one in found
            ],
        )


def _kept_back(hub: OpenHub) -> Sequence[str]:
    """A line for each rule that keeps back whole data sets from which something came in."""
    with hub.database.reading() as connection:
        gathered = gather_check(hub, connection, place_of_check(hub), datetime.now(UTC))
    lines = kept_back(gathered.sheet, gathered.base, gathered.audience)
    return () if lines == (NO_RULE,) else lines


def _mailboxes(version: CheckVersion) -> str:
    return f" and {counted(version.mailboxes, 'mail address', 'mail addresses')}" if version.mailboxes else ""


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _told(one: CheckVersion, sources: frozenset[CheckSource]) -> dict[str, object]:
    return {
        "version": one.name,
        "state": one.state,
        "made_at": one.made_at.isoformat(),
        "shown_at": None if one.shown_at is None else one.shown_at.isoformat(),
        "gone_at": None if one.gone_at is None else one.gone_at.isoformat(),
        "refusal": one.refusal,
        "addresses": one.addresses,
        "mailboxes": one.mailboxes,
        "marking": one.marking.value,
        "digest": one.digest,
        "narrows": one.narrows,
        "recipient": one.recipient,
        "entries": list(one.entries),
        "sources": [{"dataset": each.dataset, "delivery": each.delivery} for each in sorted(sources)],
    }
