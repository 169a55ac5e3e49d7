"""The ownership index of one district generation: a raster of cells over every border, answered exactly.

Interface (being filled in):
    OwnershipIndex.build(district, generation, grids) -> OwnershipIndex     any row order
    OwnershipIndex.open(buffer) -> OwnershipIndex                           zero-copy over an mmap
    index.to_bytes() -> bytes
    index.locate(lon, lat) -> Ownership                rule OUTSIDE, never an exception, for a place outside
    index.locate_many(lon, lat) -> Owners              .rows (n, 4) int32 rows of index.grids, -1 none; .rule (n,) uint8
    index.shares(lon, lat, radius_m) -> Ownership      with shares and confirm
    index.of_geometry(geometry) -> Ownership           line or area: lowest common ancestor, with shares
    index.distance(lon, lat) -> (distance_m, bearing_deg)
    index.bounds -> Bounds; index.grids -> GridTable (codes, names, levels, parents, urban_rural_codes, derived)
    index.district, index.generation
"""
