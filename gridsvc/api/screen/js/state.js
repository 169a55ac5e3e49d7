/** What the screen knows; whoever draws it listens. */

export const state = {
  facts: null, // GET /screen/facts
  plans: [], // GET /response-plans
  cases: [], // GET /screen/cases
  teams: [], // GET /teams
  selected: null, // id of the case in the panel
  shown: null, // the whole case in the panel
  draft: null, // the report being written: {lon, lat, type, ...}
  proposal: null, // the recommendation for the draft
  ways: [], // the ways to the scene, of the teams that are shown
  compared: null, // id of the team whose way is laid beside the lead's
  pointed: null, // id of the team whose way is under the pointer in the panel
  areaOf: null, // the place or team whose areas were asked for: {kind, lon, lat, id?}; null = the scene
  areas: null, // the areas within some minutes, or the waiting for them
  served: [], // ids of the tile layers that the service has
  drawing: null, // whether the service areas are drawn: {complete, stale, at}
  layers: {}, // what is switched on, see layers.js
  view: "map", // on a narrow screen: map, cases or panel
};

const listeners = new Map();

/** Call `listener` whenever one of `names` was set. */
export function on(names, listener) {
  for (const name of names) listeners.set(name, [...(listeners.get(name) ?? []), listener]);
}

/** Change the state, then tell each listener once. */
export function set(changes) {
  Object.assign(state, changes);
  const told = new Set(Object.keys(changes).flatMap((name) => listeners.get(name) ?? []));
  for (const listener of told) listener();
}

export const district = () => state.facts?.districts[0] ?? null;
export const teamById = (id) => state.teams.find((team) => team.id === id) ?? null;
export const planByType = (type) => state.plans.find((plan) => plan.type === type) ?? null;
export const caseById = (id) => state.cases.find((item) => item.id === id) ?? null;

/** Whether a case stands still because no team is on it. */
export const isWaiting = (item) => item.waiting && !item.closed_at && !item.teams.length;
