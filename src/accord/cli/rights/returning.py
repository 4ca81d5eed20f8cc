"""What was erased or corrected and is delivered again: erased from the new delivery before it appears.

The hub keeps no erased value, only its HMAC. So what a delivery says is hashed and looked up; a value that is found is
then known in clear, and the steps of `accord subject erase` are done on the delivery while it is being written: the
kept bytes, what they say, the rejects. docs/decisions/0036 says why, and what it does not find.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accord.access.consultations import Processing, record, value_object
from accord.agreements.declarations import Dataset
from accord.cli.acting import Actor
from accord.cli.deliveries.kept import ADDRESSES, OTHERS
from accord.cli.hub import opened_hub
from accord.cli.rights.holders import (
    REJECTS,
    RESOLUTIONS,
    Subject,
    groups,
    look_in,
    read_subject,
    write_without,
)
from accord.cli.terminal import say
from accord.columns.macs import head, heads
from accord.columns.values import SuffixTest
from accord.journal import book
from accord.reference.addresses import address_texts
from accord.reference.store import Reference
from accord.release.erased import ALLOWED, KeptOut, indicators_in, kept_out, mac_of, mac_prefix
from accord.release.erased import allow as let_in
from accord.release.notices import RecallKind
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.workspace.store import DeliveryFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """An erased value that a delivery held."""

    name: str
    """As the log of consultations names it."""
    records: int
    kind: RecallKind


def erase_returned(
    folder: DeliveryFolder,
    dataset: Dataset,
    erased: Mapping[str, KeptOut],
    key: bytes,
    reference: Reference,
    staging: Path,
    at: datetime,
) -> tuple[DeliveryFolder, tuple[Returned, ...]]:
    """A delivery that is being written without what was erased before, and what that was; itself where it holds none.

    It has its account already. What takes its place lies in `staging`.
    """
    told: list[Returned] = []
    # each erasure uncovers nothing new: what is looked for is found in the delivery as it came
    for mac, indicator in _found(folder.path, erased, key, reference.suffixes.is_public_suffix).items():
        subject = Subject.of(indicator, erased[mac].roles)
        held = look_in(folder, dataset, subject, reference, recalled=False)
        if held is None:
            continue
        new = staging / f"without-{len(told)}"
        new.mkdir()
        write_without(held, new, subject, erased[mac].kind.value, at)
        folder = DeliveryFolder(dataset=folder.dataset, sha256=folder.sha256, path=new)
        told.append(Returned(name=value_object(indicator, key), records=held.reached, kind=erased[mac].kind))
    return folder, tuple(told)


class _Wanted:
    """What is looked for, by HMACs: most of what is delivered is told from it by their beginnings, many at once."""

    def __init__(self, erased: Mapping[str, KeptOut], key: bytes, is_suffix: SuffixTest) -> None:
        self._erased, self._key, self._is_suffix = erased, key, is_suffix
        self._heads = np.sort(np.fromiter(map(head, erased), np.uint64, len(erased)))

    def of_kind(self, kind: IndicatorType, values: pa.StringArray) -> Iterator[tuple[str, Indicator]]:
        """Those of these canonical values of a kind that are looked for, each with its HMAC."""
        made = heads(self._key, mac_prefix(kind), values)
        at = np.minimum(np.searchsorted(self._heads, made), len(self._heads) - 1)
        for row in np.flatnonzero(self._heads[at] == made).tolist():
            yield from self._known(Indicator(kind=kind, value=values[row].as_py()))

    def in_text(self, text: str) -> Iterator[tuple[str, Indicator]]:
        """What is looked for and stands in a text, in whichever spelling."""
        for one in indicators_in(text, self._is_suffix):
            yield from self._known(one)

    def _known(self, indicator: Indicator) -> Iterator[tuple[str, Indicator]]:
        mac = mac_of(indicator, self._key)
        if mac in self._erased:
            # the port that stood beside it was no part of what was erased
            yield mac, Indicator(kind=indicator.kind, value=indicator.value)


_WHOLE = frozenset(
    {
        IndicatorType.IPV4,
        IndicatorType.IPV6,
        IndicatorType.DOMAIN,
        IndicatorType.SHA256,
        IndicatorType.SHA1,
        IndicatorType.MD5,
    }
)
"""Kinds of which a value in evidence holds no other."""


def _found(path: Path, erased: Mapping[str, KeptOut], key: bytes, is_suffix: SuffixTest) -> dict[str, Indicator]:
    """What is looked for in a delivery, a row group after the other."""
    wanted = _Wanted(erased, key, is_suffix)
    found: dict[str, Indicator] = {}
    for name in (ADDRESSES, OTHERS):
        for table in groups(path / name):
            found.update(_in_evidence(table, wanted))
    for table in groups(path / RESOLUTIONS):
        found.update(wanted.of_kind(IndicatorType.DOMAIN, _distinct(table["domain"])))
        found.update(_in_addresses(_distinct(table["address"]), wanted))
    for table in groups(path / REJECTS):
        for column in ("text", "file", "member"):
            for text in _distinct(table[column]).to_pylist():
                found.update(wanted.in_text(text))
    return found


def _in_evidence(table: pa.Table, wanted: _Wanted) -> Iterator[tuple[str, Indicator]]:
    is_address = pc.equal(table["value"], "")
    rows = table.filter(is_address)
    high, low = rows["high"].to_numpy(), rows["low"].to_numpy()
    # rows about one address stand together
    first = np.append(True, (high[1:] != high[:-1]) | (low[1:] != low[:-1]))[: len(high)]
    yield from _in_addresses(address_texts(high[first], low[first]), wanted)
    rows = table.filter(pc.invert(is_address))
    for word in pc.unique(rows["type"]).to_pylist():
        kind, values = IndicatorType(word), _distinct(rows.filter(pc.equal(rows["type"], word))["value"])
        if kind in _WHOLE:
            yield from wanted.of_kind(kind, values)
        else:
            for text in values.to_pylist():
                yield from wanted.in_text(text)


def _in_addresses(texts: pa.StringArray, wanted: _Wanted) -> Iterator[tuple[str, Indicator]]:
    is_6 = pc.match_substring(texts, ":")
    yield from wanted.of_kind(IndicatorType.IPV4, texts.filter(pc.invert(is_6)))
    yield from wanted.of_kind(IndicatorType.IPV6, texts.filter(is_6))


def _distinct(column: pa.ChunkedArray) -> pa.StringArray:
    return pc.unique(column.drop_null()).cast(pa.string())


def allow(folder: Path, value: str, actor: Actor, *, now: datetime) -> None:
    """Let a value be taken in again that was erased or corrected, and log who did, and why."""
    from accord.cli.places import reference_in_use

    actor.demand_reason()
    subject = read_subject(value, reference_in_use())
    if subject.spellings.held(actor.justification):
        raise SettingsError("A reason must not hold the value itself.", where="--why", remedy="say it without")
    with opened_hub(folder, to_write=True) as hub:
        mac = mac_of(subject.indicator, hub.key)
        with hub.database.writing() as connection:
            before = kept_out(connection, mac)
            if let_in(connection, mac):
                record(
                    connection,
                    Processing.ALTERATION,
                    person=actor.person,
                    justification=f"{ALLOWED}: {actor.justification}",
                    object=value_object(subject.indicator, hub.key),
                    now=book.later(connection, now),
                )
        if before is not None:
            hub.database.forget()
    if before is None:
        say("It is not kept out: nothing changes.")
    else:
        say(f"It was kept out since {before.at:%Y-%m-%d}; from now on it is taken in.")
