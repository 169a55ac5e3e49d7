/** A refusal as a person can read it: what is wrong in their language, then the service's own words with the cure. */

import { h } from "./dom.js";
import { join } from "./names.js";
import { slug, t } from "./words.js";

/** A box for an error; `onCase(id)` opens the case that a conflict names. */
export function problemBox(error, onCase = null) {
  const { problem = {}, kind = "", away = false, status } = error;
  const facts = problem.parameters ?? {};
  if (away) return h("div", { class: "problem", role: "alert" }, h("strong", {}, t(status ? "away_short" : "no_answer")));
  const title = slug("problem", kind) || problem.title || t("refused");
  return h("div", { class: "problem", role: "alert", data: { kind } },
    h("strong", {}, kind && title !== kind.replaceAll("-", " ") ? title : t("refused")),
    h("p", {}, problem.detail ?? error.message),
    Array.isArray(facts.errors) ? h("ul", {}, facts.errors.slice(0, 5).map((each) =>
      h("li", {}, typeof each === "string" ? each : `${each.where ?? ""} ${each.what ?? each.detail ?? ""}`))) : null,
    Array.isArray(facts.legal) && facts.legal.length
      ? h("p", {}, `${t("steps")}: ${join(facts.legal.map((step) => slug("step", step)))}`) : null,
    facts.incident_id && onCase
      ? h("button", { type: "button", class: "link-button", onclick: () => onCase(facts.incident_id) }, t("open_that_case")) : null);
}
