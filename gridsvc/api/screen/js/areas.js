/**
 * The areas within some minutes of driving: to the scene or a place, or from a team's station. A request can be
 * cancelled. An answer is drawn only if its place is still the current one.
 */

import { switchLayer } from "./layers.js";
import { get } from "./service.js";
import { district, on, set, state, teamById } from "./state.js";
import { sceneNow } from "./ways.js";

export const MINUTES = [5, 15];
const CLASSES = ["urban", "rural"];
const DEBOUNCE_MS = 120; // only the last request is sent while the user moves quickly through the list of cases
const TIMEOUT_MS = 300_000; // the first request after a change of the roads waits until the service has built their mesh

let requestedKey = null; // centre and bands of the last request
let timer = null;
let aborter = new AbortController();

export function startAreas() {
  on(["selected", "shown", "draft", "areaOf", "layers", "teams", "plans", "facts"], update);
  let lastSubject = null;
  on(["selected", "draft"], () => {
    // Selecting another case, or a new report, replaces the place or team. Deselecting a case does not.
    const subject = state.draft ? "draft" : state.selected;
    const replaced = subject !== null && subject !== lastSubject;
    lastSubject = subject;
    if (replaced && state.areaOf) set({ areaOf: null });
  });
}

/** Show from where a place can be reached within MINUTES. */
export function showPlaceAreas(lon, lat) {
  set({ areaOf: { kind: "place", lon, lat } });
  switchLayer({ areas: true });
}

/** Show where a team arrives in time from its station. */
export function showTeamAreas(id) {
  const station = teamById(id)?.station;
  if (!station) return;
  set({ areaOf: { kind: "team", team_id: id, ...station } });
  switchLayer({ areas: true });
}

/** Close the areas of a place or team and show those of the scene; a second call switches the layer off. */
export function closeAreas() {
  if (state.areaOf) set({ areaOf: null });
  else switchLayer({ areas: false });
}

/** The bands, the near one first: {minutes of driving, target_min, near}. For a team: its target less call handling and turnout. */
function bands(centre) {
  if (centre.kind !== "team") return MINUTES.map((minutes, n) => ({ minutes, target_min: minutes, near: n === 0 }));
  const team = teamById(centre.team_id);
  const targets = state.plans.find((plan) => plan.urgency === "emergency")?.target_s;
  const handling_s = district()?.handling_s;
  if (!team || !targets || handling_s === null || handling_s === undefined) return [];
  return CLASSES.map((name, n) => ({
    minutes: (targets[name] - handling_s - team.turnout_s) / 60, target_min: targets[name] / 60, near: n === 0,
  })).filter((band) => band.minutes > 0);
}

/** Whose areas to show now: {kind, lon, lat, direction, ...}; null: none. */
function currentCentre() {
  if (!state.layers.areas) return null;
  if (state.areaOf) return { ...state.areaOf, direction: state.areaOf.kind === "team" ? "from" : "to" };
  const scene = sceneNow();
  return scene && { kind: "scene", subject: scene.subject, lon: scene.lon, lat: scene.lat, district: scene.district, direction: "to" };
}

function update() {
  const centre = currentCentre();
  const parts = centre ? bands(centre) : [];
  const key = centre && JSON.stringify([centre.kind, centre.team_id, centre.subject, centre.lon, centre.lat, parts]);
  if (key === requestedKey) return;
  requestedKey = key;
  aborter.abort();
  clearTimeout(timer);
  if (!centre) set({ areas: null });
  else startRequest(centre, parts);
}

function startRequest(centre, parts) {
  aborter = new AbortController();
  set({ areas: { of: centre, bands: parts, status: parts.length ? "asking" : "too_short", startedAt: Date.now(), features: [] } });
  if (parts.length) timer = setTimeout(() => fetchAreas(centre, parts, aborter.signal), DEBOUNCE_MS);
}

async function fetchAreas(centre, parts, signal) {
  const query = new URLSearchParams({
    lon: centre.lon, lat: centre.lat, minutes: parts.map((band) => band.minutes).join(","), direction: centre.direction, profile: "emergency",
    ...(centre.district ? { district: centre.district } : {}),
  });
  let changes;
  try {
    const answer = await get(`/isochrones?${query}`, { signal, timeoutMs: TIMEOUT_MS });
    changes = { status: "there", features: answer.features };
  } catch (error) {
    if (error.dropped) return;
    changes = { status: "failed", error };
  }
  if (!signal.aborted) set({ areas: { ...state.areas, ...changes } });
}

/** Cancel the request; the service then stops the drawing. */
export function cancelAreas() {
  aborter.abort();
  clearTimeout(timer);
  if (state.areas) set({ areas: { ...state.areas, status: "cancelled" } });
}

export function retryAreas() {
  requestedKey = null;
  update();
}
