/** Where teams arrive in time, from the tile layer `service_areas`; nothing of it shows where the service has no such layer. */

import { h } from "./dom.js";
import { FIRST_COLOURS, REACH_COLOURS } from "./overlay_style.js";
import { switchLayer } from "./layers.js";
import { teamName } from "./names.js";
import { get } from "./service.js";
import { on, set, state } from "./state.js";
import { slug, t } from "./words.js";

export const COVERAGE_LAYER = "service_areas";

/** Which tile layers the service has. */
export async function readServed() {
  const { items } = await get("/tiles");
  const served = items.map((layer) => layer.id);
  if (served.join() !== state.served.join()) set({ served });
}

const LOOK_MS = 10_000;
let looking = null;

export function startCoverage() {
  on(["layers", "served"], lookAtDrawing);
  setInterval(() => { if (!state.drawing?.complete || state.drawing.stale) lookAtDrawing(); }, LOOK_MS);
}

/** Whether the areas are drawn, and of the versions in force; asked of one team, since the whole answer is large. */
async function lookAtDrawing() {
  const shown = coverageNow();
  if (!shown || !state.teams.length || looking) return;
  const query = new URLSearchParams({ kind: "first", class: shown.response_class, team_id: state.teams[0].id });
  looking = get(`/service-areas?${query}`).then(({ complete, stale, districts }) => ({ complete, stale, at: districts?.[0]?.at ?? null }), () => null);
  const found = await looking;
  looking = null;
  if (found && JSON.stringify(found) !== JSON.stringify(state.drawing)) set({ drawing: found });
}

/** What is drawn: null, {kind: "reached_by", k}, or {kind: "first"}; with the response class. */
export function coverageNow() {
  const { coverage, response_class } = state.layers;
  if (!state.served.includes(COVERAGE_LAYER) || !coverage || coverage === "none") return null;
  return coverage === "first" ? { kind: "first", response_class } : { kind: "reached_by", k: Number(coverage), response_class };
}

/** The colours of "first" by team: each post takes the hue whose nearest other post is farthest away. */
export function firstColours() {
  const posts = Map.groupBy(state.teams.filter((team) => team.station), ({ station }) => `${station.lon} ${station.lat}`);
  const given = FIRST_COLOURS.map(() => []);
  const pairs = [];
  for (const teams of posts.values()) {
    const { lon, lat } = teams[0].station;
    const far = (places) => Math.min(Infinity, ...places.map((place) => Math.hypot((place.lon - lon) * Math.cos(lat * Math.PI / 180), place.lat - lat)));
    const gaps = given.map(far);
    const hue = gaps.indexOf(Math.max(...gaps));
    given[hue].push({ lon, lat });
    for (const { id } of teams) pairs.push(id, FIRST_COLOURS[hue]);
  }
  return pairs.length ? ["match", ["get", "team_id"], ...pairs, FIRST_COLOURS[0]] : FIRST_COLOURS[0];
}

export function coverageKey() {
  const shown = coverageNow();
  if (!shown) return null;
  const title = h("header", {}, h("h3", {}, shown.kind === "first" ? slug("coverage", "first") : t("coverage"), h("span", { class: "aside" }, t(`coverage_${shown.response_class}`))));
  const { drawing } = state;
  const state_ = !drawing || (drawing.complete && !drawing.stale) ? null
    : h("p", { class: "warn small", role: "status" }, t(drawing.complete ? "coverage_stale" : "coverage_waiting"));
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t("coverage_off"), title: t("coverage_off"), data: { key: "coverage-off" },
    onclick: () => switchLayer({ coverage: "none" }) }, "✕");
  title.append(close);
  if (shown.kind === "first") return h("section", { data: { covered: "first" } }, title, state_, h("p", { class: "dim small" }, t("coverage_first_about")));
  return h("section", { data: { covered: shown.k } }, title, state_,
    h("ul", {}, [1, 2, 3].filter((k) => k >= shown.k).map((k) => h("li", {},
      h("span", { class: "band reach", style: { background: REACH_COLOURS[k - 1] }, "aria-hidden": "true" }), h("span", {}, slug("coverage", k)))),
      h("li", {}, h("span", { class: "band reach-none", "aria-hidden": "true" }), h("span", {}, t("coverage_fewer", { k: shown.k })))));
}

/** Who is first at a place, from what is drawn there. */
export const firstThere = (features) => features.filter((each) => each.properties.kind === "first").map((each) => teamName(each.properties.team_id));
