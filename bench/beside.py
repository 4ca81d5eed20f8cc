"""Programs that are measured beside Accord: each set in a virtual environment of its own, installed when first used."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from measuring import say


def install(name: str, venv: Path, lock: Path) -> str | None:
    """Make a virtual environment from a lock, unless it is there; what went wrong, or None."""
    stamp = venv / "installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    shutil.rmtree(venv, ignore_errors=True)
    say(f"installing {name} into {venv}")
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", lock]
    for command in ([sys.executable, "-m", "venv", venv], pip):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip()
    stamp.write_text(wanted)
    return None
