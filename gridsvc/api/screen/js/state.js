/** What the screen knows; the parts that draw it listen to changes. */

export const state = {
  facts: null, // GET /screen/facts
  plans: [], // GET /response-plans
  session: null, // GET /session: who is signed in, and what they may do
  cases: [], // GET /screen/cases: every open case, in the order of the queue
  counts: {}, // how many cases each list holds, by the service
  found: null, // what the service found for the list that is shown: {items, next, counts}; null = the list is in `cases`
  proposals: [], // GET /proposals: what waits for a decision
  teams: [], // GET /teams
  selected: null, // id of the case in the panel
  shown: null, // the whole case in the panel
  draft: null, // the report being written: {lon, lat, type, ...}
  proposal: null, // the recommendation for the draft
  candidates: [], // what the address of a report may mean, on the map: {lon, lat, radius_m, n, chosen}
  pointedCandidate: null, // the number of the one under the pointer in the panel
  review: null, // the review of the generations of grids: {list, chosen, differences, level, ...}
  correction: null, // the correction of a case that is being written: {kind, of, ...}
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

/** Change the state, then call each listener once. */
export function set(changes) {
  Object.assign(state, changes);
  const called = new Set(Object.keys(changes).flatMap((name) => listeners.get(name) ?? []));
  for (const listener of called) listener();
}

export const district = () => state.facts?.districts[0] ?? null;
export const teamById = (id) => state.teams.find((team) => team.id === id) ?? null;
export const planByType = (type) => state.plans.find((plan) => plan.type === type) ?? null;
export const caseById = (id) =>
  state.cases.find((item) => item.id === id) ?? state.found?.items.find((item) => item.id === id) ?? null;

/** Whether a case stands still: no team is on it, or it waits for a lead. */
export const isWaiting = (item) => !item.closed_at && (Boolean(item.lead_wanted) || (item.waiting && !item.teams.length));
