/** The map's style: a dark ground, four levels of borders, roads by class. No glyph server: MapLibre draws all text. */

import { areaFills, areaLines, overlaySources, wayLabels, wayLayers } from "./overlay_style.js";

export const COLOURS = {
  ground: "#0a111c",
  outside: "#0a111c",
  text: "#dbe7f6",
  halo: "#0a111c",
  regional: "#8fd3ff",
  township: "#5aa3e0",
  area: "#47729f",
  village: "#2f4b6c",
  roadMajor: "#c9a15a",
  roadMiddle: "#8b8a86",
  roadMinor: "#55606f",
  chosen: "#4cc2ff",
};

/** From here on every team is drawn, before that its post. */
export const TEAMS_FROM_ZOOM = 11.4;

// Muted hues that a dark ground carries; neighbours by code get different ones.
const TOWNSHIP_TINTS = ["#2b5d8a", "#3f6b4f", "#6a4f7d", "#7a5a3a", "#2f6f73", "#714552", "#4d5f86"];

const FONT = ["Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
const FONT_STRONG = ["Noto Sans CJK SC Bold", "Noto Sans SC Bold", "PingFang SC", "Microsoft YaHei", "sans-serif"];

const MAJOR = ["motorway", "trunk", "primary", "motorway_link", "trunk_link", "primary_link"];
const MIDDLE = ["secondary", "tertiary", "secondary_link", "tertiary_link"];

const level = (name) => ["==", ["get", "level"], name];
const byZoom = (...stops) => ["interpolate", ["linear"], ["zoom"], ...stops];

function border(name, width, extra = {}) {
  return {
    id: `border-${name}`,
    type: "line",
    source: "base",
    "source-layer": "grids",
    filter: level(name),
    layout: { "line-join": "round" },
    paint: { "line-color": COLOURS[name], "line-width": width, ...extra },
  };
}

function road(id, classes, colour, width, minzoom = 0) {
  return {
    id,
    type: "line",
    source: "base",
    "source-layer": "roads",
    minzoom,
    filter: ["in", ["get", "class"], ["literal", classes]],
    layout: { "line-join": "round", "line-cap": "round" },
    paint: { "line-color": colour, "line-width": width, "line-opacity": byZoom(9, 0.55, 13, 0.9) },
  };
}

const BESIDE = { "text-variable-anchor": ["center", "top", "bottom", "left", "right"], "text-radial-offset": 1.1, "text-justify": "auto" };

function label(name, minzoom, maxzoom, size, colour, font = FONT, layout = {}) {
  return {
    id: `label-${name}`,
    type: "symbol",
    source: "base",
    "source-layer": "grid_labels",
    filter: level(name),
    minzoom,
    maxzoom,
    layout: {
      "text-field": ["get", "name"],
      "text-font": font,
      "text-size": size,
      "text-max-width": 8,
      "text-padding": 4,
      ...layout,
    },
    paint: { "text-color": colour, "text-halo-color": COLOURS.halo, "text-halo-width": 1.4 },
  };
}

/** Tint of each township, by its place in the order of codes. */
function tints(codes) {
  if (codes.length < 2) return TOWNSHIP_TINTS[0];
  return ["match", ["get", "code"], ...codes.flatMap((code, i) => [code, TOWNSHIP_TINTS[i % TOWNSHIP_TINTS.length]]), TOWNSHIP_TINTS[0]];
}

/** The whole style; `townships` are codes in order. */
export function mapStyle({ tilesUrl, townships, attribution }) {
  return {
    version: 8,
    sources: {
      base: { type: "vector", url: tilesUrl, promoteId: { grids: "code" }, ...(attribution ? { attribution } : {}) },
      chosen: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
      ...overlaySources(),
      posts: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
      teams: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
      cases: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": COLOURS.ground } },
      {
        id: "township-fill", type: "fill", source: "base", "source-layer": "grids", filter: level("township"),
        paint: { "fill-color": tints(townships), "fill-opacity": byZoom(8, 0.42, 13, 0.24), "fill-antialias": false },
      },
      {
        id: "grid-hover", type: "fill", source: "base", "source-layer": "grids",
        filter: ["==", ["get", "code"], ""],
        paint: { "fill-color": "#ffffff", "fill-opacity": 0.07 },
      },
      {
        id: "grid-hit", type: "fill", source: "base", "source-layer": "grids", // unseen: what is under the pointer
        paint: { "fill-opacity": 0 },
      },
      {
        id: "owner-fill", type: "fill", source: "base", "source-layer": "grids",
        filter: ["in", ["get", "code"], ["literal", []]],
        paint: { "fill-color": COLOURS.chosen, "fill-opacity": 0.1 },
      },
      ...areaFills(),
      border("village", byZoom(11, 0.5, 14, 1.1), { "line-opacity": byZoom(11, 0.6, 13, 1) }),
      road("road-minor", ["unclassified", "residential", "living_street", "service", "track", "road"], COLOURS.roadMinor, byZoom(11.5, 0.5, 14, 1.6, 17, 5), 11.5),
      road("road-middle", MIDDLE, COLOURS.roadMiddle, byZoom(9, 0.5, 12, 1.1, 14, 2.6, 17, 8)),
      road("road-major", MAJOR, COLOURS.roadMajor, byZoom(7, 0.6, 10, 1.1, 12, 1.8, 14, 3.6, 17, 10)),
      border("area", byZoom(10, 0.7, 14, 1.8), { "line-opacity": 0.9 }),
      border("township", byZoom(8, 0.9, 11, 1.7, 14, 3)),
      border("regional", byZoom(6, 1.2, 11, 2.6, 14, 4)),
      ...areaLines(),
      {
        id: "owner-line", type: "line", source: "base", "source-layer": "grids",
        filter: ["in", ["get", "code"], ["literal", []]],
        layout: { "line-join": "round" },
        paint: { "line-color": COLOURS.chosen, "line-width": 2.2 },
      },
      ...wayLayers(),
      {
        id: "road-names", type: "symbol", source: "base", "source-layer": "roads", minzoom: 13.5,
        filter: ["has", "name"],
        layout: { "symbol-placement": "line", "text-field": ["get", "name"], "text-font": FONT, "text-size": 11, "symbol-spacing": 320 },
        paint: { "text-color": "#b9c2cf", "text-halo-color": COLOURS.halo, "text-halo-width": 1.3 },
      },
      label("village", 12.2, 24, byZoom(12, 10.5, 15, 13), "#a9bdd6"),
      label("area", 10.9, 12.6, 11.5, "#8fb0d4"),
      label("township", 9, 14.5, byZoom(9, 12, 12, 16), COLOURS.text, FONT_STRONG, BESIDE),
      label("regional", 5, 9.4, 13, COLOURS.regional, FONT_STRONG),
      {
        id: "posts", type: "symbol", source: "posts", maxzoom: TEAMS_FROM_ZOOM,
        layout: {
          "icon-image": ["get", "icon"], "icon-size": byZoom(7, 0.6, 10, 0.85, 11.5, 1),
          "icon-allow-overlap": true, "symbol-sort-key": ["get", "order"], // names make way for it
        },
      },
      {
        id: "teams", type: "symbol", source: "teams", minzoom: TEAMS_FROM_ZOOM,
        layout: {
          "icon-image": ["get", "icon"], "icon-size": byZoom(11, 0.72, 13, 0.95, 16, 1.2),
          "icon-offset": ["get", "offset"], "icon-allow-overlap": true, "icon-ignore-placement": true,
          "symbol-sort-key": ["get", "order"],
        },
        paint: { "icon-opacity": ["case", ["==", ["get", "status"], "off_duty"], 0.45, 1] },
      },
      {
        id: "cases", type: "symbol", source: "cases",
        layout: {
          "icon-image": ["get", "icon"], "icon-size": byZoom(8, 0.55, 10.5, 0.75, 13, 1, 16, 1.25),
          "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "order"],
        },
      },
      {
        id: "chosen", type: "symbol", source: "chosen",
        layout: { "icon-image": ["get", "icon"], "icon-size": byZoom(8, 0.8, 13, 1.15), "icon-allow-overlap": true, "icon-ignore-placement": true },
      },
      ...wayLabels(),
    ],
  };
}
