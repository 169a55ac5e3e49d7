/** Steps that take too long and proposals of the program: shown with a sound until they are acknowledged at this desk. */

import { acknowledge, isAcknowledged, startAcknowledged } from "./acknowledged.js";
import { span } from "./clock.js";
import { announce, byId, h, replace } from "./dom.js";
import { caseTitle } from "./names.js";
import { alertedWords } from "./persons.js";
import { problemLine } from "./problems.js";
import { may } from "./rights.js";
import { now, post } from "./service.js";
import { isBlocked, sound, startSound, unblock } from "./sound.js";
import { caseById, on, set, state } from "./state.js";
import { slug, t } from "./words.js";

const narrow = matchMedia("(max-width: 52rem)");
const mostShown = () => (narrow.matches ? 1 : 4);

let act = {}; // {choose(id), changed()}
let all = false; // whether more than the first ones are in sight
let before = ""; // what is drawn now
let counted = 0; // how many were waiting when it was last announced
const decision = { id: null, reason: "", busy: false, error: null, key: "" }; // the proposal that is being rejected

export function startAlarms(actions) {
  act = actions;
  startSound(drawAlarms);
  startAcknowledged(drawAlarms);
  on(["cases", "proposals", "plans", "facts", "session"], drawAlarms);
  narrow.addEventListener("change", drawAlarms);
  setInterval(drawTimes, 1_000);
}

/** What waits to be acknowledged: {key, keys, item, alert} of a case, {key, keys, proposal} of a proposal. */
function waiting() {
  const ofCases = state.cases.filter((item) => !item.drill).map((item) => {
    const escalations = (item.alerts ?? []).filter((alert) => alert.rank > 0);
    const keys = escalations.map((alert) => `${item.id} ${alert.step} ${alert.since} ${alert.rank}`);
    return { key: keys.at(-1), keys, item, alert: escalations.at(-1) };
  });
  const ofProposals = state.proposals.filter((each) => !each.decision && !each.drill).map((proposal) =>
    ({ key: `proposal ${proposal.id}`, keys: [`proposal ${proposal.id}`], proposal }));
  return [...ofProposals, ...ofCases].filter((each) => each.key && !isAcknowledged(each.key));
}

export function drawAlarms() {
  const found = waiting();
  const area = byId("alarms");
  area.hidden = !found.length;
  sound(found.length > 0);
  if (found.length > counted) announce(t("alarms_new", { n: found.length }));
  counted = found.length;
  const most = mostShown();
  const shown = all ? found : found.slice(0, most);
  const drawn = h("div", {},
    h("header", { class: "alarms-head" },
      h("h2", {}, t("alarms", { n: found.length })),
      isBlocked()
        ? h("button", { type: "button", class: "sound-blocked", data: { key: "unblock" }, onclick: unblock }, t("sound_blocked"))
        : null,
      found.length > most
        ? h("button", { type: "button", class: "quiet", data: { key: "alarms-more" }, "aria-expanded": String(all),
          onclick: () => { all = !all; drawAlarms(); } }, all ? t("alarms_fewer") : t("alarms_more", { n: found.length - most }))
        : null,
      h("button", { type: "button", class: "primary", data: { key: "acknowledge-all" },
        onclick: () => acknowledge(found.flatMap((each) => each.keys)) }, t("acknowledge_all"))),
    h("ul", { class: "alarm-list" }, shown.map((each) => (each.proposal ? proposalRow(each) : alertRow(each)))));
  const text = drawn.innerHTML.replaceAll(/(data-since[^>]*>)[^<]*/g, "$1"); // times are drawn by themselves
  if (text === before) return; // news must not take a button away under the pointer
  before = text;
  replace(area, ...drawn.childNodes);
}

const acknowledgeButton = ({ key, keys }) => h("button", {
  type: "button", data: { key: `acknowledge ${key}`, acknowledge: key }, onclick: () => acknowledge(keys),
}, t("acknowledge"));

const caseButton = (item) => h("button", {
  type: "button", class: "link-button", data: { key: `alarm ${item.id}` }, onclick: () => act.choose(item.id),
}, caseTitle(item));

function alertRow(each) {
  const { item, alert } = each;
  const owner = alert.owner_name ?? alert.owner ?? "";
  return h("li", { class: "alarm", data: { alarm: item.id } },
    h("span", { class: "alarm-words" }, caseButton(item), " ",
      t("alarm_step", { step: slug("wait", alert.step) }), " ",
      h("strong", { class: "due due-late", data: { since: alert.limit_at } }, overdueFor(alert.limit_at)), " ",
      h("span", { class: "dim" }, t("alarm_level", { level: slug("level", alert.level), owner: alert.level === "district" ? "" : owner })),
      alert.post ? h("strong", { class: "alarm-person", data: { person: "" } }, ` ${alertedWords(alert)}`) : null),
    h("span", { class: "alarm-buttons" }, acknowledgeButton(each)));
}

const overdueFor = (limit) => span((now() - Date.parse(limit)) / 1000);

function proposalRow(each) {
  const { proposal } = each;
  const item = caseById(proposal.incident_id);
  const { step, over_s: over } = proposal.grounds ?? {};
  const rejecting = decision.id === proposal.id;
  return h("li", { class: "alarm", data: { proposal: proposal.id } },
    h("span", { class: "alarm-words" }, h("strong", {}, slug("proposal", proposal.kind)), " ",
      item ? caseButton(item) : proposal.incident_id ? h("button", { type: "button", class: "link-button",
        data: { key: `alarm ${proposal.incident_id}` }, onclick: () => act.choose(proposal.incident_id) }, t("open_the_case")) : null, " ",
      step ? h("span", {}, t("proposal_ground", { step: slug("wait", step), time: span(over ?? 0) })) : null),
    h("span", { class: "alarm-buttons" },
      may("DECIDE") ? [
        h("button", { type: "button", disabled: decision.busy, data: { key: `accept ${proposal.id}`, decide: "accepted" },
          onclick: () => decide(proposal, "accepted") }, t("decide_accepted")),
        h("button", { type: "button", disabled: decision.busy, data: { key: `reject ${proposal.id}`, decide: "rejected" },
          onclick: () => { Object.assign(decision, { id: rejecting ? null : proposal.id, reason: "", error: null }); drawAlarms(); byId("reject-reason")?.focus(); },
        }, t("decide_rejected")),
      ] : null,
      acknowledgeButton(each)),
    rejecting ? h("form", { class: "alarm-form", onsubmit: (event) => { event.preventDefault(); decide(proposal, "rejected"); } },
      h("input", { type: "text", id: "reject-reason", maxlength: 500, required: true, placeholder: t("reject_reason"), "aria-label": t("reject_reason"),
        value: decision.reason, data: { key: "reject-reason" }, oninput: (event) => { decision.reason = event.target.value; } }),
      h("button", { type: "submit", class: "danger", disabled: decision.busy }, t("decide_rejected"))) : null,
    decision.error?.proposal === proposal.id ? h("p", { class: "alarm-form warn", role: "alert" }, problemLine(decision.error.error)) : null);
}

async function decide(proposal, word) {
  const body = { decision: word, ...(word === "rejected" ? { reason: decision.reason.trim() } : {}) };
  const key = `${proposal.id} ${JSON.stringify(body)}`;
  if (decision.key.split("|")[0] !== key) decision.key = `${key}|${crypto.randomUUID()}`;
  Object.assign(decision, { busy: true, error: null });
  drawAlarms();
  try {
    await post(`/proposals/${proposal.id}/decision`, body, { "Idempotency-Key": decision.key.split("|")[1] });
    Object.assign(decision, { id: null, reason: "", key: "" });
    announce(t("decided", { decision: t(`decide_${word}`) }));
    set({ proposals: state.proposals.filter((each) => each.id !== proposal.id) });
    act.changed();
  } catch (error) {
    decision.error = { proposal: proposal.id, error };
  }
  decision.busy = false;
  drawAlarms();
}

function drawTimes() {
  for (const element of byId("alarms").querySelectorAll("[data-since]")) element.textContent = overdueFor(element.dataset.since);
}
