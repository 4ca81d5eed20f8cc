"""How the ledger and its public page name a data set."""

import hmac

from accord.agreements.agreement import RegisteredDataset
from accord.agreements.declarations import Dataset

_DIGITS = 12


def public_name(dataset: Dataset | RegisteredDataset, key: bytes) -> str:
    """Its title where its partner may be named; else a name that tells nothing, and is the same as long as the hub's
    `key` is."""
    if dataset.name_partner:
        return dataset.title
    digest = hmac.digest(key, b"dataset\0" + dataset.id.encode(), "sha256").hex()
    return f"data set {digest[:_DIGITS]}"
