"""The corpus that is kept: what Atheris found worth keeping of each target, minimised, one zip a target."""

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

KEPT = Path(__file__).parent / "corpus"


def kept(target: str) -> dict[str, bytes]:
    """The inputs that are kept for a target, by name."""
    path = KEPT / f"{target}.zip"
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def name_of(data: bytes) -> str:
    """The name of an input, as libFuzzer gives it."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def keep(target: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs for a target, and no others. The same inputs give the same bytes."""
    KEPT.mkdir(exist_ok=True)
    with zipfile.ZipFile(KEPT / f"{target}.zip", "w") as archive:
        for name, data in sorted({name_of(data): data for data in inputs}.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=9)


def unpack(target: str, folder: Path) -> int:
    """Write what is kept for a target into a folder; how many inputs that were."""
    inputs = kept(target)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in inputs.items():
        (folder / name).write_bytes(data)
    return len(inputs)
