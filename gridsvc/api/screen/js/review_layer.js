/** The ground that changes owner by a generation of grids, at one level, each piece with the names of both owners. */

import { on, state } from "./state.js";

const COLOUR = "#ff9ad5";
const EMPTY = { type: "FeatureCollection", features: [] };
const FONT = ["Noto Sans CJK SC Bold", "Noto Sans SC Bold", "PingFang SC", "Microsoft YaHei", "sans-serif"];

let map = null;
let framed = null; // the answer and level that were brought into view

export function startReview(drawn, padding) {
  map = drawn;
  map.addSource("review", { type: "geojson", data: EMPTY });
  const pointed = (usual, chosen) => ["case", ["get", "pointed"], chosen, usual];
  map.addLayer({ id: "review-fill", type: "fill", source: "review", paint: { "fill-color": COLOUR, "fill-opacity": pointed(0.38, 0.7) } }, "posts");
  map.addLayer({ id: "review-line", type: "line", source: "review", paint: { "line-color": "#ffd0ea", "line-width": pointed(1.4, 3) } }, "posts");
  map.addLayer({
    id: "review-words", type: "symbol", source: "review",
    layout: { "text-field": ["get", "words"], "text-font": FONT, "text-size": 13, "text-max-width": 9, "symbol-sort-key": ["-", ["get", "area_m2"]] },
    paint: { "text-color": "#ffffff", "text-halo-color": "#3a0d2a", "text-halo-width": 2 },
  });
  on(["review"], () => draw(padding));
  draw(padding);
}

/** The pieces of the level that is shown. */
export const piecesOf = ({ differences, level } = {}) => (differences?.features ?? []).filter((each) => each.properties.level === level);

function draw(padding) {
  const { review } = state;
  const pieces = review ? piecesOf(review) : [];
  const touches = ({ from, to }) => Boolean(review?.pointed) && [from, to].includes(review.pointed);
  map.getSource("review").setData({ ...EMPTY, features: pieces.map((each) => ({ ...each, properties: {
    ...each.properties, pointed: touches(each.properties), words: `${each.properties.from_name ?? "—"} → ${each.properties.to_name ?? "—"}`,
  } })) });
  const key = review?.differences && `${review.chosen} ${review.level} ${review.zoomed ?? ""}`;
  if (key === framed) return;
  framed = key;
  const shown = review?.zoomed ? pieces.filter(({ properties: { from, to } }) => [from, to].includes(review.zoomed)) : pieces;
  if (shown.length) map.fitBounds(boundsOf(shown), { padding: padding(), maxZoom: 14, duration: 600 });
}

function boundsOf(pieces) {
  const numbers = pieces.flatMap((each) => (each.geometry.coordinates ?? []).flat(each.geometry.type === "Polygon" ? 2 : 3));
  const axis = (n) => numbers.filter((_, k) => k % 2 === n);
  const reach = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const [west, east] = reach(axis(0));
  const [south, north] = reach(axis(1));
  return [[west, south], [east, north]];
}
