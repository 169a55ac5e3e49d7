/** Persons by the posts that they hold: leader, deputy and officer of a grid, and who answers where a grid has nobody. */

import { h } from "./dom.js";
import { join } from "./names.js";
import { slug, t } from "./words.js";

const FINEST_FIRST = ["village", "area", "township", "regional"];

/** 网格长 王小明; a person whose name was erased is named by the post alone. */
export const personWords = ({ post, name }) => t(name ? "person" : "person_erased", { post: slug("post", post), name });

/** Who holds posts of the owner at a level, else who answers for it. `people`: [{post, name}] by the grid's code. */
export function personsLine(level, owners, people) {
  const owner = owners?.[level];
  if (!owner || !people) return null;
  const own = people[owner.code] ?? [];
  const line = (words) => h("small", { class: "officer", data: { persons: level } }, words);
  if (own.length) return line(join(own.map(personWords)));
  const wider = FINEST_FIRST.slice(FINEST_FIRST.indexOf(level) + 1).map((each) => owners[each]).find((each) => people[each?.code]?.length);
  if (wider) return line(t("person_wider", { grid: wider.name, person: personWords(people[wider.code][0]) }));
  return level === "village" ? line(t("officer_none")) : null;
}

/** The persons of a case's answer by the code of their grid; null where the answer names none (a preview). */
export const peopleOf = (answer) =>
  (answer.posts ? Object.groupBy(Object.values(answer.posts).flat(), ({ grid }) => grid) : null);

/** Who was alerted: the person, and whose post it is where the grid of the alert has nobody. */
export function alertedWords(alert) {
  if (!alert.post) return "";
  const words = personWords({ post: alert.post, name: alert.person });
  return alert.person_grid && alert.person_grid !== alert.owner ? t("person_for", { person: words }) : words;
}

/** The alerts of a case, each with its level and person. */
export function alertsBlock(whole) {
  if (!whole.alerts?.length) return null;
  return h("ul", { class: "alerted" }, whole.alerts.map((alert) => h("li", { data: { alerted: alert.step } },
    h("span", {}, t(alert.rank > 0 ? "alerted_escalation" : "alerted_warning", {
      step: slug("wait", alert.step), level: alert.level ? slug("level", alert.level) : "",
      owner: whole.owners?.[alert.level]?.code === alert.owner ? whole.owners[alert.level].name : "",
    })), " ", h("strong", {}, alertedWords(alert)))));
}
