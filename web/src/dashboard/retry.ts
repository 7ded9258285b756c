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
const FAILED_RELOAD_MS = 2_000;

type State = { state: { error: Error | null } };

/** Reads again after a failure; else after `everyMs`, if that is given. */
export const reload =
  (everyMs: number | false = false) =>
  ({ state }: State): number | false =>
    mayHelp(state.error) ? FAILED_RELOAD_MS : everyMs;
