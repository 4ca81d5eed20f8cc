"""`accord warm`: pay at installation what would otherwise slow the first run."""


def warm() -> None:
    """Build the index of the warning lists and compile the kernels, once after installation.

    Example: accord warm
    """
    import tempfile
    from pathlib import Path

    from accord.cli.places import reference_in_use
    from accord.cli.running import run_operation
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
        run_operation(operation, folder / "out", reference=reference, since=None, workers=1, progress=progress)
    talk("ready: the next run starts at full speed")
