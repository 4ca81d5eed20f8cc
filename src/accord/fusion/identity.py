"""Finding ids: HMAC-SHA256 (RFC 2104) of `type\\0value\\0role` under the hub's key, for many findings at once.

DuckDB's vectorised SHA-256 does the hashing; the two padded keys of RFC 2104 are put before what is hashed.
"""

import duckdb
import pyarrow as pa

from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.roles import ROLES

KEY_BYTES = 32
_BLOCK = 64


def finding_ids(findings: pa.Table, key: bytes, threads: int) -> pa.StringArray:
    """The finding_id of each row of `findings` (type int8, value string, role int8), in hexadecimal.

    Raises ValueError when `key` is longer than SHA-256's block of 64 bytes.
    """
    if len(key) > _BLOCK:
        raise ValueError(f"a hub key has at most {_BLOCK} bytes, this one has {len(key)}")
    inner = bytes(byte ^ 0x36 for byte in key.ljust(_BLOCK, b"\0"))
    outer = bytes(byte ^ 0x5C for byte in key.ljust(_BLOCK, b"\0"))
    numbered = findings.select(["type", "value", "role"]).append_column(
        "place", pa.array(range(len(findings)), pa.int64())
    )
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.register("numbered", numbered)
        connection.register(
            "types",
            pa.table(
                {
                    "type": pa.array(range(len(INDICATOR_TYPES)), pa.int8()),
                    "kind": [kind.value for kind in INDICATOR_TYPES],
                }
            ),
        )
        connection.register(
            "roles", pa.table({"role": pa.array(range(len(ROLES)), pa.int8()), "word": [role.value for role in ROLES]})
        )
        ids = connection.sql(
            """
            SELECT sha256($outer::BLOB || unhex(sha256($inner::BLOB
                       || encode(kind || chr(0) || value || chr(0) || word)))) AS finding_id
            FROM numbered JOIN types USING (type) JOIN roles USING (role) ORDER BY place
            """,
            params={"outer": outer, "inner": inner},
        ).to_arrow_table()
    return ids["finding_id"].combine_chunks()
