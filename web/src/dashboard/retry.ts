/** Which reads are tried again by themselves, and when. */

import { ApiProblem } from "../api/problem.js";

/** One more try bridges a hiccup; after that the page says what is wrong instead of waiting on. */
const TRIES_MORE = 1;
const WAIT_MS = { least: 500, most: 3_000 };

const mayHelp = (error: unknown): error is ApiProblem =>
  error instanceof ApiProblem && (error.isUnreachable || error.status === 429 || error.status >= 500);

/** What the server refuses, it refuses again; only silence and a busy server are worth a try. */
export const retry = (failures: number, error: unknown): boolean =>
  failures < TRIES_MORE && mayHelp(error);

/** As long as the server asks for, within what somebody at the page would wait. */
export function retryDelay(_: number, error: unknown): number {
  const asked = error instanceof ApiProblem ? error.retryAfterMs : null;
  return Math.min(Math.max(asked ?? 0, WAIT_MS.least), WAIT_MS.most);
}

/** A page that could not be loaded is tried again this often; one that was refused is not. */
const FAILED_RELOAD_MS = 5_000;

export const reloadAfter = (error: unknown): number | false =>
  mayHelp(error) ? FAILED_RELOAD_MS : false;
