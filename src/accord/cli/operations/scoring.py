"""What a person sees of how much of an operation was done: the words around `operations.scoring`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from accord.cli.ledgers.opening import opened_ledger
from accord.cli.releases.handed import PACKAGE, RELEASES
from accord.cli.terminal import counted, say, say_json, show_table
from accord.operations.scoring import score
from accord.release.disclosures import Disclosure, disclosures
from accord.release.package.reading import peek_manifest
from accord.vocabulary.errors import LedgerError, OutputError, SettingsError
from accord.vocabulary.outcomes import Counts, Score, Week
from accord.vocabulary.roles import SERVER_ROLES, Role
from accord.workspace.regular import open_regular

_SHOWN = 20
"""Networks that a person is shown; --json has all."""

_WEEKS = 12
"""Weeks that a person is shown."""


def tell_score(
    folder: Path, operation: str, roles: list[str], out: Path | None, language: str, *, as_json: bool
) -> None:
    """`accord operation score`. Raises AccordError."""
    wanted = frozenset(_role(one) for one in roles) or SERVER_ROLES
    with opened_ledger(folder) as ledger, ledger.database.reading() as connection:
        found = score(connection, operation, at=datetime.now(UTC), roles=wanted)
        title = _title(folder, disclosures(connection), operation)
    if out is not None:
        _write(found, title, out, language)
    if as_json:
        say_json(_told(found) | {"title": title})
    else:
        _tell(found, title)
        if out is not None:
            say(f"The page: {out}")


def _title(folder: Path, known: Sequence[Disclosure], operation: str) -> str | None:
    """What an operation is called, as the newest package of it says that still lies there; None: none does."""
    for one in reversed(known):
        if one.operation != operation or one.handed_over_at is None or one.channel is not None:
            continue
        place = folder / RELEASES / str(one.id) / PACKAGE
        try:
            with open_regular(place) as file:
                manifest, digest = peek_manifest(file, str(place))
        except (OSError, LedgerError):
            continue
        if digest == one.sealed and manifest.statement.operation is not None:
            return manifest.statement.operation.title
    return None


def _role(said: str) -> Role:
    try:
        return Role(said)
    except ValueError:
        raise SettingsError(
            "There is no such role.",
            where="--role",
            expected="one of " + ", ".join(Role),
            got=said,
            remedy="leave --role out to count all",
        ) from None


def _write(found: Score, title: str | None, out: Path, language: str) -> None:
    from accord.reports.page import render_score
    from accord.reports.score_page import compose_score

    page = render_score(compose_score(found, title), language)
    try:
        out.write_text(page, "utf-8")
    except OSError as error:
        raise OutputError("The page cannot be written.", where=str(out), got=error.strerror) from error


def _tell(found: Score, title: str | None) -> None:
    if found.simulated:
        say("SIMULATED DATA")
    called = found.operation if title is None else f"{title} ({found.operation})"
    say(f"{called}: {counted(found.releases, 'release')}, {_days(found)}; as of {found.at:%Y-%m-%d %H:%M} UTC")
    roles = ", ".join(found.roles)
    if found.counts.share is None and (found.withdrawn or found.counts.false_positive):
        say(f"Nothing is left that counts: {roles} (--role counts another).")
    elif found.counts.share is None:
        say(f"Nobody was asked to act on what counts: {roles} (--role counts another).")
    else:
        say(f"{_percent(found.counts.share)} done: {found.counts.done:,} of {found.counts.right:,} ({roles})")
    for label, number in (
        ("called wrong by recipients, and not counted", found.counts.false_positive),
        ("in review: nobody was asked to act", found.in_review),
        ("taken back", found.withdrawn),
    ):
        if number:
            say(f"  {label}: {number:,}")
    columns = [("done", True), ("of", True), ("share", True), ("refused", True), ("in hand", True), ("silent", True),
               ("wrong", True)]  # fmt: skip
    for caption, heading, rows in (
        ("By country", "country", [(country, counts) for country, counts in found.by_country]),
        (
            "By network",
            "network",
            [
                (" ".join(each for each in (f"AS{one.asn}" if one.asn else "unknown", one.owner) if each), counts)
                for one, counts in found.by_network[:_SHOWN]
            ],
        ),
        ("By role, all of them", "role", [(role.value, counts) for role, counts in found.by_role]),
    ):
        if rows:
            say("")
            show_table(
                [(heading, False), *columns], [(name, *_cells(counts)) for name, counts in rows], caption, wide=True
            )
            if heading == "network" and len(found.by_network) > _SHOWN:
                say(f"and {counted(len(found.by_network) - _SHOWN, 'more network')}: --json has all")
    if found.weeks:
        say("")
        shown = found.weeks[:_WEEKS]
        show_table(
            [("week", True), ("done", True), ("of", True), ("share", True)],
            [(one.number, one.done, one.right, _percent(one.share)) for one in shown],
            "By week",
            wide=True,
        )
        if len(found.weeks) > _WEEKS:
            say(f"and {counted(len(found.weeks) - _WEEKS, 'more week')}: --json has all")


def _days(found: Score) -> str:
    if found.first_day == found.last_day:
        return f"handed over on {found.first_day}"
    return f"handed over from {found.first_day} to {found.last_day}"


def _cells(counts: Counts) -> tuple[object, ...]:
    return (
        counts.done,
        counts.right,
        _percent(counts.share),
        counts.refused,
        counts.acknowledged,
        counts.sent,
        counts.false_positive,
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}%"


def _told(found: Score) -> dict[str, object]:
    return {
        "operation": found.operation,
        "at": found.at.isoformat(),
        "simulated": found.simulated,
        "marking": found.marking.value,
        "roles": [one.value for one in found.roles],
        "releases": found.releases,
        "first_day": found.first_day.isoformat(),
        "last_day": found.last_day.isoformat(),
        **_numbers(found.counts),
        "in_review": found.in_review,
        "withdrawn": found.withdrawn,
        "countries": [{"country": country, **_numbers(counts)} for country, counts in found.by_country],
        "networks": [{"asn": one.asn, "owner": one.owner, **_numbers(counts)} for one, counts in found.by_network],
        "weeks": [_week(one) for one in found.weeks],
        "by_role": [{"role": role.value, **_numbers(counts)} for role, counts in found.by_role],
    }


def _numbers(counts: Counts) -> dict[str, object]:
    return {
        "asked": counts.asked,
        "sent": counts.sent,
        "acknowledged": counts.acknowledged,
        "done": counts.done,
        "refused": counts.refused,
        "false_positive": counts.false_positive,
        "share": None if counts.share is None else round(counts.share, 4),
    }


def _week(one: Week) -> dict[str, object]:
    share = None if one.share is None else round(one.share, 4)
    return {"week": one.number, "done": one.done, "of": one.right, "share": share}
