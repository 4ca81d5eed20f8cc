"""The Traffic Light Protocol 2.0 as an audience, and the ids by which STIX names its labels and those of PAP.

Source: FIRST TLP 2.0; OASIS STIX TLP 2.0 extension (`extension-definition--60a3c5c5-...`), STIX PAP extension.
"""

from enum import StrEnum

from accord.vocabulary.handling import Pap


class Marking(StrEnum):
    """A TLP label; the order of definition is from the widest audience to the narrowest."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"

    @property
    def label(self) -> str:
        """The label as TLP 2.0 prints it, for example `TLP:AMBER+STRICT`."""
        return f"TLP:{self.value.upper()}"

    @property
    def code(self) -> int:
        """0 (clear) to 4 (red): what columns store, and the order from wide to narrow."""
        return MARKINGS.index(self)


MARKINGS: tuple[Marking, ...] = tuple(Marking)

TLP2_IDS: dict[Marking, str] = {
    Marking.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Marking.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Marking.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Marking.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Marking.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}

# TLP 1 in STIX 2.0 and 2.1 (OASIS STIX 2.1, section 7.2.1.4): white became clear.
TLP1_IDS: dict[str, Marking] = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": Marking.CLEAR,
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": Marking.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": Marking.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Marking.RED,
}

MARKING_IDS: dict[str, Marking] = TLP1_IDS | {identifier: marking for marking, identifier in TLP2_IDS.items()}

PAP_EXTENSION = "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b"
PAP_CREATED = "2022-10-02T00:00:00.000Z"
PAP_IDS: dict[Pap, str] = {
    Pap.CLEAR: "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92",
    Pap.GREEN: "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9",
    Pap.AMBER: "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab",
    Pap.RED: "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e",
}
"""The Permissible Actions Protocol's markings."""

_NAMES: dict[str, Marking] = {marking.value: marking for marking in MARKINGS} | {
    "white": Marking.CLEAR,
    "amber-strict": Marking.AMBER_STRICT,
    "amberstrict": Marking.AMBER_STRICT,
}


def read_marking(text: str) -> Marking | None:
    """Read `TLP:AMBER+STRICT`, `tlp:white`, `tlp:amber+strict` or a bare colour; None when it is no TLP label."""
    name = text.strip().lower()
    if name.startswith("tlp:"):
        name = name[4:].strip()
    elif name.startswith("tlp-"):
        name = name[4:]
    return _NAMES.get(name.replace(" ", "").replace("_", "-"))


def read_pap(label: str) -> Marking | None:
    """The marking that a record's PAP label (`clear`, `white` before 2022, `green`) comes to; None: it says no limit.

    No column of an observation keeps PAP. What may not be published is TLP:GREEN at least, so that it never is; amber
    and red forbid action that the other side could notice, and such a record is not taken rather than taken without
    its limit. Raises ValueError for these, and for what is no label.
    """
    said = label.strip().lower()
    if said not in {"clear", "white", "green"}:
        raise ValueError(f"PAP:{label.strip().upper()}")
    return Marking.GREEN if said == "green" else None


def strictest(*markings: Marking) -> Marking:
    """The narrowest audience among `markings`, of which there is at least one."""
    return max(markings, key=MARKINGS.index)
