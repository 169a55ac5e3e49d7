/** Correcting a case: another place, or another owner. What would change is shown before anything is written. */

import { askBlock, dropCandidates, fullName, NOWHERE, placeOf } from "./candidates.js";
import { dayAndTime, span } from "./clock.js";
import { announce, byId, h, replace } from "./dom.js";
import { isPicking, pick, showPlace } from "./map.js";
import { join, teamName } from "./names.js";
import { problemBox } from "./problems.js";
import { get, now, post } from "./service.js";
import { district, set, state } from "./state.js";
import { slug, t } from "./words.js";

const LEVELS = ["regional", "township", "area", "village"];
const PREVIEW_AFTER_MS = 250;
const TYPING_MS = 800;
const COORDINATES = /^\s*(-?\d{1,3}(?:\.\d+)?)\s*[,，\s]\s*(-?\d{1,2}(?:\.\d+)?)\s*$/;
const REASONS = { place: ["reason_caller_place", "reason_team", "reason_map"], owner: ["reason_caller_owner", "reason_agreed", "reason_ordered"] };

let act = {}; // {shown(whole), changed(), choose(id)}
let asking = 0; // the number of the newest preview
let timer = null;
let grids = null; // the grids in force, read once the owner is to be chosen
let sent = { body: "", key: "" };

export function startCorrection(actions) {
  act = actions;
}

/** Begin a correction of the case in the panel: `kind` place or owner, with what is known already. */
export function openCorrection(kind, whole, { candidate = null, found = null, code = "", reason = "" } = {}) {
  sent = { body: "", key: "" };
  set({
    correction: { kind, of: whole.id, words: "", place: null, lon: null, lat: null, found, chosen: null, code, reason, preview: null, error: null, busy: false },
    view: "panel",
  });
  if (candidate !== null) choose(candidate);
  else if (code) preview();
  if (kind === "owner") readGrids();
}

export function closeCorrection() {
  if (!state.correction) return;
  clearTimeout(timer);
  asking += 1;
  if (isPicking()) pick(false);
  dropCandidates();
  set({ correction: null });
}

/** A point on the map while a place is corrected. */
export function placeCorrection(lon, lat) {
  const [x, y] = [lon, lat].map((degrees) => Math.round(degrees * 1e6) / 1e6);
  change({ place: { location: { lon: x, lat: y } }, lon: x, lat: y, words: "", found: null, chosen: null });
  dropCandidates();
  set({ view: "panel" });
  draw();
  preview();
}

/** Take a candidate of the address; null: none of them yet. */
export async function choose(n) {
  const { correction } = state;
  if (n === null) {
    change({ chosen: null, place: null, lon: null, lat: null });
    draw();
    return preview();
  }
  const candidate = correction.found.candidates[n];
  change({ chosen: n, lon: candidate.lon, lat: candidate.lat, place: null, reason: correction.reason || t("reason_confirmed", { place: fullName(candidate) }) });
  draw();
  showPlace(candidate.lon, candidate.lat);
  const place = await placeOf(candidate);
  if (state.correction?.of !== correction.of || state.correction.chosen !== n) return;
  change({ place });
  preview();
}

const change = (changes) => set({ correction: { ...state.correction, ...changes } });

async function readGrids() {
  if (grids?.generation === district()?.generation) return;
  try {
    grids = { generation: district()?.generation, items: (await get("/grids")).items };
  } catch (error) {
    change({ error });
  }
  if (state.correction?.kind === "owner") draw();
}

/** The body of the request without its reason, or null while something is missing. */
function body() {
  const { kind, place, code } = state.correction;
  return kind === "place" ? place : code ? { code } : null;
}

function preview(afterMs = PREVIEW_AFTER_MS, before = null) {
  clearTimeout(timer);
  const mine = (asking += 1);
  change({ preview: null, error: before });
  drawPreview();
  const content = body();
  if (!content) return;
  timer = setTimeout(async () => {
    const { of, kind } = state.correction ?? {};
    try {
      const answer = await post(`/incidents/${of}/${kind}/preview`, content);
      if (mine !== asking) return;
      const { lon, lat } = answer.location;
      const uncertain = content.address && answer.address?.confirm;
      change({ preview: answer, ...(kind === "place" ? { lon, lat } : {}), ...(uncertain ? { found: answer.address, chosen: null } : {}) });
      if (uncertain) draw();
      else if (content.address) showPlace(lon, lat);
    } catch (error) {
      if (mine !== asking) return;
      const nowhere = content.address && error.kind === "unknown-address";
      change({ error, ...(nowhere ? { found: NOWHERE } : {}) });
      if (nowhere) draw();
    }
    drawPreview();
  }, afterMs);
}

function draw() {
  const area = byId("correction");
  if (area) replace(area, ...parts());
  drawPreview();
}

/** The form in the place of the case's details. */
export const correctionForm = () => {
  const form = h("form", { id: "correction", class: "correction", novalidate: true, onsubmit: send }, ...parts());
  queueMicrotask(drawPreview);
  return form;
};

function parts() {
  const { kind, reason } = state.correction;
  return [
    h("header", { class: "correction-head" }, h("h3", {}, t(`correct_${kind}`)),
      h("button", { type: "button", class: "quiet", data: { key: "correction-close" }, onclick: closeCorrection }, t("not_sure"))),
    kind === "place" ? whereFields() : ownerFields(),
    h("div", { id: "correction-preview", "aria-live": "polite" }),
    h("label", { class: "field" }, h("span", {}, t("reason_label")),
      h("input", { type: "text", name: "reason", maxlength: 500, autocomplete: "off", value: reason, data: { key: "reason" },
        oninput: (event) => { state.correction.reason = event.target.value; drawSend(); } })),
    h("div", { class: "buttons small" }, REASONS[kind].map((word) => h("button", { type: "button", data: { key: word },
      onclick: () => { change({ reason: t(word) }); byId("correction").elements.reason.value = t(word); drawSend(); } }, t(word)))),
    h("div", { id: "correction-problem" }),
    h("button", { type: "submit", class: "primary wide", id: "correction-send", data: { key: "correction-send" } }, t(`correct_${kind}_send`)),
  ];
}

function whereFields() {
  const { words, found, chosen, lon, lat, place } = state.correction;
  const onMap = () => { set({ view: "map" }); pick(!isPicking()); };
  return h("div", { class: "correction-where" },
    h("label", { class: "field" }, h("span", {}, t("correct_where")),
      h("input", { type: "text", name: "where", maxlength: 500, autocomplete: "off", value: words, placeholder: t("correct_where_hint"), data: { key: "where" },
        oninput: (event) => readWhere(event.target.value) })),
    found?.confirm ? askBlock(found, { chosen, choose, pick: onMap })
      : h("div", { class: "by-map" },
        place?.location && lon !== null ? h("p", { class: "picked" }, t("picked", { lon: lon.toFixed(6), lat: lat.toFixed(6) })) : null,
        h("button", { type: "button", data: { key: "pick" }, onclick: onMap }, `◎ ${t("pick")}`)));
}

function readWhere(text) {
  const numbers = COORDINATES.exec(text)?.slice(1).map(Number);
  const had = Boolean(state.correction.found);
  const place = numbers ? { location: { lon: numbers[0], lat: numbers[1] } } : text.trim() ? { address: text.trim() } : null;
  change({ words: text, place, found: null, chosen: null, lon: numbers?.[0] ?? null, lat: numbers?.[1] ?? null });
  dropCandidates();
  if (had) draw();
  preview(TYPING_MS);
}

function ownerFields() {
  const { code } = state.correction;
  if (!grids) return h("p", { class: "dim" }, t("loading"));
  const list = h("select", { name: "code", size: 7, "aria-label": t("correct_owner"), data: { key: "code" },
    onchange: (event) => { change({ code: event.target.value }); preview(); } });
  const names = new Map(grids.items.map((each) => [each.code, each.name]));
  const fill = (words) => {
    const fits = (each) => !words || `${each.name} ${each.code} ${names.get(each.parent) ?? ""}`.toLowerCase().includes(words.trim().toLowerCase());
    list.replaceChildren(...["township", "village", "area", "regional"].map((level) => h("optgroup", { label: t(`level.${level}`) },
      grids.items.filter((each) => each.level === level && fits(each)).map((each) =>
        h("option", { value: each.code, selected: each.code === code }, names.has(each.parent) && level !== "township" ? `${each.name} · ${names.get(each.parent)}` : each.name)))));
  };
  fill("");
  return h("div", { class: "type-choice" },
    h("input", { type: "search", class: "search", placeholder: t("correct_owner_hint"), "aria-label": t("correct_owner_hint"), data: { key: "grid-words" },
      oninput: (event) => fill(event.target.value), onkeydown: (event) => { if (event.key === "Enter") event.preventDefault(); } }), list);
}

function drawSend() {
  const button = byId("correction-send");
  if (!button) return;
  const { preview: shown, reason, busy } = state.correction;
  button.disabled = busy || !shown || !reason.trim();
}

function drawPreview() {
  const area = byId("correction-preview");
  if (!area || !state.correction) return;
  const { preview: answer, error } = state.correction;
  replace(area, answer ? comparison(answer) : body() && !error ? h("p", { class: "dim" }, t("loading")) : null);
  replace(byId("correction-problem"), error ? problemBox(error, act.choose) : null);
  drawSend();
}

/** What is, beside what would be. */
function comparison(answer) {
  const { before, changes } = answer;
  const hidden = answer.ownership.rule === "outside-scope";
  const changed = new Set(changes);
  const row = (word, was, will, different = was !== will) => h("tr", { class: different ? "is-changed" : "", data: { row: word } },
    h("th", { scope: "row" }, t(word)), h("td", {}, was || "—"), h("td", {}, will || "—"));
  const owner = (owners, level) => owners?.[level]?.name ?? "";
  const target = (seconds) => (seconds ? span(seconds) : t("due_none"));
  const lead = (recommendation) => (recommendation.lead ? teamName(recommendation.lead.team_id) : t("no_lead_short"));
  const members = (recommendation) => join(recommendation.members.map((each) => teamName(each.team_id)));
  return h("section", { class: "comparison", data: { changes: changes.join(" ") } },
    changes.length ? null : h("p", { class: "dim" }, t("nothing_changes")),
    hidden ? h("p", { class: "warn-box" }, t("beyond_scope")) : null,
    answer.ownership.confirm ? h("p", { class: "warn" }, t("still_uncertain")) : null,
    h("table", {},
      h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, t("now_is")), h("th", { scope: "col" }, t("then_is")))),
      h("tbody", {},
        hidden ? null : LEVELS.map((level) => row(`level.${level}`, owner(before.owners, level), owner(answer.owners, level))),
        hidden ? null : [
          row("correct_class", slug("class", before.response_class), slug("class", answer.response_class)),
          row("target", target(before.target_s), target(answer.target_s)),
          row("handler", before.handler && teamName(before.handler.team_id), answer.handler && teamName(answer.handler.team_id)),
          row("lead_team", lead(before.recommendation), lead(answer.recommendation), changed.has("lead")),
          row("member_teams", members(before.recommendation), members(answer.recommendation), changed.has("members")),
        ])),
    hidden ? null : expectedLine(answer),
    teamsLine("teams_wrong", answer.teams_wrong), teamsLine("teams_missing", answer.teams_missing));
}

/** Whether they would be there in time. */
function expectedLine({ expected, due_at: due, timing }) {
  const { arrival_at: arrival, late } = expected;
  if (timing === null) return null;
  if (timing === "late" || timing === "met") return h("p", { class: timing === "met" ? "good" : "warn", data: { expected: timing } }, t(`expected_is_${timing}`));
  if (!arrival) return h("p", { class: "warn", data: { expected: "unknown" } }, t("expected_unknown"));
  const over = (Date.parse(arrival) - (due ? Date.parse(due) : now())) / 1000;
  return h("p", { class: late ? "warn" : "good", data: { expected: late ? "late" : "in-time" } },
    t(late ? "expected_late" : "expected_in_time", { time: dayAndTime(arrival), over: span(Math.abs(over)) }));
}

const teamsLine = (word, teams) => (teams?.length
  ? h("p", { class: "warn-box small", data: { teams: word } }, t(word, { teams: join(teams.map((each) => teamName(each.team_id))) })) : null);

async function send(event) {
  event.preventDefault();
  const { of, kind, reason, preview: shown } = state.correction;
  const content = body();
  if (!content || !shown || !reason.trim()) return;
  const whole = { ...content, reason: reason.trim(), recommendation_id: shown.recommendation_id };
  const text = `${kind} ${JSON.stringify(whole)}`;
  if (sent.body !== text) sent = { body: text, key: crypto.randomUUID() };
  change({ busy: true, error: null });
  drawPreview();
  try {
    const answer = await post(`/incidents/${of}/${kind}`, whole, { "Idempotency-Key": sent.key });
    announce(t("corrected_done"));
    closeCorrection();
    if (answer.ownership.rule === "outside-scope") act.gone();
    else act.shown(answer);
    act.changed();
  } catch (error) {
    if (!error.away) sent = { body: "", key: "" };
    if (state.correction?.of !== of) return;
    change({ busy: false, error });
    drawPreview();
    if (error.kind === "case-changed") preview(0, error); // beside the case as it is now
  }
}
