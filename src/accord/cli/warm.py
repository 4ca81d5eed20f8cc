"""`accord warm`: pay at installation what would otherwise slow the first run."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accord.cli.readying import Progress
    from accord.reference.store import Reference

_SETTINGS = """
[hub]
name = "warm"
contact = "warm@hub.example"
namespace = "00000000-0000-0000-0000-000000000000"
key_file = "hub.key"
[[partner]]
id = "simulator"
name = "The simulator"
[[dataset]]
id = "sinkhole"
title = "Simulated machines"
partner = "simulator"
format = "shadowserver"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "clear"
grade = "g"
retention = "P1D"
personal_data = false
[[agreement]]
id = "warm"
title = "What is taken in here is thrown away"
signatory = [{ party = "hub", name = "warm" }, { party = "simulator", name = "warm" }]
signed = 2026-01-01
document = "0000000000000000000000000000000000000000000000000000000000000000"
from = 2026-01-01
purposes = ["training"]
in = ["sinkhole"]
limits = { marking = "clear" }
"""


def warm() -> None:
    """Build the index of the warning lists and compile the kernels, once after installation.

    Example: accord warm
    """
    import tempfile

    from accord.cli.operations.running import run_operation
    from accord.cli.places import reference_in_use
    from accord.cli.terminal import progress_bar, talk
    from accord.formats.catalogue import FORMATS
    from accord.operations.declaration import read_operation
    from accord.training.simulate import simulate

    reference = reference_in_use()
    with progress_bar() as progress, tempfile.TemporaryDirectory(prefix="accord-warm-") as scratch:
        reference.build_index(lambda done, total, what: progress(f"indexing {what}", done, total))
        # The smallest real run uses, and so compiles, everything that a large one does.
        folder = Path(scratch)
        simulate("asean-2017", folder / "in", 1, 0.01, reference, progress)
        operation = read_operation(folder / "in" / "operation.toml", FORMATS)
        run_operation(
            operation,
            folder / "out",
            reference=reference,
            since=None,
            workers=1,
            progress=progress,
        )
        _use_workspace(folder, reference, progress)
    talk("ready: the next run starts at full speed")


def _use_workspace(folder: Path, reference: "Reference", progress: "Progress") -> None:
    """Take a sinkhole's log into a workspace that is thrown away, and look up what was found."""
    import secrets
    from datetime import UTC, datetime

    import pyarrow as pa

    from accord.agreements.reading import read_register
    from accord.agreements.register import load_register, record_register
    from accord.cli.acting import Actor
    from accord.cli.deliveries.delivering import take_delivery
    from accord.cli.deliveries.entering import Gate
    from accord.cli.snapshots.snapshotting import make_snapshot
    from accord.cli.snapshots.standing import standing_findings
    from accord.columns.macs import heads
    from accord.formats.catalogue import FORMATS
    from accord.operations.declaration import read_workspace
    from accord.training.events import write_events
    from accord.workspace.database import migrate_database, open_database
    from accord.workspace.keys import hub_key
    from accord.workspace.settings import read_settings
    from accord.workspace.store import make_workspace

    log = folder / "2015-01-01-event4_sinkhole-warm.csv"
    write_events(log, 2_000, 1, reference)
    workspace = make_workspace(folder / "hub", _SETTINGS)
    declared = read_workspace(workspace.settings, FORMATS)
    as_of = datetime(2026, 1, 1, tzinfo=UTC)
    migrate_database(declared.database, now=as_of)
    with open_database(declared.database) as database:
        with database.writing() as connection:
            signed = read_register(read_settings(workspace.settings), load_register(connection))
            record_register(connection, load_register(connection), signed, now=as_of, draw=secrets.token_bytes)
        take_delivery(
            workspace,
            declared.datasets[0],
            log,
            gate=Gate(
                database=database,
                settings=str(workspace.settings),
                key=hub_key(declared.hub.key_file, make=True),
                purpose=None,
                actor=Actor(person="warm", justification=""),
                clock=lambda: as_of,
                draw=secrets.token_bytes,
            ),
            received_at=as_of,
            reference=reference,
            workers=1,
            progress=progress,
        )
    # a hub in which nothing was erased yet does not look for it
    heads(b"warm", b"warm", pa.array(["warm"]))
    make_snapshot(workspace, as_of=as_of, reference=reference, workers=1, progress=progress, combining=lambda _: None)
    standing_findings(workspace, ["8.8.8.8"], reference)
