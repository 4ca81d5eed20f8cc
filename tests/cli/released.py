"""A hub that may hand a vendor's sightings to a country, for tests of releases: settings, a delivery, an operation."""

from pathlib import Path

PARTNERS = """
[[partner]]
id = "vendor"
name = "A vendor"
country = "JP"

[[partner]]
id = "csirt-th"
name = "CSIRT of Thailand"
kind = "csirt"
country = "TH"
{keys}

[[partner]]
id = "police-th"
name = "Police of Thailand"
kind = "police"
country = "TH"
{keys}

[[dataset]]
id = "sinkhole"
title = "The vendor's own sinkhole"
partner = "vendor"
format = "shadowserver"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = true
share_with = ["csirt-th", "police-th"]
"""

AGREEMENT = """
[[agreement]]
id = "{id}"
title = "With {party}"
signatory = [{{ party = "hub", name = "A" }}, {{ party = "{party}", name = "B" }}]
signed = 2026-01-02
document = "{digit}f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2026-01-02
purposes = ["victim-notification"]
{direction} = ["sinkhole"]
[agreement.limits]
marking = "amber"
pap = "{pap}"
onward_sharing = "with-consent"
transfers = ["safeguards"]
"""

SIGHTINGS = """timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag
2026-10-01 10:00:37,tcp,110.164.10.1,4000,45758,192.0.2.1,80,gamut,,
2026-10-01 11:12:01,tcp,110.164.10.1,4021,45758,192.0.2.1,80,gamut,,
2026-10-01 11:15:40,tcp,110.164.10.9,4021,64500,192.0.2.1,80,gamut,,
"""

OPERATION = """
[operation]
name = "{name}"
title = "Infected machines in October 2026"
as_of = 2026-11-01
countries = ["TH"]
purpose = "victim-notification"
{more}

[[recipient]]
partner = "csirt-th"
country = "TH"
encrypted = true
"""

POLICE = """
[[recipient]]
partner = "police-th"
country = "TH"
encrypted = true
"""


def furnish(hub: Path, keys: str) -> None:
    """Add partners, data sets and agreements to the settings of a workspace that was just made."""
    settings = hub / "workspace.toml"
    text = settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
    text += PARTNERS.format(keys=keys)
    text += AGREEMENT.format(id="vendor-2026", party="vendor", direction="in", pap="green", digit=1)
    for digit, party in enumerate(("csirt-th", "police-th"), start=2):
        text += AGREEMENT.format(id=f"{party}-2026", party=party, direction="out", pap="clear", digit=digit)
    settings.write_text(text, "utf-8")
