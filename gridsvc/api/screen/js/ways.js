/**
 * The ways of teams to the scene, by road: asked for as soon as scene and teams are known, asked again when a team has
 * moved or closures may have changed. What was asked for another scene is dropped, and never drawn.
 */

import { get } from "./service.js";
import { caseById, on, set, state, teamById } from "./state.js";

const OLD_MS = 30_000;
const RETRY_MS = 5_000;
const SLOW_MS = 20_000;

const kept = new Map(); // team id -> way, all of them to `scene`
let scene = null;
let subject = null;
let dropping = new AbortController();

export function startWays() {
  on(["selected", "shown", "draft", "proposal", "teams", "compared", "facts"], follow);
}

/**
 * The scene with the teams that have a part in it: {subject, lon, lat, district, closed, teams: [{team_id, role,
 * arrived, predicted_s}]}; null without a scene. `role` is lead or member.
 */
export function sceneNow() {
  const { draft } = state;
  if (draft) {
    if (draft.lon === null || draft.lon === undefined) return null;
    return { subject: "draft", lon: draft.lon, lat: draft.lat, teams: recommended(state.proposal), closed: false };
  }
  const whole = state.shown?.id === state.selected ? state.shown : null;
  if (!whole) return null;
  const { lon, lat } = whole.location;
  const closed = Boolean(whole.archived_at ?? whole.cancelled_at ?? caseById(whole.id)?.closed_at);
  const engaged = [...whole.assignments, ...(whole.work_list ?? [])].filter((each) => !each.until);
  const teams = closed ? [] : engaged.length
    ? engaged.map((each) => ({ team_id: each.team_id, role: each.lead ? "lead" : "member", arrived: each.on_scene_at }))
    : recommended(whole);
  return { subject: whole.id, lon, lat, district: whole.district, closed, teams };
}

function recommended(answer) {
  const recommendation = answer?.recommendation;
  if (!recommendation) return [];
  const one = (each, role) => ({ team_id: each.team_id, role, predicted_s: each.travel_s });
  return [...(recommendation.lead ? [one(recommendation.lead, "lead")] : []), ...recommendation.members.map((each) => one(each, "member"))];
}

function follow() {
  const now = sceneNow();
  const key = now && `${now.subject} ${now.lon} ${now.lat}`;
  if (key !== scene) {
    dropping.abort();
    dropping = new AbortController();
    kept.clear();
    scene = key;
  }
  const about = state.draft ? "draft" : state.selected;
  if (about !== subject) {
    subject = about;
    if (state.compared) return set({ compared: null }); // comes back here
  }
  const wanted = now ? [...now.teams] : [];
  if (now && state.compared && !wanted.some((each) => each.team_id === state.compared)) {
    wanted.push({ team_id: state.compared, role: "compared" });
  }
  for (const each of wanted) ask(now, each.team_id);
  publish();
}

function publish() {
  const now = sceneNow();
  const shown = (now?.teams ?? []).map((each) => ({ ...kept.get(each.team_id), ...each }));
  const { compared } = state;
  if (now && compared && !shown.some((each) => each.team_id === compared)) {
    shown.push({ ...kept.get(compared), team_id: compared, role: "compared" });
  }
  const rank = (way) => (way.role === "lead" ? 0 : way.team_id === compared ? 1 : 2);
  set({ ways: shown.sort((a, b) => rank(a) - rank(b)) });
}

/** Ask for one way where the one that is kept no longer holds. */
async function ask(to, id, again = false) {
  const team = teamById(id);
  const from = team?.position ?? null;
  if (!from) {
    kept.set(id, { status: "unplaced" });
    return;
  }
  const known = kept.get(id);
  const key = `${from.lon} ${from.lat}`;
  const age = Date.now() - (known?.at ?? 0);
  if (known?.asking) return;
  if (!again && known?.key === key && age < (known.status === "failed" ? RETRY_MS : OLD_MS)) return;
  // The way of a moment ago stays in sight until the new one is there.
  kept.set(id, { ...(known?.status === "there" ? known : { status: "asking" }), asking: true });
  const { signal } = dropping;
  const query = new URLSearchParams({
    from_lon: from.lon, from_lat: from.lat, to_lon: to.lon, to_lat: to.lat, profile: "emergency",
    ...(to.district ? { district: to.district } : {}),
  });
  let way;
  try {
    const { properties, geometry } = await get(`/routes?${query}`, { signal, timeoutMs: SLOW_MS });
    way = {
      status: properties.seconds === null ? "none" : "there", seconds: properties.seconds, length_m: properties.length_m,
      line: geometry?.coordinates ?? null, from, at_station: team.at_station, age_s: team.age_s,
    };
  } catch (error) {
    if (error.dropped) return;
    way = error.away && known?.status === "there" ? known : { status: "failed", error }; // away: the banner says how old all is
  }
  if (signal.aborted) return; // another scene has been chosen meanwhile
  kept.set(id, { ...way, key, at: Date.now(), asking: false });
  publish();
}

export function askAgain(id) {
  const now = sceneNow();
  if (!now) return;
  ask(now, id, true);
  publish();
}

/** Lay a team's way beside the lead's, or take it away again. */
export function compare(id) {
  set({ compared: state.compared === id ? null : id });
}
