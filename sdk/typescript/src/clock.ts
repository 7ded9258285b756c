/** The time that a client goes by. */

/**
 * Milliseconds of a clock that never jumps: whatever becomes of the time of day, nobody leaves
 * early or stops asking.
 */
export function steadyNow(): number {
  return Math.floor(performance.now());
}
