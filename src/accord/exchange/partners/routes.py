"""What there is for partners' systems to ask beside TAXII."""

from collections.abc import Sequence
from dataclasses import dataclass

DELIVERIES, OUTCOMES, ACKNOWLEDGEMENTS = "/deliveries", "/outcomes", "/acknowledgements"
UPLOADS = f"{DELIVERIES}/uploads"

_READ = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An endpoint."""

    path: str
    """With the names of what stands in braces for any segment."""
    methods: tuple[str, ...]


ROUTES = (
    Route(path=DELIVERIES, methods=(*_READ, "POST", "OPTIONS")),
    Route(path=f"{UPLOADS}/{{upload}}", methods=("HEAD", "PATCH", "DELETE", "OPTIONS")),
    Route(path=f"{DELIVERIES}/{{delivery}}", methods=_READ),
    Route(path=f"{DELIVERIES}/{{delivery}}/rejects", methods=_READ),
    Route(path=f"{DELIVERIES}/{{delivery}}/receipt", methods=_READ),
    Route(path=OUTCOMES, methods=("POST",)),
    Route(path=ACKNOWLEDGEMENTS, methods=(*_READ, "POST")),
    Route(path=f"{ACKNOWLEDGEMENTS}/{{notice}}", methods=_READ),
)
"""The first that fits counts."""


def methods_of(path: Sequence[str]) -> tuple[str, ...]:
    """The methods of an endpoint, by its segments; none where there is no such endpoint."""
    for route in ROUTES:
        named = [one for one in route.path.split("/") if one]
        if len(named) == len(path) and all(
            one == said or one.startswith("{") for one, said in zip(named, path, strict=True)
        ):
            return route.methods
    return ()
