/** Times as people read them, in the district's zone; spans of time as minutes and seconds. */

import { language } from "./words.js";
import { district } from "./state.js";
import { now } from "./service.js";

const formats = new Map();

function format(kind, options) {
  const zone = district()?.time_zone;
  const key = `${kind} ${language} ${zone}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { ...options, timeZone: zone, hourCycle: "h23" }));
  }
  return formats.get(key);
}

/** 08:31:02 */
export const timeOf = (moment) =>
  format("time", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(moment));

/** 11-24 08:31, with the year where it is not this one */
export function dayAndTime(moment) {
  const at = new Date(moment);
  const sameYear = at.getUTCFullYear() === new Date(now()).getUTCFullYear();
  const options = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
  return format(sameYear ? "day" : "year", sameYear ? options : { ...options, year: "numeric" }).format(at);
}

/** The zone's short name, such as GMT+8. */
export const zoneName = () =>
  format("zone", { timeZoneName: "short" }).formatToParts(new Date()).find((part) => part.type === "timeZoneName")?.value ?? "";

/** The moment (RFC 3339, UTC) of a wall time such as 2026-04-01T00:00 in the district's zone. */
export function instantOf(wall) {
  const utc = Date.parse(`${wall}Z`);
  const numbers = Object.fromEntries(format("instant", { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" })
    .formatToParts(new Date(utc)).map((part) => [part.type, part.value]));
  const shown = Date.UTC(numbers.year, numbers.month - 1, numbers.day, numbers.hour, numbers.minute, numbers.second);
  return new Date(2 * utc - shown).toISOString();
}

/** 4:05, 1:02:33 or 3 d: whole seconds, never negative */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s >= 172_800) return language === "zh" ? `${Math.floor(s / 86_400)} 天` : `${Math.floor(s / 86_400)} d`;
  const pad = (n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  return hours ? `${hours}:${pad(minutes)}:${pad(s % 60)}` : `${minutes}:${pad(s % 60)}`;
}

/** "3 minutes ago" */
export function ago(moment) {
  const seconds = (now() - Date.parse(moment)) / 1000;
  const relative = new Intl.RelativeTimeFormat(language === "zh" ? "zh-CN" : "en", { numeric: "auto", style: "short" });
  if (seconds < 60) return relative.format(-Math.max(0, Math.round(seconds)), "second");
  if (seconds < 3600) return relative.format(-Math.round(seconds / 60), "minute");
  if (seconds < 172_800) return relative.format(-Math.round(seconds / 3600), "hour");
  return dayAndTime(moment);
}

/**
 * How a case stands to what it is due: {kind, seconds}. `running` and `late` (the clock of its policy runs, or a step
 * takes too long), `met` and `missed` (who stops the clock arrived in time or not), `missing` (closed, and nobody who
 * stops it arrived), `none`. Whether a response is met, late or missing is `timing`: for the service to say alone.
 */
export function lateness(item) {
  const due = item.due_at ? Date.parse(item.due_at) : null; // its target until the arrival, then the limit of its step
  const arrivedAt = item.timing === "open" ? null : item.arrived_at;
  if (!item.closed_at && due !== null && (!arrivedAt || now() > due)) {
    const left = (due - now()) / 1000;
    return left < 0 ? { kind: "late", seconds: -left } : { kind: "running", seconds: left };
  }
  if (arrivedAt && item.target_s) {
    const taken = (Date.parse(arrivedAt) - Date.parse(item.reported_at)) / 1000;
    return { kind: item.timing === "late" ? "missed" : "met", seconds: taken };
  }
  return { kind: item.timing === "missing" ? "missing" : "none", seconds: 0 };
}

export const isLate = (item) => ["late", "missed"].includes(lateness(item).kind);
