"""Values of persons that were erased or corrected, as HMACs: what holds them is not taken in again."""

import hmac
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from accord.release.notices import RecallKind
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.workspace.schema import ERASED_VALUES


def mac_of(indicator: Indicator, key: bytes) -> str:
    """HMAC-SHA256(hub key, UTF-8 `erased\\0type\\0value`), in hex; of a mail address in small letters."""
    value = indicator.value.lower() if indicator.kind is IndicatorType.EMAIL else indicator.value
    return hmac.digest(key, f"erased\0{indicator.kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256").hex()


def note_erased(connection: Connection, mac: str, kind: RecallKind, at: datetime) -> None:
    """Note that a value is not taken in again; noted before, nothing changes."""
    if erased_since(connection, mac) is None:
        connection.execute(insert(ERASED_VALUES).values(mac=mac, at=at, kind=kind.value))


def erased_since(connection: Connection, mac: str) -> datetime | None:
    """Since when a value is not taken in; None: it is."""
    return connection.execute(select(ERASED_VALUES.c.at).where(ERASED_VALUES.c.mac == mac)).scalar()


def erased_values(connection: Connection) -> dict[str, RecallKind]:
    """All of them, by their HMACs."""
    rows = connection.execute(select(ERASED_VALUES.c.mac, ERASED_VALUES.c.kind))
    return {row.mac: RecallKind(row.kind) for row in rows}


def allow(connection: Connection, mac: str) -> bool:
    """Let a value be taken in again; False: it was not kept out."""
    return connection.execute(delete(ERASED_VALUES).where(ERASED_VALUES.c.mac == mac)).rowcount > 0
