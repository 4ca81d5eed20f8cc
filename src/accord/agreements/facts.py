"""What the ledger says of agreements: that a document was signed, that something changed, that one ended."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from accord.agreements.agreement import Agreement, AgreementId, Register
from accord.agreements.declarations import DatasetId, PartnerId
from accord.agreements.telling import state_digest, state_told
from accord.journal.facts import Fact, Kind
from accord.vocabulary.handling import Direction


def reference(agreement: AgreementId) -> str:
    """How the ledger's entries about an agreement name it in the hub's own words."""
    return f"agreement {agreement}"


def agreement_facts(
    standing: Register,
    whole: Register,
    *,
    partners: Collection[PartnerId],
    datasets: Collection[DatasetId],
    at: datetime,
) -> Iterator[tuple[Agreement, list[Fact]]]:
    """Each agreement of which there is something to say, in the order of their ids, once `whole` takes the place of
    `standing`; `partners` and `datasets` are those that are changed by that.

    A document that was signed has an entry of its own, so that a renewal does. What changes a partner or a data set
    changes the agreements that they belong to. Each entry's digest commits to the agreement, its data sets and its
    partners as they are recorded then.
    """
    for name, agreement in sorted(whole.agreements.items()):
        before = standing.agreements.get(name)
        concerned = agreement.partners.intersection(partners) or {
            one for way in Direction for one in agreement.datasets(way)
        }.intersection(datasets)
        if before != agreement or concerned:
            told = state_told(agreement, whole)
            yield (
                agreement,
                [replace(one, digest=state_digest(one.digest, told)) for one in _facts(before, agreement, at)],
            )


def earlier_facts(agreement: Agreement, recorded_at: datetime, changed_at: datetime) -> list[Fact]:
    """What there is to say of an agreement that was recorded before there was a ledger: that its document was signed,
    when that was recorded; and as of its last change what came after that. Their digests are the documents': what else
    was agreed then, nobody has written down."""
    return [
        replace(fact, at=changed_at if number else recorded_at)
        for number, fact in enumerate(_facts(None, agreement, recorded_at))
    ]


def _facts(before: Agreement | None, agreement: Agreement, at: datetime) -> list[Fact]:
    known = () if before is None else tuple(one.document for one in before.terms)
    signed = [one.document for one in agreement.terms if one.document not in known]
    told = [
        (Kind.AGREEMENT_SIGNED if before is None and not number else Kind.AGREEMENT_CHANGED, document)
        for number, document in enumerate(signed)
    ]
    newest = agreement.terms[-1].document
    if agreement.ended is not None and (before is None or before.ended != agreement.ended):
        told.append((Kind.AGREEMENT_ENDED, newest))
    return [
        Fact(
            kind=kind,
            at=at,
            agreement=agreement.id,
            partner=" ".join(sorted(agreement.partners)),
            purpose=agreement.purposes[0] if len(agreement.purposes) == 1 else None,
            digest=document,
        )
        for kind, document in told or [(Kind.AGREEMENT_CHANGED, newest)]
    ]
