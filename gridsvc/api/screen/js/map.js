/** The map: grids, roads, teams and cases; a click chooses a case, a place or a team. */

import { lateness } from "./clock.js";
import { startCandidates } from "./candidate_layer.js";
import { byId, h, replace } from "./dom.js";
import { firstThere } from "./coverage.js";
import { isCardOpen, showPlaceCard, showTeamCard } from "./map_cards.js";
import { icon, imageOptions } from "./map_icons.js";
import { mapStyle, TEAMS_FROM_ZOOM } from "./map_style.js";
import { openCases, unitMark } from "./names.js";
import { padding, startOverlays } from "./overlays.js";
import { ownersOf } from "./owners.js";
import { startReview } from "./review_layer.js";
import { may } from "./rights.js";
import { caseById, district, isWaiting, on, state } from "./state.js";
import { t } from "./words.js";

const EMPTY = { type: "FeatureCollection", features: [] };
const LAYERS = "grids,grid_labels,roads";
const TEAMS_A_ROW = 4;
const TOWN_M = 2_000;
const REST_MS = 150; // how long the pointer rests before the owners there are asked for

let map = null;
let library = null;
let act = {}; // what the screen does on a click: {choose(id), place(lon, lat), candidate(n), reportHere(lon, lat)}
let picking = false;
let framed = null; // the case that was brought into view

/** Load the library and draw. Where either fails, say so and leave the rest of the screen working. */
export async function startMap(actions) {
  act = actions;
  if (document.body.dataset.maplibre !== "true") return missing("map_missing");
  try {
    library = await import("../vendor/maplibre-gl.mjs");
    map = new library.Map(options());
  } catch (error) {
    console.warn(error.message);
    return missing("map_failed");
  }
  globalThis.gridsvc = { map, state }; // for the console
  map.addControl(new library.NavigationControl({ visualizePitch: false, showCompass: false }), "top-right");
  map.addControl(new library.ScaleControl({ maxWidth: 110 }), "bottom-right");
  map.setMissingStyleImageResolver((id) => {
    const image = icon(id);
    if (image && !map.hasImage(id)) map.addImage(id, image, imageOptions(id));
  });
  map.once("load", () => {
    listen();
    drawAll();
    startOverlays(map);
    startCandidates(map, padding);
    startReview(map, padding);
    on(["cases", "selected", "draft"], drawCases);
    on(["teams"], drawTeams);
    on(["shown", "proposal", "draft", "selected", "teams", "correction"], drawChosen);
    on(["facts"], reloadTiles);
    setInterval(drawCases, 5_000); // a case becomes late without any news
  });
  map.on("idle", () => { document.body.dataset.map = "ready"; });
}

function options() {
  const place = district();
  return {
    container: "map",
    style: mapStyle({
      tilesUrl: tilesUrl(),
      townships: Object.keys(place?.townships ?? {}).sort(),
      attribution: /osm|openstreetmap|\.pbf/i.test(place?.roads_source ?? "") ? t("attribution_osm") : "",
    }),
    bounds: place?.bounds ?? [-180, -60, 180, 75],
    fitBoundsOptions: { padding: 24 },
    hash: "map",
    minZoom: 4,
    maxZoom: 19,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: { compact: false },
    localIdeographFontFamily: "'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif",
    locale: {
      "Map.Title": t("map"),
      "NavigationControl.ZoomIn": t("zoom_in"),
      "NavigationControl.ZoomOut": t("zoom_out"),
      "AttributionControl.ToggleAttribution": t("sources"),
    },
  };
}

const tilesUrl = () => `${location.origin}/tiles/${LAYERS}.json?generation=${district()?.generation ?? 0}`;

function missing(word) {
  const note = byId("map-missing");
  note.textContent = t(word);
  note.hidden = false;
  document.body.dataset.map = "missing";
}

let drawnTiles = null;
function reloadTiles() {
  drawnTiles ??= tilesUrl();
  if (drawnTiles === tilesUrl()) return;
  drawnTiles = tilesUrl();
  map.getSource("base").setUrl(drawnTiles);
}

function listen() {
  map.on("click", (event) => {
    const { lng, lat } = event.lngLat.wrap();
    if (picking) {
      pick(false);
      act.place(lng, lat);
      return;
    }
    if (isCardOpen()) return; // the click closes it
    const [candidate] = map.queryRenderedFeatures(around(event.point), { layers: ["candidates"] });
    if (candidate) return act.candidate(candidate.properties.n);
    const [hit] = map.queryRenderedFeatures(around(event.point), { layers: ["cases", "teams", "posts"] });
    if (hit?.source === "cases") act.choose(hit.properties.id);
    else if (hit?.source === "teams") showTeamCard(library, map, hit.properties.id, event.lngLat, act.choose);
    else if (hit?.source === "posts") map.easeTo({ center: hit.geometry.coordinates, zoom: TEAMS_FROM_ZOOM + 0.7, duration: 500 });
    else if (placing()) act.place(lng, lat);
    else openPlaceCard(event.lngLat.wrap());
  });
  map.on("contextmenu", (event) => {
    if (!may("REPORT")) return;
    const { lng, lat } = event.lngLat.wrap();
    act.reportHere(lng, lat);
  });
  for (const layer of ["cases", "teams", "posts", "candidates"]) {
    map.on("mouseenter", layer, () => { map.getCanvas().style.setProperty("cursor", picking ? "crosshair" : "pointer"); });
    map.on("mouseleave", layer, () => { map.getCanvas().style.setProperty("cursor", picking ? "crosshair" : ""); });
  }
  map.on("mousemove", (event) => hover(event));
  map.on("mouseout", () => hover(null));
  map.getCanvas().addEventListener("keydown", (event) => {
    // With the keyboard the middle of the map is the place.
    if (event.key !== "Enter") return;
    event.preventDefault(); // else it also presses what gets the focus
    const { lng, lat } = map.getCenter();
    if (!picking && !placing()) return openPlaceCard({ lng, lat });
    pick(false);
    act.place(lng, lat);
  });
}

/** Whether a place is looked for: of a report, or of a case whose place was wrong. */
const placing = () => Boolean(state.draft) || state.correction?.kind === "place";

function openPlaceCard(at) {
  showPlaceCard(library, map, at, act.reportHere);
}

const around = ({ x, y }) => [[x - 6, y - 6], [x + 6, y + 6]];

const ORDER = ["regional", "township", "area", "village"];

let hovering = new AbortController();

/** Where the pointer rests: name the owners there, and who is first there where that is drawn; lighten the finest. */
function hover(event) {
  hovering.abort();
  hovering = new AbortController();
  const { signal } = hovering;
  drawUnder([], event ? firstAt(event.point) : null);
  if (!event) return;
  const { lng, lat } = event.lngLat.wrap();
  setTimeout(async () => {
    if (signal.aborted) return;
    try {
      const { owners } = await ownersOf(lng, lat, { signal });
      if (!signal.aborted) drawUnder(ORDER.map((level) => owners[level] && { ...owners[level], level }).filter(Boolean), firstAt(event.point));
    } catch { /* outside every district, or no answer: nothing is named */ }
  }, REST_MS);
}

const firstAt = (point) =>
  (map.getLayer("first") ? firstThere(map.queryRenderedFeatures(around(point), { layers: ["first"] }))[0] : null) ?? null;

function drawUnder(owners, first) {
  const drawn = district()?.levels ?? {};
  map.setFilter("grid-hover", ["==", ["get", "code"], owners.at(-1)?.code ?? ""]);
  const line = byId("under");
  replace(line, ...owners.map((owner) => h("span", {}, owner.name,
    drawn[owner.level]?.derived ? h("small", {}, ` ${t("derived")}`) : null)),
  first ? h("strong", {}, t("first_here", { team: first })) : null);
  line.hidden = !owners.length && !first;
}

/** Ask for a place on the map, or stop asking. */
export function pick(wanted) {
  picking = Boolean(wanted && map);
  const note = byId("picking");
  note.textContent = t(state.correction ? "picking_again" : "picking");
  note.hidden = !picking;
  map?.getCanvas().style.setProperty("cursor", picking ? "crosshair" : "");
  document.body.classList.toggle("is-picking", picking);
  if (picking) map.getCanvas().focus({ preventScroll: true });
}

export const isPicking = () => picking;

/** Bring a place into view. */
export function showPlace(lon, lat, { zoom = 13 } = {}) {
  if (!map) return;
  map.easeTo({ center: [lon, lat], zoom: Math.max(map.getZoom(), zoom), duration: 500 });
}

/** Bring a case and its teams into view, once per case. */
function frame(item, teams) {
  const places = [item, ...teams.map((team) => team.position)];
  const lon = places.map((place) => place.lon);
  const lat = places.map((place) => place.lat);
  map.fitBounds([[Math.min(...lon), Math.min(...lat)], [Math.max(...lon), Math.max(...lat)]],
    { padding: padding(), maxZoom: Math.max(13, map.getZoom()), duration: 600 });
}

const feature = (lon, lat, properties) => ({
  type: "Feature", properties, geometry: { type: "Point", coordinates: [lon, lat] },
});

const draw = (source, features) => map?.getSource(source)?.setData({ ...EMPTY, features });

function drawAll() {
  drawTeams();
  drawCases();
  drawChosen();
}

function drawCases() {
  if (!map?.getSource("cases")) return;
  const shown = openCases();
  const chosen = caseById(state.selected);
  if (chosen?.closed_at) shown.push(chosen);
  draw("cases", shown.map((item) => {
    const late = ["late", "missed"].includes(lateness(item).kind);
    const urgent = item.urgency === "emergency";
    return feature(item.lon, item.lat, {
      id: item.id,
      icon: `case|${item.urgency}|${Number(isWaiting(item))}|${Number(late)}`,
      order: (urgent ? 2 : 0) + (late ? 1 : 0),
    });
  }));
}

/** Join posts to towns: each goes to the first larger one within TOWN_M, whose place is the town's. */
function towns(posts) {
  const found = [];
  for (const teams of posts.sort((a, b) => b.length - a.length)) {
    const { lon, lat } = teams[0].position;
    const metres = (town) => 111_320 * Math.hypot((town.lon - lon) * Math.cos(lat * Math.PI / 180), town.lat - lat);
    const near = found.find((town) => metres(town) < TOWN_M);
    if (near) near.teams.push(...teams);
    else found.push({ lon, lat, teams: [...teams] });
  }
  return found;
}

/** From afar one sign a town, with how many of its teams are free; close by every team, side by side at its post. */
function drawTeams() {
  const shown = state.teams.filter((team) => team.position);
  const posts = Map.groupBy(shown, ({ position }) => `${position.lon.toFixed(4)} ${position.lat.toFixed(4)}`);
  draw("posts", towns([...posts.values()]).map(({ lon, lat, teams }) => {
    const free = teams.filter((team) => team.status === "available").length;
    return feature(lon, lat, { icon: `post|${free}|${teams.length}`, order: teams.length });
  }));
  draw("teams", [...posts.values()].flatMap((teams) => teams.map((team, n) =>
    feature(team.position.lon, team.position.lat, {
      id: team.id,
      status: team.status,
      icon: `team|${unitMark(team.unit)}|${team.status}`,
      offset: [(n % TEAMS_A_ROW) * 27, Math.floor(n / TEAMS_A_ROW) * 27],
      order: team.status === "engaged" ? 1 : 0,
    }))));
}

/** The chosen case or the draft: a ring, its owner's border; its teams are brought into view. */
function drawChosen() {
  if (!map?.getSource("chosen")) return;
  const item = caseById(state.selected);
  const whole = state.shown?.id === state.selected ? state.shown : null;
  const draft = state.draft?.lon !== undefined && state.draft?.lon !== null ? state.draft : null;
  const correction = !draft && state.correction?.of === state.selected ? state.correction : null;
  const moved = Number.isFinite(correction?.lon) && correction.kind === "place" ? correction : null;
  draw("chosen", [
    ...(draft ? [feature(draft.lon, draft.lat, { icon: "pin" })] : item ? [feature(item.lon, item.lat, { icon: "ring" })] : []),
    ...(moved ? [feature(moved.lon, moved.lat, { icon: "pin" })] : []),
  ]);

  const answer = draft ? state.proposal : correction?.preview ?? whole;
  const owners = answer ? ORDER.map((level) => answer.owners?.[level]?.code).filter(Boolean) : [];
  for (const layer of ["owner-fill", "owner-line"]) {
    map.setFilter(layer, ["in", ["get", "code"], ["literal", owners.slice(-1)]]);
  }

  if (!draft && item && whole && framed !== item.id) {
    framed = item.id;
    if (state.candidates.length > 1) return; // all that its address may mean are in view
    const ids = item.teams.length || item.closed_at ? item.teams : proposedTeams(answer);
    frame(item, ids.map((id) => state.teams.find((team) => team.id === id)).filter((team) => team?.position));
  }
  if (!item) framed = null;
}

function proposedTeams(answer) {
  const recommendation = answer?.recommendation;
  return recommendation ? [recommendation.lead, ...recommendation.members].filter(Boolean).map((each) => each.team_id) : [];
}
