"""What a person meets when partners, data sets and agreements are recorded: the words around `agreements.register`."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import typer
from sqlalchemy import Connection, select

from accord.agreements.agreement import (
    HUB,
    Agreement,
    AgreementId,
    Commitment,
    CommitmentKind,
    Ending,
    Fulfilment,
    Register,
    Standing,
    covering,
    find_fault,
)
from accord.agreements.declarations import DatasetId, PartnerId, PartnerKind
from accord.agreements.naming import public_name
from accord.agreements.reading import merged, read_register, read_renewal
from accord.agreements.register import (
    Change,
    State,
    agreement_states,
    demand_one_owner,
    fulfilments,
    history,
    load_register,
    record_fulfilment,
    record_register,
)
from accord.agreements.telling import (
    agreement_told,
    dataset_told,
    differences,
    fulfilment_told,
    number,
    partner_told,
)
from accord.check.place import read_check_place
from accord.cli.deliveries.recalled import reference
from accord.cli.ledgers.opening import bring_up, demand_standing, ledger_of
from accord.cli.reasons import demand_no_value, demand_public
from accord.cli.terminal import say, say_json, show_table, talk
from accord.columns.instants import read_instant
from accord.formats.catalogue import FORMATS
from accord.journal.facts import Kind
from accord.operations.declaration import read_workspace
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError, UnreadableError
from accord.vocabulary.handling import Direction
from accord.workspace.database import Database, open_database, place_of
from accord.workspace.keys import hub_key
from accord.workspace.regular import open_regular
from accord.workspace.schema import JOURNAL_ENTRIES
from accord.workspace.settings import SettingsTable, read_settings, words
from accord.workspace.store import open_workspace

NOUNS = ("partner", "dataset", "agreement")
"""Each rests on those before it."""

_OPTIONS = dict.fromkeys((*NOUNS, "limits"), "") | {
    "id": "the id",
    "in": "--data-in",
    "out": "--data-out",
    "purposes": "--purpose",
}
"""What says what, where an option is not called as the key of a file. What a table is in a file stands by itself."""

_Id = TypeVar("_Id", bound=str)


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    """The database of a workspace."""
    with open_database(place_of(open_workspace(folder).settings)) as database:
        yield database


@contextmanager
def _changing(folder: Path, *, keep: bool = True) -> Iterator[Connection]:
    """A writer's connection to the database of a workspace; what was entered in the ledger is published at the end.

    Without `keep` nothing is changed.
    """
    settings = open_workspace(folder).settings
    ledger = ledger_of(settings)
    with open_database(place_of(settings), to_write=True) as database:
        demand_standing(ledger, database)
        database.take_turn()
        with database.writing(keep=keep) as connection:
            yield connection
        if keep:
            bring_up(ledger, database, datetime.now(UTC))


def apply_file(folder: Path, noun: str, file: Path | None, *, check: bool, as_json: bool) -> None:
    """Take over what a file declares of a noun and of those that it rests on; without a file the workspace's settings.

    With `check` everything is looked at, and nothing written.
    """
    table = read_settings(file if file is not None else open_workspace(folder).settings)
    if file is None and table.offers("check"):
        read_check_place(table, folder)
    taken = NOUNS[: NOUNS.index(noun) + 1]
    with _changing(folder, keep=not check) as connection:
        standing = load_register(connection)
        declared = _only(read_register(table, standing), taken)
        if file is None:
            # what is wrong beside what is taken over would stop every later command
            read_workspace(table.file, FORMATS)
        _demand_public(standing, declared)
        _demand_known(standing, declared)
        changes = record_register(connection, standing, declared, now=datetime.now(UTC), draw=secrets.token_bytes)
        register = load_register(connection)
    if as_json:
        say_json([_change_told(one) for one in changes])
    elif not _of(declared, noun):
        say(f"No {_word(noun)} is declared there ([[{noun}]])" + ("." if changes else ": nothing is changed."))
    elif not changes:
        say("Nothing is new or changed.")
    for change in [] if as_json else changes:
        tell_change(change)
    _tell_keyless(register, changes)
    _tell_standing(register, declared.agreements, datetime.now(UTC))
    if check and changes:
        talk("checked only: nothing was changed")


def add_one(folder: Path, noun: str, content: Mapping[str, object], *, as_json: bool) -> None:
    """Record one new partner, data set or agreement, given by the keys of its table."""
    given = {key: value for key, value in content.items() if value not in (None, [], {})}
    with _changing(folder) as connection:
        standing = load_register(connection)
        table = words({noun: [given]}, _OPTIONS)
        declared = read_register(table, standing)
        (identifier,) = _of(declared, noun)
        if identifier in _of(standing, noun):
            raise SettingsError(
                f"There is such {_called(noun)} already.",
                where=str(folder),
                got=identifier,
                remedy=f"change it by `accord {noun} apply FILE`; `accord {noun} show {identifier}` shows its keys",
            )
        _demand_public(standing, declared)
        _demand_known(standing, declared)
        (change,) = record_register(connection, standing, declared, now=datetime.now(UTC), draw=secrets.token_bytes)
        register = load_register(connection)
    if as_json:
        say_json(change.after)
    else:
        tell_change(change)
    _tell_keyless(register, [change])
    _tell_standing(register, declared.agreements, datetime.now(UTC))


def list_all(folder: Path, noun: str, *, as_json: bool) -> None:
    """List what is recorded of a noun."""
    now = datetime.now(UTC)
    with opened(folder) as database, database.reading() as connection:
        register = load_register(connection)
    if as_json:
        say_json([_told(register, noun, one, now) for one in _of(register, noun)])
    elif not _of(register, noun):
        say(f"None yet. `accord {noun} add` records one, and `accord {noun} apply FILE` several.")
    elif noun == "partner":
        show_table(
            [(word, False) for word in ("partner", "name", "kind", "country")],
            [(one.id, one.name, one.kind, one.country or "") for one in register.partners.values()],
        )
    elif noun == "dataset":
        show_table(
            [(word, False) for word in ("data set", "partner", "origin", "marking", "personal data", "in", "out")],
            [
                (
                    one.id,
                    one.partner,
                    one.origin,
                    one.marking,
                    "yes" if one.personal else "no",
                    *(_under(register, one.id, direction, now) for direction in Direction),
                )
                for one in register.datasets.values()
            ],
        )
        say("")
        say("in, out: agreements in force under which it may be taken in and handed out.")
    else:
        show_table(
            [(word, False) for word in ("agreement", "partners", "from", "to", "renewed", "standing")],
            [
                (
                    one.id,
                    ", ".join(sorted(one.partners)),
                    one.terms[0].starts,
                    one.terms[-1].ends or "no end",
                    len(one.terms) - 1 or "",
                    one.standing(now),
                )
                for one in register.agreements.values()
            ],
        )


def show_one(folder: Path, noun: str, name: str, *, as_json: bool) -> None:
    """Show one partner, data set or agreement, with what became of it."""
    now = datetime.now(UTC)
    with opened(folder) as database, database.reading() as connection:
        register = load_register(connection)
        identifier = _find(_of(register, noun), name, noun, folder)
        told, states = _told(register, noun, identifier, now), list[State]()
        changes = history(connection, noun, identifier)
        if noun == "agreement":
            found = fulfilments(connection, AgreementId(identifier))
            told["delivered"] = [fulfilment_told(one) for one in found]
            states = agreement_states(connection).get(identifier, [])
        if noun == "dataset":
            told["in_ledger"] = public_name(register.datasets[DatasetId(identifier)], _key(folder))
    if as_json:
        entered = [{"at": one.at.isoformat(), "state": one.told} for one in states]
        say_json(told | {"history": [_change_told(one) for one in changes]} | ({"states": entered} if entered else {}))
        return
    show_table([("", False), ("", False)], [(key, value) for key, _, value in differences(None, told)])
    say("")
    say("What became of it (UTC):")
    for change in changes:
        say("")
        tell_change(change, dated=True, first=False)


def _key(folder: Path) -> bytes:
    return hub_key(read_workspace(open_workspace(folder).settings, FORMATS).hub.key_file)


def end_agreement(folder: Path, name: str, at: str | None, why: str) -> None:
    """Record that an agreement is ended early."""
    now = datetime.now(UTC)
    moment = now if at is None else _time(at, "--at")
    with _changing(folder) as connection:
        standing = load_register(connection)
        agreement = _agreement(standing, name, folder)
        if agreement.ended is not None:
            raise SettingsError(
                "The agreement was ended before.",
                where=f"agreement {agreement.id}",
                got=f"{agreement.ended.at:%Y-%m-%d %H:%M} UTC: {agreement.ended.reason}",
                remedy="an agreement that is signed after that is another one, with this one as its predecessor",
            )
        options = words({"reason": why, "ended": at or now}, {"reason": "--why", "ended": "--at"})
        said = options.text("reason")
        demand_no_value(said, "--why")
        ended = Ending(at=moment, reason=said, recorded_at=now)
        _record(connection, standing, replace(agreement, ended=ended), options, now)


def renew_agreement(folder: Path, name: str, content: Mapping[str, object]) -> None:
    """Record one more term of an agreement."""
    now = datetime.now(UTC)
    with _changing(folder) as connection:
        standing = load_register(connection)
        agreement = _agreement(standing, name, folder)
        given = {key: value for key, value in content.items() if value is not None}
        options = words(given, {"renewal": "--from"})
        terms = (*agreement.terms, read_renewal(options))
        _record(connection, standing, replace(agreement, terms=terms), options, now)
    settings = open_workspace(folder).settings
    declared = read_settings(settings).content.get("agreement")
    if isinstance(declared, list) and any(isinstance(one, dict) and one.get("id") == name for one in declared):
        talk(f"{settings} declares this agreement, and without this the next `accord agreement apply` is refused:")
        talk("[[agreement.renewal]]")
        for key, value in given.items():
            talk(f'{key} = "{value}"' if key == "document" else f"{key} = {value}")


def deliver(folder: Path, name: str, commitment: str, content: Mapping[str, object], *, as_json: bool) -> None:
    """Record what was delivered against a commitment."""
    now = datetime.now(UTC)
    options = words({key: value for key, value in content.items() if value is not None})
    with _changing(folder) as connection:
        agreement = _agreement(load_register(connection), name, folder)
        promised = {one.id: one for one in agreement.commitments}
        identifier = _find(promised, commitment, f"commitment of agreement {agreement.id}", folder)
        day = options.optional_day("on") or now.date()
        if day > now.date() + timedelta(days=1):
            raise options.wrong("on", "a day that has come", str(day))
        entry = Fulfilment(
            commitment=identifier,
            day=day,
            amount=options.amount("amount", negative=True),
            note=options.optional_text("note"),
            recorded_at=now,
        )
        total = record_fulfilment(connection, agreement, entry, taken_in(connection, agreement, promised[identifier]))
    if as_json:
        say_json(fulfilment_told(entry) | {"total": number(total)})
    else:
        one = promised[identifier]
        say(f"{agreement.id}, {identifier}: {number(total)} of {number(one.amount)} {one.kind.unit} delivered.")


def check_passage(folder: Path, dataset: str, direction: str, purpose: str | None, at: str | None) -> None:
    """Say whether a data set may pass, and under which agreements; leaves by exit code 1 when it may not."""
    options = words({"direction": direction, "purpose": purpose})
    way = options.choice("direction", Direction)
    wanted = options.choice("purpose", Purpose) if purpose is not None else None
    moment = datetime.now(UTC) if at is None else _time(at, "--at")
    with opened(folder) as database, database.reading() as connection:
        register = load_register(connection)
    name = _find(register.datasets, dataset, "dataset", folder)
    found = covering(register.agreements.values(), name, way, wanted, moment)
    for one in found:
        say(f"yes, under {one.id}: {one.title}")
    if found:
        return
    say(f"no: no agreement lets {name} pass, direction '{way}'")
    for agreement in register.agreements.values():
        say(f"  {agreement.id}: {agreement.refusal(name, way, wanted, moment)}")
    raise typer.Exit(1)


def report(folder: Path, name: str | None, *, as_json: bool) -> None:
    """Promised against delivered."""
    now = datetime.now(UTC)
    with opened(folder) as database, database.reading() as connection:
        register = load_register(connection)
        chosen = [_agreement(register, name, folder)] if name is not None else [*register.agreements.values()]
        rows = [
            _account(one, promise, fulfilments(connection, one.id), taken_in(connection, one, promise), now)
            for one in chosen
            for promise in one.commitments
        ]
    if as_json:
        say_json(rows)
    elif not rows:
        say("No commitment is recorded: [[agreement.commitment]] in a file for `accord agreement apply`.")
    else:
        keys = ("commitment", "party", "unit", "promised", "delivered", "due", "state")
        for agreement in chosen:
            ours = [row for row in rows if row["agreement"] == agreement.id]
            if ours:
                say(f"{agreement.id}: {agreement.title}")
                show_table(
                    [(key, key in {"promised", "delivered"}) for key in keys],
                    [["" if row[key] is None else row[key] for key in keys] for row in ours],
                )


def digest(file: Path) -> str:
    """The SHA-256 of a document. Raises UnreadableError."""
    try:
        told = hashlib.sha256()
        with open_regular(file) as document:
            while block := document.read(1 << 20):
                told.update(block)
        return told.hexdigest()
    except OSError as error:
        raise UnreadableError(
            "The document cannot be read.",
            where=str(file),
            expected="a file that may be read",
            got=error.strerror or type(error).__name__,
            remedy="name with --document the file that was signed, which you may read",
        ) from error


def signatories(given: Sequence[str]) -> list[dict[str, str]]:
    """`PARTY=NAME` or `PARTY=NAME, CAPACITY` as tables."""
    found = []
    for one in given:
        party, equals, name = one.partition("=")
        if not equals:
            raise SettingsError(
                "A signatory is named without a party.",
                where="--signatory",
                expected=f"PARTY=NAME, and PARTY is '{HUB}' or a partner's id",
                got=one,
            )
        person, _, capacity = name.partition(",")
        table = {"party": party.strip(), "name": person.strip()}
        found.append(table | ({"capacity": capacity.strip()} if capacity.strip() else {}))
    return found


def taken_in(connection: Connection, agreement: Agreement, commitment: Commitment) -> tuple[date, ...]:
    """The days of the deliveries that came in against a commitment, which nobody has to record: what the ledger has
    entered of its data set while the agreement was in force. What became of them later changes nothing of it."""
    dataset = commitment.dataset
    if commitment.kind is not CommitmentKind.DATA or commitment.party is None or dataset not in agreement.data_in:
        return ()
    entered = connection.execute(
        select(JOURNAL_ENTRIES.c.at)
        .where(
            JOURNAL_ENTRIES.c.kind == Kind.DELIVERY,
            JOURNAL_ENTRIES.c.reference.startswith(reference(dataset, ""), autoescape=True),
        )
        .order_by(JOURNAL_ENTRIES.c.number)
    ).scalars()
    return tuple(at.date() for at in entered if agreement.standing(at) is Standing.IN_FORCE)


def _account(
    agreement: Agreement,
    commitment: Commitment,
    entries: Sequence[Fulfilment],
    came: Sequence[date],
    now: datetime,
) -> dict[str, object]:
    ours = [one for one in entries if one.commitment == commitment.id]
    delivered = sum((one.amount for one in ours), Decimal(len(came)))
    days = [*came, *(one.day for one in ours)]
    if delivered >= commitment.amount:
        state = "met"
    elif agreement.standing(now) in {Standing.EXPIRED, Standing.ENDED}:
        state = "not met"
    elif commitment.due is not None and now.date() > commitment.due:
        state = "overdue"
    else:
        state = "open"
    return {
        "agreement": agreement.id,
        "commitment": commitment.id,
        "party": commitment.party or HUB,
        "kind": commitment.kind.value,
        "what": commitment.what,
        "unit": commitment.kind.unit,
        "dataset": commitment.dataset,
        "promised": number(commitment.amount),
        "delivered": number(delivered),
        "taken_in": len(came),
        "last": max(days).isoformat() if days else None,
        "due": None if commitment.due is None else commitment.due.isoformat(),
        "state": state,
    }


def _record(
    connection: Connection, standing: Register, agreement: Agreement, options: SettingsTable, now: datetime
) -> None:
    whole = Register(partners={}, datasets={}, agreements={agreement.id: agreement})
    fault = find_fault(agreement, merged(standing, whole))
    if fault is not None:
        raise options.wrong(fault.key, fault.expected, fault.got, fault.remedy, fault.what)
    for change in record_register(connection, standing, whole, now=now, draw=secrets.token_bytes):
        tell_change(change)


def _agreement(register: Register, name: str, folder: Path) -> Agreement:
    return register.agreements[_find(register.agreements, name, "agreement", folder)]


def _find(known: Mapping[_Id, object], name: str, noun: str, folder: Path) -> _Id:
    found = next((one for one in known if one == name), None)
    if found is not None:
        return found
    called = _word(noun)
    raise SettingsError(
        f"There is no such {called}.",
        where=str(folder),
        expected="one of " + (", ".join(sorted(known)) or f"none: no {called} is recorded yet"),
        got=name,
        remedy=f"`accord {noun} list` lists them; `accord {noun} add` and `accord {noun} apply` record one",
    )


def _tell_keyless(register: Register, changes: Sequence[Change]) -> None:
    """Say of partners that changes are about, and that may get something, which keys are missing before they do."""
    changed = {(one.noun, one.id) for one in changes}
    recipients = {name for one in register.agreements.values() if one.data_out for name in one.partners}
    concerned = {
        name for one in register.agreements.values() if ("agreement", one.id) in changed for name in one.partners
    }
    for one in register.partners.values():
        if one.id not in concerned and ("partner", one.id) not in changed:
            continue
        if one.id not in recipients and one.kind is not PartnerKind.NETWORK_OWNER:
            continue
        if one.age is None:
            talk(
                f"note: partner {one.id} gets no package: it has no key to which one could be sealed (`age`). A "
                "certificate for its mail, S/MIME or OpenPGP, is none. `accord package keys`, at the partner, prints "
                "`age` and `receipts`: add both to its [[partner]], and call `accord partner apply`"
            )
        elif one.receipts is None:
            talk(
                f"note: partner {one.id} can confirm no package, and sign no answer to a recall: its key for that "
                "(`receipts`) is not known. `accord package keys`, at the partner, prints it"
            )


def _tell_standing(register: Register, names: Iterable[AgreementId], now: datetime) -> None:
    """Say of agreements that nothing passes under them now, unless another one has followed."""
    followed = {one.predecessor for one in register.agreements.values()}
    for name in names:
        one = register.agreements[name]
        standing, begins = one.standing(now), one.begins_after(now)
        if standing is Standing.NOT_YET:
            talk(f"note: agreement {name} is not in force yet: from {begins}")
        elif standing is Standing.BETWEEN:
            talk(f"note: agreement {name} is between two terms: in force again from {begins}")
        elif standing is Standing.EXPIRED and name not in followed:
            talk(f"note: agreement {name} is not in force any more: its last term ended on {one.terms[-1].ends}")
        elif standing is Standing.ENDED and name not in followed:
            talk(f"note: agreement {name} {one.standing_told(now)}")


def _demand_known(standing: Register, declared: Register) -> None:
    """Raise SettingsError when network owners declare what the hub's range data contradicts."""
    demand_one_owner(merged(standing, declared))
    # range tables are arrays, and whoever lists partners does not wait for those
    from accord.cli.places import reference_in_use
    from accord.cli.register.owning import demand_known_networks

    demand_known_networks(standing, declared, reference_in_use())


def _demand_public(standing: Register, declared: Register) -> None:
    """Raise SettingsError when what the public will read of a data set holds a value."""
    for one in declared.datasets.values():
        before = standing.datasets.get(one.id)
        if one.name_partner and (before is None or (before.title, before.name_partner) != (one.title, True)):
            demand_public(one.title, f"dataset ({one.id}).title")


def _of(register: Register, noun: str) -> Mapping[str, object]:
    records: dict[str, Mapping[Any, object]] = {
        "partner": register.partners,
        "dataset": register.datasets,
        "agreement": register.agreements,
    }
    return records[noun]


def _only(register: Register, nouns: Sequence[str]) -> Register:
    return Register(
        partners=register.partners,
        datasets=register.datasets if "dataset" in nouns else {},
        agreements=register.agreements if "agreement" in nouns else {},
    )


def _told(register: Register, noun: str, identifier: str, now: datetime) -> dict[str, object]:
    if noun == "partner":
        return partner_told(register.partners[PartnerId(identifier)])
    if noun == "dataset":
        return dataset_told(register.datasets[DatasetId(identifier)])
    agreement = register.agreements[AgreementId(identifier)]
    return agreement_told(agreement) | {"standing": agreement.standing(now).value}


def _under(register: Register, dataset: DatasetId, direction: Direction, now: datetime) -> str:
    return ", ".join(one.id for one in covering(register.agreements.values(), dataset, direction, None, now))


def _word(noun: str) -> str:
    return "data set" if noun == "dataset" else noun


def _called(noun: str) -> str:
    return f"{'an' if noun == 'agreement' else 'a'} {_word(noun)}"


def _change_told(change: Change) -> dict[str, object]:
    return {
        "at": change.at.isoformat(),
        "noun": change.noun,
        "id": change.id,
        "before": change.before,
        "after": change.after,
    }


def tell_change(change: Change, *, dated: bool = False, first: bool = True) -> None:
    """One line a key: what it was, and what it is; of what is new all, or (not `first`) only that it is."""
    what = "delivered" if change.noun == "delivered" else "new" if change.before is None else "changed"
    noun = "agreement" if change.noun == "delivered" else change.noun.replace("dataset", "data set")
    say((f"{change.at:%Y-%m-%d %H:%M}  " if dated else "") + f"{what}: {noun} {change.id}")
    if what == "new" and not first:
        return
    for key, before, after in differences(change.before, change.after):
        if what != "changed":
            say(f"  {key}: {after}")
        else:
            say(f"  {key}: {before or 'nothing'} -> {after or 'nothing'}")


def _time(text: str, where: str) -> datetime:
    instant = read_instant(text)
    if instant is None:
        raise SettingsError(
            "The time is none.",
            where=where,
            expected="a date or a time in UTC, such as 2026-11-23 or 2026-11-23T08:00:00Z",
            got=text,
        )
    return datetime.fromtimestamp(instant / 1_000_000, UTC)
