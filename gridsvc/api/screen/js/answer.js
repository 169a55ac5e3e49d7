/** What the service answers to a report, drawn: owners, response, team, the teams considered. For cases and previews. */

import { dayAndTime, span } from "./clock.js";
import { h } from "./dom.js";
import { fieldName, join, teamName, unitName } from "./names.js";
import { peopleOf, personsLine } from "./persons.js";
import { district, teamById } from "./state.js";
import { wayButton } from "./way_block.js";
import { language, slug, t } from "./words.js";

const LEVELS = ["regional", "township", "area", "village"];

/** The four levels from wide to fine, each with its owner and code, and its persons where `people` has them by code. */
export function ownerChain(owners, derived = derivedKeys(), people = null) {
  return h("ol", { class: "chain" }, LEVELS.map((level) => {
    const owner = owners?.[level];
    return h("li", { class: owner ? "" : "is-none", data: { level } },
      h("span", { class: "level" }, t(`level.${level}`)),
      h("span", { class: "owner" }, owner ? owner.name : t("owner_none"),
        owner && derived.has(level) ? h("small", { class: "tag" }, t("derived")) : null,
        personsLine(level, owners, people)),
      h("code", {}, owner?.code ?? ""));
  }));
}

/** The levels whose borders the program drew. */
const derivedKeys = () => new Set(LEVELS.filter((level) => (district()?.levels?.[level]?.derived ?? 0) > 0));

export const ruleLine = (rule) => h("p", { class: `rule rule-${rule}` }, h("span", { class: "chip" }, slug("rule", rule)));

/** `reply(choice)`: takes what the caller replies to the question of an uncertain place; without it, it is only shown. */
export function ownersSection(answer, reply = null) {
  const ownership = answer.ownership ?? {};
  const derived = ownership.derived ? new Set(ownership.derived) : derivedKeys();
  return h("section", { class: "block" },
    h("h3", {}, t("owners"), h("span", { class: "aside" }, ownership.generation ? t("ownership_generation", { n: ownership.generation }) : "")),
    ownership.rule === "outside"
      ? h("p", { class: "warn" }, t("owners_outside"))
      : ownerChain(answer.owners, derived, peopleOf(answer)),
    ruleLine(ownership.rule),
    answer.correction ? h("p", { class: "dim" }, t("corrected", {
      name: answer.correction.by, time: dayAndTime(answer.correction.at), reason: answer.correction.reason ?? "—",
    })) : null,
    ownership.shares?.length ? shares(ownership, reply) : null,
    answer.handler ? h("p", { class: "pair" }, h("span", { class: "dim" }, t("handler")),
      h("span", {}, teamName(answer.handler.team_id), h("small", { class: "dim" }, ` ${slug("handler", answer.handler.rule)}`))) : null);
}

/** The owner of the finest level; the order of the members says nothing. */
export const finest = (owners) => ["village", "area", "township", "regional"].map((level) => owners?.[level]).find(Boolean);

/** What to ask the caller, and whose the place is by each reply. */
function question(asked, reply) {
  const owner = (each) => finest(each.owners)?.name ?? slug("rule", "outside");
  return h("div", { class: "ask", data: { ask: asked.by } },
    h("p", { class: "ask-title" }, t("ask_caller")),
    h("p", { class: "ask-words" }, asked[language]),
    reply ? h("ul", { class: "replies" }, asked.choices.map((each, n) => h("li", {}, h("button", {
      type: "button", disabled: !finest(each.owners), data: { key: `reply-${n}`, reply: n }, onclick: () => reply(each),
    }, h("strong", {}, each[language]), h("small", { class: "dim" }, owner(each))))))
      : h("ul", { class: "shares" }, asked.choices.map((each) => h("li", {}, h("span", {}, each[language]), h("span", {}, owner(each))))));
}

function shares(ownership, reply) {
  return h("div", {},
    h("p", { class: ownership.confirm ? "warn" : "dim" }, ownership.confirm ? t("confirm") : t("shares")),
    ownership.question ? question(ownership.question, reply) : null,
    h("ul", { class: "shares" }, ownership.shares.slice(0, 6).map((each) => {
        const demand = each.demand_share === undefined ? "" : ` · ${Math.round(each.demand_share * 100)} %`;
        return h("li", {}, h("span", {}, finest(each.owners)?.name ?? slug("rule", "outside")),
          h("span", {}, `${Math.round(each.share * 100)} %${demand}`));
    })),
    ownership.emergencies === undefined ? null : h("p", { class: "dim small" }, t("shares_demand", { n: ownership.emergencies })));
}

/** The predicted times against the target, as words and as a bar. */
export function responseSection(answer) {
  const recommendation = answer.recommendation ?? {};
  const target = answer.target_s;
  const [lead, full] = [recommendation.lead_response_s, recommendation.full_team_response_s];
  const range = recommendation.lead?.range;
  const longest = Math.max(target ?? 0, lead ?? 0, full ?? 0, range?.p90_s ?? 0) * 1.12;
  const mark = (seconds, kind, word) => seconds == null ? null : h("span", {
    class: `mark ${kind}`, style: { left: `${Math.min(100, 100 * seconds / longest)}%` }, title: `${word} ${span(seconds)}`,
  });
  return h("section", { class: "block" },
    h("h3", {}, t("response"), h("span", { class: "aside" },
      `${slug("urgency", answer.urgency)} · ${slug("class", answer.response_class)}`)),
    target ? h("div", { class: "gauge", "aria-hidden": "true" },
      h("span", { class: "within", style: { width: `${100 * target / longest}%` } }),
      range ? h("span", { class: "range",
        style: { left: `${100 * range.p50_s / longest}%`, width: `${100 * (range.p90_s - range.p50_s) / longest}%` } }) : null,
      mark(lead, lead <= target ? "lead ok" : "lead bad", t("lead_response")),
      mark(full, "full", t("full_response")),
      mark(target, "target", t("target"))) : null,
    h("dl", { class: "figures" },
      figure(t("target"), target ? span(target) : t("due_none")),
      figure(t("lead_response"), lead == null ? "—" : span(lead), target && lead != null ? (lead <= target ? "ok" : "bad") : ""),
      figure(t("full_response"), full == null ? "—" : span(full), target && full != null ? (full <= target ? "ok" : "bad") : "")),
    verdict(recommendation, target),
    rangeLine(recommendation.lead, target),
    h("p", { class: "dim small" }, `${t("clock_policy")} `, h("code", {}, answer.clock_policy ?? "—"), ` · ${t("response_is")}`));
}

/** In time is said of the whole team alone; a lead in time without the others is said to be that. */
function verdict(recommendation, target) {
  const lead = recommendation.meets_target;
  if (lead === null || lead === undefined) return null;
  const full = recommendation.full_team_response_s;
  const whole = recommendation.team_meets_target ?? (lead && full != null && target != null && full <= target);
  return h("p", { class: lead && whole ? "good" : "warn", data: { verdict: !lead ? "late" : whole ? "met" : "lead-only" } },
    t(!lead ? "misses" : whole ? "meets" : full == null ? "meets_lead_unfilled" : "meets_lead_only"));
}

/** The lead's response as recorded trips have it: half of them by, nine in ten by. */
function rangeLine(lead, target) {
  if (!lead) return null;
  if (!lead.range) return lead.range_reason ? h("p", { class: "dim small" }, slug("range_reason", lead.range_reason)) : null;
  const { p50_s: half, p90_s: most, basis } = lead.range;
  return h("p", { class: target && most > target ? "warn range-line" : "dim range-line", title: slug("range_basis", basis) },
    t("range", { half: span(half), most: span(most) }));
}

const figure = (name, value, mood = "") => h("div", { class: mood }, h("dt", {}, name), h("dd", {}, value));

export function recommendationSection(answer, title = t("recommended")) {
  const recommendation = answer.recommendation;
  if (!recommendation) return null;
  return h("section", { class: "block" },
    h("h3", {}, title, h("span", { class: "aside" }, t("team"))),
    recommendation.lead ? h("ul", { class: "team" }, teamRow(recommendation.lead, true), recommendation.members.map((each) => teamRow(each, false)))
      : [h("p", { class: "warn" }, t("no_lead")), h("ul", { class: "team" }, recommendation.members.map((each) => teamRow(each, false)))],
    unfilledBlock(recommendation.unfilled),
    recommendation.transfer?.length ? h("p", { class: "warn" }, `${t("transfer")}: `,
      recommendation.transfer.map((each) => unitName(each.to_unit)).join(", ")) : null,
    recommendation.competence?.length ? h("details", { class: "fold", data: { fold: "competence" } },
      h("summary", {}, t("competence")),
      h("ul", { class: "competence" }, recommendation.competence.map((each) => h("li", {},
        h("span", {}, each.matter.split("/")[1] ?? each.matter), h("span", {}, unitName(each.unit)), h("small", { class: "dim" }, each.basis))))) : null,
    typeof recommendation.coverage_loss === "number" ? h("p", { class: "dim small" }, t("coverage_loss", { share: recommendation.coverage_loss.toFixed(3) })) : null);
}

export function teamRow(each, lead, extra = null) {
  const team = teamById(each.team_id);
  return h("li", { class: lead ? "is-lead" : "", data: { team: each.team_id } },
    h("span", { class: "slot" }, lead ? "1" : "X"),
    h("span", { class: "team-name" }, wayButton(each.team_id),
      h("small", { class: "dim" }, unitName(each.unit ?? team?.unit)),
      each.late ? h("span", {}, h("span", { class: "chip late" }, t("late_member"))) : null,
      each.suspect_datum ? h("span", {}, h("span", { class: "chip late" }, t("suspect_datum", { datum: each.suspect_datum }))) : null,
      each.outside_slots ? h("span", {}, h("span", { class: "chip outside-slots" }, t("outside_slots"))) : null),
    h("span", { class: "times" },
      each.response_s == null ? "—" : h("strong", {}, span(each.response_s)),
      h("small", { class: "dim" }, each.travel_s == null ? "" : `${t("considered_travel")} ${span(each.travel_s)}`)),
    each.late && each.substitute ? h("span", { class: "substitute member-substitute" }, substituteWords(each.substitute)) : null,
    extra);
}

const substituteWords = (substitute) => t("substitute", {
  team: teamName(substitute.team_id),
  time: substitute.response_s == null ? "—" : span(substitute.response_s),
  why: slug("why", substitute.why),
});

/** Slots without a team: the reason, and who might go instead. */
export function unfilledBlock(unfilled) {
  if (!unfilled?.length) return null;
  return h("div", { class: "unfilled" }, h("h4", {}, t("unfilled")), h("ul", {}, unfilled.map(unfilledRow)));
}

function unfilledRow(each) {
  const substitute = each.substitute;
  return h("li", {},
    h("span", {}, h("strong", {}, unitName(each.unit) || slug("slot", each.slot)), ` — ${slug("reason", each.reason)}`),
    substitute ? h("span", { class: "substitute" }, substituteWords(substitute)) : null);
}

/** The teams considered, each with its seconds and why it goes or not; of those beyond the list how many, and why. */
export function consideredSection(answer) {
  const considered = answer.recommendation?.considered ?? [];
  const others = Object.entries(answer.recommendation?.considered_counts ?? {}).filter(([, n]) => n > 0);
  const number = considered.length + others.reduce((sum, [, n]) => sum + n, 0);
  if (!number) return null;
  const rank = (each) => (each.verdict.startsWith("chosen") ? -1e9 : 0) + (each.travel_s ?? 1e8);
  return h("details", { class: "block considered", data: { fold: "considered" } },
    h("summary", {}, t("considered", { n: number })),
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("considered_team")),
        h("th", { scope: "col", class: "number" }, t("considered_travel")), h("th", { scope: "col" }, t("considered_verdict")))),
      h("tbody", {}, [...considered].sort((a, b) => rank(a) - rank(b)).map((each) =>
        h("tr", { class: each.verdict.startsWith("chosen") ? "is-chosen" : "" },
          h("td", {}, wayButton(each.team_id)),
          h("td", { class: "number" }, each.travel_s == null ? t("unreachable") : span(each.travel_s)),
          h("td", {}, slug("verdict", each.verdict)))))),
    others.length ? h("p", { class: "dim small others" }, t("considered_others"), " ",
      join(others.sort((a, b) => b[1] - a[1]).map(([reason, n]) => t("considered_other", { n, verdict: slug("verdict", reason) })))) : null);
}

export function fieldOf(plan) {
  return plan ? fieldName(plan.field) : "";
}
