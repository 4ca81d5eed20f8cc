"""What a person meets when something is handed over: the words around `cli.releases.releasing`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import typer

from accord.cli.acting import acting
from accord.cli.ledgers.opening import opened_ledger
from accord.cli.operations.gathering import read_purpose
from accord.cli.places import reference_in_use
from accord.cli.readying import keep_memory
from accord.cli.releases.confirming import take_receipt
from accord.cli.releases.desk import desk
from accord.cli.releases.explaining import NOTHING_LEAVES
from accord.cli.releases.handed import HANDOVER, PACKAGE, handed_over, unknown_releases
from accord.cli.releases.handing import Handed, hand_over_waiting
from accord.cli.releases.releasing import make_release
from accord.cli.terminal import counted, progress_bar, say, say_json, show_table, talk
from accord.release.basis import persons_of
from accord.release.disclosures import Disclosure, disclosures, sources_of
from accord.vocabulary.errors import LedgerError, SettingsError


def release_made(
    folder: Path,
    file: Path,
    *,
    purpose: str | None,
    to: Sequence[str],
    person: str | None,
    why: str | None,
    as_json: bool,
) -> None:
    """`accord release make`."""
    keep_memory()
    actor, stated = acting(person, why), read_purpose(purpose)
    with desk(folder, actor) as one, progress_bar() as progress:
        made = make_release(one, file, purpose=stated, to=to, reference=reference_in_use(), progress=progress)
    if as_json:
        say_json(
            {
                "sealed": [told(each) for each in made.sealed],
                "released_before": [told(each) for each in made.known],
                "nothing_to_release": list(made.empty),
                "kept_back": {country: list(lines) for country, lines in made.empty.items()},
                **_handed(made.handed),
            }
        )
    else:
        for each in made.known:
            talk(f"released before, and passed over: {each.country} to {each.recipient} ({each.id})")
        for country, lines in made.empty.items():
            talk("\n  ".join([f"nothing for {country}: no finding may go to all of its recipients", *lines]))
        if made.empty:
            talk(f"more of a data set or a value: `accord release explain OBJECT --to PARTNER --operation {file} "
                 f"--in {folder}`")  # fmt: skip
        _tell(folder, made.handed)
    _leave(made.handed)
    if made.empty and not (made.sealed or made.known):
        raise typer.Exit(NOTHING_LEAVES)


def put(
    folder: Path,
    file: Path,
    channel: str,
    *,
    purpose: str | None,
    person: str | None,
    why: str | None,
    as_json: bool,
) -> None:
    """`accord release make --channel`."""
    # what STIX is written with is loaded by who needs it
    from accord.cli.channels.placing import put_into_channel

    keep_memory()
    actor, stated = acting(person, why), read_purpose(purpose)
    with desk(folder, actor) as one, progress_bar() as progress:
        done = put_into_channel(one, file, channel, purpose=stated, reference=reference_in_use(), progress=progress)
    if as_json:
        say_json(
            {
                "channel": done.channel.id,
                "objects": done.objects,
                "findings": done.findings,
                "disclosed": [told(each) for each in done.disclosures],
                "kept_back": list(done.kept_back),
                **_handed(done.handed),
            }
        )
    elif not done.disclosures:
        say("Nothing is new: all that its members may have is in the channel.")
        for line in done.kept_back:
            say(line)
        _tell_channels(folder, done.handed)
    else:
        members = ", ".join(each.recipient for each in done.disclosures)
        say(f"{counted(done.objects, 'object')} of {counted(done.findings, 'finding')} for {members}.")
        for line in done.kept_back:
            say(line)
        _tell_channels(folder, done.handed)
    _leave(done.handed)


def waiting_handed(folder: Path, *, person: str | None, as_json: bool) -> None:
    """`accord release hand-over`."""
    with desk(folder, acting(person, None)) as one:
        handed = hand_over_waiting(one)
    if as_json:
        say_json(_handed(handed))
    else:
        _tell(folder, handed)
    _leave(handed)


def receipt_taken(folder: Path, file: Path, *, person: str | None) -> None:
    """`accord release receipt`."""
    with desk(folder, acting(person, None)) as one:
        disclosure, new = take_receipt(one, file)
    if new:
        say(f"{disclosure.recipient} has opened {disclosure.id}: entered in the ledger.")
    else:
        say(f"The receipt for {disclosure.id} was taken in before.")


def listed(folder: Path, *, as_json: bool) -> None:
    """`accord release list`."""
    lying = handed_over(folder)
    with opened_ledger(folder) as ledger, ledger.database.reading() as connection:
        found = disclosures(connection)
    if as_json:
        say_json([told(one) for one in found])
    elif not found:
        say(f"Nothing was released yet. `accord release make OPERATION.toml --in {folder}` does.")
    else:
        _show(found, ("stands", _state))
    for _, what in unknown_releases(lying, found):
        talk(f"the database does not know {what} (`accord ledger audit`)")


def shown(folder: Path, name: str, *, as_json: bool) -> None:
    """`accord release show`."""
    with opened_ledger(folder) as ledger, ledger.database.reading() as connection:
        found = [one for one in disclosures(connection) if name and str(one.id).startswith(name.lower())]
        if len(found) != 1:
            raise SettingsError(
                "There is no such release." if not found else "Several releases begin like this.",
                where=str(folder),
                expected="a release's id, or enough of its beginning",
                got=name,
                remedy=f"`accord release list --in {folder}`",
            )
        (one,) = found
        sources = sources_of(connection, one.id)
        place = folder / "releases" / str(one.id)
    if as_json:
        resting = [{"dataset": each.dataset, "delivery": each.delivery, "findings": each.findings} for each in sources]
        say_json(told(one) | {"sources": resting, "folder": str(place)})
        return
    numbers = f"{one.entries[0]}" if len(one.entries) == 1 else f"{one.entries[0]} to {one.entries[-1]}"
    say(f"release {one.id}")
    for label, value in (
        ("operation", one.operation or ""),
        ("to", f"{one.recipient} ({one.country}), for {one.purpose}"),
        ("marking", one.marking.label),
        ("for these persons alone", ", ".join(persons_of(one))),
        ("findings", f"{one.findings:,}"),
        ("made", f"{_minute(one.made_at)} UTC"),
        ("stands", _stands(one)),
        *([("why", one.refusal)] if one.refusal is not None else []),
        ("ledger", f"entries {numbers}" if len(one.entries) > 1 else f"entry {numbers}"),
        ("commits to", one.sealed or ""),
        ("channel", one.channel or ""),
        ("lies in", str(place)),
    ):
        if value:
            say(f"  {label}: {value}")
    show_table(
        [("data set", False), ("delivery", False), ("findings", True)],
        [(each.dataset, each.delivery[:16], each.findings) for each in sources],
        wide=True,
    )


def told(one: Disclosure) -> dict[str, object]:
    """A release as programs get it; what opens it is no part of that."""
    return {
        "id": str(one.id),
        "made_at": one.made_at.isoformat(),
        "operation": one.operation,
        "recipient": one.recipient,
        "country": one.country,
        "purpose": one.purpose.value,
        "channel": one.channel,
        "marking": one.marking.value,
        "persons": list(persons_of(one)),
        "findings": one.findings,
        "sealed": one.sealed,
        "entries": list(one.entries),
        "handed_over_at": None if one.handed_over_at is None else one.handed_over_at.isoformat(),
        "received_at": None if one.received_at is None else one.received_at.isoformat(),
        "refused_at": None if one.refused_at is None else one.refused_at.isoformat(),
        "refusal": one.refusal,
    }


def _handed(handed: Handed) -> dict[str, object]:
    return {
        "handed_over": [told(one) for one in handed.over],
        "waiting_for_witnesses": [told(one) for one in handed.unwitnessed],
        "refused": [told(one) for one in handed.refused],
        "batches": {"appeared": handed.shown, "waiting_for_witnesses": handed.hidden},
    }


def _tell(folder: Path, handed: Handed) -> None:
    if handed.over:
        _show(handed.over, ("marking", lambda one: one.marking.label))
        for one in handed.over:
            if persons_of(one):
                say(f"{str(one.id)[:8]} is for these persons alone: {', '.join(persons_of(one))}.")
        say(f"Send `{PACKAGE}` and `{HANDOVER}` of each from {folder / 'releases'}.")
    elif not handed.shown:
        say("Nothing was handed over.")
    _tell_channels(folder, handed)
    for one in handed.refused:
        talk(f"refused, and never handed over: {one.id} to {one.recipient}: {one.refusal}")
    if handed.refused:
        talk("`accord release make` makes them anew, of what the rules let out by then")
    if handed.unwitnessed:
        talk(
            f"{counted(len(handed.unwitnessed), 'package')} sealed, waiting for witnesses: "
            f"`accord release hand-over --in {folder}`"
        )


def _show(found: Sequence[Disclosure], last: tuple[str, Callable[[Disclosure], str]]) -> None:
    # days and few words: with ids of usual length a row fits 100 columns
    heading, told_last = last
    show_table(
        [
            *((word, False) for word in ("release", "made (UTC)", "operation", "purpose", "to")),
            ("findings", True),
            (heading, False),
        ],
        [
            (
                str(one.id)[:8],
                f"{one.made_at:%Y-%m-%d}",
                one.operation or "",
                one.purpose,
                f"{one.recipient} ({one.country})",
                one.findings,
                told_last(one),
            )
            for one in found
        ],
        wide=True,
    )


def _tell_channels(folder: Path, handed: Handed) -> None:
    if handed.shown:
        say(f"{counted(handed.shown, 'batch', 'batches')} appeared in channels.")
    if handed.hidden:
        talk(
            f"{counted(handed.hidden, 'batch', 'batches')} in channels, waiting for witnesses: "
            f"`accord release hand-over --in {folder}`"
        )


def _leave(handed: Handed) -> None:
    if handed.unwitnessed or handed.hidden:
        raise typer.Exit(LedgerError.exit_code)


def _state(one: Disclosure) -> str:
    """How a release stands, or the channel that it is in, in a few words: `release show` has since when."""
    if one.received_at is not None:
        return "opened"
    if one.handed_over_at is not None:
        return "handed over" if one.channel is None else f"in {one.channel}"
    if one.refused_at is not None:
        return "refused"
    return "sealed" if one.channel is None else f"waits for {one.channel}"


def _stands(one: Disclosure) -> str:
    if one.received_at is not None:
        return f"opened by {one.recipient}, {_minute(one.received_at)} UTC"
    if one.handed_over_at is not None:
        how = "handed over" if one.channel is None else f"in channel {one.channel} since"
        return f"{how} {_minute(one.handed_over_at)} UTC"
    if one.refused_at is not None:
        return f"refused {_minute(one.refused_at)} UTC"
    return "sealed" if one.channel is None else f"waits for channel {one.channel}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
