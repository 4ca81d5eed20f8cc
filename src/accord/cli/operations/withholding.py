"""Why a country's reports, or a channel, hold less than was found: what of data sets the rules keep back whole."""

from collections.abc import Sequence

from accord.agreements.declarations import Dataset
from accord.cli.terminal import counted
from accord.operations.declaration import Operation, Recipient
from accord.release.policy import Terms
from accord.release.question import Audience
from accord.release.rules import RULES, UNANSWERED, decide
from accord.vocabulary.countries import CountryCode

NO_RULE = "no rule keeps back a whole data set: nothing was found there, or it is personal data, or waits for a review"
_TITLES = {rule.number: rule.title for rule in RULES}


def audience_of(operation: Operation, country: CountryCode) -> Audience:
    """All recipients of a country's reports: a rule must hold for each, whoever is handed them now."""
    recipients = operation.recipients_of(country)
    return Audience(recipients=recipients, encrypted=all(one.encrypted for one in recipients))


def owner_audience(owner: Recipient) -> Audience:
    """A network owner, by itself."""
    return Audience(recipients=(owner,), encrypted=owner.encrypted)


def kept_back(operation: Operation, terms: Terms, audience: Audience) -> tuple[str, ...]:
    """A line for each rule that keeps data sets of which something came in from an audience, with how many.

    Of a rule that refuses several the first reason is told.
    """
    came = [one for one in operation.datasets if one.id in terms.came_in]
    if not came:
        return (f"no delivery of its data sets was taken in for {terms.release.purpose}",)
    found = _refusals(came, terms, audience)
    told = tuple(
        f"rule {rule} ({_TITLES[rule]}) keeps back {len(names)} of {counted(len(came), 'data set')}: {reason}"
        for rule, (names, reason) in sorted(found.items())
    )
    return told or (NO_RULE,)


def _refusals(came: Sequence[Dataset], terms: Terms, audience: Audience) -> dict[int, tuple[set[str], str]]:
    found: dict[int, tuple[set[str], str]] = {}
    for one in came:
        for item in terms.items(
            one, one.marking.code, personal=one.personal, in_review=False, networks=audience.networks
        ):
            for verdict in decide(item, audience, terms.release, terms.rules).verdicts:
                # what follows from what another rule says
                if not verdict.permitted and verdict.reason != UNANSWERED:
                    found.setdefault(verdict.rule, (set(), verdict.reason))[0].add(one.id)
    return found
