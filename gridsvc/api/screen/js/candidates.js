/** The places that an address may mean: what to ask the caller, and a list with owners to choose from. */

import { h, replace } from "./dom.js";
import { ownersOf } from "./owners.js";
import { get } from "./service.js";
import { set, state } from "./state.js";
import { slug, t } from "./words.js";

const GRID_LEVELS = new Set(["regional", "township", "area", "village"]);
const WIDE_FIRST = ["regional", "township", "area", "village"];
const SAME_DEG = 1e-6;

/** Of an address that names nothing here, the service gives no candidates: only the question is left. */
export const NOWHERE = { confirm: true, question: "where", candidates: [] };

/** The name of a place with the township and village that it is in. */
export const fullName = ({ township, village, name }) => [...new Set([township, village, name ?? t("place_unnamed")].filter(Boolean))].join(" ");

/** A village or community as people say it: 桥头村, not 桥头村委会. */
const spoken = (name) => name?.replace(/村(民)?委(员)?会$/, "村").replace(/(社区)?居(民)?委(员)?会$/, "社区");

const of = ({ township, village, name }) => {
  const place = spoken(name ?? village);
  return township && township !== place ? t("place_of", { township, place }) : place ?? "";
};

const short = ({ township, village, name }) => name ?? village ?? township ?? t("place_unnamed");

/** The question to put to the caller, word for word. */
export function questionWords({ question, candidates }) {
  const either = (names) => [...new Set(names.filter(Boolean))].slice(0, 4).join(t("or"));
  const [first] = candidates;
  const options = {
    "which-township": either(candidates.map(of)),
    "which-village": either(candidates.map((each) => spoken(each.village))),
    "which-place": either(candidates.map((each) => spoken(fullName(each)))),
    "is-it-here": first ? of(first) : "",
    "here-or-elsewhere": first ? of(first) : "",
  }[question] ?? "";
  return slug("ask", question).replace("{options}", options);
}

/** What is sent for a candidate: a grid by its full name, where that alone is sure, else the point with its radius. */
export async function placeOf(candidate) {
  const point = { location: { lon: candidate.lon, lat: candidate.lat, ...(candidate.radius_m ? { radius_m: candidate.radius_m } : {}) } };
  if (!GRID_LEVELS.has(candidate.level) || !candidate.name) return point;
  const address = [...new Set([candidate.township, candidate.name].filter(Boolean))].join("");
  try {
    const { confirm, candidates: [best] } = await get(`/geocode?${new URLSearchParams({ q: address })}`);
    const same = best && Math.abs(best.lon - candidate.lon) < SAME_DEG && Math.abs(best.lat - candidate.lat) < SAME_DEG;
    return !confirm && same ? { address } : point;
  } catch {
    return point;
  }
}

/** How wide a radius is, as people say it. */
export function radiusWords(metres) {
  if (!metres) return t("radius_exact");
  return metres < 950 ? t("radius_m", { n: Math.max(10, Math.round(metres / 10) * 10) }) : t("radius_km", { n: (metres / 1000).toFixed(1) });
}

/** From wide to fine, in one line; of an address that names a grid and nothing finer, no further than that grid. */
function chainWords(owners, candidate) {
  const levels = GRID_LEVELS.has(candidate.level) ? WIDE_FIRST.slice(0, WIDE_FIRST.indexOf(candidate.level) + 1) : WIDE_FIRST;
  return levels.map((level) => owners[level]?.name).filter(Boolean).join(" › ");
}

async function fillOwners(line, candidate) {
  try {
    replace(line, chainWords((await ownersOf(candidate.lon, candidate.lat)).owners, candidate));
  } catch (error) {
    replace(line, error.kind === "outside" ? t("owners_outside_short") : t("owners_unknown"));
  }
}

/**
 * The question as the biggest thing, then the candidates as numbered on the map; once one is chosen, that one alone.
 * `chosen`: its number; `choose(n)` takes one (null: none yet), `pick()` a point on the map instead.
 */
export function askBlock(address, { chosen = null, choose, pick }) {
  const { candidates } = address;
  set({ candidates: candidates.map(({ lon, lat, radius_m }, n) => ({ lon, lat, radius_m, n, chosen: n === chosen })) });
  const rows = candidates.map((each, n) => (chosen === null || chosen === n ? candidateRow(each, n, chosen, choose) : null));
  return h("section", { class: `ask ${chosen === null ? "" : "is-answered"}`, role: "group", "aria-label": t("ask_caller"), data: { ask: address.question ?? "" } },
    h("p", { class: "ask-title" }, t(chosen === null ? "ask_caller" : "ask_answered")),
    chosen === null ? h("p", { class: "ask-words" }, questionWords(address)) : null,
    candidates.length ? h("ol", { class: "candidates" }, rows) : null,
    chosen === null
      ? h("button", { type: "button", class: candidates.length ? "" : "primary", data: { key: "candidate-map" }, onclick: pick }, `◎ ${t(candidates.length ? "candidate_none" : "pick")}`)
      : h("button", { type: "button", class: "link-button", data: { key: "candidate-other" }, onclick: () => choose(null) }, t("candidate_other")));
}

function candidateRow(each, n, chosen, choose) {
  const owners = h("span", { class: "dim small candidate-owners" }, t("loading"));
  fillOwners(owners, each);
  return h("li", {}, h("button", {
    type: "button", class: "candidate", "aria-pressed": String(chosen === n), data: { key: `candidate-${n}`, candidate: n },
    onclick: () => choose(n), onmouseenter: () => set({ pointedCandidate: n }), onmouseleave: () => set({ pointedCandidate: null }),
    onfocus: () => set({ pointedCandidate: n }), onblur: () => set({ pointedCandidate: null }),
  },
  h("span", { class: "candidate-no", "aria-hidden": "true" }, String(n + 1)),
  h("span", { class: "candidate-name" }, h("strong", {}, short(each)),
    each.township && each.township !== short(each) ? h("span", { class: "candidate-of" }, each.township) : null),
  h("span", { class: "candidate-figures dim small" }, t("confidence", { n: Math.round(each.confidence * 100) }), h("br"), radiusWords(each.radius_m)),
  owners));
}

/** Take the candidates off the map. */
export function dropCandidates() {
  if (state.candidates.length) set({ candidates: [], pointedCandidate: null });
}
