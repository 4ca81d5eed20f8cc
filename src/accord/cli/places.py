"""Where imported reference data lies."""

import os
from pathlib import Path

from accord.reference.store import Reference, load


def reference_folder() -> Path:
    """`ACCORD_REFERENCE`, else `$XDG_DATA_HOME/accord/reference`, else `~/.local/share/accord/reference`."""
    named = os.environ.get("ACCORD_REFERENCE")
    if named:
        return Path(named)
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "accord" / "reference"


def reference_in_use() -> Reference:
    """The bundled reference data, overlaid by what was imported."""
    folder = reference_folder()
    return load(folder if folder.is_dir() else None)
