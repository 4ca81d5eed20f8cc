"""The formats that deliveries are read in, in the order in which a member's content is tried.

Only a data set's declared formats are tried. What proves itself by its first bytes comes before what any text could be.
"""

from types import ModuleType

from accord.formats import (
    csv,
    freetext,
    intelmq,
    maltrail,
    misp,
    n6,
    passive_dns,
    plain,
    shadowserver,
    stix,
    xarf,
    zeek,
)

FORMATS: dict[str, ModuleType] = {
    module.NAME: module
    for module in (
        stix,  # a JSON object that says it is a bundle
        misp,  # a JSON object with an event
        xarf,  # JSON that says its version of X-ARF
        n6,  # JSON with n6's category, confidence and restriction
        intelmq,  # JSON with IntelMQ's dotted names
        passive_dns,  # JSON lines with rrname
        zeek,  # a #fields line
        shadowserver,  # a header of their columns
        csv,  # a header with the declared columns
        maltrail,  # any text; declared where it is meant
        plain,  # any text of one value a line
        freetext,  # any text at all
    )
}
