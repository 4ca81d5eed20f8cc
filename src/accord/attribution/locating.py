"""Findings get address, host, country by two sources, network, registry and government.

What an address or a name says by itself (`locate`) is the same for every audience. What resolutions add
(`resolve`) is not: pass only those that the audience may see.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.columns.lists import empty_lists, sorted_lists
from accord.columns.schema import FINDINGS
from accord.reference.addresses import parse_addresses
from accord.reference.store import Reference
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType

_Positions = npt.NDArray[np.int64]

# RFC 3986, 3.2: the authority ends at /, ? or #; a backslash ends it for browsers, and canonical URLs keep it.
_URL_HOST = r"^[a-z][a-z0-9+.-]*://(?:[^/?#\\]*@)?(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^/?#\\:]*))"

PLACES = pa.schema(
    [
        FINDINGS.field(name)
        for name in (
            "host",
            "address",
            "resolved",
            "country",
            "country_second",
            "country_conflict",
            "countries",
            "asn",
            "network_owner",
            "public_suffix",
            "registered_domain",
            "registry_country",
            "government",
        )
    ]
)
"""The columns of `columns.schema.FINDINGS` that attribution fills, one row a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    """Answers for addresses, position by position."""

    country: pa.StringArray
    second: pa.StringArray
    conflict: pa.BooleanArray
    asn: pa.Int64Array
    owner: pa.StringArray


def locate(types: npt.NDArray[np.int8], values: pa.StringArray, reference: Reference) -> pa.Table:
    """PLACES of findings, from their values alone."""
    host, address, first, last = _hosts_and_addresses(types, values)
    ends = _look_up(pc.coalesce(address, first), reference)
    country, second, conflict = ends.country, ends.second, ends.conflict
    if last.null_count < len(last):
        # A network that spans countries is in none that could be named.
        far = _look_up(last, reference)
        spans = pc.and_(pc.is_valid(last), pc.invert(pc.fill_null(pc.equal(country, far.country), False)))
        nowhere = pa.scalar(None, pa.string())
        country, second = pc.if_else(spans, nowhere, country), pc.if_else(spans, nowhere, second)
        conflict = pc.and_(conflict, pc.invert(spans))
    split = reference.suffixes.split(host)
    asn = pc.coalesce(_own_asn(types, values), ends.asn)
    return pa.table(
        [
            host,
            address,
            empty_lists(len(values)),
            country,
            second,
            conflict,
            _singletons(country),
            asn,
            ends.owner,
            split.public_suffix,
            split.registered_domain,
            split.registry_country,
            split.government,
        ],
        schema=PLACES,
    )


def hosts_of(types: npt.NDArray[np.int8], values: pa.StringArray) -> pa.StringArray:
    """The name of the host of findings, from their values alone; null where there is none."""
    return _hosts_and_addresses(types, values)[0]


def resolve(places: pa.Table, resolutions: pa.Table, reference: Reference) -> pa.Table:
    """Add what resolutions say: a named host gets its addresses, and the place of the address that was last seen.

    `resolutions`: `domain`, `address`, `last_seen` of those that count for this audience; one may stand there twice.
    """
    hosts = places["host"].combine_chunks()
    names = pc.unique(resolutions["domain"])
    open_rows = pc.and_(pc.is_in(hosts, value_set=names), pc.is_null(places["address"].combine_chunks()))
    rows = np.flatnonzero(open_rows.to_numpy(zero_copy_only=False))
    if not len(rows):
        return places
    touched = places.take(pa.array(rows))
    mine = resolutions.filter(pc.is_in(resolutions["domain"], value_set=pc.unique(touched["host"])))
    # latest first; equal times by address, so that the answer does not depend on the order of deliveries
    mine = mine.sort_by([("domain", "ascending"), ("last_seen", "descending"), ("address", "ascending")])
    located = _look_up(mine["address"].combine_chunks(), reference)
    domain = mine["domain"].combine_chunks().dictionary_encode()
    code = domain.indices.to_numpy()
    first = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
    owner = np.cumsum(np.append(False, code[1:] != code[:-1]))
    found = pc.index_in(touched["host"].combine_chunks(), value_set=domain.dictionary)
    latest = pa.array(first).take(found)
    answers = {
        "resolved": _lists(owner, mine["address"].combine_chunks(), len(first)).take(found),
        "country": located.country.take(latest),
        "country_second": located.second.take(latest),
        "country_conflict": located.conflict.take(latest),
        "countries": _lists(owner, located.country, len(first)).take(found),
        "asn": located.asn.take(latest),
        "network_owner": located.owner.take(latest),
    }
    place = np.arange(len(places))
    place[rows] = len(places) + np.arange(len(rows))
    index = pa.array(place)
    return pa.table(
        [
            pa.concat_arrays([places[name].combine_chunks(), answers[name]]).take(index)
            if name in answers
            else places[name]
            for name in PLACES.names
        ],
        schema=PLACES,
    )


def _hosts_and_addresses(
    types: npt.NDArray[np.int8], values: pa.StringArray
) -> tuple[pa.StringArray, pa.StringArray, pa.StringArray, pa.StringArray]:
    """Host name, address, and for networks their first and last address; null where a finding has none."""
    rows = {kind: np.flatnonzero(types == code) for kind, code in TYPE_CODES.items()}
    urls, mails, networks = rows[IndicatorType.URL], rows[IndicatorType.EMAIL], rows[IndicatorType.CIDR]
    domains = rows[IndicatorType.DOMAIN]
    own = np.concatenate([rows[IndicatorType.IPV4], rows[IndicatorType.IPV6]])
    parts = pc.extract_regex(values.take(pa.array(urls)), pattern=_URL_HOST)
    name, v6 = parts.field("host"), parts.field("v6")
    numeric = pc.match_substring_regex(name, pattern=r"^[0-9.]+$")
    nothing = pa.scalar(None, pa.string())
    url_address = pc.if_else(numeric, name, pc.if_else(pc.equal(v6, ""), nothing, v6))
    url_name = pc.if_else(pc.or_(numeric, pc.equal(name, "")), nothing, name)
    mail_name = pc.replace_substring_regex(values.take(pa.array(mails)), pattern=r"^.*@", replacement="")
    ends = [_network_ends(text) for text in values.take(pa.array(networks)).to_pylist()]
    count = len(values)
    return (
        _scatter(count, (domains, values.take(pa.array(domains))), (urls, url_name), (mails, mail_name)),
        _scatter(count, (own, values.take(pa.array(own))), (urls, url_address)),
        _scatter(count, (networks, pa.array([first for first, _ in ends], pa.string()))),
        _scatter(count, (networks, pa.array([last for _, last in ends], pa.string()))),
    )


def _network_ends(text: str) -> tuple[str, str]:
    from ipaddress import ip_network

    network = ip_network(text)
    return str(network[0]), str(network[-1])


def _own_asn(types: npt.NDArray[np.int8], values: pa.StringArray) -> pa.Int64Array:
    rows = np.flatnonzero(types == TYPE_CODES[IndicatorType.ASN])
    return _scatter(len(values), (rows, values.take(pa.array(rows)))).cast(pa.int64())


def _look_up(addresses: pa.StringArray, reference: Reference) -> _Located:
    """Answers for addresses; null for null."""
    valid = pc.is_valid(addresses).to_numpy(zero_copy_only=False)
    index = pa.array(np.cumsum(valid) - 1, mask=~valid)
    high, low = parse_addresses(addresses.drop_null())
    country = reference.country.name(reference.country.rows(high, low))
    second = reference.country_second.name(reference.country_second.rows(high, low))
    network = reference.network.rows(high, low)
    return _Located(
        country=country.take(index),
        second=second.take(index),
        conflict=pc.fill_null(pc.not_equal(country, second).take(index), False),
        asn=reference.network.number(network).take(index),
        owner=reference.network.name(network).take(index),
    )


def _scatter(count: int, *pieces: tuple[_Positions, pa.StringArray]) -> pa.StringArray:
    """A column of `count` rows with each piece's texts at its positions, null elsewhere."""
    index = np.full(count, -1, np.int64)
    at = 0
    for positions, texts in pieces:
        index[positions] = np.arange(at, at + len(texts))
        at += len(texts)
    joined = pa.concat_arrays([pa.array([], pa.string()), *(texts.cast(pa.string()) for _, texts in pieces)])
    return joined.take(pa.array(index, mask=index < 0))


def _singletons(words: pa.StringArray) -> pa.ListArray:
    """Lists of the one word, or of none where it is null."""
    valid = pc.is_valid(words).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(words) + 1, np.int32)
    np.cumsum(valid, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), words.drop_null())


def _lists(owner: _Positions, words: pa.StringArray, count: int) -> pa.ListArray:
    """The distinct words of each owner, sorted; nulls say nothing."""
    coded = words.dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, np.int64)
    rank[order] = np.arange(len(order))
    rank[-1] = -1
    ranks = rank[pc.fill_null(coded.indices.cast(pa.int64()), -1).to_numpy()]
    return sorted_lists(owner, ranks, coded.dictionary.take(pa.array(order)), count)
