"""What a package that stands sealed rests on, and the rules asked of it again when its key would be given away.

The rules are those by which it was made (`release.rules`); what they are asked of is kept with the disclosure, and
everything else (data sets, agreements, partners, the hub's legal area, decisions) is taken as it stands by now.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlalchemy import Connection, update

from accord.agreements.declarations import Dataset, DatasetId
from accord.agreements.networks import Network
from accord.operations.declaration import Operation, Recipient
from accord.release.disclosures import Disclosure, waiting
from accord.release.handing import handling_of
from accord.release.package.manifest import Statement
from accord.release.policies import Classes, PolicyClass, decode, encode
from accord.release.policy import Terms, embargo_of
from accord.release.question import Audience, Release
from accord.release.rules import RULES, decide
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.schema import DISCLOSURES

_TITLES = {rule.number: rule.title for rule in RULES}
_TRAFFIC_LIGHT = 1
NOT_KEPT = "an Accord has sealed it that did not keep what the rules are asked of"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the rules are asked of a package."""

    classes: Classes
    """All must be permitted."""
    declared: bool
    """The operation names this recipient; what it does not, is for nobody."""
    persons: tuple[str, ...]
    """Whom the recipient named, for red."""
    encrypted: bool
    clients: bool = False
    """The recipient's clients read it too."""

    @classmethod
    def of(cls, traces: pa.Table, datasets: Iterable[Dataset], terms: Terms, recipient: Recipient) -> "Basis":
        """That of what is sealed for a recipient, from its `release.case.TRACES`."""
        return cls(
            classes=classes_of(kinds(traces), datasets, terms, recipient.partner.networks),
            declared=True,
            persons=recipient.persons,
            encrypted=recipient.encrypted,
            clients=recipient.clients,
        )

    def encode(self) -> str:
        """As JSON."""
        told = {
            "classes": json.loads(encode(self.classes)),
            "declared": self.declared,
            "persons": list(self.persons),
            "encrypted": self.encrypted,
            **({"clients": True} if self.clients else {}),
        }
        return json.dumps(told, ensure_ascii=False)


def parse_basis(text: str) -> Basis:
    """What `Basis.encode` has written."""
    told = json.loads(text)
    return Basis(
        classes=decode(json.dumps(told["classes"])),
        declared=told["declared"],
        persons=tuple(told["persons"]),
        encrypted=told["encrypted"],
        # an older Accord wrote no such thing
        clients=told.get("clients", False),
    )


def persons_of(package: Disclosure) -> tuple[str, ...]:
    """For whom alone a package is that holds TLP:RED; nobody is named where it is for an organisation."""
    if package.marking is not Marking.RED or package.basis is None:
        return ()
    return parse_basis(package.basis).persons


def kinds(traces: pa.Table) -> frozenset[tuple[str, str, bool]]:
    """Data set, marking and whether it is personal data, of TRACES."""
    names = ["dataset", "marking", "personal"]
    rows = traces.group_by(names).aggregate([])
    return frozenset(zip(*(rows[name].to_pylist() for name in names), strict=True))


def classes_of(
    parts: Iterable[tuple[str, str, bool]],
    datasets: Iterable[Dataset],
    terms: Terms,
    networks: tuple[Network, ...] = (),
) -> Classes:
    """The policy classes of what stands in no review: of data sets, markings, and whether it is personal data.

    `networks`: those of the network owner that it is for.
    """
    declared = {one.id: one for one in datasets}
    return frozenset(
        PolicyClass.of(item)
        for dataset, marking, personal in parts
        for item in terms.items(
            declared[DatasetId(dataset)],
            MARKINGS.index(Marking(marking)),
            personal=personal,
            in_review=False,
            networks=networks,
        )
    )


def refusal(disclosure: Disclosure, statement: Statement, release: Release) -> str | None:
    """Why a package may not be handed over by now, rule by rule; None: it may.

    `statement`: what it tells its recipient. Decisions about single findings are not asked.
    """
    if disclosure.basis is None:
        return NOT_KEPT
    basis = parse_basis(disclosure.basis)
    why = list(dict.fromkeys(_refusals(disclosure, basis, release)))
    if why:
        return "; ".join(why)
    resting = {DatasetId(one.dataset) for one in basis.classes}
    if handling_of(release.register, disclosure.recipient, resting, disclosure.purpose) != statement.handling:
        return "its agreements say otherwise by now how it must be handled than it tells"
    if basis.persons != statement.recipient.persons:
        return "it is for other persons by now than it tells"
    return None


def _refusals(disclosure: Disclosure, basis: Basis, release: Release) -> Iterator[str]:
    audience = _audience(disclosure, basis, release)
    for one in sorted(basis.classes, key=lambda each: encode(frozenset({each}))):
        item = one.item(release.register)
        if item is None:
            yield f"data set {one.dataset} is not recorded any more"
            continue
        for verdict in decide(item, audience, release).verdicts:
            if not verdict.permitted:
                yield f"{_rule(verdict.rule)}, {one.dataset}: {verdict.reason}"
        sealed = Marking(one.marking)
        if item.marking.code > sealed.code:
            # it would tell its recipient less than holds
            yield f"{_rule(_TRAFFIC_LIGHT)}, {one.dataset}: {sealed.label} stands on it, and it is {item.marking.label}"


def _audience(disclosure: Disclosure, basis: Basis, release: Release) -> Audience:
    partner = release.register.partners[disclosure.recipient]
    recipient = Recipient(
        partner=partner,
        country=disclosure.country,
        persons=basis.persons,
        languages=(),
        encrypted=basis.encrypted,
        clients=basis.clients,
    )
    return Audience(recipients=(recipient,) if basis.declared else (), encrypted=basis.encrypted)


def _rule(number: int) -> str:
    return f"rule {number} ({_TITLES[number]})"


def restate(connection: Connection, operation: Operation, purpose: Purpose) -> None:
    """Let what stands sealed of an operation follow what its file says by now of recipients and embargo.

    A file of the same name for another purpose, or for other countries, says nothing of it.
    """
    embargo = embargo_of(operation)
    secret = None
    if embargo is not None:
        secret = (embargo.operation, embargo.until.isoformat(), tuple(sorted(embargo.recipients)))
    for one in waiting(connection):
        if one.operation != operation.name or one.purpose != purpose or one.basis is None:
            continue
        before = parse_basis(one.basis)
        # where a network owner sits is no matter of the scope: it is asked about its networks
        if one.country not in operation.scope.countries and not any(each.networks for each in before.classes):
            continue
        audience = (*operation.recipients_of(one.country), *operation.owners)
        mine = [each for each in audience if each.partner.id == one.recipient]
        after = Basis(
            classes=frozenset(replace(each, embargo=secret) for each in before.classes),
            declared=bool(mine),
            persons=mine[0].persons if mine else before.persons,
            encrypted=mine[0].encrypted if mine else before.encrypted,
            clients=mine[0].clients if mine else before.clients,
        )
        if after != before:
            connection.execute(update(DISCLOSURES).where(DISCLOSURES.c.id == str(one.id)).values(basis=after.encode()))
