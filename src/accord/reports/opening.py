"""The cover, which is already the report, and what changed since an earlier one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from accord.release.view import View
from accord.reports.blocks import (
    Align,
    Block,
    Box,
    Bullets,
    Column,
    Cover,
    Definitions,
    Figure,
    Figures,
    MapSheet,
    Paragraph,
    Row,
    Section,
    Table,
)
from accord.reports.defang import printed
from accord.reports.roles import counted, role_name
from accord.reports.tally import Tally
from accord.reports.words import Code, Country, Fixed, Message, Moment, Together, Value, Verbatim, count_of, say
from accord.vocabulary.roles import VICTIM_ROLES, Role

GONE_SHOWN = 12


class Gone(Protocol):
    """A finding of the earlier report that is in this one no more."""

    @property
    def type(self) -> str:
        """Indicator type."""

    @property
    def value(self) -> str:
        """Canonical value."""

    @property
    def role(self) -> str:
        """Role by RSIT."""


class Change(Protocol):
    """What a report needs of `accord.reports.changes.Change`."""

    @property
    def previous_as_of(self) -> datetime:
        """The earlier report's `as_of`."""

    @property
    def new(self) -> frozenset[str]:
        """Ids of findings that the earlier report did not have."""

    @property
    def gone(self) -> "tuple[Gone, ...]":
        """Findings that only the earlier report has."""

    @property
    def changed(self) -> Mapping[str, tuple[str, ...]]:
        """Id of a finding in both -> columns that differ."""

    @property
    def previous_counts(self) -> Mapping[str, int]:
        """The earlier cover's numbers by `tally.cover_counts`' names."""


def cover(view: View, tally: Tally, change: Change | None) -> Cover:
    """The first page of a view's report."""
    title = say("{country}", country=Country(code=view.country, in_sentence=False))
    if view.theme is not None:
        theme = Verbatim(text=view.theme_title or view.theme)
        title = say("{country}: {theme}", country=Country(code=view.country, in_sentence=False), theme=theme)
    return Cover(
        kicker=say("Cyber Activity Report"),
        title=title,
        subtitle=say(
            "Operation {operation}. Data as of {as_of}.",
            operation=Verbatim(text=view.operation.title),
            as_of=Moment(at=view.operation.as_of),
        ),
        lead=_lead(view, tally),
        figures=_figures(tally, change),
        map=_map(view, tally),
        ask=Box(title=say("What we ask you to do"), blocks=(Bullets(items=_asks(view, tally), ordered=True),)),
        facts=_facts(view),
    )


def _lead(view: View, tally: Tally) -> Message:
    country = Country(code=view.country)
    if not tally.findings:
        if tally.in_review:
            return count_of(
                "Nobody is asked to act on anything in {country} now; {n} finding awaits an analyst's decision.",
                "Nobody is asked to act on anything in {country} now; {n} findings await an analyst's decision.",
                tally.in_review,
                country=country,
            )
        return say("The operation has no findings in {country} that its recipients may see.", country=country)
    role = Role.C2_SERVER.value if Role.C2_SERVER in tally.roles else next(iter(tally.roles))
    what = counted(role, tally.roles[role])
    government = (
        count_of("{n} finding is on a government system", "{n} findings are on government systems", tally.government)
        if tally.government
        else say("no finding is on a government system that we know of")
    )
    if tally.abroad:
        # l10n: {what} is a number and a noun ("14 command-and-control servers"), and the form is that of its number;
        # l10n: {government} is a sentence of its own in lower case ("no finding is on a government system ...")
        return count_of(
            "We know of {what} hosted in {country} or named under its registry; {government}.",
            "We know of {what} hosted in {country} or named under its registry; {government}.",
            tally.roles[role],
            what=what,
            country=country,
            government=government,
        )
    # l10n: {what} is a number and a noun ("14 command-and-control servers"), and the form is that of its number;
    # l10n: {government} is a sentence of its own in lower case ("no finding is on a government system ...")
    return count_of(
        "We know of {what} hosted in {country}; {government}.",
        "We know of {what} hosted in {country}; {government}.",
        tally.roles[role],
        what=what,
        country=country,
        government=government,
    )


def _figures(tally: Tally, change: Change | None) -> Figures:
    labels = (
        (Role.C2_SERVER.value, say("C2 servers")),
        (Role.SYSTEM_COMPROMISE.value, say("Compromised websites")),
        (Role.INFECTED_SYSTEM.value, say("Infected systems")),
    )
    figures = [_figure(key, tally.roles.get(key, 0), label, change) for key, label in labels]
    return Figures(items=(*figures, _figure("networks", len(tally.networks), say("Networks concerned"), change)))


def _figure(key: str, number: int, label: Message, change: Change | None) -> Figure:
    return Figure(number=number, label=label, change=None if change is None else _compared(key, number, change))


def _compared(key: str, number: int, change: Change) -> Message:
    before, day = change.previous_counts.get(key, 0), change.previous_as_of
    if number > before:
        # l10n: under a number of servers, websites, systems or networks on the cover
        return say("{n} more than on {day}", n=number - before, day=day)
    if number < before:
        return say("{n} fewer than on {day}", n=before - number, day=day)
    return say("as many as on {day}", day=day)


def _map(view: View, tally: Tally) -> MapSheet:
    here = dict(tally.hosting).get(view.country, 0)
    others = len(tally.hosting) - (view.country in dict(tally.hosting))
    country = Country(code=view.country)
    if not tally.findings:
        title = say("{country} in its region", country=Country(code=view.country, in_sentence=False))
    elif others:
        title = count_of(
            # l10n: title of the map; the form is that of {n}, the number of other countries
            "{here} of {all} findings are hosted in {country}, the rest in {n} other country or unknown places",
            "{here} of {all} findings are hosted in {country}, the rest in {n} other countries or unknown places",
            others,
            here=here,
            all=tally.findings,
            country=country,
        )
    else:
        title = count_of(
            "{here} of {n} finding is hosted in {country}",
            "{here} of {n} findings are hosted in {country}",
            tally.findings,
            here=here,
            country=country,
        )
    return MapSheet(
        anchor="map",
        title=title,
        country=view.country,
        numbers=tally.hosting,
        elsewhere=tuple(code for code in view.operation.countries if code != view.country),
        source=say(
            "Findings of this report by hosting country. Borders: Natural Earth, 1:110 million; they take no position "
            "on any claim. Data as of {as_of}.",
            as_of=view.operation.as_of,
        ),
        simulated=view.operation.simulated,
    )


def _asks(view: View, tally: Tally) -> tuple[Message, ...]:
    victims = sum(number for role, number in tally.roles.items() if role in VICTIM_ROLES)
    servers = tally.findings - victims
    asks = []
    if servers:
        asks.append(
            count_of(
                "Have the network owners keep the evidence of {n} criminal server or page, then disconnect it.",
                "Have the network owners keep the evidence of {n} criminal servers and pages, then disconnect them.",
                servers,
            )
        )
    if victims:
        asks.append(
            count_of(
                "Have {n} victim told, government first, and helped to clean up.",
                "Have {n} victims told, government first, and helped to clean up.",
                victims,
            )
            if tally.government
            else count_of(
                "Have {n} victim told and helped to clean up.",
                "Have {n} victims told and helped to clean up.",
                victims,
            )
        )
    if not asks:
        return (
            say("Nothing now. If you know of activity that is missing here, tell {contact}.", contact=_contact(view)),
        )
    if view.operation.answer_by is not None:
        asks.append(
            say(
                "Write what was done into {file} and send it by {day} to {contact}.",
                file=Code(text="outcomes.csv"),
                day=view.operation.answer_by,
                contact=_contact(view),
            )
        )
    else:
        asks.append(
            say(
                "Write what was done into {file} and send it to {contact}.",
                file=Code(text="outcomes.csv"),
                contact=_contact(view),
            )
        )
    return tuple(asks)


def _contact(view: View) -> Verbatim:
    return Verbatim(text=view.hub.contact)


def _facts(view: View) -> Definitions:
    operation = view.operation
    period: Value = say("no limit on the period")
    if operation.window_start is not None and operation.window_end is not None:
        period = say("{start} to {end} (UTC)", start=operation.window_start, end=operation.window_end)
    elif operation.window_start is not None:
        period = say("since {start} (UTC)", start=operation.window_start)
    elif operation.window_end is not None:
        period = say("until {end} (UTC)", end=operation.window_end)
    roles: Value = say("all roles")
    if operation.roles:
        roles = Together(parts=tuple(role_name(role) for role in operation.roles))
    families: Value = say("all families")
    if operation.families:
        families = Together(parts=tuple(Verbatim(text=family) for family in operation.families))
    return Definitions(
        items=(
            (
                # l10n: the facts at the foot of the cover begin here
                say("What this is"),
                say(
                    "What partners of {hub} have seen of cybercrime in {country}: criminals' servers, hacked websites, "
                    "infected systems; who answers for them; and what is asked of whom. It is information, not an "
                    "order.",
                    hub=Verbatim(text=view.hub.name),
                    country=Country(code=view.country),
                ),
            ),
            (say("Prepared for"), _recipients(view)),
            (say("Prepared by"), say("{hub}, {contact}", hub=Verbatim(text=view.hub.name), contact=_contact(view))),
            (say("Scope"), say("{roles}; {families}; {period}", roles=roles, families=families, period=period)),
            (say("Marking"), say("{label}; the handling rules are near the end", label=_label(view))),
        )
    )


def _label(view: View) -> Fixed:
    return Fixed(text=view.marking.label)


def _recipients(view: View) -> Value:
    if not view.recipients:
        return say("Nobody was named as recipient: only findings marked clear or green are in this report")
    return Together(
        parts=tuple(
            say(
                "{partner} ({persons})",
                partner=Verbatim(text=sheet.partner),
                persons=Together(parts=tuple(Verbatim(text=person) for person in sheet.persons)),
            )
            if sheet.persons
            else Verbatim(text=sheet.partner)
            for sheet in view.recipients
        )
    )


def changes(change: Change | None) -> tuple[Section, ...]:
    """What changed since the earlier report; nothing when there is none to compare with."""
    if change is None:
        return ()
    day = change.previous_as_of
    blocks: list[Block] = [
        Bullets(
            items=(
                count_of("{n} finding is new.", "{n} findings are new.", len(change.new)),
                count_of(
                    "{n} finding is gone: it was acted on, was not seen again, or lies outside the scope now.",
                    "{n} findings are gone: they were acted on, were not seen again, or lie outside the scope now.",
                    len(change.gone),
                ),
                count_of(
                    "{n} finding of both reports has changed.",
                    "{n} findings of both reports have changed.",
                    len(change.changed),
                ),
            )
        )
    ]
    if change.gone:
        rows: tuple[Row, ...] = tuple(
            (Code(text=printed(gone.type, gone.value)), role_name(gone.role)) for gone in change.gone[:GONE_SHOWN]
        )
        blocks.append(
            Table(
                anchor="gone",
                caption=_capped(len(rows), len(change.gone)),
                columns=(Column(title=say("Indicator"), weight=2), Column(title=say("Role"), align=Align.START)),
                rows=rows,
            )
        )
    else:
        blocks.append(Paragraph(text=say("Nothing of the earlier report is missing from this one.")))
    return (
        Section(
            anchor="changes",
            title=say("What changed since {day}", day=day),
            blocks=tuple(blocks),
            new_page=True,
        ),
    )


def _capped(shown: int, all_of_them: int) -> Message:
    if shown == all_of_them:
        return count_of("{n} finding that is gone", "The {n} findings that are gone", shown)
    return count_of(
        "{shown} of the {n} finding that is gone", "{shown} of the {n} findings that are gone", all_of_them, shown=shown
    )
