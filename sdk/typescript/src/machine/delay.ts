/** How long a client waits before it tries again, when nobody told it. Whole milliseconds. */

const FIRST_RETRY_SPREAD_S = 10;
const BACKOFF_MAX_S = 30;
const BACKOFF_BASE_S = 2;
const LOST_GAME_SPREAD_S = 1;
const SLOW_POLL_S = { from: 15, to: 30 };

/** A part of a span, rounded to nanoseconds and cut to milliseconds as the Rust machine does. */
function part(seconds: number, factor: number): number {
  return Math.floor(Math.round(seconds * factor * 1e9) / 1e6);
}

/** The wait before try number `attempt` (the first retry is 1), with `random` in 0..1. */
function retry(attempt: number, random: number): number {
  // The first one needs the widest spread: it is the one that everybody makes at once.
  if (attempt <= 1) return part(FIRST_RETRY_SPREAD_S, random);
  const doubled = BACKOFF_BASE_S * 2 ** Math.min(attempt - 2, 8);
  return part(Math.min(doubled, BACKOFF_MAX_S), 0.5 + random / 2);
}

/** Failures in a row, and the waits after them. */
export class Failures {
  #inARow = 0;

  /**
   * The wait after one more. A wait that was asked for is kept exactly, and ends the row: whoever
   * asked lives, so the next failure without one is again everybody's first.
   */
  waitAfter(askedMs: number | null, random: number): number {
    this.#inARow = askedMs === null ? this.#inARow + 1 : 0;
    return askedMs ?? retry(this.#inARow, random);
  }

  end(): void {
    this.#inARow = 0;
  }
}

/** The wait before the one join that follows a lost game server. */
export function afterLostGame(random: number): number {
  return part(LOST_GAME_SPREAD_S, random);
}

/** The wait of a client that expects a push. */
export function slowPoll(random: number): number {
  return SLOW_POLL_S.from * 1000 + part(SLOW_POLL_S.to - SLOW_POLL_S.from, random);
}
