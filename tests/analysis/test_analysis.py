"""Grids and Roads over GeoDataFrames, against geopandas and networkx, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Point, Polygon, box

from gridsvc import Grids, Roads
from gridsvc.errors import InvalidInput, UndeclaredDatum

if TYPE_CHECKING:
    from pathlib import Path


def squares() -> gpd.GeoDataFrame:
    """Four squares of a hundredth of a degree, codes of 1 to 4 from the south-west."""
    east, north = (119.6, 119.61, 119.62), (29.1, 29.11, 29.12)
    shapes = [box(east[x], north[y], east[x + 1], north[y + 1]) for y in (0, 1) for x in (0, 1)]
    return gpd.GeoDataFrame({"code": list("1234"), "name": list("甲乙丙丁")}, geometry=shapes, crs=4326)


def street() -> gpd.GeoDataFrame:
    """A street from west to east, two kilometres and 36 km/h, with a middle: 10 m/s."""
    lines = [
        LineString([(500_000, 3_220_000), (501_000, 3_220_000)]),
        LineString([(501_000, 3_220_000), (502_000, 3_220_000)]),
    ]
    return gpd.GeoDataFrame({"highway": ["residential"] * 2, "speed_kph": [36.0] * 2}, geometry=lines, crs=4549)


def at(*xs: float) -> gpd.GeoDataFrame:
    """Points on the street, so many metres from its west."""
    points = [Point(500_000 + x, 3_220_000) for x in xs]
    return gpd.GeoDataFrame(
        {"name": [f"at {x:g}" for x in xs]}, geometry=points, crs=4549, index=np.arange(len(xs)) + 7
    )


def test_an_import_of_the_package_costs_nothing() -> None:
    code = "import sys, gridsvc; print(gridsvc.__version__, sorted({'numpy', 'geopandas', 'numba'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith(" []\n")


def test_points_of_any_reference_system_get_the_grid_that_a_spatial_join_gives() -> None:
    draw = np.random.default_rng(5)
    points = gpd.GeoDataFrame(
        {"n": range(2000)},
        geometry=gpd.points_from_xy(draw.uniform(119.595, 119.625, 2000), draw.uniform(29.095, 29.125, 2000)),
        crs=4326,
        index=np.arange(2000) * 3,
    )
    wanted = gpd.sjoin(points, squares(), how="left", predicate="within")
    for crs in (4326, 4549, 3857):
        found = Grids.from_frame(squares().to_crs(crs if crs != 3857 else 4326)).locate(points.to_crs(crs))
        assert found.crs == crs
        assert (found.index == points.index).all()
        clear = shapely.distance(shapely.union_all(squares().boundary.values), points.geometry.values) > 1e-5
        assert (found["code"].fillna("-")[clear] == wanted["code"].fillna("-")[clear]).all()
        assert (found["name"].fillna("-")[clear] == wanted["name"].fillna("-")[clear]).all()
        assert set(found["rule"]) <= {"interior", "border", "outside"}
    assert "code" not in points.columns  # the points of the caller stay


def test_a_shared_border_has_one_owner_and_an_overlap_is_named() -> None:
    grids = Grids.from_frame(squares())
    corner = gpd.GeoDataFrame(geometry=[Point(119.61, 29.11)], crs=4326)
    (code,) = grids.locate(corner)["code"]
    assert code in set("1234")
    wide = squares()
    wide.loc[0, "geometry"] = box(119.6, 29.1, 119.615, 29.11)
    both = Grids.from_frame(wide).locate(gpd.GeoDataFrame(geometry=[Point(119.612, 29.105)], crs=4326))
    assert both[["code", "rule"]].values.tolist() == [["1", "overlap"]]


def test_levels_come_from_parents_and_columns_do_not_collide() -> None:
    frame = squares()
    frame["above"] = ["T", "T", "T", None]
    town = gpd.GeoDataFrame(
        {"code": ["T"], "name": ["镇"], "above": [None]}, geometry=[box(119.6, 29.1, 119.62, 29.12)], crs=4326
    )
    grids = Grids.from_frame(gpd.pd.concat([frame[:3], town], ignore_index=True), parent="above")
    points = gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=[Point(119.605, 29.105), Point(119.615, 29.115)], crs=4326)
    found = grids.locate(points)
    assert found["name"].tolist() == ["a", "b"]
    assert found["grid_code"].tolist() == ["1", "T"]
    assert found["grid_rule"].tolist() == ["interior", "gap"]
    assert found["grid_area_code"].tolist() == ["T", "T"]
    assert found["grid_village_name"].fillna("-").tolist() == ["甲", "-"]


def test_travel_times_and_areas_of_a_street_are_those_on_paper() -> None:
    roads = Roads.from_lines(street())
    seconds = roads.matrix(at(0, 500), at(0, 1000, 2000).to_crs(4326))
    # two intersections at most, no signals: metres of the ellipsoid at 10 m/s
    scale = shapely.length(street().to_crs(32651).geometry.iloc[0]) / 1000
    assert seconds == pytest.approx(np.array([[0, 100, 200], [50, 50, 150]]) * 1.0, rel=2e-3, abs=0.5), scale
    areas = roads.isochrones(at(0, 2000), [2, 1])
    assert areas["minutes"].tolist() == [1.0, 2.0, 1.0, 2.0]
    assert areas.index.tolist() == [7, 7, 8, 8]
    assert areas["name"].tolist() == ["at 0", "at 0", "at 2000", "at 2000"]
    assert areas.crs == 4549
    for row, reached_m in enumerate((600, 1200, 600, 1200)):
        west, _, east, _ = areas.geometry.iloc[row].bounds
        assert east - west == pytest.approx(reached_m, abs=30)  # and 25 m of open ground at the closed end
    assert areas.geometry.iloc[1].buffer(1).covers(areas.geometry.iloc[0])


def test_a_graph_and_its_lines_give_the_same_times() -> None:
    draw = np.random.default_rng(3)
    graph: Any = nx.MultiDiGraph(crs="EPSG:4326")
    for x in range(5):
        for y in range(5):
            graph.add_node((x, y), x=119.6 + x / 200, y=29.1 + y / 200)
    for (x, y), data in list(graph.nodes(data=True)):
        for other in ((x + 1, y), (x, y + 1)):
            if other in graph:
                kph = float(draw.integers(20, 60))
                for u, v in (((x, y), other), (other, (x, y))):
                    graph.add_edge(u, v, highway="residential", speed_kph=kph)
        assert "x" in data
    ends = gpd.GeoDataFrame(geometry=[Point(d["x"], d["y"]) for _, d in graph.nodes(data=True)], crs=4326)
    seconds = Roads.from_graph(graph).matrix(ends, ends)
    lines = gpd.GeoDataFrame(
        [
            {
                "speed_kph": data["speed_kph"],
                "geometry": LineString([[graph.nodes[n]["x"], graph.nodes[n]["y"]] for n in (u, v)]),
            }
            for u, v, data in graph.edges(data=True)
            if u < v
        ],
        crs=4326,
    )
    assert seconds == pytest.approx(Roads.from_lines(lines).matrix(ends, ends), abs=0.01)
    metres = lines.to_crs(32650).length  # an independent oracle: networkx on lengths of another projection
    oracle: Any = nx.Graph()
    for (_, row), length in zip(lines.iterrows(), metres, strict=True):
        a, b = row.geometry.coords
        oracle.add_edge(a, b, s=length / (row["speed_kph"] / 3.6))
    nodes = [tuple(point.coords[0]) for point in ends.geometry]
    known = dict(nx.all_pairs_dijkstra_path_length(oracle, weight="s"))
    wanted = np.array([[known[a][b] for b in nodes] for a in nodes])
    assert seconds == pytest.approx(wanted, rel=0.01, abs=0.5)


def test_reprs_say_what_it_is() -> None:
    assert repr(Grids.from_frame(squares())) == "Grids(4 grids of 1 level, 119.600,29.100 to 119.620,29.120)"
    assert repr(Roads.from_lines(street())).startswith("Roads(1 edges, 2 km, ")


GOOD = squares()
NAN = gpd.GeoDataFrame(geometry=[Point(119.6, float("nan"))], crs=4326)
BOW = gpd.GeoDataFrame({"code": ["1"]}, geometry=[Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], crs=4326)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (GOOD[:0], "no rows"), (at(0), "Polygon or MultiPolygon"), (BOW, "make_valid"),
        (GOOD.assign(code="1"), "twice"), (GOOD.drop(columns="code"), "no column 'code'"),
        (GOOD.assign(code=None), "have no 'code'"), (gpd.pd.DataFrame({"a": [1]}), "GeoDataFrame"),
        (GOOD.set_geometry([None, *GOOD.geometry[1:]]), "no geometry"),
    ],
)  # fmt: skip
def test_grids_that_cannot_be_used_are_refused_with_the_cure(frame: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Grids.from_frame(frame)


def test_what_has_no_reference_system_is_refused() -> None:
    bare = gpd.GeoDataFrame(geometry=[Point(119.6, 29.1)])
    with pytest.raises(UndeclaredDatum, match=r"points\.set_crs\(4326\)"):
        Grids.from_frame(squares()).locate(bare)
    with pytest.raises(UndeclaredDatum, match="frame"):
        Grids.from_frame(gpd.GeoDataFrame(GOOD.drop(columns="geometry"), geometry=GOOD.geometry.to_numpy()))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (NAN, "finite"), (at(0)[:0], "no rows"), (GOOD, "Give Point"),
        (gpd.GeoDataFrame(geometry=[Point(500_000, 3_220_000)], crs=4326), "nowhere on earth"),
    ],
)  # fmt: skip
def test_points_that_cannot_be_used_are_refused_with_the_cure(points: Any, words: str) -> None:
    grids, roads = Grids.from_frame(squares()), Roads.from_lines(street())
    for ask in (grids.locate, lambda each: roads.matrix(each, at(0)), lambda each: roads.isochrones(each, 5)):
        with pytest.raises(InvalidInput, match=words):
            ask(points)


@pytest.mark.parametrize("kph", [0, -5, 500, float("inf"), "fast"])
def test_a_speed_that_cannot_be_is_refused(kph: Any) -> None:
    with pytest.raises(InvalidInput, match="speed_kph"):
        Roads.from_lines(street().assign(speed_kph=kph))
    graph: Any = nx.MultiDiGraph(crs="EPSG:4326")
    graph.add_node(1, x=119.6, y=29.1)
    graph.add_node(2, x=119.61, y=29.1)
    graph.add_edge(1, 2, speed_kph=kph)
    with pytest.raises(InvalidInput, match="speed_kph"):
        Roads.from_graph(graph)


def test_other_words_that_cannot_be_are_refused(tmp_path: Path) -> None:
    roads = Roads.from_lines(street().assign(speed_kph=[float("nan"), 36.0]))  # unknown: the speed of the class
    for minutes in ([], [0], [-5], [float("nan")], [9999]):
        with pytest.raises(InvalidInput, match="minutes"):
            roads.isochrones(at(0), minutes)
    with pytest.raises(InvalidInput, match="direction"):
        roads.isochrones(at(0), 5, direction="up")
    with pytest.raises(InvalidInput, match="profile"):
        roads.matrix(at(0), at(1), profile="rocket")
    with pytest.raises(InvalidInput, match="no file"):
        Roads.from_osm(tmp_path / "none.osm.pbf")
    with pytest.raises(InvalidInput, match="directed multigraph"):
        Roads.from_graph(nx.Graph())  # type: ignore[arg-type]
