"""Regenerate src/accord/reference/bundled from the unpacked npm packages and the installed PyPI packages.

    npm install --prefix DIR @ip-location-db/asn @ip-location-db/asn-country \\
        @ip-location-db/geo-whois-asn-country world-atlas
    python tools/bundle_reference.py DIR/node_modules

The same packages and the same pyarrow give the same bytes.
"""

import argparse
import json
import math
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import msgspec
from babel.core import get_global

from accord.reference.families import write_families
from accord.reference.galaxies import GALAXIES, Galaxy, build_catalogue
from accord.reference.manifest import (
    MANIFEST,
    Kind,
    ReferenceSource,
    file_entry,
    manifest_bytes,
    write_whole,
)
from accord.reference.rangefiles import encode
from accord.reference.rangesources import read_table
from accord.reference.shapes import Point, Ring, Shape, Shapes, write_shapes
from accord.vocabulary.countries import COUNTRY_CODES

BUNDLED = Path(__file__).parents[1] / "src/accord/reference/bundled"

TABLES = {
    Kind.COUNTRY: "geo-whois-asn-country",
    Kind.COUNTRY_SECOND: "asn-country",
    Kind.NETWORK: "asn",
}
NRO = "Contains statistics by the Number Resource Organization (nro.net), CC BY 4.0"
LICENCES = {
    Kind.COUNTRY: ("CC0-1.0; sources CC-BY-4.0", f"{NRO}; compiled by ip-location-db (sapics)"),
    Kind.COUNTRY_SECOND: ("CC0-1.0; sources CC-BY-4.0", f"{NRO}; compiled by ip-location-db (sapics)"),
    Kind.NETWORK: (
        "CC-BY-4.0",
        (
            "IP to AS number data by Route Views (routeviews.org) and IP Geolocation by DB-IP (https://db-ip.com), "
            "statistics by the Number Resource Organization (nro.net), all CC BY 4.0; merged by ip-location-db (sapics)"
        ),
    ),
}

# Natural Earth counts these with another state, or draws them too small for its 1:10m countries.
# Points by hand, to a tenth of a degree, at the main island or the middle of the territory.
BY_HAND: dict[str, Point] = {
    "BQ": (-68.3, 12.2),
    "BV": (3.4, -54.4),
    "CC": (96.8, -12.2),
    "CX": (105.7, -10.5),
    "GF": (-53.1, 3.9),
    "GP": (-61.5, 16.2),
    "MQ": (-61.0, 14.6),
    "RE": (55.5, -21.1),
    "SJ": (16.8, 78.7),
    "TK": (-171.9, -9.2),
    "YT": (45.2, -12.8),
}
# Natural Earth gives Kosovo no ISO number; registries use XK.
BY_NAME = {"Kosovo": "XK"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", type=Path, help="the node_modules directory")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="where to write (default: the source tree)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sources: list[ReferenceSource] = [
        *(bundle_table(kind, arguments.packages, arguments.out) for kind in TABLES),
        bundle_shapes(arguments.packages, arguments.out),
        bundle_families(arguments.out),
    ]
    write_whole(arguments.out / MANIFEST, manifest_bytes(tuple(sources)))
    for source in sources:
        size = sum(file.bytes for file in source.files)
        print(f"{source.kind:16} {source.version:22} {source.rows:>9,} rows {size:>10,} bytes")
    return 0


def bundle_table(kind: Kind, packages: Path, out: Path) -> ReferenceSource:
    name = TABLES[kind]
    folder = packages / "@ip-location-db" / name
    release = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    day = release.rpartition(".")[2]
    table = read_table(kind, (folder / f"{name}-ipv4.csv", folder / f"{name}-ipv6.csv"))
    files = []
    for suffix, data in zip((".parquet", ".labels.parquet"), encode(table), strict=True):
        write_whole(out / f"{kind}{suffix}", data)
        files.append(file_entry(f"{kind}{suffix}", data))
    licence, attribution = LICENCES[kind]
    return ReferenceSource(
        name=name,
        kind=kind,
        version=release,
        date=f"{day[:4]}-{day[4:6]}-{day[6:8]}",
        licence=licence,
        rows=len(table),
        package=f"npm @ip-location-db/{name}",
        attribution=attribution,
        files=tuple(files),
    )


def bundle_shapes(packages: Path, out: Path) -> ReferenceSource:
    folder = packages / "world-atlas"
    release = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    scales = [read_topology(folder / f"countries-{scale}.json") for scale in ("110m", "50m", "10m")]
    points = dict(BY_HAND)
    for areas in reversed(scales):  # the coarsest scale that has a country is the one that is drawn
        points.update({shape.country: label_point(shape) for shape in areas if shape.country})
    missing = COUNTRY_CODES - set(points)
    if missing:
        raise SystemExit(f"no point for {sorted(missing)}")
    areas = sorted(scales[0], key=lambda shape: (shape.country is None, shape.country or shape.name))
    data = write_shapes(Shapes(areas=tuple(areas), points=dict(sorted(points.items()))))
    write_whole(out / "shapes.json", data)
    return ReferenceSource(
        name="world-atlas",
        kind=Kind.SHAPES,
        version=f"{release} (Natural Earth 4.1.0)",
        date=None,
        licence="ISC; Natural Earth is public domain",
        rows=len(areas),
        package="npm world-atlas",
        attribution="Made with Natural Earth. Copyright 2013-2019 Michael Bostock (world-atlas)",
        files=(file_entry("shapes.json", data),),
    )


def bundle_families(out: Path) -> ReferenceSource:
    spec = find_spec("pymispgalaxies")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("install pymispgalaxies first")
    folder = Path(spec.submodule_search_locations[0]) / "data/misp-galaxy/clusters"
    clusters = {
        name: msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=Galaxy).values for name in GALAXIES
    }
    families = build_catalogue(clusters)
    data = write_families(families)
    write_whole(out / "families.json", data)
    return ReferenceSource(
        name="misp-galaxy",
        kind=Kind.FAMILIES,
        version=version("pymispgalaxies"),
        date=None,
        licence="CC0-1.0 OR BSD-2-Clause",
        rows=len(families),
        package="PyPI pymispgalaxies",
        attribution="Family names and synonyms: MISP galaxy clusters (misp-galaxy.org), Malpedia (Fraunhofer FKIE) "
        "and MITRE ATT&CK among them",
        files=(file_entry("families.json", data),),
    )


def read_topology(path: Path) -> list[Shape]:
    """Decode TopoJSON (its specification, 2.1): arcs are quantised deltas, rings are chains of arcs."""
    topology = json.loads(path.read_text("utf-8"))
    (scale_x, scale_y), (move_x, move_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((round(x * scale_x + move_x, 2), round(y * scale_y + move_y, 2)))
        arcs.append(line)
    numbers = get_global("territory_aliases")
    shapes = []
    for geometry in topology["objects"]["countries"]["geometries"]:
        name = geometry["properties"]["name"]
        codes = numbers.get(geometry.get("id", ""), [])
        country = BY_NAME.get(name, codes[0] if codes else None)
        polygons = {"Polygon": [geometry.get("arcs")], "MultiPolygon": geometry.get("arcs")}[geometry["type"]]
        rings = [tuple(ring(chain, arcs) for chain in polygon) for polygon in polygons]
        cut = tuple(part for polygon in rings for part in cut_at_180(polygon))
        shapes.append(Shape(country=country, name=name, polygons=cut))
    return shapes


def ring(chain: list[int], arcs: list[list[Point]]) -> Ring:
    points: list[Point] = []
    for number in chain:
        line = arcs[number] if number >= 0 else arcs[~number][::-1]
        points.extend(line[1:] if points else line)
    kept = [point for at, point in enumerate(points) if at == 0 or point != points[at - 1]]
    return tuple(kept[:-1] if len(kept) > 1 and kept[0] == kept[-1] else kept)


def cut_at_180(polygon: tuple[Ring, ...]) -> list[tuple[Ring, ...]]:
    """The polygon's parts on a flat map: rings run across longitude 180 in world-atlas, one runs round the pole."""
    rolled = [unrolled(outline) for outline in polygon]
    parts = []
    for shift in (-360.0, 0.0, 360.0):
        moved = [[(x + shift, y) for x, y in outline] for outline in rolled]
        clipped = [clip(clip(outline, -180.0, 1), 180.0, -1) for outline in moved]
        if len(clipped[0]) > 2:
            kept = [tuple((round(x, 2), y) for x, y in outline) for outline in clipped if len(outline) > 2]
            parts.append(tuple(kept))
    return parts or [polygon]  # an island of a point or two


def unrolled(outline: Ring) -> list[Point]:
    """The ring without jumps of more than 180 degrees; one that goes round the south pole is closed over it."""
    points = [outline[0]]
    for x, y in outline[1:]:
        turns = round((points[-1][0] - x) / 360)
        points.append((x + 360 * turns, y))
    if abs(points[-1][0] - points[0][0]) > 180:
        points += [(points[-1][0], -90.0), (points[0][0], -90.0)]
    return points


def clip(outline: list[Point], edge: float, side: int) -> list[Point]:
    """Sutherland and Hodgman (1974): the part of the ring where (x - edge) * side is not negative."""
    kept: list[Point] = []
    for (x1, y1), (x2, y2) in zip(outline[-1:] + outline[:-1], outline, strict=True):
        in1, in2 = (x1 - edge) * side >= 0, (x2 - edge) * side >= 0
        if in1 != in2:
            kept.append((edge, round(y1 + (y2 - y1) * (edge - x1) / (x2 - x1), 2)))
        if in2:
            kept.append((x2, y2))
    return [point for at, point in enumerate(kept) if point != kept[at - 1]]


def area_and_centroid(outline: Ring) -> tuple[float, Point]:
    """Signed area and centroid in degrees, longitudes shrunk by the cosine of the mean latitude for the area."""
    doubled = x = y = 0.0
    for (x1, y1), (x2, y2) in zip(outline, outline[1:] + outline[:1], strict=True):
        cross = x1 * y2 - x2 * y1
        doubled += cross
        x += (x1 + x2) * cross
        y += (y1 + y2) * cross
    middle = sum(point[1] for point in outline) / len(outline)
    if abs(doubled) < 1e-9:  # an island of a point or two
        return 0.0, (sum(point[0] for point in outline) / len(outline), middle)
    return abs(doubled) / 2 * math.cos(math.radians(middle)), (x / (3 * doubled), y / (3 * doubled))


def label_point(shape: Shape) -> Point:
    """The centroid of the largest part, or the grid point deepest inside it when the centroid lies outside."""
    _, centre, polygon = max((*area_and_centroid(polygon[0]), polygon) for polygon in shape.polygons)
    if len(polygon[0]) > 2 and not inside(centre, polygon):
        xs, ys = [point[0] for point in polygon[0]], [point[1] for point in polygon[0]]
        grid = [
            (min(xs) + (max(xs) - min(xs)) * column / 40, min(ys) + (max(ys) - min(ys)) * row / 40)
            for column in range(1, 40)
            for row in range(1, 40)
        ]
        within = [point for point in grid if inside(point, polygon)]
        if within:
            centre = max(within, key=lambda point: min(math.dist(point, corner) for corner in polygon[0]))
    return round(centre[0], 2), round(centre[1], 2)


def inside(point: Point, polygon: tuple[Ring, ...]) -> bool:
    """Even-odd rule over all rings."""
    x, y = point
    odd = False
    for outline in polygon:
        for (x1, y1), (x2, y2) in zip(outline, outline[1:] + outline[:1], strict=True):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                odd = not odd
    return odd


if __name__ == "__main__":
    sys.exit(main())
