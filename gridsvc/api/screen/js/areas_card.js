/** The key of what is drawn over the map: which areas, how far they can be trusted, how long the answer is taking. */

import { cancelAreas, closeAreas, retryAreas } from "./areas.js";
import { span } from "./clock.js";
import { announce, byId, h, replace } from "./dom.js";
import { coverageKey } from "./coverage.js";
import { caseTitle, teamName } from "./names.js";
import { problemLine } from "./problems.js";
import { caseById, on, state, teamById } from "./state.js";
import { language, t } from "./words.js";

let announced = null;

export function startAreasCard() {
  on(["areas", "layers", "facts", "cases", "served", "drawing"], drawAreasCard);
  setInterval(() => {
    const passed = byId("areas-card").querySelector("[data-passed]");
    if (passed && state.areas) passed.textContent = waitedFor(state.areas);
  }, 500);
}

export function drawAreasCard() {
  const card = byId("areas-card");
  const parts = [state.areas ? areasKey(state.areas) : null, coverageKey()].filter(Boolean);
  replace(card, ...parts);
  card.hidden = !parts.length;
  tell();
}

function areasKey(areas) {
  return h("section", { data: { areas: areas.status } },
    h("header", {}, h("h3", {}, t(`areas_${areas.of.direction}`), h("span", { class: "aside" }, whose(areas.of))),
      h("button", { type: "button", class: "icon-button", "aria-label": t("areas_off"), title: t("areas_off"), data: { key: "areas-off" }, onclick: closeAreas }, "✕")),
    areas.status === "there" ? bandsKey(areas) : state_(areas));
}

function whose(of) {
  if (of.kind === "team") return teamName(of.team_id);
  if (of.kind === "place" || of.subject === "draft") return `${of.lon.toFixed(5)}, ${of.lat.toFixed(5)}`;
  const item = caseById(of.subject);
  return item ? caseTitle(item) : "";
}

function bandsKey(areas) {
  const rows = areas.bands.map((band, n) => {
    const found = areas.features[n];
    return h("li", {}, h("span", { class: `band band-${band.near ? "near" : "far"}`, "aria-hidden": "true" }),
      h("span", {}, h("strong", {}, areas.of.kind === "team" ? t("band_net", { target: band.target_min, time: span(band.minutes * 60) }) : t("band", { minutes: band.minutes })),
        h("small", { class: "dim" }, found?.geometry.coordinates.length ? trust(found.properties.certificate) : t("areas_empty"))));
  });
  const team = areas.of.kind === "team" ? teamById(areas.of.team_id) : null;
  return [h("ul", {}, rows), team ? h("p", { class: "dim small" }, t("areas_net")) : null];
}

/** The certificate in words: of so many points on roads near the edge, so many are on the wrong side. */
export function trust(certificate) {
  if (!certificate) return t("certificate_none");
  const percent = 100 * certificate.share;
  return t("certificate", {
    share: percent === 0 ? "0" : percent.toFixed(percent < 0.1 ? 2 : 1),
    wrong: certificate.wrong, points: certificate.points.toLocaleString(language),
  });
}

const waitedFor = (areas) => span((Date.now() - areas.startedAt) / 1000);

function state_(areas) {
  const again = (word) => h("button", { type: "button", data: { key: "areas-again" }, onclick: retryAreas }, t(word));
  if (areas.status === "asking") {
    return h("div", { class: "waiting" },
      h("div", { class: "busy", role: "progressbar", "aria-label": t("areas_asking") }),
      h("p", { class: "dim small" }, t("areas_asking"), " ", h("span", { data: { passed: "" } }, waitedFor(areas))),
      h("button", { type: "button", data: { key: "areas-cancel" }, onclick: cancelAreas }, t("cancel")));
  }
  if (areas.status === "cancelled") return h("div", { class: "waiting" }, h("p", { class: "dim small" }, t("areas_cancelled")), again("ask_again"));
  if (areas.status === "too_short") return h("p", { class: "warn small" }, t("areas_too_short"));
  const { error } = areas;
  return h("div", { class: "waiting" },
    h("p", { class: "warn small", role: "alert" }, error.slow ? t("areas_slow") : t("areas_failed", { why: problemLine(error) })),
    again("ask_again"));
}

/** What a screen reader hears: that an answer came, or that none did. */
function tell() {
  const { areas } = state;
  const key = areas && `${JSON.stringify(areas.of)} ${areas.status}`;
  if (key === announced) return;
  announced = key;
  if (areas?.status === "there") {
    announce(`${t(`areas_${areas.of.direction}`)}: ${areas.features.map((each) => trust(each.properties.certificate)).join("; ")}`);
  } else if (areas?.status === "cancelled") announce(t("areas_cancelled"));
}
