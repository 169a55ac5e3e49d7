/** Puts ways, areas and coverage on the map, and brings a way into view once. */

import { coverageNow, COVERAGE_LAYER, firstColours } from "./coverage.js";
import { span } from "./clock.js";
import { coverageLayers } from "./overlay_style.js";
import { district, on, state } from "./state.js";
import { kilometres } from "./way_block.js";
import { sceneNow } from "./ways.js";

const TINT = ["interpolate", ["linear"], ["zoom"], 8, 0.42, 13, 0.24];
const TINT_UNDER = ["interpolate", ["linear"], ["zoom"], 8, 0.14, 13, 0.08]; // tints would mix with what is over them

let map = null;
let framed = { subject: null, box: null, compared: null };

export function startOverlays(drawn) {
  map = drawn;
  on(["ways", "compared", "layers"], drawWays);
  on(["pointed"], drawPointed);
  on(["areas", "layers"], drawAreas);
  on(["layers", "served", "drawing", "facts"], drawCoverage);
  drawWays();
  drawAreas();
  drawCoverage();
}

const collection = (features) => ({ type: "FeatureCollection", features });

function drawWays() {
  const scene = sceneNow();
  const ways = scene && state.layers.ways ? state.ways.filter((way) => way.status === "there" && way.line) : [];
  map.getSource("ways").setData(collection(ways.flatMap((way) => parts(way, scene))));
  if (scene && ways.length) frameWays(ways, scene);
}

function parts(way, scene) {
  const role = way.role === "member" && way.team_id === state.compared ? "compared" : way.arrived && way.role === "lead" ? "member" : way.role;
  const lead = state.ways.find((each) => each.role === "lead" && each.status === "there");
  const behind = role === "compared" && lead ? way.seconds - lead.seconds : 0;
  const sign = behind < 0 ? "−" : "+";
  const words = `${span(way.seconds)}  ${kilometres(way.length_m)}${Math.abs(behind) < 0.5 ? "" : `  (${sign}${span(Math.abs(behind))})`}`;
  const line = (part, coordinates) => ({ type: "Feature", properties: { part, role, team_id: way.team_id }, geometry: { type: "LineString", coordinates } });
  const beside = [[[way.from.lon, way.from.lat], way.line[0]], [way.line.at(-1), [scene.lon, scene.lat]]];
  return [
    line("road", way.line),
    ...beside.filter(([a, b]) => metres(a, b) > 2).map((ends) => line("beside", ends)),
    { type: "Feature", properties: { part: "words", role, team_id: way.team_id, words },
      geometry: { type: "Point", coordinates: middle(way.line) } },
  ];
}

const metres = ([x, y], [u, v]) => 111_320 * Math.hypot((u - x) * Math.cos(y * Math.PI / 180), v - y);

/** The point half way along a line. */
function middle(line) {
  const steps = line.slice(1).map((point, n) => metres(line[n], point));
  let left = steps.reduce((sum, step) => sum + step, 0) / 2;
  for (const [n, step] of steps.entries()) {
    if (left <= step) {
      const part = step ? left / step : 0;
      return [0, 1].map((axis) => line[n][axis] + part * (line[n + 1][axis] - line[n][axis]));
    }
    left -= step;
  }
  return line[0];
}

/** A way may swing far outside what was in view: widen the view, once for a case and once for each that is compared. */
function frameWays(ways, scene) {
  if (framed.subject === scene.subject && framed.compared === state.compared) return;
  if (scene.subject === "draft" && !state.compared) return; // who reports is choosing a place: the map stands still
  const lead = ways.find((way) => way.role === "lead");
  if (state.compared ? !ways.some((way) => way.team_id === state.compared) : !lead) return;
  framed = { subject: scene.subject, compared: state.compared };
  const points = [[scene.lon, scene.lat], ...ways.flatMap((way) => way.line)];
  const [west, east] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
  const [south, north] = [Math.min(...points.map(([, y]) => y)), Math.max(...points.map(([, y]) => y))];
  map.fitBounds([[west, south], [east, north]], { padding: padding(), maxZoom: Math.max(13, map.getZoom()), duration: 600 });
}

/** Room for what is over the map's edges. */
export function padding() {
  const { clientWidth, clientHeight } = map.getContainer();
  return { top: Math.min(70, clientHeight / 8), bottom: Math.min(170, clientHeight / 4), left: Math.min(60, clientWidth / 8), right: Math.min(60, clientWidth / 8) };
}

function drawPointed() {
  map.setFilter("way-pointed", ["all", ["==", ["get", "part"], "road"], ["==", ["get", "role"], "member"], ["==", ["get", "team_id"], state.pointed ?? ""]]);
}

function drawAreas() {
  const { areas } = state;
  const shown = areas?.status === "there" ? areas.features : [];
  map.getSource("areas").setData(collection(shown.flatMap(({ geometry, properties }, n) => {
    const common = { minutes: properties.minutes, band: areas.bands[n]?.near ? "near" : "far" };
    return [
      { type: "Feature", properties: { ...common, part: "area" }, geometry },
      { type: "Feature", properties: { ...common, part: "edge" }, geometry: edge(geometry) },
    ];
  })));
  drawTint();
}

/** The outer rings: the many blocks that no road enters stay unfilled, but their outlines would drown all else. */
function edge({ type, coordinates }) {
  const polygons = type === "Polygon" ? [coordinates] : coordinates;
  return { type: "MultiLineString", coordinates: polygons.filter((rings) => rings.length).map(([outer]) => outer) };
}

const drawTint = () => map.setPaintProperty("township-fill", "fill-opacity",
  state.areas?.status === "there" || coverageNow() ? TINT_UNDER : TINT);

const tilesUrl = () => `${location.origin}/tiles/${COVERAGE_LAYER}.json?drawn=${encodeURIComponent(`${district()?.generation} ${state.drawing?.at}`)}`;
let coverageUrl = null;

function drawCoverage() {
  const shown = coverageNow();
  if (shown && !map.getSource("coverage")) {
    coverageUrl = tilesUrl();
    map.addSource("coverage", { type: "vector", url: coverageUrl });
    const { fills, lines } = coverageLayers();
    for (const layer of fills) map.addLayer(layer, "area-far");
    for (const layer of lines) map.addLayer(layer, "area-far");
  }
  if (!map.getSource("coverage")) return;
  if (coverageUrl !== tilesUrl()) {
    coverageUrl = tilesUrl();
    map.getSource("coverage").setUrl(coverageUrl);
  }
  const is = (kind, more = []) => ["all", ["==", ["get", "kind"], shown?.kind === kind ? kind : ""], ["==", ["get", "response_class"], shown?.response_class ?? ""], ...more];
  const k = (n) => [["==", ["get", "k"], n]];
  for (const n of [1, 2, 3]) {
    const asked = is("reached_by", [...k(n), ["literal", n >= (shown?.k ?? 0)]]);
    map.setFilter(`reach-${n}`, asked);
    map.setFilter(`reach-${n}-line`, asked);
  }
  map.setFilter("first", is("first"));
  map.setFilter("first-line", is("first"));
  map.setPaintProperty("first", "fill-color", firstColours());
  map.setPaintProperty("first-line", "line-color", firstColours());
  drawTint();
}
