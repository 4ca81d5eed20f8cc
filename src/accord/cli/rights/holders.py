"""Who holds something about a value: what `accord subject` finds, and what it must erase."""

import hmac
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from accord.agreements.declarations import TYPE_FIELD, Dataset
from accord.attribution.locating import hosts_of
from accord.cli.deliveries.kept import ADDRESSES, DELIVERED, OTHERS, damage_named, names_of, read_account, sizes
from accord.cli.deliveries.writing import parquet
from accord.cli.hub import OpenHub
from accord.cli.readying import reading_context
from accord.cli.rights.recalling import HELD, RELEASES
from accord.cli.snapshots.snapshotting import FINDINGS_FILE, read_manifest
from accord.columns.reading import Context
from accord.columns.spellings import Spellings, spellings_of
from accord.columns.values import read_any_value
from accord.formats.catalogue import FORMATS
from accord.intake.cutting import Place, cut, find_places
from accord.reference.addresses import address_texts, parse_addresses
from accord.reference.store import Reference
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import INDICATOR_TYPES, TYPE_CODES, Indicator
from accord.vocabulary.roles import ROLES, Role
from accord.workspace.store import DeliveryFolder, SnapshotFolder, errors_named

REJECTS, RESOLUTIONS = "rejects.parquet", "resolutions.parquet"

Mask = npt.NDArray[np.bool_]
Counts = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A value about which somebody asks."""

    indicator: Indicator
    spellings: Spellings
    high: int
    low: int
    """The value as a pair of numbers where it is an address; 0 and 0 where it is none."""
    roles: frozenset[Role] | None = None
    """It is about what says that the value is one of these, and nothing else; None: about all that holds it."""

    @classmethod
    def of(cls, indicator: Indicator, roles: frozenset[Role] | None = None) -> "Subject":
        """The subject that a value is."""
        high, low = parse_addresses(pa.array([indicator.value]))
        spellings = spellings_of(indicator)
        return cls(indicator=indicator, spellings=spellings, high=int(high[0]), low=int(low[0]), roles=roles)

    def held(self, text: str) -> bool:
        """Is it in a text? What is about a role alone is in none."""
        return self.roles is None and self.spellings.held(text)

    def rows(self, table: pa.Table) -> Mask:
        """Which rows hold it, in any column of text, or as an address in numbers; in its roles."""
        found = np.zeros(len(table), np.bool_)
        if self.roles is not None and "role" not in table.schema.names:
            return found
        if "high" in table.schema.names and (self.high, self.low) != (0, 0):
            high, low = table["high"].to_numpy(), table["low"].to_numpy()
            found |= (high == np.uint64(self.high)) & (low == np.uint64(self.low))
        for field in table.schema:
            if field.name in _TEXTS and pa.types.is_string(field.type):
                column = table[field.name].combine_chunks().dictionary_encode()
                holds = np.array([self.spellings.held(one) for one in column.dictionary.to_pylist()], np.bool_)
                if holds.any():
                    index = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
                    found |= np.append(holds, False)[index]
        if self.roles is not None:
            found &= pc.is_in(table["role"], value_set=pa.array(sorted(self.roles), pa.string())).to_numpy()
        return found


_TEXTS = frozenset({"value", "domain", "address", "host", "text", "pointer", "column", "file", "member"})
"""Columns in which a value may stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one delivery holds about a subject."""

    folder: DeliveryFolder
    recalled: bool
    file: str
    received_at: datetime
    lines: tuple[int, ...] | None
    """Lines of what was delivered; None: what holds it there cannot be cut out."""
    members: tuple[str, ...]
    evidence: int
    """Rows."""
    rejects: int
    resolutions: int
    sightings: int
    named: bool
    """The account names it: in a file's name, or in why a member was refused."""
    findings: frozenset[tuple[str, str]]
    """Type and value of what evidence says about it."""
    resolved: frozenset[str]
    """Names of hosts that its resolutions name together with the value."""
    records: int
    """Of all that was delivered."""
    cut: bool
    """Lines were cut out of it before, so that those that are left have other numbers than they had."""
    roles: frozenset[Role] | None
    """It is evidence of these roles alone, and what was delivered stays as it is; None: all that holds the value."""

    @property
    def reached(self) -> int:
        """How many records go when it is erased; of what is wrong in a role alone, how many sightings."""
        if self.roles is not None:
            return self.sightings
        return self.records if self.lines is None else max(len(self.lines), 1)


def read_subject(value: str, reference: Reference, roles: frozenset[Role] | None = None) -> Subject:
    """Who or what an argument names (`roles`: as one of these). Raises SettingsError."""
    read = read_any_value(value, reference.suffixes.is_public_suffix)
    if read is None:
        raise SettingsError(
            "This is no value that anything is held about.",
            where="VALUE",
            expected="an address, mail address, name, URL or hash; defanged or not",
        )
    return Subject.of(read, roles)


def held_deliveries(hub: OpenHub, subject: Subject, reference: Reference) -> Iterator[Held]:
    """What each delivery holds, recalled ones too."""
    for recalled, folders in ((False, hub.workspace.deliveries()), (True, hub.workspace.withdrawn())):
        for folder in folders:
            with damage_named(folder.path, "see `accord delivery list`"):
                held = look_in(folder, hub.declared.dataset(folder.dataset), subject, reference, recalled=recalled)
            if held is not None:
                yield held


def roles_held(hub: OpenHub, subject: Subject) -> dict[str, int]:
    """As what evidence holds a subject, and in how many deliveries each, recalled ones too."""
    found: Counter[str] = Counter()
    for folder in (*hub.workspace.deliveries(), *hub.workspace.withdrawn()):
        with damage_named(folder.path, "see `accord delivery list`"):
            tables = [each for name in (ADDRESSES, OTHERS) for each in groups(folder.path / name)]
            found.update({
                role for each in tables for role in each["role"].filter(pa.array(subject.rows(each))).to_pylist()
            })  # fmt: skip
    return dict(sorted(found.items()))


def look_in(
    folder: DeliveryFolder, dataset: Dataset | None, subject: Subject, reference: Reference, *, recalled: bool
) -> Held | None:
    """What one delivery holds; None: nothing."""
    account = read_account(folder)
    findings: set[tuple[str, str]] = set()
    resolved: set[str] = set()
    counts = dict.fromkeys((ADDRESSES, OTHERS, REJECTS, RESOLUTIONS), 0)
    sightings = 0
    for name in counts:
        for table in groups(folder.path / name):
            mask = subject.rows(table)
            if not mask.any():
                continue
            counts[name] += int(mask.sum())
            if name == RESOLUTIONS:
                resolved |= {*table.filter(pa.array(mask))["domain"].to_pylist()}
            if name in {ADDRESSES, OTHERS}:
                rows = table.filter(pa.array(mask))
                sightings += sum(rows["count"].to_pylist())
                findings |= {*zip(rows["type"].to_pylist(), values_of(rows), strict=True)}
    read = bool(counts[ADDRESSES] or counts[OTHERS] or counts[RESOLUTIONS])
    place = None
    delivered = folder.path / DELIVERED
    if delivered.exists() and subject.roles is None:
        place = find_in(delivered, dataset, subject, reference, read=read)
    lines: tuple[int, ...] | None = () if place is None else place.lines
    if read and lines == () and delivered.exists() and subject.roles is None:
        # its readers found it, and it cannot be said where: nothing is left to chance
        lines = None
    # not what the account counts or was given by us
    named = subject.held(json.dumps(account, ensure_ascii=False))
    if not any(counts.values()) and lines == () and not named:
        return None
    return Held(
        folder=folder,
        recalled=recalled,
        file=str(account["file"]),
        received_at=datetime.fromisoformat(str(account["received_at"])),
        lines=lines,
        members=() if place is None else place.members,
        evidence=counts[ADDRESSES] + counts[OTHERS],
        rejects=counts[REJECTS],
        resolutions=counts[RESOLUTIONS],
        sightings=sightings,
        named=named,
        findings=frozenset(findings),
        resolved=frozenset(resolved),
        records=int(str(account["records"])),
        cut=_is_cut(account),
        roles=subject.roles,
    )


def find_in(file: Path, dataset: Dataset | None, subject: Subject, reference: Reference, *, read: bool) -> Place | None:
    """Where a file of a data set holds a subject; None: nowhere. `read`: its readers are asked too."""
    formats = [] if dataset is None else [FORMATS[name] for name in FORMATS if name in dataset.formats]
    return find_places(
        file, subject.spellings, formats, _context(reference, dataset), _match(subject) if read else None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Findings about hosts that a delivery's resolutions name together with a value: whoever got them by that delivery
    was shown the value."""

    dataset: str
    deliveries: tuple[str, ...]
    """What disclosures call the delivery."""
    ids: frozenset[str]


def shown_with(hub: OpenHub, held: Sequence[Held]) -> tuple[Shown, ...]:
    """What was found of hosts that resolutions name together with a subject."""
    wanted = {host for one in held for host in one.resolved}
    found: dict[str, set[tuple[str, str]]] = {host: set() for host in wanted}
    codes = {kind.value: code for kind, code in TYPE_CODES.items()}
    for folder in hub.kept() if wanted else ():
        for table in groups(folder.path / OTHERS):
            types = np.array([codes[one] for one in table["type"].to_pylist()], np.int8)
            hosts = hosts_of(types, table["value"].combine_chunks())
            mine = table.append_column("host", hosts).filter(pc.is_in(hosts, value_set=pa.array(sorted(wanted))))
            for kind, value, host in zip(*(mine[name].to_pylist() for name in ("type", "value", "host")), strict=True):
                found[host].add((kind, value))
    return tuple(
        Shown(
            dataset=one.folder.dataset,
            deliveries=names_of(one.folder),
            ids=finding_ids_of(frozenset().union(*(found[host] for host in one.resolved)), hub.key),
        )
        for one in held
        if one.resolved
    )


def findings_about(hub: OpenHub, subject: Subject) -> frozenset[tuple[str, str]]:
    """Type and value of what evidence says about a subject, in all that is kept."""
    found: set[tuple[str, str]] = set()
    for folder in hub.kept():
        for name in (ADDRESSES, OTHERS):
            for table in groups(folder.path / name):
                rows = table.filter(pa.array(subject.rows(table)))
                found |= {*zip(rows["type"].to_pylist(), values_of(rows), strict=True)}
    return frozenset(found)


def _context(reference: Reference, dataset: Dataset | None) -> Context:
    plain = reading_context(reference)
    return Context(
        is_public_suffix=plain.is_public_suffix,
        has_known_suffix=plain.has_known_suffix,
        are_public_suffixes=plain.are_public_suffixes,
        columns=() if dataset is None else dataset.columns,
        rule_fields=() if dataset is None else tuple(one for one in dataset.rule_fields if one != TYPE_FIELD),
    )


def _match(subject: Subject) -> Callable[[pa.RecordBatch, Sequence[str]], Iterator[int]]:
    def match(batch: pa.RecordBatch, columns: Sequence[str]) -> Iterator[int]:
        table = pa.table({f"{name}": batch[name] for name in columns} | {"record": batch["record"]})
        yield from table["record"].filter(pa.array(subject.rows(table))).to_pylist()

    return match


def values_of(rows: pa.Table) -> list[str]:
    """Values as text: of addresses too, which evidence has as numbers."""
    texts = address_texts(rows["high"].to_numpy(), rows["low"].to_numpy()).to_pylist()
    return [value or text for value, text in zip(rows["value"].to_pylist(), texts, strict=True)]


def erase_delivery(hub: OpenHub, held: Held, subject: Subject, why: str, at: datetime) -> None:
    """Let a delivery that knows nothing of the subject take its place, in one step."""
    with hub.workspace.staging() as staging, errors_named(hub.workspace.root):
        new = staging / "new"
        new.mkdir()
        write_without(held, new, subject, why, at)
        hub.workspace.replace(new, held.folder.path)


def write_without(held: Held, new: Path, subject: Subject, why: str, at: datetime) -> None:
    """Write into an empty folder a delivery that knows nothing of the subject. Raises OSError, OutputError."""
    folder = held.folder
    account = read_account(folder)
    for name in (ADDRESSES, OTHERS, REJECTS, RESOLUTIONS):
        _without(folder.path / name, new / name, subject)
    old, sha256 = folder.path / DELIVERED, None
    before = _standing_digest(account)
    if held.lines == () and old.exists():
        os.link(old, new / DELIVERED)
        sha256 = before
    elif held.lines is not None and old.exists():
        sha256 = cut(old, new / DELIVERED, held.lines)
    said: object = {name: value for name, value in account.items() if name != "kept"}
    if subject.roles is None:
        said = _scrubbed(said, subject)
    assert isinstance(said, dict)  # noqa: S101 -- it was one
    noted = said.setdefault("erased", [])
    noted.append({
        "at": at.isoformat(),
        "why": why,
        "records": held.reached,
        "delivered": "lines" if held.lines else "as it was" if held.lines == () else "destroyed",
        "old_sha256": before,
        "new_sha256": sha256,
        "evidence": held.evidence,
        "rejects": held.rejects,
        "resolutions": held.resolutions,
        **({} if held.roles is None else {"roles": sorted(held.roles)}),
    })  # fmt: skip
    said["kept"] = sizes(new)
    (new / "account.json").write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _standing_digest(account: dict[str, object]) -> object:
    erased = account.get("erased")
    return erased[-1]["new_sha256"] if isinstance(erased, list) and erased else account["sha256"]


def _is_cut(account: dict[str, object]) -> bool:
    erased = account.get("erased")
    return isinstance(erased, list) and any(one["delivered"] == "lines" for one in erased)


def _scrubbed(content: Any, subject: Subject) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(content, str):
        return subject.spellings.without(content, "[erased]")
    if isinstance(content, list):
        return [_scrubbed(one, subject) for one in content]
    if isinstance(content, dict):
        return {_scrubbed(name, subject): _scrubbed(one, subject) for name, one in content.items()}
    return content


def held_snapshots(hub: OpenHub, subject: Subject) -> list[tuple[SnapshotFolder, frozenset[tuple[str, str]]]]:
    """The snapshots that hold it, with type and value of what they say about it."""
    found = []
    for snapshot in hub.workspace.snapshots():
        said: set[tuple[str, str]] = set()
        holds = False
        for name in (FINDINGS_FILE, ADDRESSES, OTHERS):
            for table in groups(snapshot.path / name):
                mask = subject.rows(table)
                if not mask.any():
                    continue
                holds = True
                rows = table.filter(pa.array(mask))
                if name == FINDINGS_FILE:
                    kinds = [INDICATOR_TYPES[code].value for code in rows["type"].to_pylist()]
                    said |= {*zip(kinds, rows["value"].to_pylist(), strict=True)}
        if holds:
            found.append((snapshot, frozenset(said)))
    return found


def erase_snapshots(hub: OpenHub, subject: Subject) -> None:
    """Let snapshots that know nothing of the subject take the place of those that do, each in one step.

    A finding is made of its own evidence alone: without it the others stay as they are, to the byte of each row.
    """
    for snapshot, _ in held_snapshots(hub, subject):
        content = json.loads((snapshot.path / "manifest.json").read_text("utf-8"))
        read_manifest(snapshot)
        with hub.workspace.staging() as staging, errors_named(hub.workspace.root):
            new = staging / "new"
            new.mkdir()
            for name in (FINDINGS_FILE, ADDRESSES, OTHERS):
                _without(snapshot.path / name, new / name, subject)
            counted: dict[str, int] = {}
            for table in groups(new / FINDINGS_FILE):
                for one in table["role"].value_counts().to_pylist():
                    counted[one["values"]] = counted.get(one["values"], 0) + one["counts"]
            content |= {
                "findings": sum(counted.values()),
                "by_role": dict(sorted(counted.items())),
                "files": sizes(new),
            }
            (new / "manifest.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")
            hub.workspace.replace(new, snapshot.path)


def finding_ids_of(
    findings: frozenset[tuple[str, str]], key: bytes, roles: Iterable[Role] | None = None
) -> frozenset[str]:
    """The ids that findings of these types and values have, in these roles (None: in whatever role)."""
    return frozenset(
        hmac.digest(key, f"{kind}\0{value}\0{role.value}".encode(), "sha256").hex()
        for kind, value in findings
        for role in (ROLES if roles is None else roles)
    )


def erase_releases(hub: OpenHub, ids: frozenset[str]) -> None:
    """Take findings out of what the hub keeps of disclosures."""
    wanted = pa.array(sorted(ids), pa.string())
    for path in sorted((hub.workspace.root / RELEASES).glob(f"*/{HELD}")):
        with damage_named(path, "restore it: without it a recall concerns all of the package"):
            table = pq.ParquetFile(path).read()
        mask = pc.is_in(table["finding_id"], value_set=wanted)
        if pc.any(mask).as_py():
            keep_released(hub, path, table.filter(pc.invert(mask)))


def keep_released(hub: OpenHub, path: Path, table: pa.Table) -> None:
    """Let what is left of what the hub keeps of a disclosure take its place, in one step."""
    with hub.workspace.staging() as staging, errors_named(hub.workspace.root):
        pq.write_table(table, staging / HELD)
        put_in_place(staging / HELD, path)


def put_in_place(new: Path, path: Path) -> None:
    """Let a file take another's place, in one step and on the disk."""
    _flush(new)
    new.rename(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def groups(path: Path) -> Iterator[pa.Table]:
    """A file's row groups; none of one that is not there."""
    if not path.exists():
        return
    with damage_named(path, "see docs/workspace.md"), pq.ParquetFile(path) as file:
        for group in range(file.metadata.num_row_groups):
            table = file.read_row_group(group)
            yield table.cast(pa.schema([_plain(field) for field in table.schema]))


def _plain(field: pa.Field) -> pa.Field:
    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field


def _without(path: Path, to: Path, subject: Subject) -> None:
    """A Parquet file without the rows that hold the subject; the same file where there are none."""
    if not path.exists():
        return
    if not any(subject.rows(table).any() for table in groups(path)):
        os.link(path, to)
        return
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
    with parquet(to, schema) as write:
        write(table.filter(pa.array(~subject.rows(table))).cast(schema) for table in groups(path))
