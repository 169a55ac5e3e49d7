/**
 * How ways, areas and coverage are drawn. The hues can be distinguished with every kind of colour blindness (light teal
 * against dark violet), and each also differs in its line: solid, dashed, with arrows.
 */

export const AREA_COLOURS = { near: "#3fd9c2", nearLine: "#b6fff1", far: "#8b6ef5", farLine: "#b9a6ff" };
export const WAY_COLOURS = { lead: "#ffffff", member: "#c9dcf5", compared: "#ff9ad5", casing: "#04101f" };
export const REACH_COLOURS = ["#3b7fd1", "#4fc3d6", "#d4f07a"];
export const FIRST_COLOURS = ["#56b4e9", "#e69f00", "#2fc4a0", "#e58fc4", "#f0e442", "#8f97ff", "#f07d4d"];

const FONT = ["Noto Sans CJK SC Bold", "Noto Sans SC Bold", "PingFang SC", "Microsoft YaHei", "sans-serif"];
const EMPTY = { type: "geojson", data: { type: "FeatureCollection", features: [] } };
const byZoom = (...stops) => ["interpolate", ["linear"], ["zoom"], ...stops];
const role = (...names) => ["in", ["get", "role"], ["literal", names]];
const ROUND = { "line-join": "round", "line-cap": "round" };

/** Whether this person or machine asks for strong contrasts. */
export const strong = () => matchMedia("(prefers-contrast: more), (forced-colors: active)").matches;

export const overlaySources = () => ({ areas: EMPTY, ways: EMPTY });

const boost = () => (strong() ? 1.6 : 1);
const part = (band, what) => ["all", ["==", ["get", "band"], band], ["==", ["get", "part"], what]];

const areaFill = (name, opacity) => ({
  id: `area-${name}`, type: "fill", source: "areas", filter: part(name, "area"),
  paint: { "fill-color": AREA_COLOURS[name], "fill-opacity": opacity * boost(), "fill-antialias": false },
});

const areaLine = (name, width, extra = {}) => ({
  id: `area-${name}-line`, type: "line", source: "areas", filter: part(name, "edge"), layout: ROUND,
  paint: { "line-color": AREA_COLOURS[`${name}Line`], "line-width": byZoom(9, width * 0.45 * boost(), 13, width * boost()), ...extra },
});

/** Under the borders and roads: the wide area, then the narrow one in it. */
export const areaFills = () => [areaFill("far", 0.3), areaFill("near", 0.34)];

/** Above the roads: dashed = far, solid = near. */
export const areaLines = () => [areaLine("far", 1.4, { "line-dasharray": [3, 2] }), areaLine("near", 2)];

const way = (id, filter, colour, width, extra = {}) => ({
  id, type: "line", source: "ways", filter, layout: ROUND, paint: { "line-color": colour, "line-width": width, ...extra },
});

const wayWords = (id, filter, colour, image) => ({
  id, type: "symbol", source: "ways", filter,
  layout: {
    "text-field": ["get", "words"], "text-font": FONT, "text-size": 13, "text-anchor": "bottom", "text-offset": [0, -1],
    "text-allow-overlap": true, "text-ignore-placement": true, "text-max-width": 20,
    "icon-image": image, "icon-text-fit": "both", "icon-text-fit-padding": [1, 5, 1, 5], "icon-allow-overlap": true, "icon-ignore-placement": true,
  },
  paint: { "text-color": colour },
});

const arrows = (id, filter, image) => ({
  id, type: "symbol", source: "ways", filter, minzoom: 9,
  layout: {
    "symbol-placement": "line", "symbol-spacing": 70, "icon-image": image, "icon-size": byZoom(10, 0.7, 14, 1),
    "icon-rotation-alignment": "map", "icon-allow-overlap": true, "icon-ignore-placement": true,
  },
});

/** Members under the compared one under the lead; what is walked beside the road is dotted. */
export function wayLayers() {
  const line = (name) => ["all", role(name), ["==", ["get", "part"], "road"]];
  const all = ["==", ["get", "part"], "road"];
  return [
    way("way-casing", ["all", all, role("lead", "compared")], WAY_COLOURS.casing, byZoom(9, 7, 14, 11), { "line-opacity": 0.9 }),
    way("way-member-casing", line("member"), WAY_COLOURS.casing, byZoom(9, 4, 14, 6), { "line-opacity": 0.8 }),
    way("way-beside", ["==", ["get", "part"], "beside"], WAY_COLOURS.member, 2.2, { "line-dasharray": [0.1, 2] }),
    way("way-member", line("member"), WAY_COLOURS.member, byZoom(9, 1.6, 14, 2.6)),
    way("way-pointed", ["==", ["get", "team_id"], ""], WAY_COLOURS.member, byZoom(9, 4, 14, 6)),
    way("way-lead", line("lead"), WAY_COLOURS.lead, byZoom(9, 3.4, 14, 5.6)),
    way("way-compared", line("compared"), WAY_COLOURS.compared, byZoom(9, 3, 14, 5), { "line-dasharray": [2.4, 1.5] }),
    arrows("way-lead-arrows", line("lead"), "arrow|lead"),
  ];
}

/** Above all names: minutes and kilometres at the middle of the way. */
export const wayLabels = () => {
  const words = (name) => ["all", role(name), ["==", ["get", "part"], "words"]];
  return [wayWords("way-compared-words", words("compared"), "#ffd0ea", "plate|compared"), wayWords("way-lead-words", words("lead"), WAY_COLOURS.lead, "plate|lead")];
};

const FRINGE = byZoom(8, 1.6, 12, 1.2, 14, 1.6);

/** The layers of `service_areas`, drawn from tiles; filters and colours are set when something is chosen. */
export function coverageLayers() {
  const base = { source: "coverage", "source-layer": "service_areas", filter: ["==", ["get", "kind"], ""] };
  return {
    fills: [
      ...[1, 2, 3].map((k) => ({ id: `reach-${k}`, type: "fill", ...base, paint: { "fill-color": REACH_COLOURS[k - 1], "fill-opacity": strong() ? 0.8 : 0.5, "fill-antialias": false } })),
      { id: "first", type: "fill", ...base, paint: { "fill-color": FIRST_COLOURS[0], "fill-opacity": strong() ? 0.7 : 0.5, "fill-antialias": false } },
    ],
    // From afar an area is as thin as its roads: a line of its own colour keeps it in sight.
    lines: [
      ...[1, 2, 3].map((k) => ({ id: `reach-${k}-line`, type: "line", ...base, layout: ROUND, paint: { "line-color": REACH_COLOURS[k - 1], "line-width": FRINGE } })),
      { id: "first-line", type: "line", ...base, layout: ROUND, paint: { "line-color": FIRST_COLOURS[0], "line-width": FRINGE } },
    ],
  };
}
