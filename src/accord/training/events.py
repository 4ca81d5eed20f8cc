"""One file of sinkhole events of any size, for whoever wants to measure or try a reader: `write_events`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accord.reference.store import Reference
from accord.training.ground import Ground
from accord.training.pieces import PLAIN, header
from accord.training.population import populate
from accord.training.rows import FAULTS, GOOD
from accord.training.simda_2015 import SIMDA_2015
from accord.training.sinkhole import RowWriter, SinkholeLog
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.reasons import Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenEvents:
    """What `write_events` wrote: the truth that a reader's account is compared with."""

    path: Path
    bytes: int
    events: int
    """Lines, the header not counted."""
    accepted: int
    rejected_by_reason: dict[Rejected, int]
    bad_ports: int
    """Accepted lines whose port is none."""
    ipv4: int
    """Distinct addresses of the accepted lines."""
    ipv6: int


def write_events(
    path: Path,
    events: int,
    seed: int,
    reference: Reference,
    *,
    quoted: bool = False,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> WrittenEvents:
    """Write one file of `events` lines in the layout of Shadowserver's `event4_sinkhole`, with a header before them.

    The events are those of the scenario simda-2015: half a year in the order of time, one in twenty lines IPv6 (in the
    same file, unlike Shadowserver's), one in a hundred broken (each kind of `rows.FAULTS` alike), commas inside quotes
    and doubled quotes in fields before the infection's. From ten million events on there are 770,000 machines and some
    1.6 million addresses, whatever `events`; below, in proportion. `quoted`: every field stands in quotes, as
    Shadowserver writes (some 260 bytes a line); else only a field that must (some 150).

    The same arguments and the same reference data give the same bytes. Raises SettingsError below 2,000 events, OSError
    when the disk refuses.
    """
    if events < 2_000:
        raise SettingsError("There are too few events.", expected="at least 2,000", got=f"{events:,}")
    scale = min(1.0, events / SIMDA_2015.events)
    population = populate(SIMDA_2015, seed, scale, Ground(reference))
    log = SinkholeLog(SIMDA_2015, population, seed, events)
    writer = RowWriter(log, quoted=quoted, layouts=False)
    lines = np.zeros(GOOD + 1, np.int64)
    seen = np.zeros(population.addresses, np.bool_)
    with path.open("wb") as out:
        out.write(header(PLAIN, quoted=quoted))
        for day in log.days():
            seen[day.whereabouts.place[~day.pairs.six]] = True
            for piece in writer.rows(day):
                out.write(piece.data[0])
                lines += piece.lines[0]
                progress("writing events", int(lines.sum()), events)
        size = out.tell()
    by_kind = dict(zip((*FAULTS, None), lines.tolist(), strict=True))
    return WrittenEvents(
        path=path,
        bytes=size,
        events=int(lines.sum()),
        accepted=by_kind[None] + by_kind[Rejected.PORT],
        rejected_by_reason={kind: by_kind[kind] for kind in FAULTS if kind is not Rejected.PORT},
        bad_ports=by_kind[Rejected.PORT],
        ipv4=int(np.count_nonzero(seen)),
        ipv6=int(log.plan.pairs[1].sum()),
    )
