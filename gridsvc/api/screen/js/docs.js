/** The page of the API at /docs: what /openapi.json says, as a person reads it. */

import { byId, h } from "./dom.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 12;

let contract;

/** What a `$ref` points to; anything else is itself. */
function resolve(node) {
  let found = node;
  while (found?.$ref) {
    found = found.$ref.slice(2).split("/").reduce(
      (whole, part) => whole[part.replaceAll("~1", "/").replaceAll("~0", "~")], contract);
  }
  return found ?? {};
}

/** The type of a value in a few words, such as `list of Team`. */
function typeWords(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeWords).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeWords(schema.items ?? {})}`;
  if (schema.additionalProperties?.type || schema.additionalProperties?.$ref) {
    return `map of ${typeWords(schema.additionalProperties)}`;
  }
  return schema.format ? `${schema.type}, ${schema.format}` : schema.type ?? "any";
}

/** The schemas with members inside a value: its own, those of its list, those of its alternatives. */
function inner(schema) {
  const found = resolve(schema);
  if (found.properties) return [found];
  return [...(found.anyOf ?? []), found.items, found.additionalProperties].flatMap(
    (each) => (each && typeof each === "object" ? inner(each) : []));
}

function member(name, schema, isRequired, depth) {
  const about = [h("code", {}, name), " ", h("span", { class: "dim" }, typeWords(schema)),
    isRequired ? null : h("span", { class: "dim" }, ", may be absent"),
    resolve(schema).description ? ` – ${(schema.description ?? resolve(schema).description).split("\n")[0]}` : null];
  const below = depth < DEEPEST ? inner(schema) : [];
  if (!below.length) return h("li", {}, about);
  const details = h("details", { ontoggle: () => {
    if (details.open && details.children.length === 1) details.append(...below.map((each) => members(each, depth + 1)));
  } }, h("summary", {}, about));
  return h("li", {}, details);
}

function members(schema, depth = 0) {
  const needed = new Set(schema.required ?? []);
  return h("ul", { class: "members" }, Object.entries(schema.properties ?? {}).map(
    ([name, each]) => member(name, each, needed.has(name), depth)));
}

function shape(schema) {
  if (!schema) return null;
  return [h("p", { class: "dim" }, typeWords(schema)), inner(schema).map((each) => members(each))];
}

const sample = (value) => (value === undefined ? null
  : h("pre", {}, h("code", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2))));

function parameters(operation) {
  if (!operation.parameters?.length) return null;
  return [h("h3", {}, "Parameters"), h("table", {}, operation.parameters.map((each) => h("tr", {},
    h("td", {}, h("code", {}, each.name)), h("td", { class: "dim" }, each.in),
    h("td", { class: "dim" }, typeWords(each.schema)),
    h("td", {}, each.description ?? "", each.required ? " required" : ""))))];
}

function body(operation) {
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  if (!schema) return null;
  const examples = resolve(schema).examples ?? [operation.requestBody.content["application/json"].example];
  return [h("h3", {}, "Body"), shape(schema), examples.map(sample)];
}

function answers(operation) {
  return Object.entries(operation.responses).filter(([status]) => status < "400").map(([status, declared]) => {
    const [[kind, content] = []] = Object.entries(resolve(declared).content ?? {});
    return [h("h3", {}, `Answer ${status}${kind ? `, ${kind}` : ""}`), h("p", {}, resolve(declared).description ?? ""),
      shape(content?.schema), sample(content?.example)];
  });
}

function refusals(operation) {
  const found = Object.entries(operation.responses).filter(([status]) => status >= "400");
  if (!found.length) return null;
  return [h("h3", {}, "Refusals, application/problem+json"), h("table", {}, found.map(([status, declared]) =>
    h("tr", {}, h("td", {}, h("code", {}, status)), h("td", {}, resolve(declared).description))))];
}

function route(path, method, operation) {
  const details = h("details", { class: "route", id: operation.operationId, ontoggle: () => {
    if (!details.open || details.children.length > 1) return;
    details.append(h("div", {}, h("p", {}, operation.description ?? ""),
      operation.security?.length ? null : h("p", { class: "dim" }, "Needs no key."),
      operation["x-idempotent"] ? h("p", { class: "dim" }, operation["x-idempotent"]) : null,
      parameters(operation), body(operation), answers(operation), refusals(operation)));
  } }, h("summary", {}, h("span", { class: "method" }, method.toUpperCase()), h("code", { class: "path" }, path),
    h("span", { class: "dim" }, operation.summary ?? "")));
  details.dataset.text = `${method} ${path} ${operation.summary ?? ""}`.toLowerCase();
  return details;
}

function filter() {
  const wanted = byId("search").value.trim().toLowerCase();
  for (const details of document.querySelectorAll(".route")) details.hidden = !details.dataset.text.includes(wanted);
  for (const group of document.querySelectorAll("section")) group.hidden = !group.querySelector(".route:not([hidden])");
}

function openNamed() {
  const named = location.hash && byId(location.hash.slice(1));
  if (named) {
    named.open = true;
    named.scrollIntoView();
  }
}

async function start() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) {
    byId("routes").append(h("p", { role: "alert" }, `GET /openapi.json: ${answer.status}`));
    return;
  }
  contract = await answer.json();
  byId("version").textContent = contract.info.version;
  const groups = new Map();
  for (const [path, methods] of Object.entries(contract.paths)) {
    for (const method of METHODS.filter((each) => methods[each])) {
      const tag = methods[method].tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), route(path, method, methods[method])]);
    }
  }
  byId("routes").append(...[...groups].map(([tag, routes]) => h("section", {}, h("h2", {}, tag), routes)));
  byId("search").addEventListener("input", filter);
  openNamed();
}

start();
