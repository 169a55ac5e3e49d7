"""Vector tiles over HTTP: the list of layers, their TileJSON and the tiles, for MapLibre and QGIS alike."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from gridsvc.api.answers.service import TileJson, TileLayerList
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import caller
from gridsvc.api.screen_data.tile_cache import DrawnTile, Key, TileStore
from gridsvc.db.tiles import LAYERS, Layer, is_tile
from gridsvc.errors import NotFound

router = APIRouter(tags=["tiles"])

MVT = "application/vnd.mapbox-vector-tile"
_WORLD = (-180.0, -85.0511, 180.0, 85.0511)
_LAYER = {"id": "grids", "about": "grids in force", "minzoom": 5, "maxzoom": 14}
_TILEJSON = {
    "tilejson": "3.0.0", "name": "grids", "description": "grids in force", "scheme": "xyz",
    "tiles": ["https://gridsvc.example/tiles/grids/{z}/{x}/{y}.mvt"], "minzoom": 5, "maxzoom": 14,
    "bounds": [119.6, 28.9, 120.1, 29.3], "center": [119.85, 29.1, 11],
    "vector_layers": [
        {"id": "grids", "description": "grids in force", "minzoom": 5, "maxzoom": 14, "fields": {"code": "its code"}},
    ],
}  # fmt: skip
_TILE_HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}


@router.get(
    "/tiles",
    summary="The layers of tiles",
    responses=answer(TileLayerList, {"items": [_LAYER]}),
)
def get_layers() -> Response:
    """List the layers; several ids joined by commas are drawn into one tile."""
    return JSONResponse(
        {
            "items": [
                {"id": layer.id, "about": layer.about, "minzoom": layer.minzoom, "maxzoom": layer.maxzoom}
                for layer in LAYERS.values()
            ]
        }
    )


@router.get(
    "/tiles/{layers}.json",
    summary="TileJSON of one layer, or of several joined by commas",
    responses=answer(TileJson, _TILEJSON),
)
def get_tilejson(request: Request, layers: str) -> Response:
    """Describe the tiles of `layers`: where they are, zooms, bounds (lon/lat), and each layer's fields."""
    chosen = _choose(layers)
    names = ",".join(layer.id for layer in chosen)
    west, south, east, north = _store(request).find_bounds(caller(request).scope) or _WORLD
    return JSONResponse(
        {
            "tilejson": "3.0.0",
            "name": names,
            "description": "; ".join(layer.about for layer in chosen),
            "tiles": [f"{str(request.base_url).rstrip('/')}/tiles/{names}/{{z}}/{{x}}/{{y}}.mvt"],
            "scheme": "xyz",
            "minzoom": min(layer.minzoom for layer in chosen),
            "maxzoom": min(layer.maxzoom for layer in chosen),
            "bounds": [west, south, east, north],
            "center": [round((west + east) / 2, 6), round((south + north) / 2, 6), 11],
            "vector_layers": [
                {
                    "id": layer.id,
                    "description": layer.about,
                    "minzoom": layer.minzoom,
                    "maxzoom": layer.maxzoom,
                    "fields": dict(layer.fields),
                }
                for layer in chosen
            ],
        }
    )


@router.get(
    "/tiles/{layers}/{z}/{x}/{y}.mvt",
    summary="One tile (Mapbox Vector Tile 2.1, web mercator) of one layer, or of several joined by commas",
    response_class=Response,
    responses={
        200: {
            "description": "The tile.",
            "content": {MVT: {"schema": {"type": "string", "format": "binary"}, "example": "binary"}},
        },
        204: {"description": "The tile is empty."},
        304: {"description": "The tile has the ETag of If-None-Match."},
    },
)
async def get_tile(request: Request, layers: str, z: int, x: int, y: int) -> Response:
    """Draw a tile, or take it from the cache; teams and cases are at most 2 s old."""
    chosen = _choose(layers)
    if not is_tile(z, x, y) or z > min(layer.maxzoom for layer in chosen):
        last = min(layer.maxzoom for layer in chosen)
        raise NotFound(
            f"{layers}/{z}/{x}/{y} is no tile: z goes from 0 to {last}, x and y from 0 to 2**z - 1.",
            kind="no-tile",
            layers=layers,
            z=z,
            x=x,
            y=y,
            last=last,
        )
    store = _store(request)
    key = Key(caller(request).scope, tuple(layer.id for layer in chosen), z, x, y)
    tile = store.find(key)
    if tile is None:
        tile = await run_in_threadpool(store.get, key)
    return _answer(request, tile, store.age_s(tile))


def _answer(request: Request, tile: DrawnTile, age_s: int) -> Response:
    headers = {"ETag": tile.etag, "Age": str(age_s), **_TILE_HEADERS}
    known = request.headers.get("if-none-match")
    if known is not None and (known == "*" or tile.etag in [word.strip() for word in known.split(",")]):
        return Response(status_code=304, headers=headers)
    if not tile.content:
        return Response(status_code=204, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(tile.gzipped, media_type=MVT, headers={"Content-Encoding": "gzip", **headers})
    return Response(tile.content, media_type=MVT, headers=headers)


def _choose(names: str) -> tuple[Layer, ...]:
    """Return the layers named, in the order of LAYERS and each once, so that a,b and b,a are one tile."""
    asked = set(names.split(","))
    if unknown := sorted(asked - set(LAYERS)):
        raise NotFound(
            f"There is no tile layer {', '.join(unknown)}. There are: {', '.join(LAYERS)}.",
            kind="no-layer",
            layers=unknown,
            known=list(LAYERS),
        )
    return tuple(layer for name, layer in LAYERS.items() if name in asked)


def _store(request: Request) -> TileStore:
    state = request.app.state
    store: TileStore | None = getattr(state, "tile_store", None)
    if store is None:
        store = state.tile_store = TileStore(state.whole_service.database)
    return store
