"""Values of persons that were erased or corrected, as HMACs: neither they nor what is wrong of them is used.

What is wrong in some roles alone stays in the bytes that a partner delivers, which are the partner's word. It is no
evidence: neither in what is kept of a delivery nor in what is read of the bytes anew (`wrong_findings`).
"""

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection, delete, insert, select, update

from accord.columns.values import SuffixTest, read_any_value, url_host
from accord.release.notices import RecallKind
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.roles import ROLES, Role
from accord.workspace.schema import ERASED_VALUES

_TOKEN = re.compile(r"[^\s\"'<>|,;=&?#/(){}\\]+")
"""What may be a value of its own within a text."""


AGAIN = "erased or corrected before, and delivered again"
"""How a reason in the log of consultations begins where what is kept out came again."""

ALLOWED = "allowed to be taken in again"
"""How it begins where a value is kept out no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """What of a value is not taken in."""

    at: datetime
    """Since when."""
    kind: RecallKind
    roles: frozenset[Role] | None
    """What is wrong of it; None: nothing of it is taken in."""


def mac_prefix(kind: IndicatorType) -> bytes:
    """What stands before a value of a kind where its HMAC is made."""
    return f"erased\0{kind}\0".encode()


def mac_of(indicator: Indicator, key: bytes) -> str:
    """HMAC-SHA256(hub key, UTF-8 `erased\\0type\\0value`), in hex; of a mail address in small letters."""
    value = indicator.value.lower() if indicator.kind is IndicatorType.EMAIL else indicator.value
    return hmac.digest(key, mac_prefix(indicator.kind) + value.encode("utf-8", "surrogatepass"), "sha256").hex()


def note_erased(
    connection: Connection, mac: str, kind: RecallKind, at: datetime, roles: frozenset[Role] | None = None
) -> None:
    """Note that a value is not taken in again (`roles`: that it is wrong in these), beside what was noted before."""
    before = kept_out(connection, mac)
    if before is None:
        said = None if roles is None else " ".join(sorted(roles))
        connection.execute(insert(ERASED_VALUES).values(mac=mac, at=at, kind=kind.value, roles=said))
        return
    both = None if before.roles is None or roles is None else before.roles | roles
    worse = RecallKind.ERASED if RecallKind.ERASED in {before.kind, kind} else kind
    said = None if both is None else " ".join(sorted(both))
    connection.execute(update(ERASED_VALUES).where(ERASED_VALUES.c.mac == mac).values(kind=worse.value, roles=said))


def kept_out(connection: Connection, mac: str) -> KeptOut | None:
    """What of a value is not taken in; None: all of it is."""
    return _kept_out(connection, mac).get(mac)


def erased_values(connection: Connection) -> dict[str, KeptOut]:
    """All of them, by their HMACs."""
    return _kept_out(connection, None)


def wrong_roles(connection: Connection) -> dict[str, frozenset[Role]]:
    """Those that are wrong in some roles alone, by their HMACs."""
    return {mac: one.roles for mac, one in erased_values(connection).items() if one.roles is not None}


def _kept_out(connection: Connection, mac: str | None) -> dict[str, KeptOut]:
    wanted = select(ERASED_VALUES) if mac is None else select(ERASED_VALUES).where(ERASED_VALUES.c.mac == mac)
    return {
        row.mac: KeptOut(
            at=row.at,
            kind=RecallKind(row.kind),
            roles=None if row.roles is None else frozenset(map(Role, row.roles.split())),
        )
        for row in connection.execute(wanted)
    }


def allow(connection: Connection, mac: str) -> bool:
    """Let a value be taken in again, whatever is said of it; False: it was not kept out."""
    return connection.execute(delete(ERASED_VALUES).where(ERASED_VALUES.c.mac == mac)).rowcount > 0


def indicators_in(text: str, is_suffix: SuffixTest) -> Iterator[Indicator]:
    """The values that a text is, names, or holds, and the name at which a mail address is."""
    for token in {text, *_TOKEN.findall(text)}:
        read = read_any_value(token, is_suffix)
        if read is None:
            continue
        yield read
        if read.kind is IndicatorType.URL and (host := read_any_value(url_host(read.value), is_suffix)) is not None:
            yield host
        if "@" in read.value and "/" not in read.value:
            at = read_any_value(read.value.rpartition("@")[2], is_suffix)
            if at is not None:
                yield at


def wrong_findings(
    findings: pa.Table, wrong: Mapping[str, frozenset[Role]], key: bytes, is_suffix: SuffixTest
) -> npt.NDArray[np.int64]:
    """The numbers, ascending, of findings (type, value, role) that say what is wrong of a value, or of one in them."""
    if not wrong:
        return np.zeros(0, np.int64)
    roles = findings["role"].to_numpy()
    codes = [ROLES.index(one) for one in frozenset().union(*wrong.values())]
    numbers = np.flatnonzero(np.isin(roles, codes))
    known: dict[str, frozenset[Role]] = {}
    found = []
    for number, value in zip(numbers.tolist(), findings["value"].take(pa.array(numbers)).to_pylist(), strict=True):
        if value not in known:
            macs = (mac_of(one, key) for one in indicators_in(value, is_suffix))
            known[value] = frozenset().union(*(wrong.get(mac, frozenset()) for mac in macs))
        if ROLES[roles[number]] in known[value]:
            found.append(number)
    return np.array(found, np.int64)
