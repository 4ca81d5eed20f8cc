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
from accord.training.census import FILE
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
from accord.training.outbreak import Outbreak
from accord.training.outbreak_telling import LARGEST_SCALE as LARGEST_OUTBREAK
from accord.training.outbreak_telling import tell_outbreak
from accord.training.scenario import Scenario
from accord.training.sheets import DeliveryTruth, TruthSheet, write_truth
from accord.training.simda_2015 import SIMDA_2015
from accord.training.story import seconds, tell
from accord.training.telling import SimulationSheet, truth_of
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.roles import Role
from accord.workspace.folders import replaced_folder

SCENARIOS: MappingProxyType[str, Scenario | Outbreak] = MappingProxyType(
    {one.name: one for one in (ASEAN_2017, SIMDA_2015)}
)
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

_OWN = ("operation.toml", "truth.json", FILE, "deliveries")
"""What a simulation's folder holds, besides the hub's key."""

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and of how much."""


def simulate(
    scenario: str,
    out: Path,
    seed: int,
    scale: float,
    reference: Reference,
    progress: Progress,
    *,
    events: int | None = None,
) -> SimulationSheet:
    """Tell the scenario of that name, as `simulate_story` does. Raises SettingsError for an unknown one."""
    if scenario not in SCENARIOS:
        raise SettingsError(
            "There is no such scenario.", expected="one of " + ", ".join(sorted(SCENARIOS)), got=scenario
        )
    return simulate_story(SCENARIOS[scenario], out, seed, scale, reference, progress, events=events)


def simulate_story(
    story: Scenario | Outbreak,
    out: Path,
    seed: int,
    scale: float,
    reference: Reference,
    progress: Progress,
    *,
    events: int | None = None,
) -> SimulationSheet:
    """Write `out/operation.toml`, `out/truth.json` and `out/deliveries/`; the same bytes for the same arguments.

    `out` must not exist, be empty, or hold an earlier simulation and nothing else; that is replaced in one step
    once the new one is complete, and the hub's key is kept.
    `scale` multiplies the counts of the story; `events` is the number of rows of one whose logs are streamed (None:
    what it says, at this scale), and `out/truth-addresses.parquet` is written with it. Raises SettingsError for a scale
    or a number of events that is out of range, and for events where nothing is streamed; OutputError when `out` holds
    something else or cannot be written.
    """
    largest = LARGEST_OUTBREAK if isinstance(story, Outbreak) else LARGEST_SCALE
    if not 0 < scale <= largest:
        raise SettingsError(
            "The scale is out of range.", expected=f"a number above 0, at most {largest:g}", got=f"{scale:g}"
        )
    if events is not None and not isinstance(story, Outbreak):
        raise SettingsError(
            f"The scenario {story.name} has no number of events: its statements follow from its scale.",
            expected="no --events",
            got=f"{events:,}",
            remedy="leave it out, or simulate simda-2015",
        )
    # entered first: a folder that may not be replaced is refused before the work, not after it
    with replaced_folder(out, is_ours=_is_simulation, what="accord simulate") as folder:
        landscape = Landscape(reference.country, reference.country_second, _review_test(reference.warning_lists))
        if isinstance(story, Outbreak):
            truth = tell_outbreak(folder, story, seed, scale, events, landscape, reference, progress)
        else:
            truth = _tell_into(folder, story, seed, scale, landscape, reference, progress)
        codes = [one.code for one in story.countries]
        (folder / "operation.toml").write_text(operation_toml(story, codes, seed, scale), "utf-8", newline="\n")
        write_truth(truth, folder / "truth.json")
        _keep_key(out, folder)
    return SimulationSheet(scenario=story.name, seed=seed, scale=scale, out=out, truth=truth)


def _tell_into(
    folder: Path,
    story: Scenario,
    seed: int,
    scale: float,
    landscape: Landscape,
    reference: Reference,
    progress: Progress,
) -> TruthSheet:
    dice = Dice(seed, story.name)
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
    codes = [one.code for one in story.countries]
    return truth_of(story, codes, plot, tuple(sorted(accounts, key=_file)), seed, scale, _versions(reference))


def _review_test(lists: WarningLists) -> ListTest:
    def held_back(addresses: Sequence[str]) -> Sequence[bool]:
        if not addresses:
            return ()
        codes = np.full(len(addresses), TYPE_CODES[IndicatorType.IPV4], np.int8)
        roles = pa.array([Role.C2_SERVER.value] * len(addresses), pa.string())
        review, _ = lists.match(codes, pa.array(addresses, pa.string())).judge(roles)
        return [bool(one) for one in review.to_pylist()]

    return held_back


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
