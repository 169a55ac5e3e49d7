/** What is switched on the map: ways, areas, and how well the district is covered. Kept in the browser. */

import { byId, h, replace } from "./dom.js";
import { on, set, state } from "./state.js";
import { slug, t } from "./words.js";

const KEPT = "gridsvc.layers";
const FIRST = { ways: true, areas: true, coverage: "none", response_class: "urban" };
export const COVERAGE = ["none", "1", "2", "3", "first"];
const CLASSES = ["urban", "rural"];

export function startLayers() {
  set({ layers: { ...FIRST, ...kept(), coverage: "none" } });
  on(["layers", "served", "facts"], drawLayers);
  drawLayers();
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {}; // storage may be forbidden
  }
}

export function switchLayer(changes) {
  set({ layers: { ...state.layers, ...changes } });
  try {
    localStorage.setItem(KEPT, JSON.stringify(state.layers));
  } catch { /* then only until the page is left */ }
}

export function drawLayers() {
  const { layers } = state;
  const onOff = (name) => h("label", { class: "switch" },
    h("input", { type: "checkbox", role: "switch", checked: layers[name], data: { key: `layer-${name}`, layer: name },
      onchange: (event) => switchLayer({ [name]: event.target.checked }) }),
    h("span", {}, h("span", {}, t(`layer_${name}`)), h("small", { class: "dim" }, t(`layer_${name}_about`))));
  const choice = (name, group, values, words) => h("fieldset", { class: "choice" },
    h("legend", {}, t(group)),
    values.map((value) => h("label", { class: "switch" },
      h("input", { type: "radio", name, value, checked: layers[name] === value, data: { key: `layer-${name}-${value}`, [name === "coverage" ? "coverage" : "class"]: value },
        onchange: () => switchLayer({ [name]: value }) }),
      h("span", {}, words(value)))));
  replace(byId("layers"),
    h("summary", { data: { key: "layers" } }, t("layers")),
    h("div", { class: "legend-body" },
      onOff("ways"), onOff("areas"),
      state.served.includes("service_areas") ? [
        choice("response_class", "coverage_class", CLASSES, (value) => t(`coverage_${value}`)),
        choice("coverage", "coverage", COVERAGE, (value) => slug("coverage", value)),
      ] : null));
}
