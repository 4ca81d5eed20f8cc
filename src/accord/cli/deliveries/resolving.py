"""Choosing the names to ask for, and writing the answers as a passive-DNS file with their provenance."""

import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from accord.attribution.resolver import (
    OUTCOME_WORDS,
    Address,
    Answer,
    Clock,
    NameServer,
    Outcome,
    Patience,
    ask_all,
    greet,
)
from accord.cli.acting import Actor
from accord.cli.snapshots.outputs import HUB_TABLE, log_asked, log_holder
from accord.cli.terminal import say, say_json, show_table
from accord.columns.engine import connect
from accord.vocabulary.countries import COUNTRY_CODES
from accord.vocabulary.errors import OutputError, SettingsError, UnreadableError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.markings import Marking

SENSOR = "hub-resolver"
"""`sensor_id` of every record: the hub saw it by asking, nobody else."""

ASKED_MARKINGS = (Marking.CLEAR, Marking.GREEN, Marking.AMBER)
"""Who runs a name server is outside the organisation that amber+strict and red are kept within."""

LEFT_OUT_WORDS: dict[str, str] = {
    "in-review": "a finding of the name is in review",
    "has-address": "passive DNS gives the name an address",
    "marking": "marked amber+strict or red",
    "other-country": "of another registry than asked for",
    "over-limit": "past --limit",
}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The names that will be asked for, worst first, and how many are not, by reason."""

    names: tuple[str, ...]
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The account of a collection: names = left out + asked for, asked for = sum of the outcomes."""

    server: NameServer
    file: Path | None
    """None: no address came back, and nothing was written."""
    asked: int
    left_out: dict[str, int]
    outcomes: dict[Outcome, int]
    addresses: int
    """Records in the file."""
    not_routable: int
    """Addresses that were left out of it."""


def collect_resolutions(
    folder: Path,
    to: Path,
    log_in: Path | None,
    actor: Actor,
    *,
    server: NameServer,
    patience: Patience,
    parallel: int,
    countries: Sequence[str],
    limit: int,
    now: Clock,
    progress: Progress,
) -> Collection:
    """Ask for the names of an output folder's findings and write `to`, whole or not at all.

    Everything that can be wrong with the words of the command is found out, and who asks is written into the log of the
    workspace `log_in`, before the first question. Raises SettingsError, UnreadableError, OutputError.
    """
    _refuse_target(to, folder)
    chosen = choose_names(folder, countries, limit)
    keeper = log_holder(folder / HUB_TABLE, log_in)
    if keeper is not None:
        log_asked(keeper, (Indicator(kind=IndicatorType.DOMAIN, value=one) for one in chosen.names), actor, now())
    if chosen.names:
        greet(server, patience)
    answers: list[Answer] = []
    total = len(chosen.names)
    progress("asking", 0, total)
    for answer in ask_all(chosen.names, server, patience, parallel=parallel, now=now):
        answers.append(answer)
        progress("asking", len(answers), total)
    addresses = [address for answer in answers for address in answer.addresses]
    if addresses:
        _write_new(to, _lines(addresses, server))
    counted = Counter(answer.outcome for answer in answers)
    return Collection(
        server=server,
        file=to if addresses else None,
        asked=total,
        left_out=chosen.left_out,
        outcomes={outcome: counted[outcome] for outcome in Outcome},
        addresses=len(addresses),
        not_routable=sum(answer.not_routable for answer in answers),
    )


def choose_names(folder: Path, countries: Sequence[str], limit: int) -> Chosen:
    """Domains and URL hosts of the hub's table that may be asked for. Raises SettingsError, UnreadableError."""
    wanted = [code.upper() for code in countries]
    unknown = [code for code in wanted if code not in COUNTRY_CODES]
    if unknown:
        raise SettingsError(
            "There is no such country.", where="--country", expected="ISO 3166-1 alpha-2", got=", ".join(unknown)
        )
    table = folder / HUB_TABLE
    if not table.is_file():
        raise UnreadableError(
            "This is no output folder.",
            where=str(folder),
            expected=f"a folder that `accord operation run` wrote, with {HUB_TABLE}",
            remedy="name one",
        )
    rows = _hosts(table, wanted)
    left_out = Counter(dict.fromkeys(LEFT_OUT_WORDS, 0))
    left_out.update(reason for _, reason in rows if reason is not None)
    names = [host for host, reason in rows if reason is None]
    left_out["over-limit"] = max(0, len(names) - limit)
    return Chosen(names=tuple(names[:limit]), left_out=dict(left_out))


def _hosts(table: Path, countries: list[str]) -> list[tuple[str, str | None]]:
    """Every host with the reason not to ask for it, worst first.

    Review counts for all findings of a host: what an analyst has not decided on is not touched by another way.
    """
    try:
        with connect() as connection:
            return connection.execute(
                """
                SELECT host, CASE
                    WHEN bool_or(len(review) > 0) THEN 'in-review'
                    WHEN bool_or(len(resolved) > 0) THEN 'has-address'
                    WHEN NOT bool_or(list_contains($markings::VARCHAR[], marking)) THEN 'marking'
                    WHEN len($countries::VARCHAR[]) > 0
                        AND NOT coalesce(bool_or(list_contains($countries::VARCHAR[], registry_country)), false)
                        THEN 'other-country'
                    END AS reason
                FROM read_parquet($table)
                WHERE type IN ('domain', 'url') AND host IS NOT NULL AND address IS NULL
                GROUP BY host
                ORDER BY max(severity) DESC, host
                """,
                {"table": str(table), "countries": countries, "markings": [one.value for one in ASKED_MARKINGS]},
            ).fetchall()
    except duckdb.Error as error:
        raise UnreadableError(
            "The hub's table cannot be read.",
            where=str(table),
            expected="the Parquet file that `accord operation run` wrote",
            got=str(error).partition("\n")[0],
            remedy="run the operation again",
        ) from error


def _refuse_target(to: Path, folder: Path) -> None:
    """A file that exists is somebody's; one in an output folder would go with the next run."""
    if os.path.lexists(to):
        raise _exists(to)
    if to.parent.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(
            "The file would lie in the output folder, which the next run replaces.",
            where=str(to),
            expected="a path below the operation file's root",
            remedy="choose another --to",
        )
    if not to.parent.is_dir() or not os.access(to.parent, os.W_OK):
        raise OutputError(
            "The file cannot be written.",
            where=str(to),
            expected="a folder that exists and may be written to",
            remedy="make the folder, or choose another --to",
        )


def _exists(to: Path) -> OutputError:
    return OutputError(
        "There is such a file already, and it is left as it is.",
        where=str(to),
        expected="a new file",
        remedy="choose another --to: what was collected at one time stays as it was said then",
    )


def _lines(addresses: Iterable[Address], server: NameServer) -> str:
    """JSON lines in the Common Output Format, one for each address, by name, type and address.

    `origin` is the URI of whom was asked (RFC 4501); `sensor_id` and it are additional fields of the draft.
    """
    ordered = sorted(addresses, key=lambda one: (one.name, one.record_type, one.address))
    return "".join(
        json.dumps(
            {
                "rrname": one.name,
                "rrtype": one.record_type,
                "rdata": one.address,
                "time_first": int(one.answered_at.timestamp()),
                "time_last": int(one.answered_at.timestamp()),
                "count": 1,
                "sensor_id": SENSOR,
                "origin": f"dns://{server}/{one.name}?type={one.record_type}",
            }
        )
        + "\n"
        for one in ordered
    )


def _write_new(to: Path, text: str) -> None:
    """Write a file that appears whole or not at all, and never in the place of another. Raises OutputError."""
    draft = to.with_name(f".{to.name}.new-{os.getpid()}")
    try:
        with draft.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _take_place(draft, to)
    except FileExistsError as error:
        raise _exists(to) from error
    except OSError as error:
        raise OutputError(
            "The file cannot be written.",
            where=str(to),
            expected="room and permission to write",
            got=error.strerror or type(error).__name__,
            remedy="free some space, or choose another --to",
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _take_place(draft: Path, to: Path) -> None:
    """Give a file its name. Raises FileExistsError when a file of that name has come up meanwhile."""
    try:
        # unlike a renaming, a link never replaces
        os.link(draft, to)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}:
            raise
        # a file system without hard links
        if os.path.lexists(to):
            raise FileExistsError from error
        draft.rename(to)


def tell_collection(collection: Collection, *, as_json: bool) -> None:
    """Print the account."""
    if as_json:
        say_json(
            {
                "nameserver": str(collection.server),
                "file": None if collection.file is None else str(collection.file),
                "addresses": collection.addresses,
                "not_routable": collection.not_routable,
                "asked": collection.asked,
                "outcomes": {outcome.value: count for outcome, count in collection.outcomes.items()},
                "left_out": collection.left_out,
            }
        )
        return
    rows = [("asked for", "all", collection.asked)]
    rows += [("", OUTCOME_WORDS[outcome], count) for outcome, count in collection.outcomes.items() if count]
    rows += [("not asked for", LEFT_OUT_WORDS[reason], count) for reason, count in collection.left_out.items() if count]
    show_table([("names", False), ("", False), ("", True)], rows)
    if collection.not_routable:
        say(f"{collection.not_routable:,} addresses are not routable, and were left out.")
    if collection.file is None:
        say("No address came back, and no file was written.")
    else:
        say(f"{collection.addresses:,} resolutions in {collection.file}: declare it as a data set (docs/resolving.md).")
