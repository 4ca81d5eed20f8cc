"""What rows of sinkhole logs are put together from: ready-made runs of CSV fields in Shadowserver's two layouts.

    event4_sinkhole       timestamp,protocol,src_ip,src_port | src_asn ... src_city | src_hostname
                          | src_naics ... severity | dst_ip ... version | event_id | ssl_cipher,ssl_servername
    event4_sinkhole_http  the same up to event_id | http_url | http_host ... machine_name

Source: The Shadowserver Foundation, report schemas `event4_sinkhole` and `event4_sinkhole_http`. The IPv6 reports
(`event6_...`) have the same columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accord.reference.addresses import text
from accord.training.draws import sequence
from accord.training.outbreak import Outbreak
from accord.training.population import Population

_EVENT = (
    "timestamp,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname,src_naics,src_sector,"
    "device_vendor,device_type,device_model,severity,dst_ip,dst_port,dst_asn,dst_geo,dst_region,dst_city,dst_hostname,"
    "dst_naics,dst_sector,public_source,infection,family,tag,application,version,event_id"
)
PLAIN = tuple(f"{_EVENT},ssl_cipher,ssl_servername".split(","))
HTTP = tuple(
    f"{_EVENT},http_url,http_host,http_agent,forwarded_by,ssl_cipher,http_referer,ssl_servername,machine_name".split(
        ","
    )
)

_SECTORS = (
    *(("", ""),) * 9,
    ("517111", "Communications, Service Provider, and Hosting Service"),
    ("517111", "Communications, Service Provider, and Hosting Service"),
    ("517210", ""),
    ("517111", ""),
    ("518210", "Information Technology"),
    ("611310", "Education"),
    ("522110", 'Finance, "Small" Credit'),
)
"""Industry code and sector of a network, each for as many blocks."""
_AREAS = (
    ("SIM-REGION {}", "SIM-CITY {}"),
    ("SIM-REGION {}", "SIM-CITY {}, NORTH"),
    ("", 'SIM-CITY {} "OLD TOWN"'),
    ("", "SIM-VILLE-SAINT-\u00c9TIENNE {}"),
    ("SIM-REGION {}, COAST", ""),
    *(("", ""),) * 3,
)
"""Region and city of a network."""
_SENSORS = (
    (0xFFFF_C633_640E, "80", "64496", "US", "VIRGINIA", "ASHBURN", "518210", "simda", "simda", "simda", "http"),
    (0xFFFF_C633_640F, "80", "", "", "", "", "", "simda", "", "", ""),
    (0xFFFF_C000_0250, "80", "", "NL", "", "", "", "simda", "", "", ""),
    (0xFFFF_C000_0251, "443", "64497", "NL", "", "", "", "ibank", "simda", "", ""),
)
"""Where the domains were led to (addresses kept for documentation, RFC 5737), and what each writes of it, of the
infection, its family and tag, and the application."""
_SENSORS6 = (
    (0x2001_0DB8_0000_0000, 0x50, "80", "", "NL", "", "", "", "simda", "", "", ""),
    (0x2001_0DB8_0000_0001, 0x51, "80", "64496", "US", "VIRGINIA", "ASHBURN", "", "ibank", "simda", "simda", "http"),
)
_HOSTS = ("report.sim-gate.example", "update.sim-gate.example", "sim-panel.example")
_AGENTS = (
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2272.118 Safari/537.36",
    "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
    "",
)
_IMPOSSIBLE_TIMES = (
    "2015-02-30 10:00:00",
    "2015-13-01 00:00:00",
    "0000-00-00 00:00:00",
    "2015-04-09 24:61:00",
    "yesterday",
    "",
)
_IMPOSSIBLE_PORTS = ("0", "65536", "99999", "-1", "http")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """Byte strings in one run of bytes: piece `i` is `blob[bounds[i]:bounds[i + 1]]`."""

    blob: npt.NDArray[np.uint8]
    bounds: npt.NDArray[np.int64]
    sections: tuple[int, ...]
    """The first piece of each section, in the order of SECTIONS; the last number is behind the last piece."""


SECTIONS = (
    "network",
    "unclosed",
    "not-utf8",
    "sector",
    "sensor",
    "sensor6",
    "tail",
    "unclosed-tail",
    "client",
    "time",
    "port",
)
"""`network`: one for each block, from `src_asn` to `src_city`; `unclosed` and `not-utf8` stand in its place in lines
that are broken so. `sector`: from `src_naics` to `severity`. `sensor`, `sensor6`: from `dst_ip` to `version`. `client`:
from `http_host` to the end. `time` and `port`: impossible ones. Pieces that hold fields begin with a comma."""


def pieces(outbreak: Outbreak, population: Population, start: np.uint64, *, quoted: bool) -> Pieces:
    """Every piece. `quoted`: each field stands in quotes, as Shadowserver writes; else only one that must."""

    def run(*fields: str) -> bytes:
        return "".join(f",{_field(one, quoted=quoted)}" for one in fields).encode()

    quote = '"' if quoted else ""
    unclosed = (
        f',{quote}64496{quote},{quote}US{quote},"SIM-REGION 1,{quote}SIM-CITY 1{quote}',
        (f',{quote}64496{quote},{quote}US{quote},{quote}SIM-REGION 1{quote},{quote}SIM"CITY 1{quote}'),
    )
    broken = [
        f",{quote}64496{quote},{quote}FR{quote},{quote}SIM-REGION 1{quote},{quote}SIM-".encode() + bad + quote.encode()
        # Latin-1; an overlong form; a surrogate; a sequence cut off (RFC 3629, sections 3 and 4)
        for bad in (b"Orl\xe9ans", b"\xc0\xafTOWN", b"\xed\xa0\x80TOWN", b"TOWN \xe2\x82")
    ]
    found = {
        "network": [run(*fields) for fields in _networks(outbreak, population, start)],
        "unclosed": [one.encode() for one in unclosed],
        "not-utf8": broken,
        "sector": [run(naics, sector, "", "", "", "critical") for naics, sector in _SECTORS],
        "sensor": [run(text(0, low), *_sensor(*rest)) for low, *rest in _SENSORS],
        "sensor6": [run(text(high, low), *_sensor(*rest)) for high, low, *rest in _SENSORS6],
        "tail": [run("", "")],
        "unclosed-tail": [run("") + b',"'],
        "client": [run(host, agent, "", "", "", "", "") for agent in _AGENTS for host in _HOSTS],
        "time": [one.encode() for one in _IMPOSSIBLE_TIMES],
        "port": [one.encode() for one in _IMPOSSIBLE_PORTS],
    }
    everything = [piece for section in SECTIONS for piece in found[section]]
    counts = np.cumsum([0, *(len(found[section]) for section in SECTIONS)])
    return Pieces(
        blob=np.frombuffer(b"".join(everything), np.uint8),
        bounds=np.cumsum([0, *map(len, everything)]).astype(np.int64),
        sections=tuple(counts.tolist()),
    )


def header(columns: Sequence[str], *, quoted: bool) -> bytes:
    """The first line of a report."""
    return ",".join(f'"{one}"' if quoted else one for one in columns).encode() + b"\n"


def _sensor(*said: str) -> tuple[str, ...]:
    """From `dst_port` to `version`."""
    port, asn, country, region, city, naics, infection, family, tag, application = said
    return port, asn, country, region, city, "", naics, "", "", infection, family, tag, application, ""


def _networks(outbreak: Outbreak, population: Population, start: np.uint64) -> list[tuple[str, str, str, str]]:
    blocks = population.blocks
    draws = sequence(start, np.full(len(blocks), len(_AREAS) * 1000)).tolist()
    found = []
    for asn, country, draw in zip(blocks.asn.tolist(), population.country.tolist(), draws, strict=True):
        number, area = divmod(draw, len(_AREAS))
        region, city = _AREAS[area]
        found.append((str(asn), outbreak.countries[country].code, region.format(number % 40), city.format(number)))
    return found


def _field(value: str, *, quoted: bool) -> str:
    """RFC 4180, section 2."""
    if quoted or "," in value or '"' in value:
        return '"' + value.replace('"', '""') + '"'
    return value
