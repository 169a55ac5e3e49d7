/** The list of cases: what is open, who waits, who is late; found by words, chosen by click or keyboard. */

import { ago, isLate, lateness, span } from "./clock.js";
import { byId, h, replace } from "./dom.js";
import { iconCanvas } from "./map_icons.js";
import { typeName } from "./names.js";
import { isWaiting, on, state } from "./state.js";
import { slug, t } from "./words.js";

const FIRST_SHOWN = 60;
const FILTERS = {
  open: (item) => !item.closed_at,
  waiting: isWaiting,
  late: (item) => !item.closed_at && isLate(item),
  closed: (item) => Boolean(item.closed_at),
  all: () => true,
};

const asked = { filter: "open", words: "", urgency: "", shown: FIRST_SHOWN };
let choose = () => {};

export function startCaseList(onChoose) {
  choose = onChoose;
  drawFilters();
  on(["cases", "selected", "plans", "facts"], drawCaseList);
  setInterval(drawTimes, 1_000);
}

export function drawFilters() {
  const change = (changes) => {
    Object.assign(asked, changes, { shown: FIRST_SHOWN });
    drawCaseList();
  };
  const search = h("input", {
    type: "search", id: "case-search", class: "search", placeholder: t("search_cases"), "aria-label": t("search_cases"),
    value: asked.words, oninput: (event) => change({ words: event.target.value }),
  });
  const tabs = h("div", { class: "segments", role: "group", "aria-label": t("cases") },
    Object.keys(FILTERS).map((name) => h("button", {
      type: "button", "aria-pressed": String(asked.filter === name), data: { filter: name },
      onclick: () => change({ filter: name }),
    }, t(`filter_${name}`), h("span", { class: "n", data: { count: name } }))));
  const urgency = h("select", {
    "aria-label": t("urgency_any"), class: "small-select", onchange: (event) => change({ urgency: event.target.value }),
  }, ["", "emergency", "routine"].map((value) =>
    h("option", { value, selected: asked.urgency === value }, value ? slug("urgency", value) : t("urgency_any"))));
  byId("filters").replaceChildren(tabs, h("div", { class: "search-row" }, search, urgency));
  drawCaseList();
}

function found() {
  const words = asked.words.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return state.cases.filter((item) => {
    if (!FILTERS[asked.filter](item)) return false;
    if (asked.urgency && item.urgency !== asked.urgency) return false;
    const text = `#${item.number} ${typeName(item)} ${item.type} ${item.township ?? ""} ${item.village ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  }).sort(byPriority);
}

/** Open before closed; emergencies that wait first, then those that are late, then the newest. */
function byPriority(a, b) {
  const rank = (item) =>
    item.closed_at ? 4 : item.urgency !== "emergency" ? 3 : isWaiting(item) ? 0 : !item.arrived_at && isLate(item) ? 1 : 2;
  return rank(a) - rank(b) || Date.parse(b.reported_at) - Date.parse(a.reported_at);
}

export function drawCaseList() {
  for (const button of document.querySelectorAll("[data-filter]")) {
    const name = button.dataset.filter;
    button.setAttribute("aria-pressed", String(asked.filter === name));
    button.querySelector(".n").textContent = name === "all" ? "" : String(state.cases.filter(FILTERS[name]).length);
  }
  const items = found();
  const rows = items.slice(0, asked.shown).map(row);
  if (!items.length && state.facts) {
    rows.push(h("li", { class: "empty" }, state.cases.length ? t("no_cases") : t("no_cases_yet")));
  }
  if (items.length > asked.shown) {
    const more = Math.min(100, items.length - asked.shown);
    rows.push(h("li", {}, h("button", {
      type: "button", class: "quiet wide", data: { key: "more" },
      onclick: () => { asked.shown += more; drawCaseList(); },
    }, t("more_cases", { n: more }))));
  }
  replace(byId("case-list"), ...rows);
}

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
        item.drill ? h("span", { class: "chip drill" }, t("drill")) : null),
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
  return ago(item.reported_at);
}

export const dueClass = (item) => `due due-${lateness(item).kind}`;

function drawTimes() {
  const byId_ = new Map(state.cases.map((item) => [item.id, item]));
  for (const element of document.querySelectorAll("[data-due]")) {
    const item = byId_.get(element.dataset.due);
    if (!item) continue;
    element.textContent = dueWords(item);
    element.className = dueClass(item);
  }
}

