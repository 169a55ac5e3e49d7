/** Names for codes: units, teams, types and fields as people call them. */

import { district, planByType, state, teamById } from "./state.js";
import { language, t } from "./words.js";

const TOWNSHIP = "township-";

/** The name of a unit by its id. */
export function unitName(id) {
  if (!id) return "";
  const unit = district()?.units.find((each) => each.id === id);
  if (unit) return (language === "en" && unit.name_en) || unit.name;
  if (id.startsWith(TOWNSHIP)) {
    const name = district()?.townships[id.slice(TOWNSHIP.length)] ?? id.slice(TOWNSHIP.length);
    return language === "zh" ? `${name}综合行政执法队` : `${name} enforcement team`;
  }
  return id;
}

/** One character for a team's chip on the map. */
export function unitMark(id) {
  if (!id) return "?";
  if (id.startsWith(TOWNSHIP)) return language === "zh" ? "镇" : "T";
  const unit = district()?.units.find((each) => each.id === id);
  if (language === "en") return (unit?.name_en || id).trim()[0].toUpperCase();
  return unit?.name[0] ?? id[0].toUpperCase();
}

export function teamName(id) {
  return teamById(id)?.name ?? (id ? id.slice(0, 8) : t("unknown"));
}

export function typeName(item) {
  const plan = planByType(item.type);
  if (language === "en") return plan?.name_en || plan?.name || item.type_name || item.type;
  return plan?.name || item.type_name || item.type;
}

export function fieldName(id) {
  const field = district()?.fields.find((each) => each.id === id);
  if (field) return (language === "en" && field.name_en) || field.name;
  const other = { "urban-management": ["城市管理", "Urban management"] }[id];
  return other ? other[language === "zh" ? 0 : 1] : id;
}

/** Levels that the program drew itself, as words. */
export function derivedLevels() {
  const levels = district()?.levels ?? {};
  return Object.keys(levels).filter((key) => levels[key].derived > 0).map((key) => t(`level.${key}`));
}

/** The languages join lists differently. */
export const join = (words) => words.filter(Boolean).join(language === "zh" ? "、" : ", ");

export const caseTitle = (item) => `${t("case_no", { number: `#${item.number}` })} ${typeName(item)}`;

export const openCases = () => state.cases.filter((item) => !item.closed_at);
