"""The TAXII server's answers, held against the specification (OASIS TAXII 2.1, OS): filters, paging, errors."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.access.tokens import revoke_token, tokens
from accord.exchange.taxii.messages import MEDIA_TYPE, TaxiiError, demand_acceptable, demand_content
from tests.exchange.stand import Stand, draft, name, stamp, standing, value

NOBODY = "0f2d7c6e-3b1a-4c55-9d8e-6a7b8c9d0e1f"
"""A UUID of nothing."""


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Iterator[Stand]:
    with standing(tmp_path, database_url) as one:
        yield one


def told(answer) -> dict:
    assert answer.media_type == MEDIA_TYPE
    return json.loads(answer.body)


def ids(answer) -> list[str]:
    return [one["id"] for one in told(answer).get("objects", [])]


def test_discovery_root_and_collections_say_what_a_member_may_see(stand: Stand) -> None:
    found = told(stand.ask(""))
    assert (found["title"], found["contact"], found["api_roots"]) == ("A hub", "desk@hub.example", [found["default"]])
    root = told(stand.ask("hub"))
    assert root["versions"] == ["application/taxii+json;version=2.1"]
    assert root["max_content_length"] > 0
    (collection,) = told(stand.ask("hub/collections/"))["collections"]
    assert collection["media_types"] == ["application/stix+json;version=2.1"]
    assert (collection["can_read"], collection["can_write"]) == (True, False)
    # 5.1.1: a UUIDv4
    assert UUID(collection["id"]).version == 4
    assert told(stand.within("")) == collection
    # who is no member sees no collection, and none is there under its name
    assert told(stand.ask("hub/collections/", who="vendor")) == {}
    assert stand.within("", who="vendor").status == 404
    assert stand.within("objects/", who="vendor").status == 404


def test_pages_follow_each_other_without_gap_and_more_is_exact(stand: Stand) -> None:
    stand.put(*(draft(one) for one in range(7)))
    everything = ids(stand.within("objects/"))
    assert sorted(everything) == sorted(name("indicator", one) for one in range(7))
    first = stand.within("objects/", "limit=3")
    assert ids(first) == everything[:3]
    assert told(first)["more"] is True
    seen, answer = ids(first), first
    while told(answer)["more"]:
        answer = stand.within("objects/", f"limit=3&next={told(answer)['next']}")
        seen += ids(answer)
    assert seen == everything
    exact = stand.within("objects/", "limit=7")
    assert (len(ids(exact)), told(exact)["more"], "next" in told(exact)) == (7, False, False)
    # added_after is strict, and the headers name the first and the last of a page
    last = first.headers["x-taxii-date-added-last"]
    assert ids(stand.within("objects/", f"added_after={last}"))[0] == everything[3]
    empty = stand.within("objects/", f"added_after={answer.headers['x-taxii-date-added-last']}")
    assert (told(empty), dict(empty.headers)) == ({"more": False}, {})


def test_no_gap_between_times_of_being_added_tells_how_much_lies_between_them(stand: Stand) -> None:
    stand.put(*(draft(one) for one in range(1000)))
    stand.put(draft(2000), draft(2001))
    objects = told(stand.within("manifest/", "limit=10000"))["objects"]
    times = [datetime.fromisoformat(one["date_added"]) for one in objects]
    assert times == sorted(set(times))
    # drawn out of a second whatever their number: that two of two lie closer than a millisecond has a chance of 0.2 %,
    # that a thousand fill less than half of it one of 1e-290
    window = timedelta(microseconds=1 << 20)
    assert window / 2 < times[999] - times[0] < window
    assert times[1000] > times[999]
    assert timedelta(0) < times[1001] - times[1000] < window


def test_filters_and_versions(stand: Stand) -> None:
    stand.put(draft(1))
    stand.put(draft(2))
    stand.put(value(2))
    stand.put(draft(1, 5))
    assert ids(stand.within("objects/")) == [name("indicator", 2), name("ipv4-addr", 2), name("indicator", 1)]
    assert ids(stand.within("objects/", "match[type]=ipv4-addr")) == [name("ipv4-addr", 2)]
    both = f"match[id]={name('indicator', 1)},{name('indicator', 2)}"
    assert ids(stand.within("objects/", both)) == [name("indicator", 2), name("indicator", 1)]

    def versions(query: str) -> list[str]:
        return [
            one["modified"]
            for one in told(stand.within("objects/", f"match[id]={name('indicator', 1)}&{query}")).get("objects", [])
        ]

    assert versions("") == versions("match[version]=last") == [stamp(5)]
    assert versions("match[version]=first") == [stamp(0)]
    assert versions("match[version]=all") == [stamp(0), stamp(5)]
    assert versions("match[version]=first,last") == [stamp(0), stamp(5)]
    assert versions(f"match[version]={stamp(0)}") == [stamp(0)]
    assert versions("match[version]=2026-10-01T05:00:00.000000Z") == [stamp(5)]
    assert versions("match[version]=2026-10-01T04:00:00.000Z") == []
    assert versions("match[spec_version]=2.0") == []
    assert versions("match[spec_version]=2.0,2.1") == [stamp(5)]
    listed = told(stand.within(f"objects/{name('indicator', 1)}/versions/"))
    assert listed == {"more": False, "versions": [stamp(0), stamp(5)]}
    one = told(stand.within(f"objects/{name('indicator', 1)}/"))
    assert [each["modified"] for each in one["objects"]] == [stamp(5)]
    # what has no `modified` has the time at which it was added as its version
    manifest = told(stand.within("manifest/", "match[type]=ipv4-addr"))["objects"]
    assert manifest == [
        {
            "id": name("ipv4-addr", 2),
            "date_added": manifest[0]["date_added"],
            "version": manifest[0]["date_added"],
            "media_type": "application/stix+json;version=2.1",
        }
    ]
    assert ids(stand.within("objects/", f"match[type]=ipv4-addr&match[version]={manifest[0]['version']}")) == [
        name("ipv4-addr", 2)
    ]
    assert stand.within(f"objects/{name('indicator', 9)}/").status == 404
    assert stand.within("objects/not-an-id/").status == 404


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=ten", "limit=1&limit=2", "added_after=yesterday", "next=x", "next=-1",
        "added_after=2026-13-01T00:00:00Z", "match[version]=newest", "match[colour]=red", "match[id]=",
        "match[type]=a,,b", "limit=%FF",
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_meant_is_refused_in_words(stand: Stand, query: str) -> None:
    answer = stand.within("objects/", query)
    assert answer.status == 400
    assert {*told(answer)} == {"title", "description", "http_status"}
    assert told(answer)["http_status"] == "400"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("application/taxii+json;version=2.1", 200),
        ("application/taxii+json; version=2.1", 200),
        ('application/taxii+json ; version="2.1"', 200),
        ("application/taxii+json", 200),
        ("APPLICATION/TAXII+JSON;VERSION=2.1", 200),
        ("text/html, application/taxii+json;version=2.1;q=0.5", 200),
        ("application/*;q=0.1", 200),
        ("*/*", 200),
        ("application/taxii+json;version=2.0", 406),
        ("application/vnd.oasis.taxii+json; version=2.0", 406),
        ("application/json", 406),
        ("text/html", 406),
        ("*/*;q=0", 406),
        # the more exact range counts, whatever its order (RFC 9110, 12.5.1)
        ("application/taxii+json;version=2.1;q=0, */*", 406),
        ("*/*;q=0, application/taxii+json", 200),
        ("", 406),
    ],
)
def test_content_is_negotiated(stand: Stand, accept: str | None, status: int) -> None:
    answer = stand.ask("hub", **({} if accept is None else {"accept": accept}))
    assert (answer.status, answer.media_type) == (status, MEDIA_TYPE)


@pytest.mark.parametrize("begin", ["", "application/taxii+json", "application/taxii+json;a", "application/taxii+json;"])
@pytest.mark.parametrize("filled", [" ", ";", "; ", '"', ",", ';a="', "a"])
def test_a_header_is_read_once_however_long_it_is(begin: str, filled: str) -> None:
    # where each place of it is read to the end, this has no end
    header = begin + filled * (1 << 20) + "/"
    for demand in (demand_acceptable, demand_content):
        with suppress(TaxiiError):
            demand(header)


def test_who_does_not_say_who_it_is_is_asked_and_nothing_is_told(stand: Stand) -> None:
    secret = stand.secrets["csirt-th"]
    basic = b64encode(f"anybody:{secret}".encode()).decode()
    for said, status in (
        (None, 401), (f"Bearer {secret}", 200), (f"bearer {secret}", 200), (f"Token {secret}", 200),
        (f"Basic {basic}", 200), ("Basic !!", 401), (f"Basic {b64encode(b'a:b').decode()}", 401), ("Bearer ", 401),
        (f"Bearer {secret[:-1]}", 401), ("Digest x", 401), (f"Bearer {secret} ", 200),
    ):  # fmt: skip
        answer = stand.ask("hub", who="", **({} if said is None else {"authorization": said}))
        assert answer.status == status, said
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Basic realm=")
    # not even which collections there are
    assert stand.within("", who="").status == 401
    with stand.database.writing() as connection:
        mine = next(one for one in tokens(connection) if one.partner == "csirt-th")
        revoke_token(connection, mine.id, datetime.now(UTC))
    assert stand.ask("hub").status == 401
    with stand.database.reading() as connection:
        from accord.access.tokens import holder

        other = stand.secrets["police-th"]
        assert holder(connection, other, datetime.now(UTC)) is not None
        assert holder(connection, other, datetime.now(UTC) + timedelta(days=2)) is None


@pytest.mark.parametrize(
    ("path", "method", "status", "allow"),
    [
        ("", "POST", 405, "GET, HEAD"),
        ("hub", "DELETE", 405, "GET, HEAD"),
        ("hub/collections", "PUT", 405, "GET, HEAD"),
        ("hub/nothing", "GET", 404, None),
        ("elsewhere", "GET", 404, None),
        (f"hub/status/{NOBODY}", "GET", 404, None),
        ("hub/collections/not-a-uuid", "GET", 404, None),
        (f"hub/collections/{NOBODY}/objects", "GET", 404, None),
        (f"hub/collections/{NOBODY}/manifest", "POST", 405, "GET, HEAD"),
    ],
)
def test_what_is_not_there_or_cannot_be_done_there_is_refused(
    stand: Stand, path: str, method: str, status: int, allow: str | None
) -> None:
    answer = stand.ask(path, method=method)
    assert (answer.status, answer.headers.get("allow")) == (status, allow)
    assert told(answer)["http_status"] == str(status)


def test_nothing_is_written_to_a_channel_from_outside(stand: Stand) -> None:
    stand.put(draft(1))
    assert stand.within("objects/", method="POST").status == 403
    assert stand.within(f"objects/{name('indicator', 1)}/", method="DELETE").status == 403
    assert stand.within("objects/", method="POST", who="vendor").status == 404
    assert ids(stand.within("objects/")) == [name("indicator", 1)]


def test_what_a_member_may_not_see_is_missing_from_every_answer_and_not_behind_more(stand: Stand) -> None:
    stand.put(*(draft(one) for one in range(4)))
    stand.agreement_ends("police-th-2026")
    assert len(ids(stand.within("objects/"))) == 4
    for path in ("objects/", "manifest/"):
        answer = stand.within(path, "limit=1", who="police-th")
        assert (answer.status, told(answer) in ({}, {"more": False}), dict(answer.headers)) == (200, True, {})
    assert stand.within(f"objects/{name('indicator', 1)}/", who="police-th").status == 404
    assert stand.within(f"objects/{name('indicator', 1)}/versions/", who="police-th").status == 404
    # a version that is not visible yet hides the one before it from nobody
    stand.put(draft(1, 3), visible=False)
    assert told(stand.within(f"objects/{name('indicator', 1)}/versions/"))["versions"] == [stamp(0)]


def test_every_look_is_in_the_log_of_consultations(stand: Stand) -> None:
    from accord.access.consultations import consultations

    stand.put(*(draft(one) for one in range(3)))
    stand.within("objects/", "limit=2")
    stand.within("manifest/", who="police-th")
    with stand.database.reading() as connection:
        rows = consultations(connection)
    assert [(one.object, one.recipients, one.justification) for one in rows] == [
        ("channel c: 2 objects", ("csirt-th",), "TAXII, tests"),
        ("channel c: 3 objects", ("police-th",), "TAXII, tests"),
    ]


def test_who_is_refused_is_in_the_log_and_what_is_not_there_is_not_named(stand: Stand) -> None:
    from accord.access.consultations import consultations

    stand.put(draft(1))
    stand.within("objects/", who="vendor")
    stand.within("objects/", method="POST")
    stand.within(f"objects/{name('indicator', 9)}/")
    stand.ask("hub/collections/203.0.113.7/objects/")
    # what is wrong with a question is no look
    stand.within("objects/", "limit=0")
    with stand.database.reading() as connection:
        rows = consultations(connection)
    assert [(one.object, one.recipients) for one in rows] == [
        ("channel c: refused, 404 Not Found", ("vendor",)),
        ("channel c: refused, 403 Forbidden", ("csirt-th",)),
        ("channel c: refused, 404 Not Found", ("csirt-th",)),
        ("a channel that is not there: refused, 404 Not Found", ("csirt-th",)),
    ]
    assert {one.justification for one in rows} == {"TAXII, tests"}


def test_a_collection_is_found_by_its_alias_by_members_alone(stand: Stand) -> None:
    stand.put(draft(1), value(1))
    (collection,) = told(stand.ask("hub/collections/"))["collections"]
    alias = collection["alias"]
    for path in ("", "objects/", "manifest/", f"objects/{name('indicator', 1)}/versions/"):
        assert told(stand.ask(f"hub/collections/{alias}/{path}")) == told(stand.within(path))
    assert stand.ask(f"hub/collections/{alias}/objects/", who="vendor").status == 404


def test_however_many_wait_for_the_database_others_have_their_threads() -> None:
    """More questions than there are threads wait; what is asked of another service is answered meanwhile."""
    import asyncio
    import threading

    from accord.exchange.taxii.messages import Answer
    from accord.exchange.taxii.server import mounted

    ended = threading.Event()

    class Waiting:
        def greet(self, _: object) -> Answer:
            raise NotImplementedError

        def answer(self, _: object) -> Answer:
            ended.wait()
            return Answer(body=b"{}")

    def failed(error: Exception) -> None:
        raise error

    async def ask() -> list[int]:
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        app = mounted(Waiting(), failed)
        scope = {"type": "http", "method": "GET", "path": "/taxii2/", "query_string": b"", "headers": []}
        polls = [asyncio.create_task(app(scope, None, send)) for _ in range(200)]
        try:
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "healthy"), 60) == "healthy"
        finally:
            ended.set()
        await asyncio.gather(*polls)
        return [one["status"] for one in sent if "status" in one]

    assert asyncio.run(ask()) == [200] * 200


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True)),
            st.tuples(st.just("take"), st.lists(st.integers(0, 12), min_size=1, max_size=3, unique=True)),
            st.tuples(st.just("poll"), st.integers(1, 4)),
        ),
        max_size=14,
    )
)
def test_who_follows_next_while_objects_come_and_go_misses_none(stand: Stand, acts: list[tuple[str, object]]) -> None:
    """A twin keeps what the channel should say; a poller that only goes on knows the same in the end."""
    channel = f"c{uuid4().hex[:12]}"
    stand.members(channel, "csirt-th")
    alive: dict[str, str] = {}
    ever: set[str] = set()
    known: dict[str, tuple[str, bool]] = {}
    after, version = "", 0

    def poll(limit: int) -> bool:
        nonlocal after
        query = f"limit={limit}" + (f"&next={after}" if after else "")
        answer = stand.within("objects/", query, named=channel)
        for one in told(answer).get("objects", []):
            known[one["id"]] = one["modified"], one.get("revoked", False)
        if "next" in told(answer):
            after = told(answer)["next"]
        elif "x-taxii-date-added-last" in answer.headers:
            from accord.exchange.taxii.filters import read_time

            after = str(read_time(answer.headers["x-taxii-date-added-last"], "last"))
        return told(answer)["more"]

    for what, which in acts:
        if what == "put":
            version += 1
            # what was revoked comes again under another name, as the hub does it
            fresh = [one for one in which if name("indicator", one) in alive or name("indicator", one) not in ever]
            stand.put(*(draft(one, version) for one in fresh), named=channel)
            alive |= {name("indicator", one): stamp(version) for one in fresh}
            ever |= {*alive}
        elif what == "take":
            stand.take(*which, named=channel)
            for one in which:
                alive.pop(name("indicator", one), None)
        else:
            poll(which)
    while poll(3):
        pass
    assert {one for one, (_, revoked) in known.items() if not revoked} == {*alive}
    assert all(known[one][0] == version for one, version in alive.items())
    assert {one for one, (_, revoked) in known.items() if revoked} <= ever - {*alive}
