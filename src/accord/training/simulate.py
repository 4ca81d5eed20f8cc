"""`accord simulate`: tell a scenario and write what its partners deliver, the operation file and the truth."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from accord.reference.store import Reference
from accord.reference.warninglists import WarningLists
from accord.training.asean_2017 import ASEAN_2017
from accord.training.declaring import KEY_FILE, operation_toml
from accord.training.deliveries import (
    freetext,
    maltrail,
    misp,
    passive_dns,
    shadowserver,
    stix,
    table,
    zeek,
)
from accord.training.deliveries.account import DeliveredFile, Order
from accord.training.dice import Dice
from accord.training.landscape import Landscape, ListTest
from accord.training.scenario import DatasetPlan, Scenario
from accord.training.sheets import DeliveryTruth, TruthSheet, write_truth
from accord.training.story import seconds, tell
from accord.training.telling import SimulationSheet, truth_of
from accord.vocabulary.errors import OutputError, SettingsError
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.roles import Role

SCENARIOS = MappingProxyType({one.name: one for one in (ASEAN_2017,)})
"""What can be simulated, by name."""

LARGEST_SCALE = 20.0
"""176,000 servers, written in about a minute from 1.5 GB of memory."""

_WRITERS: MappingProxyType[str, Callable[[Order], list[DeliveredFile]]] = MappingProxyType(
    {
        "zeek": zeek.write,
        "stix": stix.write,
        "misp": misp.write,
        "maltrail": maltrail.write,
        "csv": table.write,
        "shadowserver": shadowserver.write,
        "freetext": freetext.write,
        "passive-dns": passive_dns.write,
    }
)

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and of how much."""


def simulate(
    scenario: str, out: Path, seed: int, scale: float, reference: Reference, progress: Progress
) -> SimulationSheet:
    """Write `out/operation.toml`, `out/truth.json` and `out/deliveries/`; the same bytes for the same arguments.

    `out` must not exist, be empty, or hold an earlier simulation, which is replaced once the new one is complete.
    `scale` multiplies the counts of the scenario. Raises SettingsError for an unknown scenario or a scale out of
    range, OutputError when `out` holds something else or cannot be written.
    """
    story = _scenario(scenario)
    if not 0 < scale <= LARGEST_SCALE:
        raise SettingsError(
            "The scale is out of range.", expected=f"a number above 0, at most {LARGEST_SCALE:g}", got=f"{scale:g}"
        )
    _refuse_foreign(out)
    dice = Dice(seed, story.name)
    landscape = Landscape(reference.country, reference.country_second, _review_test(progress))
    plot = tell(story, dice, scale, landscape, progress)
    files: list[tuple[DatasetPlan, DeliveredFile]] = []
    for number, dataset in enumerate(story.datasets, start=1):
        order = Order(
            plan=dataset,
            as_of_s=seconds(story.as_of),
            statements=plot.statements[dataset.id],
            resolutions=plot.resolutions,
            dice=dice.stream(f"delivery/{dataset.id}"),
            scale=scale,
        )
        files += [(dataset, one) for one in _WRITERS[dataset.format](order)]
        progress("writing deliveries", number, len(story.datasets))
    deliveries = tuple(sorted((one.truth(dataset) for dataset, one in files), key=_file))
    truth = truth_of(story, plot, deliveries, seed, scale, _versions(reference))
    try:
        _replace(out, lambda folder: _write(folder, story, seed, scale, [one for _, one in files], truth))
    except OSError as error:
        raise OutputError(
            "The simulation cannot be written.",
            where=str(out),
            got=error.strerror or type(error).__name__,
            remedy="check the free space and the permissions; what was there before is untouched",
        ) from error
    return SimulationSheet(scenario=story.name, seed=seed, scale=scale, out=out, truth=truth)


def _review_test(progress: Progress) -> ListTest:
    lists = WarningLists.open(progress=lambda done, steps, _what: progress("indexing warning lists", done, steps))

    def held_back(addresses: Sequence[str]) -> Sequence[bool]:
        if not addresses:
            return ()
        codes = np.full(len(addresses), TYPE_CODES[IndicatorType.IPV4], np.int8)
        roles = pa.array([Role.C2_SERVER.value] * len(addresses), pa.string())
        review, _ = lists.match(codes, pa.array(addresses, pa.string())).judge(roles)
        return [bool(one) for one in review.to_pylist()]

    return held_back


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise SettingsError("There is no such scenario.", expected="one of " + ", ".join(sorted(SCENARIOS)), got=name)
    return SCENARIOS[name]


def _file(delivery: DeliveryTruth) -> str:
    return delivery.file


def _versions(reference: Reference) -> tuple[str, ...]:
    return tuple(f"{one.name} {one.version}" for one in reference.sources)


def _refuse_foreign(out: Path) -> None:
    """A folder that holds anything but an earlier simulation is not ours to replace."""
    try:
        if not out.exists() or (out.is_dir() and ((out / "truth.json").is_file() or not any(out.iterdir()))):
            return
    except OSError as error:
        raise OutputError(
            "The output folder cannot be read.", where=str(out), got=error.strerror or type(error).__name__
        ) from error
    raise OutputError(
        "The output folder holds something else.",
        where=str(out),
        expected="a new or empty folder, or one that `accord simulate` wrote",
        remedy="choose another --out",
    )


def _write(
    folder: Path, story: Scenario, seed: int, scale: float, files: list[DeliveredFile], truth: TruthSheet
) -> None:
    for one in files:
        path = folder / "deliveries" / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.data)
    (folder / "operation.toml").write_text(operation_toml(story, seed, scale), "utf-8", newline="\n")
    write_truth(truth, folder / "truth.json")


def _replace(out: Path, write: Callable[[Path], None]) -> None:
    """Write into a folder beside `out`, then let it take the place of `out`: nobody meets half a simulation."""
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        new = staging / "new"
        new.mkdir()
        write(new)
        key = out / KEY_FILE
        if key.is_file():  # the hub keeps its key, so that finding_ids stay comparable between simulations
            shutil.copy2(key, new / KEY_FILE)
        if out.exists():
            out.rename(staging / "old")
        new.rename(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
