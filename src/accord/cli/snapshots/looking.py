"""Looking indicators up: in the hub's table of an output folder, or in the newest snapshot of a workspace."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from accord.cli.acting import Actor
from accord.cli.places import reference_in_use
from accord.cli.snapshots.outputs import HUB_TABLE, log_asked, log_holder
from accord.cli.snapshots.snapshotting import read_manifest
from accord.cli.snapshots.standing import standing_findings
from accord.cli.terminal import counted, printable, say, say_json, talk
from accord.columns.engine import connect
from accord.columns.values import read_value
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import Declared, read_workspace
from accord.vocabulary.errors import UnreadableError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import EXPLANATIONS
from accord.workspace.store import SETTINGS, open_workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known about one value as it was asked for."""

    asked: str
    indicator: Indicator | None
    fault: str | None
    """Why the value is no indicator; None: it is one."""
    findings: tuple[dict[str, object], ...]
    """Rows of the hub's table, by role; also those that stand on it or resolve to it."""


def find(values: list[str], folder: Path, log_in: Path | None, actor: Actor) -> list[Answer]:
    """Answer for each value, in order; of a workspace, and of what was made in one, once it is logged who asked.

    `log_in`: the workspace in whose log it is written who asks an output folder. Raises UnreadableError when the folder
    is neither output nor workspace, or the workspace has no database; SettingsError when there is no log to write in.
    """
    table = folder / HUB_TABLE
    standing = (folder / SETTINGS).is_file()
    if not standing and not table.is_file():
        raise UnreadableError(
            "This is no output folder and no workspace.",
            where=str(folder),
            expected="a folder that `accord operation run` or `accord init` wrote",
            remedy="name it with --in",
        )
    reference = reference_in_use()
    suffixes = reference.suffixes
    read = [(value, read_value(value, suffixes.is_public_suffix)) for value in values]
    asked = [one for _, one in read if isinstance(one, Indicator)]
    wanted = sorted({one.value for one in asked})
    if standing:
        workspace = open_workspace(folder)
        rows = standing_findings(workspace, wanted, reference)
        keeper: Declared | None = read_workspace(workspace.settings, FORMATS)
    else:
        keeper = log_holder(table, log_in)
        rows = _known(table, wanted) if wanted else []
    if keeper is not None:
        log_asked(keeper, asked, actor, datetime.now(UTC))
    return [_answer(value, one, rows) for value, one in read]


def _known(table: Path, wanted: list[str]) -> list[dict[str, object]]:
    """Rows of the hub's table that are about one of the values, or stand on it, or resolve to it."""
    with connect() as connection:
        rows: list[dict[str, object]] = (
            connection.sql(
                """
                SELECT * FROM read_parquet($table)
                WHERE value IN (SELECT unnest($wanted)) OR address IN (SELECT unnest($wanted))
                   OR host IN (SELECT unnest($wanted)) OR list_has_any(resolved, $wanted::VARCHAR[])
                ORDER BY type, value, role
                """,
                params={"table": str(table), "wanted": wanted},
            )
            .to_arrow_table()
            .to_pylist()
        )
    return rows


def _answer(value: str, read: object, rows: list[dict[str, object]]) -> Answer:
    if not isinstance(read, Indicator):
        return Answer(asked=value, indicator=None, fault=EXPLANATIONS[read], findings=())  # type: ignore[index]
    mine = tuple(
        row for row in rows if read.value in {row["value"], row["address"], row["host"], *_words(row["resolved"])}
    )
    return Answer(asked=value, indicator=read, fault=None, findings=mine)


def tell(answers: list[Answer], *, as_json: bool) -> None:
    """Print the answers."""
    if as_json:
        say_json(
            [
                {
                    "asked": answer.asked,
                    "value": None if answer.indicator is None else answer.indicator.value,
                    "type": None if answer.indicator is None else answer.indicator.kind.value,
                    "fault": answer.fault,
                    "findings": [{name: _json(cell) for name, cell in row.items()} for row in answer.findings],
                }
                for answer in answers
            ]
        )
        return
    for answer in answers:
        shown = printable(answer.asked)
        if answer.fault is not None:
            say(f"{shown}: no indicator: {answer.fault}")
        elif not answer.findings:
            say(f"{shown}: {_UNKNOWN_NETWORK if _is_network(answer) else _UNKNOWN}")
        else:
            say(f"{shown}: {counted(len(answer.findings), 'finding')}")
            for row in answer.findings:
                _tell_finding(row)


def tell_unmerged(folder: Path) -> None:
    """Say how many deliveries no answer holds yet: a workspace answers from its newest snapshot."""
    if not (folder / SETTINGS).is_file():
        return
    workspace = open_workspace(folder)
    merged = set(read_manifest(workspace.snapshot()).deliveries)
    fresh = [one for one in workspace.deliveries() if (one.dataset, one.sha256) not in merged]
    if fresh:
        came = counted(len(fresh), "delivery", "deliveries")
        talk(f"{came} came in after the newest snapshot, and no answer holds them: `accord snapshot make` merges them.")


_UNKNOWN = "not known here, which does not mean that it is harmless"
_UNKNOWN_NETWORK = (
    "nothing is known here of the network as a whole; what is known of an address in it, only the address tells"
)


def _is_network(answer: Answer) -> bool:
    return answer.indicator is not None and answer.indicator.kind in {IndicatorType.CIDR, IndicatorType.ASN}


def _tell_finding(row: dict[str, object]) -> None:
    say(f"  {printable(str(row['value']))} ({row['type']}): {row['role']}, {row['marking']}")
    lines = {
        "families": _joined(row["families"]),
        "seen": f"{_time(row['first_seen'])} to {_time(row['last_seen'])}, "
        + counted(int(str(row["sightings"])), "sighting")
        + (" (no record says a time; the delivery's is taken)" if row["undated"] else ""),
        "sources": f"{row['partners']} independent; data sets {_joined(row['datasets'])}",
        "confidence": "unrated" if row["confidence"] is None else f"{row['confidence']:.2f}",
        "ports": _joined(row["ports"]) + (" and many more" if row["ports_many"] else ""),
        "resolved": _joined(row["resolved"]),
        "where": _where(row),
        "review": _joined(row["review"]),
        "caution": _joined(row["cautions"]),
        "finding_id": row["finding_id"],
    }
    for label, text in lines.items():
        if text:
            say(f"    {label:<11} {printable(str(text))}")


def _where(row: dict[str, object]) -> str:
    parts = [
        f"hosted in {_joined(row['countries'])}" if row["countries"] else "",
        f"the second source says {row['country_second']}" if row["country_conflict"] else "",
        f"AS{row['asn']} {row['network_owner'] or ''}".strip() if row["asn"] else "",
        f"registry {row['registry_country']}" if row["registry_country"] else "",
        "government" if row["government"] else "",
    ]
    return "; ".join(part for part in parts if part)


def _words(cell: object) -> list[str]:
    return [str(word) for word in cell] if isinstance(cell, list) else []


def _joined(words: object) -> str:
    return ", ".join(str(word) for word in words) if isinstance(words, list) else ""


def _time(instant: object) -> str:
    return instant.strftime("%Y-%m-%d %H:%M UTC") if isinstance(instant, datetime) else str(instant)


def _json(cell: object) -> object:
    return cell.isoformat().replace("+00:00", "Z") if isinstance(cell, datetime) else cell
