/** Where teams arrive in time, from the tile layer `service_areas`; nothing of it shows where the service has no such layer. */

import { h } from "./dom.js";
import { FIRST_COLOURS, REACH_COLOURS } from "./overlay_style.js";
import { teamName } from "./names.js";
import { get } from "./service.js";
import { set, state } from "./state.js";
import { slug, t } from "./words.js";

export const COVERAGE_LAYER = "service_areas";

/** Which tile layers the service has. */
export async function readServed() {
  const { items } = await get("/tiles");
  const served = items.map((layer) => layer.id);
  if (served.join() !== state.served.join()) set({ served });
}

/** What is drawn: null, {kind: "reached_by", k}, or {kind: "first"}; with the response class. */
export function coverageNow() {
  const { coverage, response_class } = state.layers;
  if (!state.served.includes(COVERAGE_LAYER) || !coverage || coverage === "none") return null;
  return coverage === "first" ? { kind: "first", response_class } : { kind: "reached_by", k: Number(coverage), response_class };
}

/** The colour of "first" for a team: neighbours in the order of ids mostly differ; the border between them always shows. */
export function firstColours() {
  const ids = state.teams.map((team) => team.id).sort();
  if (!ids.length) return FIRST_COLOURS[0];
  return ["match", ["get", "team_id"], ...ids.flatMap((id, n) => [id, FIRST_COLOURS[n % FIRST_COLOURS.length]]), FIRST_COLOURS[0]];
}

export function coverageKey() {
  const shown = coverageNow();
  if (!shown) return null;
  const title = h("header", {}, h("h3", {}, t("coverage"), h("span", { class: "aside" }, t(`coverage_${shown.response_class}`))));
  if (shown.kind === "first") return h("section", { data: { coverage: "first" } }, title, h("p", { class: "dim small" }, t("coverage_first_about")));
  return h("section", { data: { coverage: shown.k } }, title,
    h("ul", {}, [1, 2, 3].filter((k) => k >= shown.k).map((k) => h("li", {},
      h("span", { class: "band reach", style: { background: REACH_COLOURS[k - 1] }, "aria-hidden": "true" }), h("span", {}, slug("coverage", k)))),
      h("li", {}, h("span", { class: "band reach-none", "aria-hidden": "true" }), h("span", {}, t("coverage_fewer", { k: shown.k })))));
}

/** Who is first at a place, from what is drawn there. */
export const firstThere = (features) => features.filter((each) => each.properties.kind === "first").map((each) => teamName(each.properties.team_id));
