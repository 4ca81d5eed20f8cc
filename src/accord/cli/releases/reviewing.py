"""What a person meets who decides of findings on warning lists: the words around `release.reviews`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from accord.access.consultations import Processing, record, value_object
from accord.cli.acting import Actor, log
from accord.cli.channels.feeding import bring_feeds_up
from accord.cli.channels.witnessing import show_witnessed, take_out_withheld
from accord.cli.check.publishing import narrow
from accord.cli.deliveries.kept import damage_named
from accord.cli.deliveries.settling import working
from accord.cli.hub import OpenHub, opened_hub, read_time
from accord.cli.places import reference_in_use
from accord.cli.readying import cores
from accord.cli.snapshots.snapshotting import ANEW, FINDINGS_FILE, whole_snapshot
from accord.cli.snapshots.standing import standing_findings
from accord.cli.terminal import counted, say, say_json, show_table, talk
from accord.columns.spellings import spellings_of
from accord.columns.values import read_value
from accord.fusion.identity import finding_ids
from accord.reference.store import Reference
from accord.reference.warninglists import list_names
from accord.release.decisions import load_decisions, record_decision
from accord.release.reviews import Answer, Decision, standing
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import INDICATOR_TYPES, Indicator
from accord.vocabulary.reasons import EXPLANATIONS
from accord.vocabulary.roles import ROLES, Role

_BATCH = 1 << 16
"""Findings of a snapshot that are looked at in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A finding that stands on warning lists which ask for a review."""

    finding: str
    """Its id, in hex."""
    kind: str
    value: str
    role: str
    lists: tuple[str, ...]
    """As `name (version)`, sorted."""


def list_reviews(
    folder: Path, actor: Actor, *, every: bool, role: str | None, limit: int, now: datetime, as_json: bool
) -> None:
    """Print the findings of the newest snapshot that wait for a decision, or all that stand on such lists."""
    wanted = None if role is None else _role(role)
    with opened_hub(folder) as hub:
        with hub.database.reading() as connection:
            decided = standing(load_decisions(connection))
        shown: list[tuple[Listed, str]] = []
        more = 0
        for one in _listed(hub, reference_in_use()):
            state = in_words(decided.get(one.finding), one.lists, now)
            if (wanted is not None and one.role != wanted) or not (every or _waits(decided, one, now)):
                continue
            if len(shown) < limit:
                shown.append((one, state))
            else:
                more += 1
        # values of persons may be among them, and the log names none
        log(hub.database, actor, Processing.CONSULTATION, ["reviews"], now=now)
    if as_json:
        say_json([_told(one, decided.get(one.finding), now) for one, _ in shown])
        return
    if not shown:
        say("Nothing waits for a decision." if not every else "Nothing stands on a warning list that asks for one.")
        return
    show_table(
        [(name, False) for name in ("value", "role", "stands on", "decided")],
        [(one.value, one.role, "; ".join(one.lists), state) for one, state in shown],
        wide=True,
    )
    if more:
        talk(f"{counted(more, 'finding')} more: --limit {limit + more}")


def decide_reviews(
    folder: Path,
    values: Sequence[str],
    answer: Answer,
    actor: Actor,
    *,
    role: str | None,
    until: str | None,
    now: datetime,
    as_json: bool,
) -> None:
    """Record a decision of each value, all of them or none."""
    wanted = None if role is None else _role(role)
    ends = None if until is None else read_time(until, "--until", now)
    if ends is not None and ends <= now:
        raise SettingsError(
            "The decision would have run out already.",
            where="--until",
            expected=f"later than {now:%Y-%m-%dT%H:%M:%SZ}",
            got=until,
        )
    reference = reference_in_use()
    asked = [_indicator(value, reference) for value in values]
    for indicator in asked:
        for text, option in ((actor.justification, "--why"), (actor.person, "--person")):
            if spellings_of(indicator).held(text):
                # the log is never changed, and a person may have the value erased
                raise SettingsError("A reason must not hold the value itself.", where=option, remedy="say it without")
    with opened_hub(folder, to_write=True) as hub, working(hub.workspace, hub.database):
        rows = standing_findings(hub.workspace, [one.value for one in asked], reference)
        found = [(each, _chosen(each, rows, wanted)) for each in asked]
        with hub.database.writing() as connection:
            for indicator, one in found:
                record_decision(
                    connection,
                    one.finding,
                    answer,
                    one.lists,
                    person=actor.person,
                    justification=actor.justification,
                    until=ends,
                    at=now,
                )
                record(
                    connection,
                    Processing.ALTERATION,
                    person=actor.person,
                    justification=f"review, {one.role}, {answer}: {actor.justification}",
                    object=value_object(indicator, hub.key),
                    now=now,
                )
            take_out_withheld(connection, now, actor.person)
        show_witnessed(hub.workspace.root, hub.database, hub.ledger.standing(), actor.person)
        bring_feeds_up(hub.workspace, hub.declared, hub.database, person=actor.person, now=now)
        narrow(hub, actor, now=now)
        with hub.database.reading() as connection:
            decided = standing(load_decisions(connection, {one.finding for _, one in found}))
    if as_json:
        say_json([_told(one, decided[one.finding], now) for _, one in found])
        return
    for _, one in found:
        say(f"{one.value} ({one.kind}), {one.role}: {in_words(decided[one.finding], one.lists, now)}")
        for name in one.lists:
            say(f"  {name}")


def in_words(decision: Decision | None, lists: Collection[str], at: datetime) -> str:
    """What stands decided of a finding on these lists."""
    if decision is None:
        return "waits"
    what = "released" if decision.answer is Answer.RELEASE else "withheld"
    until = "" if decision.until is None else f" until {decision.until:%Y-%m-%d %H:%M} UTC"
    told = f"{what} by {decision.person}, {decision.at:%Y-%m-%d %H:%M} UTC{until}: {decision.justification}"
    if not decision.counts(at):
        return f"waits: this has run out: {told}"
    others = sorted(list_names(lists) - list_names(decision.lists))
    if others and decision.answer is Answer.RELEASE:
        return f"waits: it is on {', '.join(others)} since it was {told}"
    return told


def decision_told(decision: Decision | None) -> dict[str, object] | None:
    """A decision as programs get it."""
    if decision is None:
        return None
    return {
        "answer": decision.answer.value,
        "at": _time(decision.at),
        "person": decision.person,
        "why": decision.justification,
        "until": None if decision.until is None else _time(decision.until),
        "lists": list(decision.lists),
    }


def waits(decision: Decision | None, lists: Collection[str], at: datetime) -> bool:
    """Is there no decision that counts for a finding on these lists?"""
    if decision is None or not decision.counts(at):
        return True
    return decision.answer is Answer.RELEASE and not list_names(lists) <= list_names(decision.lists)


def _waits(decided: Mapping[str, Decision], one: Listed, at: datetime) -> bool:
    return waits(decided.get(one.finding), one.lists, at)


def _listed(hub: OpenHub, reference: Reference) -> Iterator[Listed]:
    """The findings of the newest snapshot that stand on lists which ask for a review, in its order."""
    snapshot = hub.workspace.snapshot()
    if FINDINGS_FILE not in whole_snapshot(snapshot).files:
        return
    codes = pa.array([role.value for role in ROLES])
    columns = ["type", "value", "role", "host", "address"]
    with (
        damage_named(snapshot.path, ANEW),
        pq.ParquetFile(snapshot.path / FINDINGS_FILE) as file,
    ):
        for batch in file.iter_batches(_BATCH, columns=columns):
            table = pa.table({name: _plain(batch[name]) for name in columns})
            roles = table["role"].combine_chunks()
            matches = reference.warning_lists.match(
                table["type"].to_numpy(),
                *(table[name].combine_chunks() for name in ("value", "host", "address")),
            )
            review, _ = matches.judge(roles)
            mine = pc.greater(pc.list_value_length(review), 0)
            table = table.append_column("lists", review).filter(mine)
            found = table.select(["type", "value"]).append_column(
                "role", pc.index_in(table["role"].combine_chunks(), codes).cast(pa.int8())
            )
            for finding, row in zip(finding_ids(found, hub.key, cores()).to_pylist(), table.to_pylist(), strict=True):
                yield Listed(
                    finding=finding,
                    kind=INDICATOR_TYPES[row["type"]].value,
                    value=row["value"],
                    role=row["role"],
                    lists=tuple(row["lists"]),
                )


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _chosen(asked: Indicator, rows: Sequence[Mapping[str, object]], role: Role | None) -> Listed:
    """The finding that is meant: of this very value, on a list that asks for a review. Raises SettingsError."""
    mine = [row for row in rows if (row["type"], row["value"]) == (asked.kind.value, asked.value)]
    listed = [row for row in mine if row["review"] and role in {None, row["role"]}]
    if not mine:
        raise SettingsError(
            "Nothing is known of it here.",
            where="VALUE",
            expected="a finding that `accord review list` shows",
            got=asked.value,
            remedy="`accord snapshot make` takes in what was delivered since the newest snapshot",
        )
    if len(listed) != 1:
        raise SettingsError(
            "It stands on warning lists in several roles."
            if listed
            else "It stands on no warning list that asks for a review.",
            where="VALUE" if role is None else "--role",
            expected="--role with one of " + ", ".join(str(row["role"]) for row in listed)
            if listed
            else "a finding that `accord review list` shows",
            got=asked.value,
        )
    (row,) = listed
    return Listed(
        finding=str(row["finding_id"]),
        kind=str(row["type"]),
        value=str(row["value"]),
        role=str(row["role"]),
        lists=tuple(row["review"]),  # type: ignore[arg-type]
    )


def _indicator(value: str, reference: Reference) -> Indicator:
    read = read_value(value, reference.suffixes.is_public_suffix)
    if isinstance(read, Indicator):
        return read
    raise SettingsError(f"This is no indicator: {EXPLANATIONS[read]}.", where="VALUE", got=value)


def _role(said: str) -> Role:
    try:
        return Role(said)
    except ValueError:
        raise SettingsError(
            "There is no such role.", where="--role", expected="one of " + ", ".join(ROLES), got=said
        ) from None


def _told(one: Listed, decision: Decision | None, at: datetime) -> dict[str, object]:
    return {
        "finding_id": one.finding,
        "type": one.kind,
        "value": one.value,
        "role": one.role,
        "lists": list(one.lists),
        "waits": waits(decision, one.lists, at),
        "decision": decision_told(decision),
    }


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
