/** The top bar: which district, what is made up, the counts that matter, whether data is fresh, the district's clock. */

import { span, timeOf, zoneName } from "./clock.js";
import { byId, h, replace } from "./dom.js";
import { derivedLevels, join } from "./names.js";
import { may } from "./rights.js";
import { link, now, onLink } from "./service.js";
import { district, on, state } from "./state.js";
import { t } from "./words.js";

let review = () => {}; // opens the versions of the grids

export function startTopBar(openReview) {
  review = openReview;
  on(["facts", "session"], drawDistrict);
  on(["counts", "teams"], drawCounters);
  onLink(drawLink);
  setInterval(() => {
    drawLink();
    drawClock();
  }, 1_000);
  drawTopBar();
}

export function drawTopBar() {
  drawDistrict();
  drawCounters();
  drawLink();
  drawClock();
}

function drawDistrict() {
  const place = district();
  const name = place ? place.name.replace(/\s*\(synthetic\)$/, "") : "gridsvc"; // the badge beside it says so
  byId("district").textContent = `${name} · ${t("title")}`;
  document.title = `${name} · ${t("title")} gridsvc`;
  if (!place) return;
  const drawn = derivedLevels();
  const about = place.synthetic ? t("synthetic_long") : drawn.length ? t("derived_long", { levels: join(drawn) }) : t("demo_long");
  const notes = place.notes ?? [];
  const made = place.synthetic || drawn.length || notes.length;
  replace(byId("about"),
    made ? h("details", { class: "made-up" },
      h("summary", { data: { key: "made-up" } }, h("span", { class: "badge" }, place.synthetic ? t("synthetic") : t("synthetic_parts"))),
      h("div", { class: "made-up-words" }, h("p", {}, about), ...notes.map((note) => h("p", {}, note)))) : null,
    may("LOAD") ? h("button", { type: "button", class: "link-button", title: t("review_title"), data: { key: "generations" }, onclick: review },
      t("generation", { n: place.generation ?? "—" }))
      : place.generation ? h("span", {}, t("generation", { n: place.generation })) : null);
}

function drawCounters() {
  const free = state.teams.filter((team) => team.status === "available").length;
  const { open, waiting, late } = state.counts;
  const counters = [
    ["count_open", open ?? "—", ""],
    ["count_waiting", waiting ?? "—", waiting ? "is-waiting" : ""],
    ["count_late", late ?? "—", late ? "is-late" : ""],
    ["count_free", t("of", { n: free, all: state.teams.length }), ""],
  ];
  replace(byId("counters"), ...counters.map(([word, value, mood]) =>
    h("div", { class: `counter ${mood}` }, h("dt", {}, t(word)), h("dd", {}, String(value)))));
}

function drawLink() {
  const away = link.awaySince !== null;
  const element = byId("link");
  element.classList.toggle("is-away", away);
  const time = link.answeredAt ? timeOf(link.answeredAt + link.aheadMs) : "—";
  const age = span((Date.now() - (link.awaySince ?? Date.now())) / 1000);
  element.textContent = away ? t("link_away", { age }) : t("link_live", { time });
  const banner = byId("away");
  banner.hidden = !away;
  if (away) banner.textContent = t("away", { age, time });
}

function drawClock() {
  if (!district()) return;
  byId("clock").textContent = `${timeOf(now())} ${zoneName()}`;
}
