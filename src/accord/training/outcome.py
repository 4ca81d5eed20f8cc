"""What a run wrote, as far as scoring reads it."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from accord.vocabulary.errors import SettingsError, UnreadableError
from accord.vocabulary.roles import Role

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the hub's table (`columns.schema.FINDINGS`)."""

    role: str
    families: tuple[str, ...]
    reported: tuple[str, ...]
    """Family names as partners wrote them."""
    first_seen: str
    last_seen: str
    partners: int
    confidence: float | None
    countries: tuple[str, ...]
    """Hosting countries."""
    conflict: bool
    """The two country sources disagree."""
    registry: str | None
    government: bool
    review: tuple[str, ...]

    @property
    def home(self) -> str | None:
        """The country that counts it, by the same rule as the truth's."""
        hosting = self.countries[0] if self.countries else None
        if self.role == Role.SYSTEM_COMPROMISE.value:
            return self.registry or hosting
        return hosting or self.registry


class RefusedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A file or member that a run refused."""

    reason: str
    member: str | None = None


class DeliveryAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A run's account of one delivered file; further fields of `summary.json` are not read."""

    file: str
    records: int
    accepted: int
    ignored: int
    rejected: int
    ignored_by_reason: dict[str, int]
    rejected_by_reason: dict[str, int]
    refused: tuple[RefusedAccount, ...] = ()


class RunAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What scoring reads of `summary.json`."""

    deliveries: tuple[DeliveryAccount, ...]


def read_summary(path: Path) -> RunAccount:
    """Read a run's `summary.json`. Raises UnreadableError, SettingsError."""
    with _explained(path):
        return msgspec.json.decode(path.read_bytes(), type=RunAccount)


def read_rows(path: Path, without: Role | None = None) -> dict[Key, Row]:
    """Read the hub's table by type, value and role, a role left out. Raises UnreadableError, SettingsError."""
    with _explained(path):
        table = pq.read_table(
            path,
            columns=[
                "type",
                "value",
                "role",
                "families",
                "families_reported",
                "first_seen",
                "last_seen",
                "partners",
                "confidence",
                "countries",
                "country_conflict",
                "registry_country",
                "government",
                "review",
            ],
            filters=None if without is None else [("role", "!=", without.value)],
        )
        columns = [column.to_pylist() for column in table.columns]
    return {
        (kind, value, role): Row(
            role=role,
            families=tuple(families),
            reported=tuple(reported),
            first_seen=_stamp(first),
            last_seen=_stamp(last),
            partners=partners,
            confidence=confidence,
            countries=tuple(countries),
            conflict=conflict,
            registry=registry,
            government=government,
            review=tuple(review),
        )
        for (
            kind,
            value,
            role,
            families,
            reported,
            first,
            last,
            partners,
            confidence,
            countries,
            conflict,
            registry,
            government,
            review,
        ) in zip(*columns, strict=True)
    }


def read_report(path: Path, without: Role | None = None) -> frozenset[Key]:
    """Type, value and role of every row of a country's `findings.csv`, a role left out.

    Raises UnreadableError, SettingsError.
    """
    with _explained(path), path.open(encoding="utf-8", newline="") as lines:
        return frozenset(
            (one["type"], one["value"], one["role"]) for one in csv.DictReader(lines) if one["role"] != without
        )


def read_partials(path: Path) -> dict[str, dict[str, int]]:
    """Of `rejects.csv`: how many parts of accepted records were rejected, by file and reason.

    Raises UnreadableError, SettingsError.
    """
    found: dict[str, dict[str, int]] = {}
    with _explained(path), path.open(encoding="utf-8", newline="") as lines:
        for one in csv.DictReader(lines):
            if one["partial"] == "true":
                reasons = found.setdefault(one["file"], {})
                reasons[one["reason"]] = reasons.get(one["reason"], 0) + 1
    return found


def _stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what reading raises into errors that say what to do."""
    try:
        yield
    except OSError as error:
        raise UnreadableError(
            "A file of the run cannot be read.",
            where=str(path),
            expected="the folder that `accord operation run` wrote",
            got=error.strerror or type(error).__name__,
            remedy="run the operation first, or name its output folder",
        ) from error
    except (msgspec.DecodeError, pa.ArrowException, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise SettingsError(
            "A file of the run has another layout.",
            where=str(path),
            expected="what `accord operation run` of this version writes",
            got=str(error).partition("\n")[0],
            remedy="run the operation again",
        ) from error
