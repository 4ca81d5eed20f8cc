"""The same content on SQLite and on PostgreSQL: what the TAXII server says of it is the same, byte for byte."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from accord.exchange.taxii.messages import Answer
from accord.workspace.database import Database, migrate_database, open_database, place_of
from accord.workspace.schema import HUB, METADATA
from tests.conftest import POSTGRES, postgres_answers
from tests.exchange.stand import NO_LIMIT, Stand, draft, name, served, settled, stamp, standing, value

CHANNELS = ("a-z", "a.b", "a_c", "ab", "c", "z9", "z-1")
"""Names that collations put in different orders."""

Pair = tuple[Stand, Stand]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if not postgres_answers():
        pytest.skip("needs postgresql: no server answers at 127.0.0.1:5432, and ACCORD_TEST_POSTGRES names none")
    own = f"accord_test_{uuid4().hex}"
    parts = urlsplit(POSTGRES)
    url = urlunsplit(parts._replace(path=f"/{own}"))
    folders: list[Path] = [tmp_path_factory.mktemp(one) for one in ("sqlite", "postgresql")]
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        # as where a country has set up the server for its language: `a_c` comes before `a-z`
        collation = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
        server.execute(f"CREATE DATABASE {own} TEMPLATE template0 {collation}")
        try:
            place = place_of(settled(folders[1], url))
            migrate_database(place, now=datetime.now(UTC))
            with standing(folders[0], "sqlite:///accord.db") as one, open_database(place) as database:
                fill(one)
                copy(one.database, database)
                yield one, replace(one, database=database, server=served(database, NO_LIMIT))
        finally:
            server.execute(f"DROP DATABASE {own} WITH (FORCE)")


def fill(stand: Stand) -> None:
    """Versions, shared values, what was taken back, and what not everybody may see."""
    for each in CHANNELS:
        stand.members(each, "police-th", "csirt-th")
        stand.put(*(draft(one) for one in range(9)), value(1), value(2), named=each)
    for version in (1, 2):
        stand.put(*(draft(one, version) for one in range(3)), named="c")
    stand.take(4, 5, named="c")
    stand.members("only-police", "police-th")
    stand.put(draft(1), named="only-police")


def copy(one: Database, other: Database) -> None:
    """Let a new database hold what the other holds."""
    with one.reading() as source, other.writing() as target:
        for table in METADATA.sorted_tables:
            rows = [dict(row._mapping) for row in source.execute(select(table))]
            # of the hub a new database knows already
            if rows and table is not HUB:
                target.execute(insert(table), rows)


def both(pair: Pair, path: str, query: str = "", who: str = "csirt-th") -> Answer:
    """What both say, if it is the same."""
    one, other = (stand.ask(path, query, who=who) for stand in pair)
    assert one == other, (path, query)
    return one


def test_every_resource_is_the_same(pair: Pair) -> None:
    for who in ("csirt-th", "police-th", "vendor", ""):
        for path in ("", "hub", "hub/markings/", "hub/collections/", "hub/elsewhere/"):
            both(pair, path, who=who)
        for each in (*CHANNELS, "only-police", "nothing"):
            below = f"hub/collections/{each}/"
            thing = f"{below}objects/{name('indicator', 1)}/"
            for path in (below, f"{below}manifest/", f"{below}objects/", thing, f"{thing}versions/"):
                both(pair, path, who=who)
    listed = json.loads(both(pair, "hub/collections/").body)["collections"]
    assert sorted(one["alias"] for one in listed) == sorted(CHANNELS)


def test_pages_are_the_same_to_their_end(pair: Pair) -> None:
    query, seen = "match[version]=all", []
    whole = json.loads(both(pair, "hub/collections/c/objects/", query).body)
    assert (whole["more"], len(whole["objects"]) > 10) == (False, True)
    told = {"more": True, "next": "0"}
    while told["more"]:
        told = json.loads(both(pair, "hub/collections/c/objects/", f"{query}&limit=2&next={told['next']}").body)
        seen += told["objects"]
    assert seen == whole["objects"]


VALUES = st.one_of(
    st.sampled_from([name("indicator", 1), name("indicator", 1).upper(), name("ipv4-addr", 1), name("malware", 7)]),
    st.sampled_from(["indicator", "Indicator", "ipv4-addr", "identity", "%", "_", "2.1", "2.0", "last", "all"]),
    st.sampled_from([stamp(0), stamp(1), stamp(1)[:-4] + "00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"]),
    st.integers(-1, 10**19).map(str),
    st.text(max_size=6),
)
NAMES = ("match[id]", "match[type]", "match[version]", "match[spec_version]", "added_after", "limit", "next")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["manifest/", "objects/", f"objects/{name('indicator', 1)}/versions/"]),
    st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, min_size=1, max_size=3), max_size=3),
)
@example("objects/", {"match[id]": ["\0"]})
@example("objects/", {"match[type]": ["indicator\0"]})
@example("objects/", {"next": [f"{2**63}"]})
@example("objects/", {"limit": [f"{2**63}"]})
@example("objects/", {"match[version]": ["0001-01-01T00:00:00Z"]})
def test_whatever_is_asked_for_is_answered_alike(pair: Pair, path: str, asked: dict[str, list[str]]) -> None:
    query = "&".join(f"{key}={','.join(quote(one) for one in each)}" for key, each in asked.items())
    assert both(pair, f"hub/collections/c/{path}", query).status in {200, 400}
