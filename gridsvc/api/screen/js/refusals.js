/** The sentence for a kind of refusal, in the language of the screen. */

import { REFUSALS_EN } from "./refusals_en.js";
import { REFUSALS_ZH } from "./refusals_zh.js";
import { language } from "./words.js";

/** A kind that is new to the screen is said to be refused: the officer never reads the service's own words. */
export function refusalWords(kind) {
  const sentences = language === "zh" ? REFUSALS_ZH : REFUSALS_EN;
  return sentences[kind] ?? sentences.refused;
}
