"""Proofs with openings: what of an entry is whose, and what a file may be."""

import secrets
from datetime import UTC, datetime

import pytest

from accord.journal.book import KeptEntry
from accord.journal.facts import Fact, Kind
from accord.journal.proving import OWN, is_about, pick_fields
from accord.ledger.commitments import commit
from accord.vocabulary.errors import SettingsError, UnprovenError

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def entry(partner: str, kind: Kind = Kind.DELIVERY) -> KeptEntry:
    made, openings = commit(Fact(kind=kind, at=NOW, partner=partner, count=30).values(), secrets.token_bytes)
    return KeptEntry(number=2, at=NOW, kind=kind, reference=None, entry=made.encode(), openings=openings, opens_at=None)


def test_an_agreement_s_entry_is_about_each_who_signed_it_and_about_nobody_else() -> None:
    signed = entry("csirt-th vendor", Kind.AGREEMENT_SIGNED)
    assert [is_about(signed, one) for one in ("vendor", "csirt-th", "csirt", "vendor csirt-th", "")] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_a_partner_is_given_its_own_fields_of_its_own_entries_and_no_other() -> None:
    assert [one.name for one in pick_fields(entry("vendor"), OWN, "vendor")] == list(OWN)
    with pytest.raises(SettingsError, match="not about that partner"):
        pick_fields(entry("vendor"), ["digest"], "csirt-th")
    with pytest.raises(SettingsError, match="not its partner's own"):
        pick_fields(entry("vendor"), ["digest", "refers"], "vendor")
    with pytest.raises(SettingsError, match="no such field"):
        pick_fields(entry("vendor"), ["title"], None)


def test_a_field_that_was_destroyed_is_named() -> None:
    whole = entry("vendor")
    left = KeptEntry(
        number=2, at=NOW, kind=Kind.DELIVERY, reference=None, entry=whole.entry, opens_at=None,
        openings=tuple(one for one in whole.openings if one.name != "count"),
    )  # fmt: skip
    with pytest.raises(UnprovenError, match="destroyed"):
        pick_fields(left, ["count", "digest"], None)
