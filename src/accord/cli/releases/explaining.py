"""What every release rule says of an object, for each policy class of what the hub knows of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from accord.access.consultations import Processing, value_object
from accord.agreements.agreement import Register
from accord.agreements.declarations import PartnerId, PartnerKind
from accord.agreements.networks import Network
from accord.agreements.register import load_register
from accord.attribution.owning import OwnNetworks
from accord.cli.acting import Actor, log
from accord.cli.deliveries.kept import read_account, taken_in
from accord.cli.operations.gathering import read_purpose
from accord.cli.places import reference_in_use
from accord.cli.releases.explained import given
from accord.cli.releases.reviewing import decision_told, in_words
from accord.cli.rights.corrections import kept_out_in_words, kept_out_told
from accord.cli.snapshots.standing import findings_known, standing_case
from accord.cli.terminal import say, say_json, show_table
from accord.columns.instants import read_instant
from accord.columns.values import read_value
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import (
    Declared,
    Operation,
    Recipient,
    Scope,
    read_workspace,
    read_workspace_operation,
)
from accord.release import reviews
from accord.release.decisions import load_decisions
from accord.release.embargoes import embargoes
from accord.release.erased import KeptOut, kept_out, mac_of
from accord.release.notices import RecallKind
from accord.release.policy import Terms, bound_to, came_in, personal_findings, workspace_terms
from accord.release.question import Audience, Embargo, Item, taken_in_under
from accord.release.recall import Recall, ended
from accord.release.rules import RULES, Decision, decide
from accord.release.waiting import Embargoed
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import Indicator
from accord.vocabulary.markings import MARKINGS
from accord.vocabulary.reasons import EXPLANATIONS
from accord.workspace.database import open_database
from accord.workspace.keys import hub_key
from accord.workspace.store import Workspace, open_workspace
from accord.workspace.translations import LANGUAGES

NOTHING_LEAVES = 1
"""Exit code when nothing of it may leave."""

_NOWHERE = CountryCode("ZZ")
"""Whose reports a partner gets that sits nowhere; no rule asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One policy class, what stands behind it, and what the rules say of it."""

    item: Item
    findings: tuple[str, ...]
    """In words: value, type, role. Empty: the whole data set."""
    decision: Decision
    reviews: tuple["Reviewed", ...] = ()
    """Of those that stand on warning lists, what an analyst has decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A finding on warning lists that ask for a review, and what was decided of it."""

    finding: str
    """In words."""
    lists: tuple[str, ...]
    """As `name (version)`."""
    decision: reviews.Decision | None
    """The newest; None: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What was asked, and the answer."""

    asked: str
    recipient: Recipient
    terms: Terms
    judged: tuple[Judged, ...]
    """By data set and marking; none: nothing is known of it."""
    secret: Mapping[str, Embargo]
    """No operation was named: by data set, what the workspace knows of embargoes that hold."""
    corrected: KeptOut | None = None
    """What of it is not used, because it was corrected; None: nothing."""
    corrections: tuple[Recall, ...] = ()
    """By which, the oldest first."""

    @property
    def permitted(self) -> bool:
        """May at least a part of it leave?"""
        return any(one.decision.permitted for one in self.judged)


def ask(
    folder: Path,
    asked: str,
    to: str,
    *,
    purpose: str | None,
    operation: Path | None,
    named: tuple[str, ...],
    encrypted: bool,
    at: str | None,
    actor: Actor,
) -> Explanation:
    """Judge it, once it is logged who asks for a value. Raises AccordError."""
    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    moment = _moment(at)
    with open_database(declared.database) as database:
        with database.reading() as connection:
            register = load_register(connection)
            decisions = load_decisions(connection)
            secret = embargoes(connection, moment) if operation is None else {}
            standing = None if asked in register.datasets else given(connection, asked, register)
        partner = register.partner(to, "--to")
        sheet = _sheet(declared, workspace, register, operation, moment)
        wanted = read_purpose(purpose) or sheet.purpose
        if standing is not None:
            wanted = wanted or standing.purpose
            if partner == standing.recipient:
                named, encrypted = named or standing.persons, encrypted or standing.encrypted
        recipient = _recipient(sheet, register, partner, named, encrypted=encrypted)
        if standing is not None and partner == standing.recipient and standing.clients:
            recipient = replace(recipient, clients=True)
        received = [taken_in(one, read_account(one)) for one in workspace.deliveries()]
        terms = workspace_terms(
            sheet,
            register,
            purpose=wanted,
            at=moment,
            came_in=came_in(register, received),
            bound=bound_to(received),
            decided=reviews.let_go(decisions, moment),
        )
        audience = _audience(sheet if standing is None else None, recipient)
        whole = _of_dataset(terms, asked, audience.networks)
        classes: list[tuple[Item, str, Reviewed | None]]
        corrected: KeptOut | None = None
        corrections: tuple[Recall, ...] = ()
        if standing is not None:
            classes = [(item, words, None) for item, words in standing.items]
        elif whole:
            classes = [(one, "", None) for one in whole]
        else:
            indicator = _indicator(asked, register)
            classes = _of_value(terms, indicator, workspace, declared, reviews.standing(decisions), audience.networks)
            key = hub_key(declared.hub.key_file)
            value = value_object(indicator, key)
            with database.reading() as connection:
                corrected = kept_out(connection, mac_of(indicator, key))
                corrections = tuple(one for one in ended(connection, value) if one.kind is RecallKind.CORRECTED)
            log(database, actor, Processing.CONSULTATION, [value], now=datetime.now(UTC))
    behind: dict[Item, list[tuple[str, Reviewed | None]]] = {}
    for item, words, reviewed in classes:
        behind.setdefault(item, []).append((words, reviewed))
    judged = (
        Judged(
            item=item,
            findings=tuple(sorted({words for words, _ in told if words})),
            decision=_unnamed(decide(item, audience, terms.release, terms.rules), item, operation),
            reviews=tuple({one.finding: one for _, one in told if one is not None}.values()),
        )
        for item, told in behind.items()
    )
    ordered = sorted(judged, key=lambda one: (one.item.dataset.id, one.item.marking.code, one.item.personal,
                                              one.item.in_review, one.item.came_in))  # fmt: skip
    about = {str(one.item.dataset.id) for one in ordered if one.item.embargo is None}
    told = {str(dataset): one for dataset, one in secret.items() if dataset in about}
    stands = corrected is not None and corrected.kind is RecallKind.CORRECTED
    return Explanation(
        asked=asked,
        recipient=recipient,
        terms=terms,
        judged=tuple(ordered),
        secret=told,
        corrected=corrected if stands else None,
        corrections=corrections if stands else (),
    )


def _unnamed(decision: Decision, item: Item, operation: Path | None) -> Decision:
    """Rule 13 in words that do not say more than was asked: an operation that nobody named may be secret."""
    if operation is not None or item.embargo is not None:
        return decision
    verdicts = (
        replace(one, reason="no operation was named, so that no embargo was asked about")
        if one.rule == Embargoed.number and one.permitted
        else one
        for one in decision.verdicts
    )
    return replace(decision, verdicts=tuple(verdicts))


def _of_dataset(terms: Terms, asked: str, networks: tuple[Network, ...]) -> tuple[Item, ...]:
    """The classes of what a registered data set says at its widest; none: it is no such. Where nothing came in yet, as
    if it came in at that moment. `networks`: of a network owner, about which alone it is asked."""
    held = next((one for name, one in terms.datasets.items() if name == asked), None)
    if held is None:
        return ()
    now = taken_in_under(terms.release.register, held.id, terms.release.at)
    return tuple(
        Item(
            dataset=held,
            marking=held.marking,
            came_in=came,
            personal=held.personal,
            in_review=False,
            embargo=terms.embargo,
            purposes=terms.bound.get(held.id),
            networks=networks,
        )
        for came in sorted(terms.came_in.get(held.id) or {now})
    )


def _of_value(
    terms: Terms,
    indicator: Indicator,
    workspace: Workspace,
    declared: Declared,
    decided: Mapping[str, reviews.Decision],
    networks: tuple[Network, ...],
) -> list[tuple[Item, str, Reviewed | None]]:
    """The classes of the evidence behind a value, each with the finding in words, and what was decided of it."""
    case = standing_case(workspace, [indicator.value], reference_in_use())
    if case is None:
        return []
    known = {(row["type"], row["value"], row["role"]): row for row in findings_known(case)}
    findings = case.evidence.findings
    personal = personal_findings(findings["type"].to_numpy(), findings["role"].to_numpy())
    rows = case.evidence.of(np.arange(len(findings))).rows
    found: list[tuple[Item, str, Reviewed | None]] = []
    told = _in_words(findings)
    owned = np.zeros(len(findings), np.bool_)
    if networks:
        every = (one for partner in terms.release.register.partners.values() for one in partner.networks)
        own = OwnNetworks(networks, case.reference, [one for one in every if one not in networks])
        owned = own.own(
            findings["type"].to_numpy(), findings["value"].combine_chunks(), own.resolved(case.places, case.resolutions)
        )
    for number, dataset, marking in sorted(
        set(zip(*(rows[name].to_pylist() for name in ("finding", "dataset", "marking")), strict=True))
    ):
        row = known[told[number]]
        kind, value, role = told[number]
        finding, lists = str(row["finding_id"]), tuple(map(str, row["review"]))  # type: ignore[call-overload]
        in_review = bool(lists) and not terms.lets_go(finding, lists)
        words = f"{value} ({kind}): {role}"
        reviewed = Reviewed(finding=words, lists=lists, decision=decided.get(finding)) if lists else None
        items = terms.items(
            declared.datasets[dataset],
            marking,
            personal=bool(personal[number]),
            in_review=in_review,
            networks=networks if owned[number] else (),
        )
        found += [(item, words, reviewed) for item in items]
    return found


def _in_words(findings: object) -> list[tuple[str, str, str]]:
    from accord.vocabulary.indicators import INDICATOR_TYPES
    from accord.vocabulary.roles import ROLES

    columns = {name: findings[name].to_pylist() for name in ("type", "value", "role")}  # type: ignore[index]
    return [
        (INDICATOR_TYPES[kind].value, value, ROLES[role].value)
        for kind, value, role in zip(columns["type"], columns["value"], columns["role"], strict=True)
    ]


def _sheet(
    declared: Declared, workspace: Workspace, register: Register, file: Path | None, moment: datetime
) -> Operation:
    """The operation that it belongs to, or one that says nothing."""
    if file is not None:
        return read_workspace_operation(file, declared, register.partners)
    return Operation(
        file=workspace.settings,
        name="workspace",
        title=declared.hub.name,
        simulated=False,
        languages=LANGUAGES[:1],
        answer_by=None,
        root=workspace.root,
        hub=declared.hub,
        scope=Scope(countries=(), roles=(), families=(), window_start=None, window_end=None, as_of=moment),
        partners=register.partners,
        datasets=declared.datasets,
        recipients=(),
        themes=(),
    )


def _recipient(
    sheet: Operation, register: Register, name: PartnerId, named: tuple[str, ...], *, encrypted: bool
) -> Recipient:
    """The partner as a recipient: as the operation declares it, and with what was said beside that."""
    partner = register.partners[name]
    plain = Recipient(partner=partner, country=partner.country or _NOWHERE, persons=(), languages=())
    declared = next((one for one in sheet.recipients if one.partner.id == name), plain)
    return replace(declared, persons=named or declared.persons, encrypted=encrypted or declared.encrypted)


def _audience(sheet: Operation | None, recipient: Recipient) -> Audience:
    """The partner; where an operation hands a country's reports to it, all who get them: a rule must hold for each."""
    concerned = recipient.partner.kind is PartnerKind.CONCERNED
    readers = () if sheet is None else sheet.recipients_of(recipient.country)
    if any(one.partner == recipient.partner for one in readers):
        readers = tuple(recipient if one.partner == recipient.partner else one for one in readers)
    else:
        readers = (recipient,)
    return Audience(recipients=readers, encrypted=all(one.encrypted for one in readers), each_own=concerned)


def _indicator(asked: str, register: Register) -> Indicator:
    read = read_value(asked, reference_in_use().suffixes.is_public_suffix)
    if isinstance(read, Indicator):
        return read
    raise SettingsError(
        f"This is neither a data set nor an indicator: {EXPLANATIONS[read]}.",
        where="OBJECT",
        expected="an indicator, the id of a release or of an object of a channel, or one of the data sets "
        + (", ".join(sorted(register.datasets)) or "(none is recorded)"),
        got=asked,
    )


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    instant = read_instant(text)
    if instant is None:
        raise SettingsError(
            "The time is none.",
            where="--at",
            expected="a date or a time in UTC, such as 2026-11-23 or 2026-11-23T08:00:00Z",
            got=text,
        )
    return datetime.fromtimestamp(instant / 1_000_000, UTC)


def tell(explanation: Explanation, *, as_json: bool) -> None:
    """Print the answer."""
    release = explanation.terms.release
    titles = {rule.number: rule.title for rule in RULES}
    if as_json:
        say_json(
            {
                "object": explanation.asked,
                "to": explanation.recipient.partner.id,
                "clients": explanation.recipient.clients,
                "purpose": release.purpose,
                "at": release.at.isoformat(),
                "permitted": explanation.permitted,
                "embargoes": [
                    {"dataset": dataset, "operation": one.operation, "until": one.until.isoformat()}
                    for dataset, one in sorted(explanation.secret.items())
                ],
                "classes": [_class_told(one, titles) for one in explanation.judged],
                "corrected": kept_out_told(explanation.corrected),
                "corrections": [
                    {"recall": str(one.id), "at": one.at.isoformat(), "reason": one.reason}
                    for one in explanation.corrections
                ],
            }
        )
        return
    name = explanation.recipient.partner.name
    purpose = "for no stated purpose" if release.purpose is None else f"for {release.purpose}"
    readers = f"{name} and its clients" if explanation.recipient.clients else name
    say(f"{explanation.asked} to {readers}, {purpose}, on {release.at:%Y-%m-%d %H:%M} UTC")
    for one in explanation.judged:
        say("")
        say(_class_in_words(one.item))
        for finding in one.findings:
            say(f"  {finding}")
        for each in one.reviews:
            say(f"  {each.finding}, on {', '.join(each.lists)}: {in_words(each.decision, each.lists, release.at)}")
        show_table(
            [("rule", True), ("", False), ("is about", False), ("because", False)],
            [
                (verdict.rule, "yes" if verdict.permitted else "NO", titles[verdict.rule], verdict.reason)
                for verdict in one.decision.verdicts
            ],
        )
        refused = [str(verdict.rule) for verdict in one.decision.verdicts if not verdict.permitted]
        if refused:
            say(f"refused by rule{'s' if len(refused) > 1 else ''} {', '.join(refused)}")
        else:
            say(f"permitted, under {', '.join(one.decision.agreements)}")
    say("")
    if explanation.corrected is not None:
        say(f"Corrected at the hub: {kept_out_in_words(explanation.corrected)}.")
    for correction in explanation.corrections:
        say(f"  recall {correction.id} of {correction.at:%Y-%m-%d}: {correction.reason}")
    for dataset, embargo in sorted(explanation.secret.items()):
        say(
            f"Note: of data set {dataset} something was released in operation {embargo.operation}, which is secret "
            f"until {embargo.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC. Name its file with --operation to ask about it."
        )
    if release.purpose is None:
        say(f"No purpose was named, and none is assumed. Name one with --purpose: {', '.join(Purpose)}.")
    say(_result(explanation, name))


def _result(explanation: Explanation, name: str) -> str:
    permitted = sum(one.decision.permitted for one in explanation.judged)
    if not explanation.judged:
        return f"Nothing is known of it here, so that {name} gets nothing."
    if not permitted:
        return f"Result: {name} gets nothing of it."
    if permitted == len(explanation.judged):
        return f"Result: {name} gets it."
    return (
        f"Result: {name} gets {permitted} of {len(explanation.judged)} parts of it, and is told nothing of the others."
    )


def _class_in_words(item: Item) -> str:
    parts = [
        item.dataset.id,
        item.marking.label,
        "personal data" if item.personal else "no personal data",
        *(["in review"] if item.in_review else []),
        "came in under " + (", ".join(item.came_in) or "no agreement"),
    ]
    return "; ".join(parts)


def _class_told(one: Judged, titles: dict[int, str]) -> dict[str, object]:
    return {
        "dataset": one.item.dataset.id,
        "marking": MARKINGS[one.item.marking.code].value,
        "personal": one.item.personal,
        "in_review": one.item.in_review,
        "came_in": list(one.item.came_in),
        "findings": list(one.findings),
        "reviews": [
            {"finding": each.finding, "lists": list(each.lists), "decision": decision_told(each.decision)}
            for each in one.reviews
        ],
        "permitted": one.decision.permitted,
        "agreements": list(one.decision.agreements),
        "rules": [
            {
                "rule": verdict.rule,
                "title": titles[verdict.rule],
                "permitted": verdict.permitted,
                "reason": verdict.reason,
            }
            for verdict in one.decision.verdicts
        ],
    }
