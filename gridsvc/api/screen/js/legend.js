/** What the signs on the map mean. */

import { byId, h, replace } from "./dom.js";
import { iconCanvas } from "./map_icons.js";
import { COLOURS } from "./map_style.js";
import { district, on } from "./state.js";
import { slug, t } from "./words.js";

export function startLegend() {
  on(["facts"], drawLegend);
  byId("legend").open = matchMedia("(min-width: 1600px) and (min-height: 800px)").matches;
  drawLegend();
}

const line = (colour, width) => h("span", { class: "swatch", "aria-hidden": "true", style: { "border-top": `${width}px solid ${colour}` } });

export function drawLegend() {
  const levels = district()?.levels ?? {};
  const row = (sign, ...words) => h("li", {}, sign, h("span", {}, ...words));
  replace(byId("legend"),
    h("summary", { data: { key: "legend" } }, t("legend")),
    h("div", { class: "legend-body" },
      h("h4", {}, t("legend_levels")),
      h("ul", {}, Object.keys(levels).map((key) => row(line(COLOURS[key], { regional: 3, township: 2, area: 1.5, village: 1 }[key]),
        `${t(`level.${key}`)} ${levels[key].grids}`,
        levels[key].derived ? h("small", { class: "tag" }, t("derived")) : null))),
      h("h4", {}, t("legend_teams")),
      h("ul", {}, ["available", "engaged", "off_duty"].map((status) => row(iconCanvas(`team|1|${status}`), slug("team_status", status))),
        row(iconCanvas("post|2|3"), t("legend_post"))),
      h("h4", {}, t("legend_cases")),
      h("ul", {},
        row(iconCanvas("case|emergency|0|0"), slug("urgency", "emergency")),
        row(iconCanvas("case|routine|0|0"), slug("urgency", "routine")),
        row(iconCanvas("case|emergency|1|0"), t("filter_waiting")),
        row(iconCanvas("case|emergency|0|1"), t("filter_late"))),
      h("h4", {}, t("ways")),
      h("ul", {}, ["lead", "member", "compared"].map((role) => row(
        h("span", { class: `way-${role}`, "aria-hidden": "true" }, h("span", { class: "way-sample" })), t(`way_${role}`))))));
}
