/** The small cards on the map: a team, or a place with its owners and what can be asked there. */

import { showPlaceAreas, showTeamAreas } from "./areas.js";
import { ownerChain, ruleLine } from "./answer.js";
import { h, replace } from "./dom.js";
import { caseTitle, teamName, unitName } from "./names.js";
import { officersOf, ownersOf } from "./owners.js";
import { problemBox } from "./problems.js";
import { may } from "./rights.js";
import { state } from "./state.js";
import { compare, sceneNow } from "./ways.js";
import { slug, t } from "./words.js";

let card = null;

/** Whether a card is open: then a click on the map only closes it. */
export const isCardOpen = () => Boolean(card?.isOpen());

function open(library, map, at, content) {
  card?.remove();
  card = new library.Popup({ closeButton: true, maxWidth: "340px", anchor: "bottom" }).setLngLat(at).setDOMContent(content).addTo(map);
  keepInside(map);
  card.getElement().querySelector(".maplibregl-popup-close-button")?.setAttribute("aria-label", t("close"));
  content.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // the panel stays
    close(map);
  });
}

const MARGIN_PX = 8;

/** Move the map so far that the open card is whole within it. */
function keepInside(map) {
  const frame = map.getContainer().getBoundingClientRect();
  const box = card.getElement().getBoundingClientRect();
  const beyond = (low, high, least, most) => (low < least ? low - least : Math.max(0, Math.min(high - most, low - least)));
  const offset = [
    beyond(box.left, box.right, frame.left + MARGIN_PX, frame.right - MARGIN_PX),
    beyond(box.top, box.bottom, frame.top + MARGIN_PX, frame.bottom - MARGIN_PX),
  ];
  if (offset.some((px) => px !== 0)) map.panBy(offset, { duration: 200 });
}

/** Fill the open card; it grows by that. */
function fill(map, body, ...parts) {
  if (!body.isConnected) return;
  replace(body, ...parts);
  keepInside(map);
}

function close(map) {
  card?.remove();
  map.getCanvas().focus({ preventScroll: true });
}

const action = (map, word, work) => h("button", { type: "button", data: { action: word }, onclick: () => { close(map); work(); } }, t(word));

export function showTeamCard(library, map, id, at, choose) {
  const team = state.teams.find((each) => each.id === id);
  if (!team) return;
  const busy = state.cases.find((item) => item.teams.includes(team.id));
  open(library, map, at, h("div", { class: "map-card" },
    h("strong", {}, teamName(team.id)),
    h("p", {}, unitName(team.unit)),
    h("p", {}, h("span", { class: `chip team-${team.status}` }, slug("team_status", team.status))),
    team.datum_shift ? h("p", { class: "warn small" }, t("suspect_datum", { datum: team.datum_shift.likely })) : null,
    busy ? h("button", { type: "button", class: "link-button", onclick: () => choose(busy.id) }, caseTitle(busy)) : null,
    h("div", { class: "buttons small" },
      sceneNow() ? action(map, "way_show", () => { if (state.compared !== id) compare(id); }) : null,
      action(map, "areas_of_team", () => showTeamAreas(id)))));
}

/** Whose a place is, at every level, and what can be asked there. */
export function showPlaceCard(library, map, { lng, lat }, report) {
  const body = h("div", { class: "place-owners" }, h("p", { class: "dim" }, t("loading")));
  open(library, map, { lng, lat }, h("div", { class: "map-card place-card" },
    body,
    h("p", { class: "dim small" }, `${lng.toFixed(5)}, ${lat.toFixed(5)}`),
    h("div", { class: "buttons small" },
      action(map, "areas_here", () => showPlaceAreas(lng, lat)),
      may("REPORT") ? action(map, "report_here", () => report(lng, lat)) : null)));
  fillOwners(map, body, lng, lat);
}

async function fillOwners(map, body, lon, lat) {
  try {
    const answer = await ownersOf(lon, lat);
    const draw = (officers) => fill(map, body,
      h("h3", {}, t("owners"), h("span", { class: "aside" }, answer.generation ? t("ownership_generation", { n: answer.generation }) : "")),
      ownerChain(answer.owners, undefined, officers),
      ruleLine(answer.rule));
    draw(null); // the owners at once; their officers a moment later
    draw(await officersOf(answer));
  } catch (error) {
    if (!body.querySelector(".chain")) fill(map, body, problemBox(error));
  }
}

