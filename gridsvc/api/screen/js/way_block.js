/** The ways to the scene in the panel: minutes and kilometres of each team, and one team laid beside the lead. */

import { span, timeOf } from "./clock.js";
import { announce, byId, h, replace } from "./dom.js";
import { showTeamAreas } from "./areas.js";
import { teamName } from "./names.js";
import { problemLine } from "./problems.js";
import { on, set, state, teamById } from "./state.js";
import { askAgain, compare, sceneNow } from "./ways.js";
import { t } from "./words.js";

let announced = ""; // what was announced last

export function startWayBlock() {
  on(["ways", "compared", "layers"], drawWays);
}

export const kilometres = (metres) => `${(metres / 1000).toFixed(metres < 9_950 ? 2 : 1)} km`;

/** The block of the panel; `drawWays` fills it whenever an answer comes. */
export function waySection() {
  const section = h("section", { class: "block ways", id: "ways" });
  fill(section);
  return section;
}

/** A team's name that shows its way when pressed. */
export function wayButton(id) {
  return h("button", {
    type: "button", class: "way-button", data: { way: id, key: `way ${id}` }, title: t("way_show"),
    "aria-pressed": String(state.compared === id), onclick: () => compare(id),
  }, teamName(id));
}

function drawWays() {
  const section = byId("ways");
  if (section) fill(section);
  for (const button of document.querySelectorAll("[data-way]")) {
    button.setAttribute("aria-pressed", String(state.compared === button.dataset.way));
  }
  tell();
}

function fill(section) {
  const lead = state.ways.find((way) => way.role === "lead");
  const scene = sceneNow();
  replace(section,
    h("h3", {}, t("ways"), h("span", { class: "aside" }, t("ways_profile"))),
    state.ways.length
      ? h("ul", { class: "way-list" }, state.ways.map((way) => row(way, lead)))
      : h("p", { class: "dim small" }, t(scene?.closed ? "ways_closed" : "ways_none")),
    scene ? h("p", { class: "dim small" }, t("ways_hint")) : null);
}

function row(way, lead) {
  const strong = way.role === "compared" || (way.role === "member" && way.team_id === state.compared);
  const point = (id) => () => set({ pointed: id });
  return h("li", {
    class: `way way-${strong ? "compared" : way.role}`, data: { wayOf: way.team_id, status: way.status ?? "asking" },
    onmouseenter: point(way.team_id), onmouseleave: point(null), onfocusin: point(way.team_id), onfocusout: point(null),
  },
  h("span", { class: "way-sample", "aria-hidden": "true" }),
  h("span", { class: "way-name" }, wayButton(way.team_id), h("small", { class: "dim" }, t(`way_${way.role}`))),
  h("strong", { class: "way-time" }, way.status === "there" ? span(way.seconds) : way.status === "none" ? t("unreachable") : "—"),
  h("small", { class: "way-more dim" }, figures(way), h("span", {}, start(way)), stationButton(way)),
  note(way, lead, strong),
  buttons(way));
}

function figures(way) {
  if (way.status !== "there") return null;
  return [h("span", { class: "way-seconds" }, `${way.seconds.toFixed(1)} s`), h("span", { class: "way-length" }, kilometres(way.length_m))];
}

/** Where the team starts, and how fresh that is. */
function start(way) {
  const team = teamById(way.team_id);
  if (!team?.position) return null;
  return team.at_station ? t("way_from_station") : t("way_from_position", { age: span(team.age_s ?? 0) });
}

const stationButton = (way) => teamById(way.team_id)
  ? h("button", { type: "button", class: "link-button", data: { key: `areas ${way.team_id}`, areasOf: way.team_id },
    onclick: () => showTeamAreas(way.team_id) }, t("areas_of_team"))
  : null;

function note(way, lead, strong) {
  const words = (mood, ...children) => h("small", { class: `way-note ${mood}` }, ...children);
  if (way.arrived) return words("good", t("way_arrived", { time: timeOf(way.arrived) }));
  if (way.status === "unplaced") return words("warn", t("way_unplaced"));
  if (way.status === "none") return words("warn", t("way_nowhere"));
  if (way.status === "failed") return words("warn", why(way.error));
  if (way.status !== "there") return words("dim", t("way_asking"));
  const moved = way.predicted_s !== undefined && way.predicted_s !== null && Math.abs(way.predicted_s - way.seconds) > 0.5;
  if (strong && lead?.status === "there" && lead.team_id !== way.team_id) return words("", difference(way.seconds - lead.seconds));
  if (moved && !state.draft) return words("dim", t("way_predicted", { time: span(way.predicted_s) }));
  return !way.line ? words("good", t("way_here")) : null;
}

function difference(seconds) {
  if (Math.abs(seconds) < 0.5) return t("way_as_fast");
  return t(seconds > 0 ? "way_slower" : "way_faster", { time: span(Math.abs(seconds)) });
}

const why = (error) => t(error.slow ? "way_slow" : "way_failed", { why: problemLine(error) });

function buttons(way) {
  const found = [
    way.status === "failed" ? h("button", { type: "button", class: "link-button", data: { key: `again ${way.team_id}` },
      onclick: () => askAgain(way.team_id) }, t("ask_again")) : null,
    way.role === "compared" ? h("button", { type: "button", class: "link-button", data: { key: `drop ${way.team_id}` },
      onclick: () => compare(way.team_id) }, t("way_drop")) : null,
  ].filter(Boolean);
  return found.length ? h("span", { class: "way-buttons" }, found) : null;
}

/** Say the lead's way once it is known, and the compared one's. */
function tell() {
  const way = state.ways.find((each) => each.team_id === state.compared) ?? state.ways.find((each) => each.role === "lead");
  if (way?.status !== "there") return;
  const key = `${way.team_id} ${Math.round(way.seconds)} ${sceneNow()?.subject}`;
  if (key === announced) return;
  announced = key;
  announce(t("way_said", { team: teamName(way.team_id), time: span(way.seconds), distance: kilometres(way.length_m) }));
}
