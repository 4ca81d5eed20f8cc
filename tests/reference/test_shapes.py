"""The map: every country can be drawn or has its circle, and everything lies on the map."""

from accord.reference.store import load
from accord.vocabulary.countries import COUNTRY_CODES

SHAPES = load(None).shapes


def test_every_country_has_a_point_on_the_map():
    assert set(SHAPES.points) == COUNTRY_CODES
    assert all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in SHAPES.points.values())


def test_small_states_have_no_outline_and_large_ones_have():
    drawn = SHAPES.drawn()
    assert {"BN", "ID", "KH", "LA", "MM", "MY", "PH", "TH", "VN", "FR", "US", "XK"} <= drawn
    assert not {"SG", "MT", "BH", "MV"} & drawn
    assert len(drawn) > 170


def test_no_outline_leaves_the_map_or_runs_across_it():
    for shape in SHAPES.areas:
        for polygon in shape.polygons:
            for ring in polygon:
                assert all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring)
                # a ring that ran across longitude 180 would have a stroke across the whole map
                steps = [abs(one[0] - other[0]) for one, other in zip(ring, ring[1:] + ring[:1], strict=True)]
                assert max(steps) < 180 or shape.country == "AQ"


def test_points_lie_where_atlases_put_the_countries():
    # capitals or middles from any atlas, to within some degrees
    expected = {"SG": (103.8, 1.35), "RU": (97, 62), "FJ": (178, -18), "US": (-99, 39.5), "GF": (-53, 4)}
    for country, (x, y) in expected.items():
        found = SHAPES.points[country]
        assert abs(found[0] - x) < 6, country
        assert abs(found[1] - y) < 6, country
