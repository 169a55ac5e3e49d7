/** A refusal as a duty officer reads it: one sentence for its kind, what helps to go on; never the service's own words. */

import { span } from "./clock.js";
import { h } from "./dom.js";
import { join } from "./names.js";
import { refusalWords } from "./refusals.js";
import { slug, t, wordsFor } from "./words.js";

/** A box for an error; `onCase(id)` opens the case that a conflict names. */
export function problemBox(error, onCase = null) {
  const { kind = "", away = false, status, words = null } = error;
  const box = (...parts) => h("div", { class: "problem", role: "alert", data: { kind } }, ...parts);
  if (away) return box(h("strong", {}, awayWords(kind, status)));
  const facts = factsOf(error);
  const legal = facts.legal ?? [];
  return box(
    h("strong", {}, words ?? refusalWords(kind)),
    ...more(facts).map((line) => h("p", {}, line)),
    legal.length ? h("p", {}, t("legal_now", { steps: join(legal.map((step) => slug("step", step))) })) : null,
    facts.incident_id && onCase
      ? h("button", { type: "button", class: "link-button", onclick: () => onCase(facts.incident_id) }, t("open_that_case")) : null);
}

/** A refusal in one line, for places without room for a box. */
export function problemLine(error) {
  if (error.slow) return t("no_answer_short");
  if (error.away) return error.status ? t("away_line") : t("no_answer_short");
  return refusalWords(error.kind);
}

const awayWords = (kind, status) => (kind === "disk-full" ? refusalWords(kind) : t(status ? "away_short" : "no_answer"));

/** What a refusal names: its `parameters`, and members of the document of older services. */
function factsOf(error) {
  const { parameters, ...others } = error.problem ?? {};
  return { ...others, ...parameters };
}

const COMPASS = 8;

function more(facts) {
  const lines = [];
  if (Number.isFinite(facts.distance_m)) {
    const point = Number.isFinite(facts.bearing_deg) ? t(`compass.${Math.round(facts.bearing_deg / (360 / COMPASS)) % COMPASS}`) : "";
    lines.push(t("outside_by", { distance: (facts.distance_m / 1000).toFixed(1), point }));
  }
  if (Number.isFinite(facts.retry_after_s)) lines.push(t("retry_after", { time: span(facts.retry_after_s) }));
  const fields = [...new Set((facts.errors ?? []).map((each) => wordsFor(`field.${String(each.where ?? "").split(".").pop()}`)).filter(Boolean))];
  if (fields.length) lines.push(t("wrong_fields", { fields: join(fields) }));
  return lines;
}
