/** The candidates of an address on the map: numbered, each with the circle of its error radius. */

import { on, state } from "./state.js";

const SIDES = 72;
const M_A_DEGREE = 111_320;
const COLOUR = "#ffd54a";

let map = null;
let framed = ""; // the candidates that were brought into view

export function startCandidates(drawn, padding) {
  map = drawn;
  map.addSource("candidates", { type: "geojson", data: collection([]) });
  const strength = (usual, chosen) => ["case", ["get", "chosen"], chosen, usual];
  map.addLayer({
    id: "candidate-fill", type: "fill", source: "candidates", filter: ["==", ["geometry-type"], "Polygon"],
    paint: { "fill-color": COLOUR, "fill-opacity": strength(0.06, 0.16) },
  }, "chosen");
  map.addLayer({
    id: "candidate-line", type: "line", source: "candidates", filter: ["==", ["geometry-type"], "Polygon"],
    paint: { "line-color": COLOUR, "line-width": strength(1.4, 2.8), "line-dasharray": [3, 2] },
  }, "chosen");
  map.addLayer({
    id: "candidates", type: "symbol", source: "candidates", filter: ["==", ["geometry-type"], "Point"],
    layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": strength(0, 1) },
  });
  on(["candidates", "pointedCandidate"], () => draw(padding));
  draw(padding);
}

const collection = (features) => ({ type: "FeatureCollection", features });

function draw(padding) {
  const { candidates, pointedCandidate } = state;
  map.getSource("candidates").setData(collection(candidates.flatMap((each) => {
    const chosen = each.chosen || each.n === pointedCandidate;
    const properties = { n: each.n, chosen, icon: `number|${each.n + 1}|${Number(chosen)}` };
    const point = { type: "Feature", properties, geometry: { type: "Point", coordinates: [each.lon, each.lat] } };
    return each.radius_m ? [{ type: "Feature", properties, geometry: { type: "Polygon", coordinates: [circle(each)] } }, point] : [point];
  })));
  const key = candidates.map(({ lon, lat }) => `${lon} ${lat}`).join();
  if (key === framed) return;
  framed = key;
  if (candidates.length) frame(candidates, padding());
}

function circle({ lon, lat, radius_m }) {
  return Array.from({ length: SIDES + 1 }, (_, n) => {
    const turn = 2 * Math.PI * n / SIDES;
    return [lon + radius_m * Math.cos(turn) / (M_A_DEGREE * Math.cos(lat * Math.PI / 180)), lat + radius_m * Math.sin(turn) / M_A_DEGREE];
  });
}

function frame(candidates, padding) {
  const points = candidates.flatMap((each) => circle({ ...each, radius_m: Math.max(each.radius_m ?? 0, 200) }));
  const [lon, lat] = [0, 1].map((axis) => points.map((point) => point[axis]));
  map.fitBounds([[Math.min(...lon), Math.min(...lat)], [Math.max(...lon), Math.max(...lat)]], { padding, maxZoom: 15, duration: 600 });
}
