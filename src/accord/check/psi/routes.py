"""What an organisation asks of a hub, and how both write it down.

GET /psi/session                                   the offer, as JSON (bytes in base64)
GET /psi/sessions/{session}/set                    the set
PUT /psi/sessions/{session}/requests/{request}     blinded elements, 32 bytes each; back come as many evaluated
                                                   ones, and a proof of 64 bytes
"""

import base64
import binascii

import msgspec

from accord.check.psi.commitment import Offer
from accord.check.psi.group import ELEMENT_BYTES

ROOT = "/psi"
SESSION = f"{ROOT}/session"
OCTETS = "application/octet-stream"

MOST_ELEMENTS = 4096
"""Of one request."""
MOST_OFFER_BYTES = 1 << 20


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    document: str
    entry: str
    openings: str
    proof: str
    left: int


def set_path(session: str) -> str:
    """Where a session's set is."""
    return f"{ROOT}/sessions/{session}/set"


def request_path(session: str, request: str) -> str:
    """Where a request is put."""
    return f"{ROOT}/sessions/{session}/requests/{request}"


def encode_offer(offer: Offer) -> bytes:
    """As JSON."""
    parts = {name: getattr(offer, name) for name in ("document", "entry", "openings", "proof")}
    coded = {name: base64.b64encode(data).decode() for name, data in parts.items()}
    return msgspec.json.encode(_Wire(**coded, left=offer.left))


def decode_offer(data: bytes) -> Offer:
    """What was encoded. Raises ValueError."""
    try:
        wire = msgspec.json.decode(data, type=_Wire)
        return Offer(
            document=base64.b64decode(wire.document, validate=True),
            entry=base64.b64decode(wire.entry, validate=True),
            openings=base64.b64decode(wire.openings, validate=True),
            proof=base64.b64decode(wire.proof, validate=True),
            left=wire.left,
        )
    except (msgspec.MsgspecError, binascii.Error, RecursionError) as error:
        raise ValueError(str(error)[:200]) from error


def cut(data: bytes) -> list[bytes]:
    """Elements that stand one after the other."""
    return [data[at : at + ELEMENT_BYTES] for at in range(0, len(data), ELEMENT_BYTES)]
