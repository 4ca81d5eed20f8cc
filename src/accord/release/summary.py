"""The account of a run for the hub: what went in, what became of it, what was found where (`summary.json`)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accord.intake.delivery import Delivery
from accord.operations.declaration import Operation

SUMMARISED = ["type", "role", "address", "country", "countries", "registry_country", "government", "review"]
"""The columns of FINDINGS that a summary is made from."""


def summarise(operation: Operation, deliveries: Sequence[Delivery], findings: pa.Table) -> dict[str, object]:
    """The content of `summary.json`; `findings` is the hub's table (SUMMARISED), before the country scope."""
    return {
        "operation": operation.name,
        "as_of": operation.scope.as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "simulated": operation.simulated,
        "deliveries": [account_of(one) for one in deliveries],
        "findings": {
            "total": len(findings),
            "by_role": _counted(findings["role"]),
            "by_type": _counted(findings["type"]),
            "in_review": int(pc.sum(pc.greater(pc.list_value_length(findings["review"]), 0)).as_py() or 0),
            "unattributed": int(pc.sum(_unattributed(findings)).as_py() or 0),
        },
        "countries": {country: _country(findings, country) for country in sorted(operation.scope.countries)},
    }


def account_of(delivery: Delivery) -> dict[str, object]:
    """What became of every record of a delivery, for JSON."""
    return {
        "partner": delivery.partner,
        "dataset": delivery.dataset,
        "file": delivery.file,
        "sha256": delivery.sha256,
        "formats": list(delivery.formats),
        "bytes": delivery.size,
        "records": delivery.records,
        "accepted": delivery.accepted,
        "ignored": sum(delivery.ignored.values()),
        "ignored_by_reason": dict(delivery.ignored),
        "rejected": sum(delivery.rejected.values()),
        "rejected_by_reason": dict(delivery.rejected),
        "refused": [{"member": one.member, "reason": one.reason} for one in delivery.refused],
        "observations": delivery.observations,
        "resolutions": delivery.resolutions,
        "notes": list(delivery.notes),
    }


def _country(findings: pa.Table, country: str) -> dict[str, object]:
    hosted = pc.fill_null(pc.equal(findings["country"], country), False)
    mine = findings.filter(pc.or_(_among(findings["countries"], country), _registered(findings, country)))
    by_role = {role: mine.filter(pc.equal(mine["role"], role)) for role in sorted(set(mine["role"].to_pylist()))}
    # A finding's own address stands in one country, whatever other basis the finding has.
    at_home = findings.filter(hosted)
    return _figures(mine, at_home) | {
        "roles": {
            role: _figures(part, at_home.filter(pc.equal(at_home["role"], role))) for role, part in by_role.items()
        }
    }


def _figures(mine: pa.Table, at_home: pa.Table) -> dict[str, object]:
    return {
        "addresses": int(pc.count_distinct(at_home["address"], mode="only_valid").as_py()),
        "findings": len(mine),
        "government": int(pc.sum(mine["government"]).as_py() or 0),
    }


def _among(lists: pa.ChunkedArray, country: str) -> pa.Array:
    column = lists.combine_chunks()
    mask = np.zeros(len(column), np.bool_)
    here = pc.fill_null(pc.equal(pc.list_flatten(column), country), False).to_numpy(zero_copy_only=False)
    mask[pc.list_parent_indices(column).to_numpy()[here]] = True
    return pa.array(mask)


def _registered(findings: pa.Table, country: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(findings["registry_country"], country), False)


def _unattributed(findings: pa.Table) -> pa.ChunkedArray:
    nowhere = pc.equal(pc.list_value_length(findings["countries"]), 0)
    return pc.and_(nowhere, pc.is_null(findings["registry_country"]))


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    counts = pc.value_counts(column)
    pairs = Counter(dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)))
    return dict(sorted(pairs.items()))
