"""`accord simulate`: deliveries with a known truth, and how well a run found it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Simulated operations with known truth.", rich_markup_mode=None)


@app.callback()
def simulations() -> None:
    """Simulated operations with known truth."""


@app.command("asean-2017", short_help="Simulate seven partners' deliveries on eight countries.")
def asean_2017(
    out: Annotated[Path, typer.Option("--out", help="Where deliveries, operation.toml and truth.json are written.")],
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal bytes.")] = 1,
    scale: Annotated[float, typer.Option("--scale", min=0.001, max=20, help="Multiplies the numbers.")] = 1.0,
) -> None:
    """Write seven partners' deliveries on 8,800 C2 servers and 270 compromised websites in eight countries.

    Example: accord simulate asean-2017 --out sim --seed 7 --scale 1
    """
    from accord.cli.places import reference_in_use
    from accord.cli.terminal import progress_bar, say
    from accord.training.simulate import simulate

    with progress_bar() as progress:
        simulate("asean-2017", out, seed, scale, reference_in_use(), progress)
    say(f"accord operation run {out / 'operation.toml'} --out {out.with_name(out.name + '-out')}")


@app.command("simda-2015", short_help="Simulate half a year of one botnet's sinkhole logs.")
def simda_2015(
    out: Annotated[Path, typer.Option("--out", help="Where deliveries, operation.toml and truth.json are written.")],
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal bytes.")] = 1,
    scale: Annotated[float, typer.Option("--scale", min=0.001, max=2, help="Multiplies the machines.")] = 1.0,
    events: Annotated[
        int | None,
        typer.Option("--events", min=1, help="Rows of the logs.", show_default="10,000,000 at scale 1"),
    ] = None,
) -> None:
    """Write six months of sinkhole logs on 770,000 infected systems in 190 countries, and a list of 14 C2 servers.

    Ten million rows take 2.7 GB. More of them mean that the same machines call more often; three million at scale 1 are
    the fewest, and in proportion below. A report is written for each country, whatever the scale.

    Example: accord simulate simda-2015 --out sim --seed 7 --scale 0.01 --events 200000
    """
    from accord.cli.places import reference_in_use
    from accord.cli.terminal import progress_bar, say
    from accord.training.simulate import simulate

    with progress_bar() as progress:
        simulate("simda-2015", out, seed, scale, reference_in_use(), progress, events=events)
    say(f"accord operation run {out / 'operation.toml'} --out {out.with_name(out.name + '-out')}")


@app.command("score")
def score_run(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH.json", help="The truth.json of a simulation.")],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The output folder of `accord operation run` on it.")],
) -> None:
    """Compare what a run found with the truth of its simulation.

    The exit code is 0 when everything that the deliveries say was found and accounted for, 1 when something was missed,
    leaked or miscounted.

    Example: accord simulate score sim/truth.json sim-out
    """
    from accord.cli.places import reference_in_use
    from accord.cli.terminal import say
    from accord.training.scorecard import scorecard
    from accord.training.truth import score

    families = reference_in_use().families
    result = score(truth, run, lambda name: families.normalise([name])[0])
    say(scorecard(result).rstrip("\n"))
    if not result.faultless:
        raise typer.Exit(1)
