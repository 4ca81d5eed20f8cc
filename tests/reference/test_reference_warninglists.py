"""Warning lists against a naive reading of the same lists."""

import ipaddress
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.reference.warningclasses import CLASSES, WarningClass
from accord.reference.warningindex import WarningList, build_index, installed_lists, read_index
from accord.reference.warninglists import WarningLists
from accord.vocabulary.errors import OutputError
from accord.vocabulary.indicators import INDICATOR_TYPES, TYPE_CODES, IndicatorType

NAMES = ["domain", "hostname", "url"]
ADDRESSES = ["ip-src", "ip-dst"]
LISTS = {
    "sinkholes": ("cidr", ADDRESSES, ["192.0.2.7", "198.51.100.0/25", "::ffff:203.0.113.0/120"]),
    "cloudflare": ("cidr", ADDRESSES, ["198.51.100.0/24", "2001:db8::/32", "192.0.2.0/24", "no network", "1.2.3.4/40"]),
    "tranco": ("hostname", NAMES, ["example.com", "duckdns.org", "Top.Test", "co.uk"]),
    "dynamic-dns": ("hostname", NAMES, [".duckdns.org", ".example.net"]),
    "cisco_top1000": ("string", ["domain", "hostname"], ["www.example.com", "example.net"]),
    "automated-malware-analysis": ("substring", NAMES, ["sandbox", "abc", "x.test"]),
    "disposable-email": ("substring", ["email-src"], ["mail.test", "drop"]),
    "common-contact-emails": ("regex", ["email-dst"], [r"/^(security|abuse)\@.*\..*$/i"]),
    "empty-hashes": ("string", ["md5", "sha256"], ["D41D8CD98F00B204E9800998ECF8427E"]),
    "a-list-of-tomorrow": ("hostname", NAMES, ["unclassed.test"]),
}
SUFFIXES = {"com": 1, "org": 1, "uk": 1, "co.uk": 1, "duckdns.org": 1, "test": 1, "net": 1, "hosts.test": 2}


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    path = tmp_path_factory.mktemp("cache") / "index"
    made = {
        slug: WarningList(name=slug.title(), version=3, type=kind, entries=entries, matching_attributes=attributes)
        for slug, (kind, attributes, entries) in LISTS.items()
    }
    build_index(path, made, SUFFIXES)
    return WarningLists.of(read_index(path))


def naive(kind: IndicatorType, value: str, host: str | None, address: str | None) -> dict[str, bool]:
    """Slug -> whether the list is met only above a public suffix. The twin: every entry of every list, in turn."""
    found: dict[str, bool] = {}
    mapped = {"md5": "md5", "sha256": "sha256", "email": "email", "url": "url", "domain": "domain"}
    for slug, (form, attributes, entries) in LISTS.items():
        concerned = {
            IndicatorType.IPV4: "ip-src" in attributes,
            IndicatorType.IPV6: "ip-src" in attributes,
            IndicatorType.CIDR: "ip-src" in attributes,
            IndicatorType.DOMAIN: "domain" in attributes,
            IndicatorType.URL: "domain" in attributes or "ip-src" in attributes,
            IndicatorType.EMAIL: any(a.startswith("email") for a in attributes),
        }.get(kind, mapped.get(kind.value) in attributes)
        if not concerned:
            continue
        for entry in (text.lower() for text in entries):
            if form == "cidr":
                if network_holds(entry, value if kind is IndicatorType.CIDR else address):
                    found[slug] = False
            elif form == "hostname" and host and not address:
                parent = entry.strip(".")
                if host == parent or host.endswith("." + parent):
                    found[slug] = found.get(slug, True) and host != parent and suffix_at_or_below(host, parent)
            elif form == "string":
                if entry in (value, None if address else host):
                    found[slug] = False
            elif form == "substring":
                if entry in value.lower():
                    found[slug] = False
            elif form == "regex" and re.search(entry.strip("/i"), value, re.IGNORECASE):
                found[slug] = False
    return found


def network_holds(entry: str, inner: str | None) -> bool:
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
    if network.version == 6 and network[0].ipv4_mapped:
        network = ipaddress.ip_network(f"{network[0].ipv4_mapped}/{network.prefixlen - 96}")
    asked = ipaddress.ip_network(inner) if inner else None
    return asked is not None and asked.version == network.version and asked.subnet_of(network)


def suffix_at_or_below(host: str, entry: str) -> bool:
    """Is `entry`, or a parent of `host` under it, a public suffix?"""
    labels = host.split(".")
    for at in range(1, len(labels)):
        parent = ".".join(labels[at:])
        if len(parent) < len(entry):
            break
        wild = SUFFIXES.get(parent.partition(".")[2]) == 2
        if SUFFIXES.get(parent, 0) & 3 or wild:
            return True
    return False


hosts = st.builds(
    lambda front, base: ".".join([*front, base]),
    st.lists(st.sampled_from(["www", "a", "sandbox", "evil", "xabc"]), max_size=2),
    st.sampled_from(
        ["example.com", "duckdns.org", "top.test", "x.test", "example.net", "unclassed.test", "co.uk", "b.co.uk",
         "hosts.test", "c.hosts.test", "ample.com", "org"]
    ),
)  # fmt: skip
addresses = st.one_of(
    st.sampled_from(["192.0.2.7", "192.0.2.8", "198.51.100.127", "198.51.100.128", "203.0.113.9", "2001:db8::1"]),
    st.ip_addresses().map(str),
)
findings = st.one_of(
    hosts.map(lambda host: (IndicatorType.DOMAIN, host, host, None)),
    hosts.map(lambda host: (IndicatorType.URL, f"http://{host}/abc", host, None)),
    st.sampled_from(["192.0.2.7", "198.51.100.130", "9.9.9.9"]).map(
        lambda at: (IndicatorType.URL, f"http://{at}/", None, at)
    ),
    addresses.map(lambda at: (IndicatorType.IPV6 if ":" in at else IndicatorType.IPV4, at, None, at)),
    st.sampled_from(["198.51.100.0/26", "198.51.100.0/24", "192.0.2.0/28", "198.51.0.0/16", "2001:db8:5::/48"]).map(
        lambda net: (IndicatorType.CIDR, net, None, None)
    ),
    st.sampled_from(["Security@a.org", "x@mail.test", "drop@top.test", "abuse@x"]).map(
        lambda mail: (IndicatorType.EMAIL, mail, mail.partition("@")[2], None)
    ),
    st.sampled_from(["d41d8cd98f00b204e9800998ecf8427e", "0" * 32]).map(
        lambda digest: (IndicatorType.MD5, digest, None, None)
    ),
)


@given(st.lists(findings, min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_finding_is_on_exactly_the_lists_that_a_naive_reading_finds(lists, rows):
    matches = lists.match(
        np.array([TYPE_CODES[kind] for kind, _, _, _ in rows], np.int8),
        pa.array([value for _, value, _, _ in rows], pa.string()),
        pa.array([host for _, _, host, _ in rows], pa.string()),
        pa.array([address for _, _, _, address in rows], pa.string()),
    )
    found = [{listed.slug: listed.above for listed in matches.lists(row)} for row in range(len(rows))]
    assert found == [naive(*row) for row in rows]


def judged(lists, kind: IndicatorType, value: str, role: str, address: str | None = None) -> tuple[list, list]:
    host = None
    if kind is IndicatorType.DOMAIN:
        host = value
    elif kind is IndicatorType.URL and address is None:
        host = value.split("/")[2]
    matches = lists.match(
        np.array([TYPE_CODES[kind]], np.int8),
        pa.array([value]),
        pa.array([host], pa.string()),
        pa.array([address], pa.string()),
    )
    review, caution = matches.judge(pa.array([role]))
    return review.to_pylist()[0], caution.to_pylist()[0]


def test_a_sinkhole_needs_an_analyst_and_a_cloud_is_a_caution(lists):
    both = judged(lists, IndicatorType.IPV4, "198.51.100.9", "c2-server", "198.51.100.9")
    assert both == (["Sinkholes (3)"], ["Cloudflare (3)"])


def test_a_url_on_an_address_of_a_cloud_is_a_caution(lists):
    assert judged(lists, IndicatorType.URL, "http://192.0.2.9/a", "phishing", "192.0.2.9") == ([], ["Cloudflare (3)"])


@pytest.mark.parametrize(
    ("role", "review"),
    [("c2-server", ["Tranco (3)"]), ("malware-distribution", ["Tranco (3)"]), ("phishing", []),
     ("system-compromise", []), ("infected-system", [])],
)  # fmt: skip
def test_a_popular_name_needs_an_analyst_only_as_a_criminals_server(lists, role, review):
    assert judged(lists, IndicatorType.DOMAIN, "mail.example.com", role) == (review, [])
    assert judged(lists, IndicatorType.URL, "http://mail.example.com/x", role) == (review, [])


def test_a_customer_of_a_popular_dynamic_dns_is_a_caution_and_stays_actionable(lists):
    found = judged(lists, IndicatorType.DOMAIN, "evil.duckdns.org", "c2-server")
    assert found == ([], ["Dynamic-Dns (3)", "Tranco (3)"])


def test_a_list_that_nobody_has_classed_needs_an_analyst(lists):
    found = judged(lists, IndicatorType.DOMAIN, "unclassed.test", "infected-system")
    assert found == (["A-List-Of-Tomorrow (3)"], [])


def test_nothing_listed_is_nothing_said(lists):
    assert judged(lists, IndicatorType.DOMAIN, "quiet.org", "c2-server") == ([], [])


def test_the_operator_may_class_a_list_otherwise(lists):
    milder = WarningLists.of(lists.index, {"sinkholes": WarningClass.SHARED})
    found = judged(milder, IndicatorType.IPV4, "192.0.2.7", "c2-server", "192.0.2.7")
    assert found == ([], ["Cloudflare (3)", "Sinkholes (3)"])


def test_every_installed_list_is_classed_with_a_reason():
    installed = installed_lists()
    assert len(installed) == 119
    assert set(installed) == set(CLASSES)
    assert all(meaning is not WarningClass.UNCLASSED and reason for meaning, reason in CLASSES.values())


def test_an_index_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "cache").write_text("a file where a directory should be")
    with pytest.raises(OutputError, match="index of the warning lists"):
        build_index(tmp_path / "cache" / "index", {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_building_tells_how_far_it_is_and_leaves_only_the_index(tmp_path):
    told = []
    build_index(tmp_path / "index", {}, {"com": 1}, lambda *step: told.append(step))
    assert told[-1] == (3, 3, "done")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert read_index(tmp_path / "index").lists == ()


def test_the_types_of_the_index_are_those_of_the_vocabulary(lists):
    known = {kind.value for kind in INDICATOR_TYPES}
    assert all(set(sheet.types) <= known for sheet in lists.index.lists)
