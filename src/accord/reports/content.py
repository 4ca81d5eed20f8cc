"""From a view to the report that people read: one content model for every medium and language."""

from accord.release.view import View
from accord.reports.account import glossary, handling, what_this_rests_on
from accord.reports.activity import what_they_do
from accord.reports.actors import set_apart, who_must_act, worst
from accord.reports.blocks import Report
from accord.reports.guidance import what_to_do
from accord.reports.opening import Change, changes, cover
from accord.reports.tally import tally
from accord.reports.words import Country, Verbatim, say

__all__ = ["Change", "Report", "compose"]


def compose(view: View, change: Change | None) -> Report:
    """The Cyber Activity Report of `view`; `change` is what differs from an earlier run, None without one.

    Nothing but the view (and the change between two views) reaches the report, so that what an audience may not see
    cannot either. The same view gives the same report.
    """
    numbers = tally(view)
    return Report(
        marking=view.marking,
        simulated=view.operation.simulated,
        as_of=view.operation.as_of,
        country=view.country,
        hub=view.hub.name,
        document_title=say(
            "Cyber Activity Report: {country}, {operation}",
            country=Country(code=view.country, in_sentence=False),
            operation=Verbatim(text=view.operation.title),
        ),
        cover=cover(view, numbers, change),
        sections=(
            *changes(change),
            who_must_act(view, numbers, follows_cover=change is None),
            *what_they_do(view, numbers),
            *worst(view, numbers, change),
            *set_apart(view, numbers),
            what_to_do(view, numbers),
            what_this_rests_on(view, numbers),
            handling(view, numbers),
            glossary(numbers),
        ),
    )
