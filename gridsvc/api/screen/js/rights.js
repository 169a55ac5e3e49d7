/** What the person who is signed in may do: what they may not is not offered. */

import { state } from "./state.js";

/** The right that each step needs; the service decides, this only keeps a refusal from being offered. */
export const STEP_RIGHTS = {
  accept: "STEP",
  handle: "STEP",
  feedback: "STEP",
  archive: "CLOSE",
  cancel: "CLOSE",
  reopen: "CLOSE",
  assign: "ASSIGN",
  acknowledge: "TEAM_STEP",
  decline: "TEAM_STEP",
  en_route: "TEAM_STEP",
  on_scene: "TEAM_STEP",
  clear: "TEAM_STEP",
  withdraw: "TEAM_STEP",
};

/** Whether the caller has a right: none before the session is known, each where the service asks for no key. */
export function may(right) {
  const { session } = state;
  if (!session) return false;
  return session.auth === "off" || session.rights.includes(right);
}

export const mayStep = (step) => may(STEP_RIGHTS[step] ?? "STEP");
