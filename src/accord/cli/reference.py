"""`accord reference`: the outside world's data, shown and replaced."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Reference data: countries, networks, warning lists.", rich_markup_mode=None
)


@app.callback()
def references() -> None:
    """Reference data: countries, networks, warning lists, contacts."""


@app.command("show", short_help="Show every reference source in use.")
def show(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every reference source in use: what it is for, its version, date, licence and size.

    Example: accord reference show
    """
    from accord.cli.places import reference_folder, reference_in_use
    from accord.cli.terminal import say, say_json, show_table

    sources = reference_in_use().sources
    if as_json:
        say_json(
            [
                {
                    "kind": source.kind.value,
                    "name": source.name,
                    "version": source.version,
                    "date": source.date,
                    "licence": source.licence,
                    "rows": source.rows,
                    "origin": source.origin,
                    "attribution": source.attribution,
                }
                for source in sources
            ]
        )
        return
    show_table(
        [("for", False), ("source", False), ("date", False), ("licence", False), ("entries", True), ("from", False)],
        [
            (
                source.kind.value,
                f"{source.name} {source.version}",
                source.date or "",
                source.licence,
                source.rows,
                source.origin,
            )
            for source in sources
        ],
    )
    say("")
    say(f"What you import lies in {reference_folder()} (ACCORD_REFERENCE chooses another folder).")


@app.command("import", short_help="Put a file in use as reference data.")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The file; for ranges IPv4 and IPv6 files.")],
    kind: Annotated[
        str,
        typer.Option("--kind", help="country, country-second, network, csirts, abuse, treaties or warning-classes."),
    ],
    name: Annotated[str, typer.Option("--name", help="What the source is called.")],
    version: Annotated[str, typer.Option("--version", help="Its version.")],
    dated: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Its date.")],
    licence: Annotated[str, typer.Option("--licence", help="Under which licence you use it.")],
) -> None:
    """Put a file in use as reference data: range CSV, MMDB, pyasn, contacts, treaties.

    The file is read whole and checked first; when anything is wrong, what was in use before is in use still.

    Example: accord reference import --kind csirts --name Ours --version 3 --date 2026-11-01 --licence own list.txt
    """
    from accord.cli.places import reference_folder
    from accord.cli.terminal import say
    from accord.reference.imports import IMPORTABLE, import_source
    from accord.reference.manifest import Kind
    from accord.vocabulary.errors import SettingsError

    if kind not in {one.value for one in IMPORTABLE}:
        raise SettingsError(
            "There is no such kind of reference data to import.",
            where="--kind",
            expected=", ".join(one.value for one in IMPORTABLE),
            got=kind,
        )
    source = import_source(
        reference_folder(), Kind(kind), tuple(files), name=name, version=version, dated=dated.date(), licence=licence
    )
    say(f"{source.kind.value}: {source.name} {source.version}, {source.rows:,} entries, in use from now on")
