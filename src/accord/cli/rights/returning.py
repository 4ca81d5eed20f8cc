"""What was erased or corrected and is delivered again: erased from the new delivery before it appears.

The hub keeps no erased value, only its HMAC. So what a delivery says is hashed and looked up; a value that is found is
then known in clear, and the steps of `accord subject erase` are done on the delivery while it is being written: the
kept bytes, what they say, the rejects. docs/decisions/0036 says why, and what it does not find.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

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
    values_of,
    write_without,
)
from accord.cli.terminal import say
from accord.columns.values import SuffixTest
from accord.journal import book
from accord.reference.store import Reference
from accord.release.erased import KeptOut, indicators_in, kept_out, mac_of
from accord.release.erased import allow as let_in
from accord.release.notices import RecallKind
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import Indicator
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


def _found(path: Path, erased: Mapping[str, KeptOut], key: bytes, is_suffix: SuffixTest) -> dict[str, Indicator]:
    found: dict[str, Indicator] = {}
    looked: set[str] = set()
    for text in _texts(path):
        if text in looked:
            continue
        looked.add(text)
        for one in indicators_in(text, is_suffix):
            mac = mac_of(one, key)
            if mac in erased:
                found[mac] = one
    return found


def _texts(path: Path) -> Iterator[str]:
    """What a delivery says, as text; a row group's values once."""
    for name in (ADDRESSES, OTHERS):
        for table in groups(path / name):
            yield from {*values_of(table)}
    for name, columns in ((RESOLUTIONS, ("domain", "address")), (REJECTS, ("text", "file", "member"))):
        for table in groups(path / name):
            for column in columns:
                yield from pc.unique(table[column].drop_null()).to_pylist()


def allow(folder: Path, value: str, actor: Actor, *, now: datetime) -> None:
    """Let a value be taken in again that was erased or corrected, and log who did."""
    from accord.cli.places import reference_in_use

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
                    justification=actor.justification,
                    object=value_object(subject.indicator, hub.key),
                    now=book.later(connection, now),
                )
        if before is not None:
            hub.database.forget()
    if before is None:
        say("It is not kept out: nothing changes.")
    else:
        say(f"Kept out since {before.at:%Y-%m-%d}; what is delivered from now on is taken in.")
