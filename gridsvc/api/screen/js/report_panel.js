/** The form of a report: place, type, words; its owners and team are shown before anything is written. */

import { consideredSection, ownersSection, recommendationSection, responseSection } from "./answer.js";
import { askBlock, dropCandidates, NOWHERE, placeOf } from "./candidates.js";
import { announce, byId, h, replace } from "./dom.js";
import { isPicking, pick, showPlace } from "./map.js";
import { fieldName, typeName } from "./names.js";
import { problemBox } from "./problems.js";
import { post } from "./service.js";
import { district, planByType, set, state } from "./state.js";
import { waySection } from "./way_block.js";
import { language, slug, t } from "./words.js";

const DATUMS = ["WGS-84", "CGCS2000", "GCJ-02", "BD-09"];
const PREVIEW_AFTER_MS = 350;

let act = {}; // {close(), choose(id), changed()}
let form = null;
let asking = 0; // the number of the newest preview
let timer = null;
let sent = { body: "", key: "" }; // a repeated send of one body keeps its key, so that it makes one case

export function startReportPanel(actions) {
  act = actions;
}

/** Begin a report, with a place where one is known. */
export function openReport(place = {}) {
  const mode = place.lon === undefined ? state.draft?.mode ?? "map" : "map";
  set({ draft: { type: "", words: "", lon: null, lat: null, ...state.draft, ...place, mode }, proposal: null, view: "panel" });
  drawReportPanel();
  preview();
  if (state.draft.lon === null && mode === "map" && matchMedia("(min-width: 60rem)").matches) pick(true);
}

/** A click on the map while a report is open. */
export function placeReport(lon, lat) {
  dropCandidates();
  set({ draft: { ...state.draft, mode: "map", found: null, chosen: null, place: null, lon: round(lon), lat: round(lat) }, view: "panel" });
  drawReportPanel();
  preview();
}

export function closeReport() {
  clearTimeout(timer);
  asking += 1;
  pick(false);
  dropCandidates();
  form = null;
  set({ draft: null, proposal: null });
}

const round = (degrees) => Math.round(degrees * 1e6) / 1e6;

export function drawReportPanel() {
  const draft = state.draft;
  if (!draft) return;
  const modes = ["map", "coordinates", "address"];
  form = h("form", { class: "report", novalidate: true, onsubmit: send },
    h("div", { class: "panel-body" },
      h("fieldset", {},
        h("legend", {}, t("report_where")),
        h("div", { class: "segments", role: "group" }, modes.map((mode) => h("button", {
          type: "button", "aria-pressed": String(draft.mode === mode), data: { key: `mode-${mode}`, mode },
          onclick: () => { pick(false); dropCandidates(); set({ draft: { ...state.draft, mode } }); drawReportPanel(); preview(); },
        }, t(`report_by_${mode}`)))),
        draft.mode === "map" ? byMap(draft) : draft.mode === "coordinates" ? byCoordinates(draft) : byAddress(draft)),
      h("fieldset", {}, h("legend", {}, t("report_type")), typeChoice(draft)),
      h("label", { class: "field" }, h("span", {}, t("report_description")),
        h("textarea", { name: "description", rows: 2, maxlength: 2000, value: draft.description ?? "",
          oninput: (event) => { state.draft.description = event.target.value; } })),
      h("div", { id: "preview", class: "preview", "aria-live": "polite" })),
    h("footer", { class: "panel-foot" },
      h("div", { id: "report-problem" }),
      h("label", { class: "check" },
        h("input", { type: "checkbox", name: "drill", checked: draft.drill, onchange: (event) => { state.draft.drill = event.target.checked; } }),
        h("span", {}, t("report_drill"))),
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "primary grow", id: "send", data: { key: "send" } }, t("report_send")),
        h("button", { type: "button", data: { key: "cancel" }, onclick: act.close }, t("cancel")))));
  replace(byId("panel"),
    h("header", { class: "panel-head" }, h("h2", { id: "panel-title" }, t("report_title")),
      h("button", { type: "button", class: "icon-button", "aria-label": t("close"), data: { key: "close" }, onclick: act.close }, "✕")),
    form);
  drawPreview();
}

function byMap(draft) {
  return h("div", { class: "by-map" },
    draft.lon === null ? null : h("p", { class: "picked" }, t("picked", { lon: draft.lon.toFixed(6), lat: draft.lat.toFixed(6) })),
    h("button", { type: "button", data: { key: "pick" }, onclick: () => { set({ view: "map" }); pick(!isPicking()); } }, `◎ ${t("pick")}`));
}

function byCoordinates(draft) {
  const number = (name, shown) => h("label", { class: "field" }, h("span", {}, t(name)),
    h("input", { type: "text", inputmode: "decimal", autocomplete: "off", name, value: shown, data: { key: name },
      oninput: (event) => { state.draft[`${name}_text`] = event.target.value; readCoordinates(); } }));
  return h("div", { class: "by-coordinates" },
    number("lon", draft.lon_text ?? draft.lon ?? ""),
    number("lat", draft.lat_text ?? draft.lat ?? ""),
    h("label", { class: "field" }, h("span", {}, t("datum")),
      h("select", { name: "datum", data: { key: "datum" }, onchange: (event) => { state.draft.datum = event.target.value; readCoordinates(); } },
        DATUMS.map((name) => h("option", { value: name, selected: name === (draft.datum ?? "WGS-84") }, name)))));
}

/** What was typed becomes the draft's place; the service, not the form, judges what it may be. */
function readCoordinates() {
  const numbers = ["lon", "lat"].map((name) => {
    const text = String(state.draft[`${name}_text`] ?? state.draft[name] ?? "").trim().replace("，", ".").replace(",", ".");
    return text === "" ? null : Number(text);
  });
  const [lon, lat] = numbers.every(Number.isFinite) ? numbers : [null, null];
  set({ draft: { ...state.draft, lon, lat } });
  preview();
}

function byAddress(draft) {
  const example = district()?.address_example;
  return h("div", { class: "by-address" },
    h("label", { class: "field" }, h("span", {}, t("address")),
      h("input", { type: "text", name: "address", autocomplete: "off", placeholder: example ? t("address_hint", { example }) : t("address"), value: draft.address ?? "",
        data: { key: "address" }, oninput: (event) => readAddress(event.target.value) })),
    h("div", { id: "draft-ask" }, askDraft(draft)));
}

function readAddress(address) {
  set({ draft: { ...state.draft, address, found: null, chosen: null, place: null } });
  dropCandidates();
  drawAsk();
  preview(900);
}

/** Several places may be meant: what to ask the caller, and the places to choose from. */
function askDraft({ found, chosen }) {
  if (!found) return null;
  return askBlock(found, {
    chosen, choose: chooseDraft, pick: () => { set({ view: "map" }); pick(true); },
  });
}

function drawAsk() {
  const area = byId("draft-ask");
  if (area) replace(area, askDraft(state.draft));
}

/** Take a candidate of the address, with which the report is sent; null: none of them yet. */
export async function chooseDraft(n) {
  const each = state.draft.found?.candidates[n] ?? null;
  if (!each) {
    set({ draft: { ...state.draft, chosen: null, place: null, lon: null, lat: null } });
    drawAsk();
    return preview(0);
  }
  set({ draft: { ...state.draft, chosen: n, place: null, lon: each.lon, lat: each.lat } });
  drawAsk();
  showPlace(each.lon, each.lat);
  const place = await placeOf(each);
  if (state.draft?.chosen !== n) return;
  set({ draft: { ...state.draft, place } });
  preview(0);
}

/** A list to search; once chosen, one line, so that owners and team come into sight. */
function typeChoice(draft) {
  if (draft.type && !draft.choosing) {
    const plan = planByType(draft.type);
    return h("div", { class: "type-chosen" },
      h("span", { class: `sign ${plan?.urgency}`, "aria-hidden": "true" }, sign(plan)),
      h("strong", {}, plan ? typeName(plan) : draft.type),
      h("span", { class: "dim small" }, plan ? `${fieldName(plan.field)} · ${slug("urgency", plan.urgency)}` : ""),
      h("button", { type: "button", class: "link-button", data: { key: "change-type" }, onclick: () => {
        set({ draft: { ...state.draft, choosing: true, words: "" } });
        drawReportPanel();
        form.querySelector("[data-key='type-words']").focus();
      } }, t("change")));
  }
  const done = () => {
    if (!state.draft?.type) return;
    set({ draft: { ...state.draft, choosing: false } });
    drawReportPanel();
    form.querySelector("[data-key='change-type']")?.focus({ preventScroll: true });
  };
  const list = h("select", { name: "type", size: 8, required: true, "aria-label": t("report_type"), data: { key: "type" },
    onchange: (event) => { set({ draft: { ...state.draft, type: event.target.value, choosing: true } }); preview(); },
    onclick: (event) => { if (event.target.closest("option, select")?.value) done(); },
    onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); done(); } } });
  const fill = () => list.replaceChildren(...typeOptions(state.draft.words ?? ""));
  const search = h("input", { type: "search", class: "search", placeholder: t("search_types"), "aria-label": t("search_types"),
    value: draft.words ?? "", data: { key: "type-words" },
    oninput: (event) => { state.draft.words = event.target.value; fill(); },
    onkeydown: (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // the first that fits is meant
      const first = list.querySelector("option[value]:not([disabled])");
      if (!first) return;
      list.value = first.value;
      list.dispatchEvent(new Event("change"));
      done();
    } });
  fill();
  return h("div", { class: "type-choice" }, search, list);
}

const sign = (plan) => (plan?.urgency === "emergency" ? "▲" : "●");

function typeOptions(words) {
  const wanted = words.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const plans = state.plans.filter((plan) => {
    const text = `${plan.type} ${plan.name} ${plan.name_en ?? ""} ${fieldName(plan.field)} ${slug("urgency", plan.urgency)}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  if (!plans.length) return [h("option", { disabled: true }, t("no_types"))];
  const fields = [...new Set(plans.map((plan) => plan.field))];
  return fields.map((field) => h("optgroup", { label: fieldName(field) },
    plans.filter((plan) => plan.field === field)
      .sort((a, b) => (a.urgency === "emergency" ? 0 : 1) - (b.urgency === "emergency" ? 0 : 1) || typeName(a).localeCompare(typeName(b), language))
      .map((plan) => h("option", { value: plan.type, selected: plan.type === state.draft.type },
        `${sign(plan)} ${typeName(plan)}`))));
}

/** The body of the request, or null while something is missing. */
function body() {
  const { mode, lon, lat, datum, address, type, description, drill, place: taken } = state.draft;
  if (!type) return null;
  const place = mode === "address"
    ? taken ?? (address?.trim() ? { address: address.trim() } : null)
    : lon === null || lon === undefined ? null
      : { location: { lon, lat, ...(mode === "coordinates" && datum && datum !== "WGS-84" ? { datum } : {}) } };
  if (!place) return null;
  return { type, ...place, ...(description?.trim() ? { description: description.trim() } : {}), ...(drill ? { drill: true } : {}) };
}

function preview(afterMs = PREVIEW_AFTER_MS) {
  clearTimeout(timer);
  const mine = (asking += 1);
  problem(null);
  if (!body()) {
    set({ proposal: null });
    drawPreview();
    return;
  }
  timer = setTimeout(async () => {
    byId("preview")?.classList.add("is-working");
    try {
      const answer = await post("/recommendations", body());
      if (mine !== asking || !state.draft) return;
      const at = answer.location;
      const known = state.draft.lon !== null && state.draft.mode !== "address";
      const asked = unasked(answer) && !state.draft.place; // a place that is a question is drawn as its candidates
      const found = asked ? { found: answer.address, chosen: null, lon: null, lat: null } : known ? {} : { lon: at?.lon ?? null, lat: at?.lat ?? null };
      set({ proposal: answer, draft: { ...state.draft, ...found } });
      if (asked) drawAsk();
      else if (!known && at && !state.draft.found) showPlace(at.lon, at.lat);
      drawPreview();
    } catch (error) {
      if (mine !== asking || !state.draft) return;
      set({ proposal: null });
      drawPreview();
      if (error.kind !== "unknown-address") return problem(error);
      set({ draft: { ...state.draft, found: NOWHERE, chosen: null } });
      drawAsk();
    }
  }, afterMs);
}

function drawPreview() {
  const area = byId("preview");
  if (!area) return;
  area.classList.remove("is-working");
  const answer = state.proposal;
  const button = byId("send");
  if (button && !button.disabled) button.textContent = t(unasked(answer) ? "report_send_unasked" : "report_send");
  replace(area, h("h3", { class: "preview-title" }, t("preview")),
    ...(answer
      ? [unasked(answer) ? h("p", { class: "warn small" }, t("preview_first")) : null, ownersSection(answer), responseSection(answer), recommendationSection(answer), waySection(), consideredSection(answer)]
      : [h("p", { class: "dim" }, t("preview_wait"))]));
}

/** An emergency is taken all the same (R10); the button says that its place is a question yet. */
const unasked = (answer) => Boolean(answer?.address?.confirm);

function problem(error) {
  const area = byId("report-problem");
  if (area) replace(area, error ? problemBox(error, act.choose) : null);
}

async function send(event) {
  event.preventDefault();
  const draft = state.draft;
  if (draft.mode === "coordinates" && !Number.isFinite(draft.lon ?? NaN) && (draft.lon_text || draft.lat_text)) {
    return problem({ kind: "invalid-input", words: t("bad_coordinates") });
  }
  const content = body();
  if (!content) {
    return problem({ kind: "invalid-input", words: t(draft.type ? "need_place" : "need_type") });
  }
  const button = byId("send");
  button.disabled = true;
  button.textContent = t("report_sending");
  const text = JSON.stringify(content);
  if (sent.body !== text) sent = { body: text, key: crypto.randomUUID() };
  try {
    const made = await post("/incidents", content, { "Idempotency-Key": sent.key });
    sent = { body: "", key: "" };
    announce(t("report_done", { number: `#${made.number}` }));
    closeReport();
    act.changed();
    act.choose(made.id);
  } catch (error) {
    problem(error);
    button.disabled = false;
    drawPreview();
  }
}
