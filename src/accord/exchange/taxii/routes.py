"""What there is to ask of the TAXII server (TAXII 2.1, chapters 4 and 5; markings are an extension of ours)."""

from collections.abc import Sequence
from dataclasses import dataclass

ROOT = "/taxii2/"
API_ROOT = "/taxii2/hub/"

_READ = ("GET", "HEAD")
_COLLECTION = f"{API_ROOT}collections/{{collection}}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An endpoint."""

    path: str
    """With the names of what stands in braces for any segment."""
    methods: tuple[str, ...]


ROUTES = (
    Route(path=ROOT, methods=_READ),
    Route(path=API_ROOT, methods=_READ),
    Route(path=f"{API_ROOT}markings/", methods=_READ),
    Route(path=f"{API_ROOT}status/{{status}}/", methods=_READ),
    Route(path=f"{API_ROOT}collections/", methods=_READ),
    Route(path=_COLLECTION, methods=_READ),
    Route(path=f"{_COLLECTION}manifest/", methods=_READ),
    Route(path=f"{_COLLECTION}objects/", methods=(*_READ, "POST")),
    Route(path=f"{_COLLECTION}objects/{{object}}/", methods=(*_READ, "DELETE")),
    Route(path=f"{_COLLECTION}objects/{{object}}/versions/", methods=_READ),
)


def methods_of(path: Sequence[str]) -> tuple[str, ...]:
    """The methods of an endpoint, by the segments below ROOT; none where there is no such endpoint."""
    for route in ROUTES:
        named = [one for one in route.path.removeprefix(ROOT).split("/") if one]
        if len(named) == len(path) and all(
            one == said or one.startswith("{") for one, said in zip(named, path, strict=True)
        ):
            return route.methods
    return ()
