/** Starts the command screen: reads what it needs, keeps it fresh, and joins list, map and panel. */

import { startAreas } from "./areas.js";
import { drawAreasCard, startAreasCard } from "./areas_card.js";
import { drawAlarms, startAlarms } from "./alarms.js";
import { drawCaseList, drawFilters, searchAgain, startCaseList } from "./case_list.js";
import { chooseCandidate, drawCasePanel, showCorrected, startCasePanel } from "./case_panel.js";
import { closeCorrection, placeCorrection, startCorrection } from "./correction.js";
import { readServed, startCoverage } from "./coverage.js";
import { byId, h } from "./dom.js";
import { drawLayers, startLayers } from "./layers.js";
import { drawLegend, startLegend } from "./legend.js";
import { isPicking, pick, startMap } from "./map.js";
import { chooseDraft, closeReport, drawReportPanel, openReport, placeReport, startReportPanel } from "./report_panel.js";
import { closeReview, drawReviewPanel, openReview, startReviewPanel } from "./review_panel.js";
import { may } from "./rights.js";
import { get, poll, readSession, signOut } from "./service.js";
import { on, set, state } from "./state.js";
import { drawTopBar, startTopBar } from "./top_bar.js";
import { startWayBlock } from "./way_block.js";
import { startWays } from "./ways.js";
import { language, setLanguage, slug, t, translatePage } from "./words.js";

const CASES_MS = 3_000;
const TEAMS_MS = 5_000;
const SESSION_MS = 2_000; // until it is known
const FACTS_MS = 60_000;
const PROPOSALS_MS = 6_000;

let readCases = () => {};
let readTeams = () => {};
let readFactsNow = () => {};

const changed = () => {
  readCases();
  readTeams();
  searchAgain();
};

function choose(id) {
  if (state.draft) closeReport();
  closeReview();
  set({ selected: id, view: "panel" });
  byId("panel").focus({ preventScroll: true });
}

function close() {
  const from = state.selected;
  if (state.draft) closeReport();
  else if (state.review) closeReview();
  else set({ selected: null });
  set({ view: "map" });
  if (from && !state.selected) document.querySelector(`[data-case="${CSS.escape(from)}"]`)?.focus();
}

function place(lon, lat) {
  if (state.draft) placeReport(lon, lat);
  else if (state.correction?.kind === "place") placeCorrection(lon, lat);
  else report({ lon, lat });
}

function report(at = {}) {
  closeReview();
  openReport(at);
}

function review() {
  if (state.draft) closeReport();
  set({ selected: null });
  openReview();
}

function candidate(n) {
  if (state.draft) chooseDraft(n);
  else chooseCandidate(n);
}

function drawPanel() {
  const panel = byId("panel");
  const shown = Boolean(state.draft || state.selected || state.review);
  panel.hidden = !shown;
  document.body.classList.toggle("has-panel", shown);
  if (shown) panel.setAttribute("aria-labelledby", "panel-title");
  if (!state.draft && state.selected) drawCasePanel();
}

function drawTabs() {
  byId("tabs").replaceChildren(...["map", "cases", "panel"].map((view) => h("button", {
    type: "button", "aria-pressed": String(state.view === view),
    disabled: view === "panel" && !state.draft && !state.selected && !state.review, onclick: () => set({ view }),
  }, t(`tab_${view}`))));
  document.body.dataset.view = state.view;
}

/** Who is signed in; what they may not do is not offered. */
function drawSession() {
  const { session } = state;
  byId("new-report").hidden = !may("REPORT");
  byId("sign-out").hidden = !session || session.auth === "off";
  if (session) byId("sign-out").title = `${session.name} · ${slug("role", session.role)}`;
}

function drawLanguage() {
  const button = byId("language");
  button.textContent = t("other_language");
  button.lang = language === "zh" ? "en" : "zh-CN";
}

function redraw() {
  translatePage();
  drawLanguage();
  drawTopBar();
  drawFilters();
  drawCaseList();
  drawLegend();
  drawLayers();
  drawAreasCard();
  drawTabs();
  drawSession();
  drawAlarms();
  if (state.draft) drawReportPanel();
  else if (state.review) drawReviewPanel();
  else drawCasePanel();
  set({ teams: state.teams }); // the chips on the map carry a letter of the language
}

function keys(event) {
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key === "Escape") {
    if (isPicking()) pick(false);
    else if (state.correction) closeCorrection();
    else if (state.draft || state.selected || state.review) close();
  } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.key === "/") {
      event.preventDefault();
      byId("case-search").focus();
    } else if (event.key === "n" && may("REPORT")) report();
  }
}

/** Read the districts and the response plans; the screen cannot do without, so it keeps asking. */
async function readFacts() {
  const [facts, plans] = await Promise.all([get("/screen/facts"), get("/response-plans")]);
  set({ facts, plans: plans.items });
}

/** How many cases are closed, for the list's tab: asked rarely. */
async function countClosed() {
  const { counts } = await get("/screen/search?list=closed");
  set({ counts: { ...state.counts, closed: counts.closed, counted: counts.counted } });
}

async function start() {
  setLanguage(language);
  translatePage();
  drawLanguage();
  startTopBar(review);
  startCaseList(choose);
  startCasePanel({ choose, close, changed });
  startCorrection({ choose, changed, shown: showCorrected, gone: close });
  startReportPanel({ choose, close, changed });
  startReviewPanel({ close, activated: () => readFactsNow() });
  startLegend();
  startLayers();
  startWays();
  startWayBlock();
  startAreas();
  startCoverage();
  startAreasCard();
  startAlarms({ choose, changed });
  on(["session"], drawSession);
  on(["draft", "selected", "review"], drawPanel);
  on(["view", "draft", "selected", "review"], drawTabs);
  drawTabs();
  byId("new-report").addEventListener("click", () => report());
  byId("language").addEventListener("click", () => {
    setLanguage(language === "zh" ? "en" : "zh");
    redraw();
  });
  document.addEventListener("keydown", keys);

  poll(async () => {
    if (!state.session) set({ session: await readSession() });
  }, SESSION_MS);
  byId("sign-out").addEventListener("click", signOut);

  let mapStarted = false;
  readFactsNow = poll(async () => {
    await readFacts();
    readServed().catch(() => {}); // asked again with the facts
    countClosed().catch(() => {});
    if (mapStarted) return;
    mapStarted = true;
    startMap({ choose, place, candidate, reportHere: (lon, lat) => report({ lon, lat }) });
  }, FACTS_MS);
  readCases = poll(async () => {
    const { items, counts } = await get("/screen/cases");
    set({ cases: items, counts: { ...state.counts, ...counts } });
  }, CASES_MS);
  poll(async () => { set({ proposals: (await get("/proposals")).items }); }, PROPOSALS_MS);
  readTeams = poll(async () => { set({ teams: (await get("/teams")).items }); }, TEAMS_MS);
}

start();
