/** The list of cases: what is open, waits, is late, was closed, is a drill; found by words, chosen by click or keyboard. */

import { ago, isLate, lateness, span } from "./clock.js";
import { byId, h, replace } from "./dom.js";
import { iconCanvas } from "./map_icons.js";
import { typeName } from "./names.js";
import { problemLine } from "./problems.js";
import { get } from "./service.js";
import { caseById, isWaiting, on, set, state } from "./state.js";
import { slug, t } from "./words.js";

const FIRST_SHOWN = 60;
const MORE_SHOWN = 100;
const TYPING_MS = 250;
const REFRESH_MS = 10_000;

// The lists that the queue of open cases holds whole; the service finds the others, and all that is searched for.
const LISTS = {
  open: (item) => !item.drill,
  waiting: (item) => !item.drill && isWaiting(item),
  late: (item) => !item.drill && isLate(item),
  drills: (item) => Boolean(item.drill),
  closed: null,
};

const asked = { list: "open", words: "", urgency: "", shown: FIRST_SHOWN };
let choose = () => {};
let timer = null;
let wanted = ""; // the search whose answer is wanted
let answered = 0; // when it was answered
let failed = null;

export function startCaseList(onChoose) {
  choose = onChoose;
  drawFilters();
  on(["cases"], () => { if (Date.now() - answered > REFRESH_MS && asked.shown === FIRST_SHOWN) search(); });
  on(["cases", "found", "counts", "selected", "plans", "facts"], drawCaseList);
  setInterval(drawTimes, 1_000);
}

export function drawFilters() {
  const change = (changes, afterMs = 0) => {
    Object.assign(asked, changes, { shown: FIRST_SHOWN });
    byId("case-list").scrollTop = 0;
    search(afterMs);
    drawCaseList();
  };
  const words = h("input", {
    type: "search", id: "case-search", class: "search", placeholder: t("search_cases"), "aria-label": t("search_cases"), maxlength: 100,
    value: asked.words, oninput: (event) => change({ words: event.target.value }, TYPING_MS),
  });
  const tabs = h("div", { class: "segments", role: "group", "aria-label": t("cases") },
    Object.keys(LISTS).map((name) => h("button", {
      type: "button", "aria-pressed": String(asked.list === name), data: { filter: name },
      onclick: () => change({ list: name }),
    }, t(`filter_${name}`), h("span", { class: "n", data: { count: name } }))));
  const urgency = h("select", {
    "aria-label": t("urgency_any"), class: "small-select", onchange: (event) => change({ urgency: event.target.value }),
  }, ["", "emergency", "routine"].map((value) =>
    h("option", { value, selected: asked.urgency === value }, value ? slug("urgency", value) : t("urgency_any"))));
  byId("filters").replaceChildren(tabs, h("div", { class: "search-row" }, words, urgency));
  drawCaseList();
}

/** Whether the queue in the browser holds the list whole. */
const isHere = () => LISTS[asked.list] && !asked.words.trim() && !asked.urgency
  && (state.counts.open ?? 0) + (state.counts.drills ?? 0) <= state.cases.length;

/** Have the service find what is asked for, where the queue does not hold it. `more`: the page after those shown. */
function search(afterMs = 0, more = false) {
  clearTimeout(timer);
  const query = isHere() ? "" : String(new URLSearchParams({
    list: asked.list, ...(asked.words.trim() ? { q: asked.words.trim() } : {}), ...(asked.urgency ? { urgency: asked.urgency } : {}),
  }));
  if (query !== wanted) {
    wanted = query;
    failed = null;
    set({ found: null });
  }
  if (!query) return;
  timer = setTimeout(async () => {
    const before = more ? state.found?.items ?? [] : [];
    try {
      const answer = await get(`/screen/search?${query}${before.length ? `&after=${encodeURIComponent(state.found.next)}` : ""}`);
      if (query !== wanted || (more && state.found?.items.length !== before.length)) return; // that page is here already
      answered = Date.now();
      failed = null;
      set({ found: { ...answer, items: [...before, ...answer.items] } });
    } catch (error) {
      if (query !== wanted) return;
      failed = error;
      drawCaseList();
    }
  }, afterMs);
}

/** Ask again for what the service found: something about a case has changed. */
export function searchAgain() {
  if (wanted) search();
}

export function drawCaseList() {
  const here = isHere();
  const counts = here ? state.counts : state.found?.counts ?? {};
  for (const button of document.querySelectorAll("[data-filter]")) {
    const name = button.dataset.filter;
    button.setAttribute("aria-pressed", String(asked.list === name));
    button.querySelector(".n").textContent = countWords(name, counts);
  }
  const items = here ? state.cases.filter(LISTS[asked.list]) : state.found?.items ?? [];
  const rows = items.slice(0, asked.shown).map(row);
  if (!items.length && failed) rows.push(h("li", { class: "empty warn", role: "alert" }, problemLine(failed)));
  else if (!items.length && !here && !state.found) rows.push(h("li", { class: "empty" }, t("loading")));
  else if (!items.length && state.facts) rows.push(h("li", { class: "empty" }, t(asked.list === "open" && here ? "no_cases_yet" : "no_cases")));
  const behind = items.length - Math.min(asked.shown, items.length);
  if (behind > 0 || (!here && state.found?.next)) {
    const more = here || !state.found?.next ? Math.min(MORE_SHOWN, behind) : MORE_SHOWN;
    rows.push(h("li", {}, h("button", {
      type: "button", class: "quiet wide", data: { key: "more" },
      onclick: () => {
        asked.shown += more;
        if (!here && items.length < asked.shown && state.found.next) search(0, true);
        drawCaseList();
      },
    }, t("more_cases", { n: more }))));
  }
  replace(byId("case-list"), ...rows);
}

/** How many cases a list has, as words; closed ones are counted up to `counted`. */
const countWords = (name, counts) =>
  (name === "closed" && counts.closed >= counts.counted ? `${counts.counted}+` : String(counts[name] ?? ""));

function row(item) {
  const late = isLate(item);
  const waiting = isWaiting(item);
  const place = [item.township, item.village].filter(Boolean).join(" › ") || slug("rule", item.rule);
  return h("li", {},
    h("button", {
      type: "button", class: `case ${item.urgency} ${late ? "is-late" : ""} ${item.closed_at ? "is-closed" : ""}`,
      "aria-current": item.id === state.selected ? "true" : null, data: { key: item.id, case: item.id },
      onclick: () => choose(item.id),
    },
    iconCanvas(`case|${item.urgency}|${Number(waiting)}|${Number(late && !item.closed_at)}`, slug("urgency", item.urgency)),
    h("span", { class: "case-main" },
      h("span", { class: "case-title" }, h("span", { class: "no" }, `#${item.number}`),
        h("span", { class: "case-type" }, typeName(item)),
        item.drill ? h("span", { class: "chip drill" }, t("drill")) : null,
        item.lead_wanted && !item.closed_at ? h("span", { class: "chip lead-wanted" }, t("lead_wanted")) : null),
      h("span", { class: "case-place" }, place)),
    h("span", { class: "case-end" },
      h("span", { class: `chip status-${item.status}` }, slug("status", item.status)),
      h("span", { class: dueClass(item), data: { due: item.id } }, dueWords(item)))));
}

/** How a case stands to its target, in few words; for those without one, its age. */
export function dueWords(item) {
  const { kind, seconds } = lateness(item);
  if (kind === "running") return t("remaining", { time: span(seconds) });
  if (kind === "late") return t("overdue", { time: span(seconds) });
  if (kind === "met") return t("on_time", { time: span(seconds) });
  if (kind === "missed") return t("on_time_late", { time: span(seconds) });
  if (kind === "missing") return t("nobody_arrived");
  return ago(item.reported_at);
}

export const dueClass = (item) => `due due-${lateness(item).kind}`;

function drawTimes() {
  for (const element of document.querySelectorAll("[data-due]")) {
    const item = caseById(element.dataset.due);
    if (!item) continue;
    element.textContent = dueWords(item);
    element.className = dueClass(item);
  }
}
