"""The colours in which TLP 2.0 prints its labels, on black (FIRST, Traffic Light Protocol 2.0, colour coding)."""

from accord.vocabulary.markings import Marking

COLOURS: dict[Marking, str] = {
    Marking.CLEAR: "#FFFFFF",
    Marking.GREEN: "#33FF00",
    Marking.AMBER: "#FFC000",
    Marking.AMBER_STRICT: "#FFC000",
    Marking.RED: "#FF2B2B",
}
GROUND = "#000000"
