/** Generations of grids: which is in force, what a draft changes, its approval for now or a date, and the way back. */

import { ago, dayAndTime, instantOf, span, zoneName } from "./clock.js";
import { announce, byId, h, replace } from "./dom.js";
import { problemBox } from "./problems.js";
import { piecesOf } from "./review_layer.js";
import { may } from "./rights.js";
import { get, poll, remove, post } from "./service.js";
import { set, state } from "./state.js";
import { slug, t } from "./words.js";

const LEVELS = ["regional", "township", "area", "village"];
const ROWS = 100;
const LOOK_MS = 3_000;

let act = {}; // {close(), activated()}
let sent = { what: "", key: "" };

export function startReviewPanel(actions) {
  act = actions;
  poll(async () => { if (state.review) await readList(); }, LOOK_MS);
}

export async function openReview() {
  set({ review: { list: null, chosen: null, differences: null, level: null, pointed: null, zoomed: null, error: null, sure: null, busy: false, at: "" }, view: "panel" });
  drawReviewPanel();
  await readList();
  const { list, chosen } = state.review ?? {};
  const next = list?.items.find((each) => each.state === "draft" || each.state === "planned") ?? list?.items[0];
  if (next && chosen === null) choose(next.generation);
}

export const closeReview = () => { if (state.review) set({ review: null }); };

const change = (changes) => { if (state.review) set({ review: { ...state.review, ...changes } }); };

async function readList() {
  try {
    const list = await get("/generations");
    const before = state.review?.list;
    if (JSON.stringify(list) === JSON.stringify(before)) return;
    change({ list, error: null });
    if (before && before.in_force !== list.in_force) act.activated();
  } catch (error) {
    change({ error });
  }
  drawReviewPanel();
}

async function choose(generation) {
  change({ chosen: generation, differences: null, level: null, pointed: null, zoomed: null, error: null, sure: null });
  drawReviewPanel();
  try {
    const differences = await get(`/generations/${generation}/differences`, { timeoutMs: 60_000 });
    if (state.review?.chosen !== generation) return;
    const moved = new Set(differences.features.map((each) => each.properties.level));
    change({ differences, level: ["township", "village", "area", "regional"].find((level) => moved.has(level)) ?? differences.grids[0]?.level ?? "township" });
  } catch (error) {
    if (state.review?.chosen === generation) change({ error });
  }
  drawReviewPanel();
}

/** Ask for a write; a repeated one keeps its key, so that it takes effect once. */
async function order(what, write) {
  if (sent.what !== what) sent = { what, key: crypto.randomUUID() };
  change({ busy: true, error: null, sure: null });
  drawReviewPanel();
  try {
    await write({ "Idempotency-Key": sent.key });
    sent = { what: "", key: "" };
    announce(t("review_done"));
    change({ at: "" });
  } catch (error) {
    if (!error.away) sent = { what: "", key: "" };
    change({ error });
  }
  change({ busy: false });
  drawReviewPanel();
  await readList();
}

const activate = (generation, at) => order(`activate ${generation} ${at}`, (headers) => post(`/generations/${generation}/activation`, at ? { at } : {}, headers));
const cancel = (generation) => order(`cancel ${generation}`, (headers) => remove(`/generations/${generation}/activation`, headers));
const rollBack = (generation) => order(`back ${generation}`, (headers) => post(`/generations/${generation}/rollback`, {}, headers));

export function drawReviewPanel() {
  const { review } = state;
  if (!review || state.draft || state.selected) return;
  const typing = document.activeElement?.dataset?.key === "review-at";
  if (typing && !review.busy) return; // news must not touch what is being written
  const panel = byId("panel");
  const top = panel.querySelector(".panel-body")?.scrollTop ?? 0;
  replace(panel,
    h("header", { class: "panel-head" }, h("h2", { id: "panel-title" }, t("review_title")),
      h("button", { type: "button", class: "icon-button", "aria-label": t("close"), data: { key: "close" }, onclick: act.close }, "✕")),
    h("div", { class: "panel-body review" },
      review.error ? problemBox(review.error) : null,
      workLine(review.list?.work),
      review.list ? h("ul", { class: "generations" }, review.list.items.map(generationRow)) : h("p", { class: "dim" }, t("loading")),
      review.chosen === null ? null : details(review)));
  panel.querySelector(".panel-body").scrollTop = top;
}

function generationRow(each) {
  const newest = new Map(each.loads.map((load) => [load.level, load.file ?? ""])); // a level that is loaded again is replaced
  const loads = [...newest].map(([level, file]) => `${slug("level", level)} ${file}`).join(" · ");
  const since = each.in_force.at(-1);
  const when = each.planned ? t("review_planned", { time: dayAndTime(each.planned.at), name: each.planned.by })
    : since ? t(since.until ? "review_was" : "review_since", { from: dayAndTime(since.from), until: since.until ? dayAndTime(since.until) : "", name: since.approved_by ?? "—" })
      : t("review_made", { age: ago(each.created_at) });
  return h("li", {}, h("button", { type: "button", class: "generation", "aria-pressed": String(state.review.chosen === each.generation),
    data: { key: `generation-${each.generation}`, generation: each.generation }, onclick: () => choose(each.generation) },
  h("strong", {}, t("review_n", { n: each.generation })), h("span", { class: `chip generation-${each.state}` }, slug("generation", each.state)),
  h("small", { class: "dim" }, when), loads ? h("small", { class: "dim" }, loads) : null));
}

/** What the background process is doing, or why it did not. */
function workLine(work) {
  if (!work || work.state === "cancelled" || work.state === "done") return null;
  const back = work.kind === "rollback-grids";
  const n = back ? work.arguments.from : work.arguments.generation;
  if (work.state === "failed") {
    return h("div", { class: "problem", role: "alert", data: { work: "failed" } },
      h("strong", {}, t(back ? "work_back_failed" : "work_failed", { n })), h("p", { class: "small", lang: "en" }, work.error ?? ""));
  }
  const { done, total } = work.progress;
  return h("p", { class: "warn-box", role: "status", data: { work: work.state } },
    t(back ? "work_back" : "work_running", { n }), total ? ` ${Math.round(100 * done / total)}%` : "");
}

const km2 = (m2) => (m2 >= 5_000 ? (m2 / 1e6).toFixed(2) : m2 > 0 ? "<0.01" : "0");
const ownGrids = (review) => review.differences.grids.filter((each) => each.level === review.level);

function details(review) {
  const item = review.list.items.find((each) => each.generation === review.chosen);
  const found = review.differences;
  if (!found) return review.error ? null : h("p", { class: "dim" }, t("review_comparing"));
  const moved = Math.max(0, ...LEVELS.map((level) => piecesOf({ ...review, level }).reduce((sum, each) => sum + each.properties.area_m2, 0)));
  const figure = (word, value) => h("div", {}, h("dt", {}, t(word)), h("dd", {}, value));
  return h("section", { class: "block", data: { review: review.chosen } },
    h("h3", {}, found.against === null ? t("review_first", { n: review.chosen }) : t("review_against", { n: review.chosen, before: found.against }),
      h("a", { class: "aside", href: `/generations/${review.chosen}/differences`, download: `generation-${review.chosen}.geojson` }, "GeoJSON ↓")),
    found.grids.length ? [
      h("dl", { class: "figures" }, figure("review_grids", String(found.grids.length)), figure("review_ground", km2(moved)), figure("review_addresses", String(found.addresses)),
        figure("review_teams", String(found.teams)), figure("review_cases", String(found.open_cases))),
      h("p", { class: "dim small" }, t("review_keeps")),
      found.codes.gone || found.codes.new ? h("p", { class: "warn small" }, t("review_codes", { gone: found.codes.gone, added: found.codes.new })) : null,
      levelChoice(review), changesTable(review),
    ] : h("p", { class: "dim" }, t("review_same")),
    may("LOAD") ? approval(review, item) : h("p", { class: "dim small" }, t("review_not_allowed")));
}

function levelChoice(review) {
  const counts = new Map(LEVELS.map((level) => [level, review.differences.grids.filter((each) => each.level === level).length]));
  return h("div", { class: "segments", role: "group", "aria-label": t("legend_levels") }, LEVELS.map((level) => h("button", {
    type: "button", "aria-pressed": String(review.level === level), disabled: !counts.get(level), data: { key: `review-${level}`, level },
    onclick: () => { change({ level, pointed: null, zoomed: null }); drawReviewPanel(); },
  }, t(`level.${level}`), h("span", { class: "n" }, String(counts.get(level))))));
}

function changesTable(review) {
  const grids = ownGrids(review);
  const name = (each) => (each.former_name && each.name && each.former_name !== each.name ? `${each.former_name} → ${each.name}` : each.name ?? each.former_name);
  const places = (each) => [["review_a", each.addresses], ["review_t", each.teams], ["review_c", each.open_cases]].filter(([, n]) => n).map(([word, n]) => t(word, { n }));
  return h("div", { class: "changes" }, h("table", {},
    h("thead", {}, h("tr", {}, ["review_grid", "review_gained", "review_lost", "review_places"].map((word, k) => h("th", { scope: "col", class: k ? "number" : "" }, t(word))))),
    h("tbody", {}, grids.slice(0, ROWS).map((each) => h("tr", {
      data: { code: each.code }, onmouseenter: () => change({ pointed: each.code }), onmouseleave: () => change({ pointed: null }),
    },
    h("td", {}, h("button", { type: "button", class: "link-button", data: { key: `change-${each.level}-${each.code}` },
      onclick: () => { change({ zoomed: each.code, pointed: each.code }); set({ view: "map" }); }, onfocus: () => change({ pointed: each.code }) }, name(each)),
    h("small", { class: "dim" }, each.changes.map((word) => slug("grid_change", word)).join(" · "))),
    h("td", { class: "number" }, km2(each.gained_m2)), h("td", { class: "number" }, km2(each.lost_m2)),
    h("td", { class: "number" }, places(each).map((words) => h("span", {}, words))))))),
  grids.length > ROWS ? h("p", { class: "dim small" }, t("review_more", { n: grids.length - ROWS })) : null);
}

/** Approve now or for a date, cancel what is planned, go back. Each is asked twice. */
function approval(review, item) {
  const { busy, sure } = review;
  const twice = (key, words, question, work, kind = "") => h("button", {
    type: "button", class: sure === key ? "danger" : kind, disabled: busy, data: { key, order: key },
    onclick: () => { if (sure === key) work(); else { change({ sure: key }); drawReviewPanel(); } },
  }, sure === key ? question : words);
  const back = sure ? h("button", { type: "button", class: "quiet", data: { key: "not-sure" }, onclick: () => { change({ sure: null }); drawReviewPanel(); } }, t("not_sure")) : null;
  if (item.state === "in-force") {
    const { rollback_to: to } = review.list;
    return to === null ? null : h("div", { class: "buttons" },
      twice("roll-back", t("review_back", { n: to }), t("review_back_sure", { n: item.generation, to }), () => rollBack(item.generation)), back);
  }
  const at = review.at ? instantOf(review.at) : null;
  return h("div", { class: "approval" },
    item.blocking ? h("p", { class: "warn-box" }, t("review_blocking")) : null,
    item.planned ? h("div", { class: "buttons" }, twice("cancel-plan", t("review_cancel"), t("review_cancel_sure"), () => cancel(item.generation))) : null,
    h("label", { class: "field" }, h("span", {}, t("review_at", { zone: zoneName() })),
      h("input", { type: "datetime-local", name: "at", value: review.at, data: { key: "review-at" },
        onchange: (event) => { state.review.at = event.target.value; event.target.blur(); change({ sure: null }); drawReviewPanel(); } })),
    h("div", { class: "buttons" },
      twice("approve", t(at ? "review_approve_at" : "review_approve"),
        at ? t("review_approve_at_sure", { n: item.generation, time: dayAndTime(at), wait: span(Math.max(0, (Date.parse(at) - Date.now()) / 1000)) }) : t("review_approve_sure", { n: item.generation }),
        () => activate(item.generation, at), "primary"), back));
}
