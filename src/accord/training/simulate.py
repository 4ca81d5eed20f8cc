"""`accord simulate`: tell a scenario and write what its partners deliver, the operation file and the truth."""

import shutil
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
from accord.training.scenario import Scenario
from accord.training.sheets import DeliveryTruth, TruthSheet, write_truth
from accord.training.story import seconds, tell
from accord.training.telling import SimulationSheet, truth_of
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.roles import Role
from accord.workspace.folders import replaced_folder

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

_OWN = ("operation.toml", "truth.json", "deliveries")
"""What a simulation's folder holds, besides the hub's key."""

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and of how much."""


def simulate(
    scenario: str, out: Path, seed: int, scale: float, reference: Reference, progress: Progress
) -> SimulationSheet:
    """Write `out/operation.toml`, `out/truth.json` and `out/deliveries/`; the same bytes for the same arguments.

    `out` must not exist, be empty, or hold an earlier simulation and nothing else; that is replaced in one step
    once the new one is complete, and the hub's key is kept.
    `scale` multiplies the counts of the scenario. Raises SettingsError for an unknown scenario or a scale out of
    range, OutputError when `out` holds something else or cannot be written.
    """
    story = _scenario(scenario)
    if not 0 < scale <= LARGEST_SCALE:
        raise SettingsError(
            "The scale is out of range.", expected=f"a number above 0, at most {LARGEST_SCALE:g}", got=f"{scale:g}"
        )
    # entered first: a folder that may not be replaced is refused before the work, not after it
    with replaced_folder(out, is_ours=_is_simulation, what="accord simulate") as folder:
        truth = _tell_into(folder, story, seed, scale, reference, progress)
        _keep_key(out, folder)
    return SimulationSheet(scenario=story.name, seed=seed, scale=scale, out=out, truth=truth)


def _tell_into(
    folder: Path, story: Scenario, seed: int, scale: float, reference: Reference, progress: Progress
) -> TruthSheet:
    dice = Dice(seed, story.name)
    landscape = Landscape(reference.country, reference.country_second, _review_test(reference.warning_lists))
    plot = tell(story, dice, scale, landscape, progress)
    accounts: list[DeliveryTruth] = []
    for number, dataset in enumerate(story.datasets, start=1):
        order = Order(
            plan=dataset,
            as_of_s=seconds(story.as_of),
            statements=plot.statements[dataset.id],
            resolutions=plot.resolutions,
            dice=dice.stream(f"delivery/{dataset.id}"),
            scale=scale,
        )
        for delivered in _WRITERS[dataset.format](order):
            path = folder / "deliveries" / delivered.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(delivered.data)
            accounts.append(delivered.truth(dataset))
        progress("writing deliveries", number, len(story.datasets))
    truth = truth_of(story, plot, tuple(sorted(accounts, key=_file)), seed, scale, _versions(reference))
    (folder / "operation.toml").write_text(operation_toml(story, seed, scale), "utf-8", newline="\n")
    write_truth(truth, folder / "truth.json")
    return truth


def _review_test(lists: WarningLists) -> ListTest:
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


def _is_simulation(out: Path) -> bool:
    """An earlier simulation, and nothing that somebody put beside it: that would be lost."""
    return (out / "truth.json").is_file() and {one.name for one in out.iterdir()} <= {*_OWN, KEY_FILE}


def _keep_key(out: Path, folder: Path) -> None:
    """The hub keeps its key, so that finding ids stay comparable between simulations."""
    if (out / KEY_FILE).is_file():
        shutil.copy2(out / KEY_FILE, folder / KEY_FILE)
