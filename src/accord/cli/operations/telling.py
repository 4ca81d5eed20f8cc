"""What a person is told after a run."""

from datetime import datetime

from accord.cli.operations.running import RunSheet, report_folder
from accord.cli.operations.withholding import audience_of, kept_back
from accord.cli.terminal import counted, say, show_table, talk
from accord.operations.declaration import Operation
from accord.release.policy import Terms
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.roles import Role

_NAMED = 5
"""Countries of which it is said how much is withheld; an operation may have two hundred."""


def tell_run(sheet: RunSheet, operation: Operation, terms: Terms | None) -> None:
    """Deliveries in one line each data set, countries in one line each, and where to look.

    `terms`: those of a run in a workspace.
    """
    by_dataset: dict[str, list[int]] = {}
    for delivery in sheet.deliveries:
        row = by_dataset.setdefault(delivery.dataset, [0, 0, 0, 0, 0, 0])
        counts = (
            1,
            delivery.records,
            delivery.accepted,
            sum(delivery.ignored.values()),
            sum(delivery.rejected.values()),
            len(delivery.refused),
        )
        for at, count in enumerate(counts):
            row[at] += count
    if operation.simulated:
        say("SIMULATED DATA: nothing below is real.")
    show_table(
        [
            ("data set", False),
            *((word, True) for word in ("files", "records", "accepted", "ignored", "rejected", "refused")),
        ],
        [(name, *row) for name, row in by_dataset.items()],
    )
    say("")
    countries = sheet.summary["countries"]
    assert isinstance(countries, dict)  # noqa: S101 -- our own summary
    show_table(
        [
            ("country", False),
            *(
                (word, True)
                for word in ("findings", "addresses", "C2 servers", "compromised", "infected", "government")
            ),
        ],
        [_country_row(country, figures) for country, figures in countries.items()],
    )
    say("")
    owned = [report for report in sheet.reports if report.owner is not None]
    if owned:
        columns = [("network owner", False), ("findings", True), ("networks", True)]
        show_table(columns, [(report.owner, report.findings, report.networks) for report in owned])
        say("")
    for delivery in sheet.deliveries:
        for one in delivery.refused[:5]:
            place = delivery.file if one.member is None else f"{delivery.file}!/{one.member}"
            talk(f"refused: {place}: {one.reason}")
        if len(delivery.refused) > 5:
            talk(f"refused: {delivery.file}: {len(delivery.refused) - 5:,} more, see summary.json")
        for note in delivery.notes:
            talk(f"note: {delivery.file}: {note}")
    _tell_withheld(sheet, operation, terms, countries)
    country = operation.scope.countries[0]
    first = report_folder(country, operation.themes[0] if operation.themes else None)
    talk(f"{sheet.seconds:.1f} s")
    say(f"Open {sheet.out / first / f'car.{operation.languages_of(country)[0]}.pdf'}")


def tell_ahead(operation: Operation, now: datetime) -> None:
    """Say of an operation that is said for a moment that has not come: nothing of it could be handed over."""
    if operation.scope.is_ahead(now):
        talk(
            f"note: as_of of {operation.file} has not come yet: {operation.scope.as_of:%Y-%m-%d %H:%M} UTC. Confidence "
            "decays to it; nothing of this operation can be let out of a workspace before"
        )


def _tell_withheld(
    sheet: RunSheet, operation: Operation, terms: Terms | None, countries: dict[str, dict[str, int]]
) -> None:
    """Countries whose reports hold less than the table above: nobody should find that out by opening them."""
    if operation.themes:
        return  # there a finding may be in two reports, or fit none
    reported = {report.country: report.findings for report in sheet.reports if report.owner is None}
    read = {recipient.country for recipient in operation.recipients if not recipient.is_owner}
    less = [name for name, figures in countries.items() if reported[name] < figures["findings"]]
    short = [
        f"{country} {count - reported[country]:,} of {count:,}" + ("" if country in read else " (no recipient)")
        for country, count in ((name, countries[name]["findings"]) for name in less)
    ]
    if short:
        more = f" and {counted(len(short) - _NAMED, 'more country', 'more countries')}" if len(short) > _NAMED else ""
        by, where = "marking or share_with", "operations.md, who gets what"
        if terms is not None:
            by, where = "the release rules", "release.md"
        talk(f"note: withheld from reports by {by}: {', '.join(short[:_NAMED])}{more} (docs/{where})")
    for country in map(CountryCode, less[:_NAMED]):
        if terms is not None and operation.recipients_of(country):
            for line in kept_back(operation, terms, audience_of(operation, country)):
                talk(f"  {country}: {line}")


def _country_row(country: str, figures: dict[str, object]) -> tuple[object, ...]:
    roles = figures["roles"]
    assert isinstance(roles, dict)  # noqa: S101 -- our own summary
    counted = [
        roles.get(role.value, {}).get("findings", 0)
        for role in (Role.C2_SERVER, Role.SYSTEM_COMPROMISE, Role.INFECTED_SYSTEM)
    ]
    return (country, figures["findings"], figures["addresses"], *counted, figures["government"])
