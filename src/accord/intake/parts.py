"""Parts of a delivery's evidence on disk, between intake and fusion: merged as far as one worker could.

What is said of addresses that are no servers (victims, mostly, and there are many) lies in runs that need only be
sorted together (`columns.runs`). All else, with values of any type and with ports, lies in Parquet for the engine.
"""

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from accord.columns.premerge import Groups
from accord.columns.runs import Rows, ordered, taken, write_run
from accord.intake.spool import SPOOL, Spool
from accord.reference.addresses import parse_addresses
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.roles import ROLES, SERVER_ROLES

PART = pa.schema(
    [
        # an address as a pair of numbers (reference.addresses); 0 and 0 for other types
        pa.field("high", pa.uint64(), nullable=False),
        pa.field("low", pa.uint64(), nullable=False),
        *(field for field in SPOOL if field.name not in {"dataset", "delivery"}),
    ]
)
"""One row an observation, as `intake.spool.SPOOL` has it; `value` is empty for an address."""

_DAY_US = 86_400_000_000
_ADDRESSES = (TYPE_CODES[IndicatorType.IPV4], TYPE_CODES[IndicatorType.IPV6])
_SERVERS = [ROLES.index(role) for role in SERVER_ROLES]

Codes = npt.NDArray[np.int8]
Names = npt.NDArray[np.int32]


class Parts(Spool):
    """A folder of parts; every writer uses a name of its own. Its methods may run in several threads at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._meanings: dict[tuple[int, int, int], int] = {}
        self._lock = threading.Lock()

    @property
    def runs(self) -> list[Path]:
        """The runs, by name."""
        return sorted(self.folder.glob("*.run"))

    @property
    def meanings(self) -> list[tuple[int, int, int]]:
        """What the runs' meanings stand for: role, marking and reported family (-1: none said), by code."""
        return list(self._meanings)

    def write(self, name: str, observations: pa.RecordBatch) -> None:
        """Keep a batch of single observations (`intake.spool.SPOOL`)."""
        if not observations.num_rows:
            return
        kind, role = observations["type"].to_numpy(), observations["role"].to_numpy()
        short = np.isin(kind, _ADDRESSES)
        plain = short & ~np.isin(role, _SERVERS)
        if plain.any():
            self._write_sightings(name, observations if plain.all() else observations.filter(pa.array(plain)))
        if not plain.all():
            others = pa.array(~plain)
            self._write_others(name, observations.filter(others), pa.array(short).filter(others))

    def write_groups(self, name: str, groups: Groups, role: Codes, family: Names, marking: Codes) -> None:
        """Keep merged sightings; `role`, `family` and `marking` say what each label means."""
        rows = Rows(
            high=groups.high,
            low=groups.low,
            meaning=self._coded(role, marking, family)[groups.label],
            day=groups.day,
            first_seen=groups.first_us,
            last_seen=groups.last_us,
            count=groups.count,
            observations=groups.lines,
            undated=np.zeros(len(groups.label), np.bool_),
        )
        write_run(self.folder / f"{name}.run", rows, groups.label_member[groups.label])

    def discard(self, name: str) -> None:
        """Take back a batch that turned out to belong to a refused file."""
        for suffix in ("parquet", "run"):
            (self.folder / f"{name}.{suffix}").unlink(missing_ok=True)

    def _write_sightings(self, name: str, observations: pa.RecordBatch) -> None:
        high, low = parse_addresses(observations["value"])
        seen_at = observations["seen_at"].to_numpy()
        role, marking, family = (observations[column].to_numpy() for column in ("role", "marking", "family"))
        rows = Rows(
            high=high,
            low=low,
            meaning=self._coded(role, marking, family),
            day=(seen_at // _DAY_US).astype(np.int32),
            first_seen=seen_at,
            last_seen=seen_at,
            count=observations["count"].to_numpy(),
            observations=np.ones(len(seen_at), np.int64),
            undated=observations["undated"].to_numpy(zero_copy_only=False),
        )
        write_run(self.folder / f"{name}.run", taken(rows, ordered(rows)))

    def _write_others(self, name: str, observations: pa.RecordBatch, short: pa.BooleanArray) -> None:
        empty = pa.scalar("")
        high, low = parse_addresses(pc.if_else(short, observations["value"], empty))
        columns = {name: observations[name] for name in PART.names[2:]}
        columns |= {"high": pa.array(high), "low": pa.array(low)}
        columns["value"] = pc.if_else(short, empty, observations["value"])
        pq.write_table(
            pa.table([columns[field] for field in PART.names], schema=PART),
            self.folder / f"{name}.parquet",
            compression={field: "none" if field == "value" else "lz4" for field in PART.names},
            use_dictionary=False,
            write_statistics=False,
        )

    def _coded(self, role: Codes, marking: Codes, family: Names) -> Names:
        """The code of each combination."""
        packed = (family.astype(np.int64) + 1) << 16 | role.astype(np.int64) << 8 | marking.astype(np.int64)
        coded = pa.array(packed).dictionary_encode()
        with self._lock:
            codes = [
                self._meanings.setdefault((one >> 8 & 255, one & 255, (one >> 16) - 1), len(self._meanings))
                for one in coded.dictionary.to_pylist()
            ]
        return np.asarray(np.array(codes, np.int32)[coded.indices.to_numpy()])
