/** The arrival curve of a failover: when how many had landed. */

import type { Failover, FailoverClient } from "../../api/types.js";

/** Seconds since the start, and people, as two columns of the same length. */
export type Curve = [seconds: number[], people: number[]];

const POINTS_MAX = 2_000;

/** The curve from the ledger's rows, for a failover that is over or was begun before the page. */
export function curveOf(failover: Failover, rows: FailoverClient[]): Curve {
  const start = Date.parse(failover.startedAt);
  const times = rows
    .filter((row) => row.stage === "landed" && row.at !== null)
    .map((row) => (Date.parse(row.at ?? "") - start) / 1_000)
    .filter((seconds) => Number.isFinite(seconds))
    .sort((one, other) => one - other);
  const step = Math.max(1, Math.ceil(times.length / POINTS_MAX));
  const seconds = [0];
  const people = [0];
  for (const [index, at] of times.entries()) {
    if (index % step !== 0 && index !== times.length - 1) continue;
    seconds.push(Math.max(at, 0));
    people.push(index + 1);
  }
  return [seconds, people];
}

/** The curve with one more observation; one that is not later than the last is left out. */
export function observed([seconds, people]: Curve, at: number, landed: number): Curve {
  const last = seconds.at(-1) ?? -1;
  if (at <= last) return [seconds, people];
  const isFlat = people.at(-1) === landed && people.at(-2) === landed;
  // On a flat stretch only its two ends are kept, so that waiting does not fill the memory.
  if (isFlat) return [[...seconds.slice(0, -1), at], [...people.slice(0, -1), landed]];
  return [[...seconds, at], [...people, landed]];
}

/** How long until everyone is over at the planned rate; null when that is not known. */
export function timeToGoMs(failover: Failover, nowMs: number): number | null {
  if (failover.finishedAt !== null || failover.phase !== "moving") return null;
  const { ratePerSecond, windowMs } = failover.plan;
  const byWindow = Date.parse(failover.startedAt) + windowMs - nowMs;
  const byRate = ratePerSecond > 0 ? (failover.counts.pending / ratePerSecond) * 1_000 : byWindow;
  return Math.max(0, Math.min(Math.max(byWindow, 0), byRate) || byRate);
}
