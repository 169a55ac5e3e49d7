/** One case: whose, who goes, what happened, and what may happen next. */

import { consideredSection, finest, ownersSection, recommendationSection, responseSection, teamRow, unfilledBlock } from "./answer.js";
import { askBlock, dropCandidates } from "./candidates.js";
import { ago, dayAndTime, span, timeOf } from "./clock.js";
import { dueClass, dueWords } from "./case_list.js";
import { choose as chooseInForm, closeCorrection, correctionForm, openCorrection } from "./correction.js";
import { announce, byId, h, replace } from "./dom.js";
import { pick, showPlace } from "./map.js";
import { caseTitle, join, teamName, typeName } from "./names.js";
import { alertsBlock } from "./persons.js";
import { problemBox } from "./problems.js";
import { get, post } from "./service.js";
import { may, mayStep } from "./rights.js";
import { caseById, on, set, state } from "./state.js";
import { waySection } from "./way_block.js";
import { language, slug, t } from "./words.js";

const QUIET_STEPS = new Set(["cancel", "reopen"]);
const ENDS_ENGAGEMENTS = new Set(["archive", "cancel"]);
const NEEDS_REASON = new Set(["decline", "withdraw"]);

const UNSENT = { body: "", key: "" };

const panel = { id: null, events: [], error: null, note: "", sure: null, busy: false, sent: UNSENT, folds: new Set(), drawn: null };
let act = {}; // {choose(id), close(), changed()}

export function startCasePanel(actions) {
  act = actions;
  on(["selected"], open);
  on(["shown", "teams", "plans", "facts", "session"], () => {
    if (!state.correction) drawCasePanel(); // news must not touch what is being written
  });
  let correcting = null;
  on(["correction"], () => {
    const now = state.correction && `${state.correction.kind} ${state.correction.of}`;
    if (now === correcting) return;
    correcting = now;
    drawCasePanel();
    byId("panel").querySelector(now ? "#correction input" : "[data-key=correct-place]")?.focus({ preventScroll: true });
  });
  on(["cases"], () => {
    // Something about the case changed since it was read: read it again.
    const item = caseById(state.selected);
    if (item && state.shown?.id === item.id && signature(item) !== panel.signature) refresh();
  });
}

const signature = (item) => JSON.stringify([item.status, item.waiting, item.lead_wanted, item.timing, item.arrived_at, item.moving_at, item.teams]);

function open() {
  if (panel.id === state.selected) return;
  closeCorrection();
  dropCandidates();
  Object.assign(panel, { id: state.selected, events: [], error: null, note: "", sure: null, busy: false, sent: UNSENT });
  panel.folds.clear();
  set({ shown: null });
  if (state.selected) refresh();
}

async function refresh() {
  const id = state.selected;
  if (!id) return;
  try {
    const [whole, events] = await Promise.all([get(`/incidents/${id}`), get(`/incidents/${id}/events`)]);
    if (state.selected !== id) return;
    panel.events = events.items;
    show(whole);
  } catch (error) {
    if (state.selected !== id) return;
    panel.error ??= error; // a refusal is worth more than that the case cannot be read again
    drawCasePanel();
  }
}

/** The case after its correction. */
export function showCorrected(whole) {
  show(whole);
  refresh();
}

function show(whole) {
  const item = caseById(whole.id);
  panel.signature = item ? signature(item) : null;
  set({ shown: whole });
}

async function take(step, teamId = null) {
  if (NEEDS_REASON.has(step) && !panel.note.trim()) {
    panel.error = { kind: "reason-missing", words: t("reason_needed", { step: slug("step", step) }) };
    drawCasePanel();
    byId("step-note")?.focus();
    return;
  }
  Object.assign(panel, { busy: true, error: null, sure: null });
  drawCasePanel();
  try {
    const body = { step, ...(teamId ? { team_id: teamId } : {}), ...(panel.note.trim() ? { note: panel.note.trim() } : {}) };
    const text = JSON.stringify(body);
    if (panel.sent.body !== text) panel.sent = { body: text, key: crypto.randomUUID() };
    const whole = await post(`/incidents/${state.selected}/steps`, body, { "Idempotency-Key": panel.sent.key });
    panel.sent = UNSENT;
    panel.note = "";
    announce(step === "assign" && whole.sent ? t("sent", { n: whole.sent.length }) : t("step_done", { step: slug("step", step) }));
    show(whole);
  } catch (error) {
    panel.error = error;
    if (!error.away) panel.sent = UNSENT; // a refusal is an answer; only silence is repeated under the same key
  }
  panel.busy = false;
  await refresh();
  act.changed();
}

export function drawCasePanel() {
  if (state.draft || !state.selected) return;
  const whole = state.shown;
  const parts = whole ? casePanel(whole)
    : panel.error ? [head(t("cases"), null), problemBox(panel.error)]
      : [head(t("loading"), null)];
  const top = byId("panel").querySelector(".panel-body")?.scrollTop ?? 0;
  replace(byId("panel"), ...parts);
  const body = byId("panel").querySelector(".panel-body");
  if (body && panel.drawn === state.selected) body.scrollTop = top; // news must not move what is being read
  panel.drawn = state.selected;
}

function head(title, item) {
  return h("header", { class: "panel-head" },
    h("div", {}, item ? h("p", { class: "panel-no" }, `#${item.number}`,
      h("span", { class: `chip status-${item.status}` }, slug("status", item.status)),
      h("span", { class: `chip urgency-${item.urgency}` }, slug("urgency", item.urgency)),
      item.drill ? h("span", { class: "chip drill" }, t("drill")) : null,
      item.lead_wanted ? h("span", { class: "chip lead-wanted" }, t("lead_wanted")) : null) : null,
    h("h2", { id: "panel-title" }, title)),
    h("button", { type: "button", class: "icon-button", "aria-label": t("close"), data: { key: "close" }, onclick: act.close }, "✕"));
}

// Teams that the case engages, then those that have it on their work list only.
function teamsOn(whole) {
  return [...whole.assignments, ...(whole.work_list ?? [])];
}

/** The road to which the times of the teams are: which it is, at what level, and how far from the place. */
function sceneRoad(road) {
  if (!road) return null;
  const words = t("scene_road", { metres: Math.round(road.offroad_m), road: road.name ?? t("road_without_name") });
  return h("span", { title: road.level ? slug("road_level", road.level) : "" },
    road.level && road.level !== "surface" ? `${words} (${slug("road_level", road.level)})` : words);
}

function casePanel(whole) {
  if (state.correction?.of === whole.id) return [head(typeName(whole), whole), h("div", { class: "panel-body" }, correctionForm())];
  const brief = caseById(whole.id) ?? briefOf(whole);
  const live = teamsOn(whole).filter((each) => !each.until);
  return [
    head(typeName(whole), whole),
    h("div", { class: "panel-body" },
      h("p", { class: "facts" },
        h("span", { class: dueClass(brief), data: { due: whole.id } }, dueWords(brief)),
        h("span", {}, `${t("reported_at")} ${dayAndTime(whole.reported_at)} (${ago(whole.reported_at)})`),
        h("button", { type: "button", class: "link-button", data: { key: "zoom" },
          onclick: () => { set({ view: "map" }); showPlace(whole.location.lon, whole.location.lat, { zoom: 14 }); } },
        `${whole.location.lon.toFixed(5)}, ${whole.location.lat.toFixed(5)}`),
        sceneRoad(whole.location.road)),
      whole.description ? h("p", { class: "said" }, whole.description) : null,
      whole.possible_duplicates?.length ? duplicates(whole) : null,
      panel.error ? problemBox(panel.error, act.choose) : null,
      whichPlace(whole),
      whole.lead_wanted ? h("p", { class: "warn-box", data: { leadWanted: "" } }, t("lead_wanted_long")) : null,
      alertsBlock(whole),
      nextSteps(whole, live),
      waySection(),
      live.length || teamsOn(whole).length ? assignments(whole) : null,
      responseSection(whole),
      live.length ? afterOrder(whole) : recommendationSection(whole),
      ownersSection(whole, mayCorrect(whole) ? (choice) => openCorrection("owner", whole, {
        code: finest(choice.owners).code, reason: t("reason_replied", { reply: choice[language] }),
      }) : null),
      correctButtons(whole),
      consideredSection(whole),
      timeline(whole)),
  ].map(keepFolds);
}

const mayCorrect = (whole) => may("CORRECT") && !whole.archived_at && !whole.cancelled_at;

/** The address of the report may mean several places: ask, and move the case to the one that it is. */
function whichPlace(whole) {
  const { address } = whole;
  if (!address?.confirm || !mayCorrect(whole)) {
    dropCandidates();
    return null;
  }
  return askBlock(address, {
    choose: (n) => openCorrection("place", whole, { found: address, candidate: n }),
    pick: () => { openCorrection("place", whole); set({ view: "map" }); pick(true); },
  });
}

/** A candidate was clicked on the map. */
export function chooseCandidate(n) {
  const { shown, correction } = state;
  if (correction) chooseInForm(n);
  else if (shown?.address?.confirm) openCorrection("place", shown, { found: shown.address, candidate: n });
}

function correctButtons(whole) {
  if (!mayCorrect(whole)) return null;
  return h("div", { class: "buttons small" }, ["place", "owner"].map((kind) => h("button", {
    type: "button", data: { key: `correct-${kind}`, correct: kind }, onclick: () => openCorrection(kind, whole),
  }, t(`correct_${kind}`))));
}

/** What the list would say of a case that it does not hold (an old closed one). */
export const briefOf = (whole) => ({
  ...whole, closed_at: whole.archived_at ?? whole.cancelled_at,
  due_at: whole.arrived_at ? null : whole.due_at, // the target's: over with the arrival that stops the clock
});

/** With teams on the way: what the last order left unfilled in sight, what was recommended at the report folded. */
function afterOrder(whole) {
  const order = panel.events.findLast((event) => event.kind === "assign")?.data?.recommendation ?? whole.recommendation;
  return [
    unfilledBlock(order?.unfilled),
    h("details", { class: "block", data: { fold: "recommended" } },
      h("summary", {}, t("recommended_at_report")), recommendationSection(whole)),
  ];
}

function keepFolds(element) {
  for (const fold of element.querySelectorAll("[data-fold]")) {
    fold.open = panel.folds.has(fold.dataset.fold);
    fold.addEventListener("toggle", () => panel.folds[fold.open ? "add" : "delete"](fold.dataset.fold));
  }
  return element;
}

function nextSteps(whole, live) {
  const legal = (whole.legal_steps ?? []).filter(mayStep);
  if (!legal.length) return null;
  const usual = legal.includes("assign") && !live.length ? "assign"
    : legal.find((step) => !QUIET_STEPS.has(step) && step !== "assign") ?? null;
  return h("section", { class: "block steps" },
    h("h3", {}, t("steps")),
    h("div", { class: "buttons" }, legal.map((step) => {
      const word = step === "assign" && live.length ? t("step.assign_again") : slug("step", step);
      const out = ENDS_ENGAGEMENTS.has(step) ? live : [];
      const asks = step === "cancel" || out.length > 0;
      return h("button", {
        type: "button", disabled: panel.busy, data: { key: `step-${step}`, step },
        class: step === "cancel" || panel.sure === step ? "danger" : step === usual ? "primary" : "",
        onclick: () => {
          if (asks && panel.sure !== step) {
            panel.sure = step;
            drawCasePanel();
          } else take(step);
        },
      }, asks && panel.sure === step ? t("sure", { step: word }) : word);
    }), panel.sure ? h("button", { type: "button", class: "quiet", data: { key: "not-sure" },
      onclick: () => { panel.sure = null; drawCasePanel(); } }, t("not_sure")) : null),
    panel.sure && live.length && ENDS_ENGAGEMENTS.has(panel.sure)
      ? h("p", { class: "warn-box", role: "alert", data: { outstanding: live.length } },
        t("teams_outstanding", { n: live.length, teams: join(live.map((each) => teamName(each.team_id))), step: slug("step", panel.sure) })) : null,
    h("input", {
      type: "text", id: "step-note", class: "note", placeholder: t("note"), "aria-label": t("note"), maxlength: 500,
      value: panel.note, data: { key: "note" }, oninput: (event) => { panel.note = event.target.value; },
    }));
}

function assignments(whole) {
  return h("section", { class: "block" },
    h("h3", {}, t("team_now"), h("span", { class: "aside" }, t("team"))),
    h("ul", { class: "team" }, teamsOn(whole).map((each) => {
      const stamps = [["assigned", each.since], ["acknowledge", each.acknowledged_at], ["en_route", each.en_route_at], ["on_scene", each.on_scene_at]]
        .filter(([, at]) => at);
      return teamRow(each, each.lead, h("div", { class: `engagement ${each.until ? "is-over" : ""}` },
        h("ol", { class: "stamps" }, stamps.map(([step, at]) =>
          h("li", {}, step === "assigned" ? slug("event", "assign") : slug("event", step), " ", h("time", { datetime: at }, timeOf(at)))),
        each.until ? h("li", {}, slug("outcome", each.outcome), " ", h("time", { datetime: each.until }, timeOf(each.until))) : null),
        each.preempted_by ? h("p", { class: "warn small" }, t("preempted_by"), " ",
          h("button", { type: "button", class: "link-button", data: { key: `preempted ${each.team_id}` }, onclick: () => act.choose(preempting(each).id) },
            preempting(each).title)) : null,
        (each.legal_steps ?? []).some(mayStep) ? h("div", { class: "buttons small" }, each.legal_steps.filter(mayStep).map((step) => h("button", {
          type: "button", disabled: panel.busy, data: { key: `${each.team_id} ${step}`, step, of: each.team_id },
          class: NEEDS_REASON.has(step) ? "quiet" : "", onclick: () => take(step, each.team_id),
        }, slug("step", step)))) : null));
    })));
}

/** The live case that took a team from this drill: `preempted_by` is its id, or {id, number}. */
function preempting(each) {
  const { id = each.preempted_by, number = null } = Object(each.preempted_by) === each.preempted_by ? each.preempted_by : {};
  const item = caseById(id);
  return { id, title: item ? caseTitle(item) : number ? t("case_no", { number: `#${number}` }) : t("open_the_case") };
}

function duplicates(whole) {
  return h("div", { class: "warn-box" }, h("strong", {}, t("duplicates")),
    h("ul", {}, whole.possible_duplicates.map((each) => h("li", {},
      h("button", { type: "button", class: "link-button", onclick: () => act.choose(each.id) },
        t("duplicate_row", { number: `#${each.number}`, type: typeName(each), distance: `${each.distance_m} m` }))))));
}

function timeline(whole) {
  const rows = panel.events.map((event) => {
    const data = event.data ?? {};
    const teams = data.team_id ? [data.team_id] : (data.engagements ?? []).map((each) => each.team_id);
    const took = (Date.parse(event.at) - Date.parse(whole.reported_at)) / 1000;
    return h("li", { class: `event event-${event.kind}` },
      h("time", { datetime: event.at, title: dayAndTime(event.at) }, timeOf(event.at)),
      h("span", {}, h("strong", {}, slug("event", event.kind)),
        teams.length ? h("span", {}, ` ${join(teams.map(teamName))}`) : null,
        event.note ? h("em", {}, `“${event.note}”`) : null,
        data.backfilled ? h("small", { class: "tag" }, t("backfilled")) : null),
      h("small", { class: "dim" }, event.kind === "report" ? "" : `+${span(took)}`));
  });
  return h("section", { class: "block" }, h("h3", {}, t("timeline")),
    h("ol", { class: "timeline" }, rows.length ? rows : h("li", { class: "dim" }, t("timeline_empty"))));
}
