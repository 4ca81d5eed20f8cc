"""Another organisation's TAXII server: medallion (OASIS), as it comes, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cli.test_cli_serve import free_port

USER, PASSWORD = "hub", "correct horse"
COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
MEDIA_TYPE = "application/stix+json;version=2.1"


def path_of(port: int) -> str:
    """Where its collection is."""
    return f"http://127.0.0.1:{port}/api1/collections/{COLLECTION}"


def holding(objects: Sequence[tuple[str, Mapping[str, object]]]) -> dict[str, object]:
    """What medallion's memory begins with: objects, each with the instant at which it was added."""
    manifest = [
        {"id": one["id"], "date_added": added, "version": one["modified"], "media_type": MEDIA_TYPE}
        for added, one in objects
    ]
    collection = {
        "id": COLLECTION,
        "title": "What it knows",
        "can_read": True,
        "can_write": True,
        "media_types": [MEDIA_TYPE],
        "objects": [one for _, one in objects],
        "manifest": manifest,
    }
    root = {"title": "A root", "versions": ["application/taxii+json;version=2.1"], "max_content_length": 1 << 20}
    return {
        "/discovery": {"title": "A server", "default": "/api1/", "api_roots": ["/api1/"]},
        "api1": {"information": root, "status": [], "collections": [collection]},
    }


@contextmanager
def medallion(folder: Path, objects: Sequence[tuple[str, Mapping[str, object]]], *, page: int = 5) -> Iterator[int]:
    """Start it with objects, and come back with its port once it answers."""
    data, settings, port = folder / "medallion-data.json", folder / "medallion.json", free_port()
    data.write_text(json.dumps(holding(objects)))
    backend = {
        "module": "medallion.backends.memory_backend",
        "module_class": "MemoryBackend",
        "filename": str(data),
    }
    told = {"users": {USER: PASSWORD}, "taxii": {"max_page_size": page}, "backend": backend}
    settings.write_text(json.dumps(told))
    program = [sys.executable, "-m", "medallion.scripts.run", "--port", str(port), str(settings)]
    with subprocess.Popen(program, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            for line in process.stderr:
                if "Running on" in line:
                    break
            else:
                raise AssertionError("medallion did not begin")
            yield port
        finally:
            process.kill()
