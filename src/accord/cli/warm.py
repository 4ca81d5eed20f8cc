"""`accord warm`: pay at installation what would otherwise slow the first run."""


def warm() -> None:
    """Compile the kernels and build the index of the warning lists, once after installation.

    Example: accord warm
    """
    from accord.cli.places import reference_in_use
    from accord.cli.terminal import progress_bar, talk
    from accord.cli.warming import warm_kernels

    with progress_bar() as progress:
        progress("compiling kernels", 0, 0)
        reference = reference_in_use()
        warm_kernels(reference)
    talk("ready")
