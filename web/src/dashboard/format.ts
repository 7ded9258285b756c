/** Numbers, times and values as text. */

const numbers = new Intl.NumberFormat("en");
const times = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

export const count = (value: number) => numbers.format(value);

export const plural = (value: number, one: string, many = `${one}s`) =>
  `${count(value)} ${value === 1 ? one : many}`;

export function time(at: string | null | undefined): string {
  const date = at ? new Date(at) : null;
  return date && !Number.isNaN(date.getTime()) ? times.format(date) : "–";
}

export const timeOfDay = (ms: number) => clock.format(ms);

/** A span as people say it: `2 h 5 min`, `45 s`, `850 ms`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

export function timeLeft(endsAt: string | null, now: number): string {
  if (!endsAt) return "–";
  const ms = Date.parse(endsAt) - now;
  return ms > 0 ? span(Math.max(ms, 1_000)) : "over";
}

interface Servers {
  ready: number;
  wanted: number;
  hung: number;
}

const isServers = (given: object): given is Servers =>
  ["ready", "wanted", "hung"].every((key) => key in given);

function serversText({ ready, wanted, hung }: Servers): string {
  const hangs = hung > 0 ? `, ${plural(hung, "hangs", "hang")}` : "";
  return `${count(ready)} of ${count(wanted)} ready${hangs}`;
}

/** Any JSON value on one line, for tables and comparisons. */
export function value(given: unknown): string {
  if (given === undefined || given === null) return "–";
  if (typeof given === "string") return given === "" ? "(empty)" : given;
  if (typeof given === "boolean") return given ? "yes" : "no";
  if (Array.isArray(given) && given.every((one) => typeof one !== "object")) {
    return given.length > 0 ? given.join(", ") : "(none)";
  }
  if (typeof given === "object" && isServers(given)) return serversText(given);
  return JSON.stringify(given);
}

/** A value that a check or a rule compares, with its unit where the check has one. */
export const compared = (id: string, given: unknown) =>
  id === "duration.remaining" && typeof given === "number" ? `${count(given)} min` : value(given);

/** `override_target_not_found` as words, for codes that have no text of their own. */
export const words = (code: string) => code.replaceAll(/[_.]/g, " ");
