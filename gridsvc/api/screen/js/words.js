/** Every word on the screen, in Chinese and English. Slugs of the service are looked up as `group.slug`. */

import { CASE_EN } from "./words_case_en.js";
import { CASE_ZH } from "./words_case_zh.js";
import { MAP_EN } from "./words_map_en.js";
import { MAP_ZH } from "./words_map_zh.js";
import { PAGE_EN } from "./words_page_en.js";
import { PAGE_ZH } from "./words_page_zh.js";
import { PLACE_EN } from "./words_place_en.js";
import { PLACE_ZH } from "./words_place_zh.js";
import { REVIEW_EN } from "./words_review_en.js";
import { REVIEW_ZH } from "./words_review_zh.js";
import { SLUGS_EN } from "./words_slugs_en.js";
import { SLUGS_ZH } from "./words_slugs_zh.js";

const KEPT = "gridsvc.language";
const LANGUAGES = {
  zh: { ...PAGE_ZH, ...CASE_ZH, ...MAP_ZH, ...PLACE_ZH, ...REVIEW_ZH, ...SLUGS_ZH },
  en: { ...PAGE_EN, ...CASE_EN, ...MAP_EN, ...PLACE_EN, ...REVIEW_EN, ...SLUGS_EN },
};

export let language = kept() ?? (navigator.language?.toLowerCase().startsWith("zh") ? "zh" : navigator.language ? "en" : "zh");

function kept() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked in LANGUAGES) return asked;
  try {
    const stored = localStorage.getItem(KEPT);
    return stored in LANGUAGES ? stored : null;
  } catch {
    return null; // storage may be forbidden
  }
}

export function setLanguage(chosen) {
  language = chosen;
  try {
    localStorage.setItem(KEPT, chosen);
  } catch { /* then only until the page is left */ }
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
}

/** The words for `key`, `{name}` filled in from `values`. */
export function t(key, values = {}) {
  const words = LANGUAGES[language][key] ?? LANGUAGES.zh[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The words for a slug of the service; a slug that is new to the screen is shown as it is. */
export function slug(group, value) {
  if (value === null || value === undefined) return "";
  const key = `${group}.${value}`;
  return LANGUAGES[language][key] ?? String(value).replaceAll(/[-_]/g, " ");
}

/** The words for `key`, or null where there are none. */
export const wordsFor = (key) => LANGUAGES[language][key] ?? null;

/** Fill in the words of the page itself. */
export function translatePage() {
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
}
