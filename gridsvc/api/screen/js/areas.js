/**
 * The areas within some minutes of driving: to the scene or a place, or from a team's station. What is asked for can be
 * cancelled, and an answer for another place than the one that is wanted now is never drawn.
 */

import { switchLayer } from "./layers.js";
import { get } from "./service.js";
import { district, on, set, state, teamById } from "./state.js";
import { sceneNow } from "./ways.js";

export const MINUTES = [5, 15];
const CLASSES = ["urban", "rural"];
const AFTER_MS = 120; // while somebody steps through the list of cases, only the last is asked for
const SLOW_MS = 300_000; // the first question after a change of the roads waits for their mesh

let asked = null;
let timer = null;
let dropping = new AbortController();

export function startAreas() {
  on(["selected", "shown", "draft", "areaOf", "layers", "teams", "plans", "facts"], follow);
  let about = null;
  on(["selected", "draft"], () => {
    // Another case or a report takes the map over; with nothing chosen the place or team stays.
    const now = state.draft ? "draft" : state.selected;
    const taken = now !== null && now !== about;
    about = now;
    if (taken && state.areaOf) set({ areaOf: null });
  });
}

/** Show the areas round a place, or those that a team serves from its station. */
export function showPlaceAreas(lon, lat) {
  set({ areaOf: { kind: "place", lon, lat } });
  switchLayer({ areas: true });
}

export function showTeamAreas(id) {
  const station = teamById(id)?.station;
  if (!station) return;
  set({ areaOf: { kind: "team", team_id: id, ...station } });
  switchLayer({ areas: true });
}

/** Back to the scene; where there is none, nothing is shown. */
export function dropAreas() {
  if (state.areaOf) set({ areaOf: null });
  else switchLayer({ areas: false });
}

/** The bands of minutes, the near one first: {minutes, target_min, near}; a team's are net of call handling and turnout. */
function bands(of) {
  if (of.kind !== "team") return MINUTES.map((minutes, n) => ({ minutes, target_min: minutes, near: n === 0 }));
  const team = teamById(of.team_id);
  const targets = state.plans.find((plan) => plan.urgency === "emergency")?.target_s;
  const handling_s = district()?.handling_s;
  if (!team || !targets || handling_s === null || handling_s === undefined) return [];
  return CLASSES.map((name, n) => ({
    minutes: (targets[name] - handling_s - team.turnout_s) / 60, target_min: targets[name] / 60, near: n === 0,
  })).filter((band) => band.minutes > 0);
}

function wanted() {
  if (!state.layers.areas) return null;
  if (state.areaOf) return { ...state.areaOf, direction: state.areaOf.kind === "team" ? "from" : "to" };
  const scene = sceneNow();
  return scene && { kind: "scene", subject: scene.subject, lon: scene.lon, lat: scene.lat, district: scene.district, direction: "to" };
}

function follow() {
  const of = wanted();
  const parts = of ? bands(of) : [];
  const key = of && JSON.stringify([of.kind, of.team_id, of.subject, of.lon, of.lat, parts]);
  if (key === asked) return;
  asked = key;
  dropping.abort();
  clearTimeout(timer);
  if (!of) set({ areas: null });
  else begin(of, parts);
}

function begin(of, parts) {
  dropping = new AbortController();
  set({ areas: { of, bands: parts, status: parts.length ? "asking" : "too_short", startedAt: Date.now(), features: [] } });
  if (parts.length) timer = setTimeout(() => ask(of, parts, dropping.signal), AFTER_MS);
}

async function ask(of, parts, signal) {
  const query = new URLSearchParams({
    lon: of.lon, lat: of.lat, minutes: parts.map((band) => band.minutes).join(","), direction: of.direction, profile: "emergency",
    ...(of.district ? { district: of.district } : {}),
  });
  let changes;
  try {
    const answer = await get(`/isochrones?${query}`, { signal, timeoutMs: SLOW_MS });
    changes = { status: "there", features: answer.features };
  } catch (error) {
    if (error.dropped) return;
    changes = { status: "failed", error };
  }
  if (!signal.aborted) set({ areas: { ...state.areas, ...changes } });
}

/** Stop waiting. The service goes on preparing, so that the next question is answered at once. */
export function cancelAreas() {
  dropping.abort();
  clearTimeout(timer);
  if (state.areas) set({ areas: { ...state.areas, status: "cancelled" } });
}

export function askAreasAgain() {
  asked = null;
  follow();
}
