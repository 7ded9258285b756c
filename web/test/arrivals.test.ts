import { describe, expect, it } from "vitest";
import { failover, world } from "../mock/data.js";
import { curveOf, observed } from "../src/dashboard/failover/arrivals.js";
import { isInTrouble, pairs } from "../src/dashboard/queries.js";

const record = failover(world("wld_a", "A"), world("wld_b", "B"), "ada");
const at = (ms: number) => new Date(Date.parse(record.startedAt) + ms).toISOString();
const row = (ms: number | null, stage: "landed" | "refused" = "landed") => ({
  session: `ses_${ms}`,
  user: "u",
  stage,
  at: ms === null ? null : at(ms),
});

describe("the arrival curve", () => {
  it("counts those who landed, in the order of time", () => {
    const curve = curveOf(record, [row(2_000), row(1_000), row(500, "refused"), row(null)]);
    expect(curve).toEqual([[0, 1, 2], [0, 1, 2]]);
  });

  it("stays small for a crowd and ends with everyone", () => {
    const [seconds, people] = curveOf(record, Array.from({ length: 50_000 }, (_, n) => row(n)));
    expect(seconds.length).toBeLessThan(2_100);
    expect(people.at(-1)).toBe(50_000);
  });

  it("does not grow while nothing happens", () => {
    let curve = observed([[0], [0]], 1, 3);
    for (let second = 2; second < 500; second += 1) curve = observed(curve, second, 3);
    expect(curve[0].length).toBeLessThan(6);
    expect(observed(curve, 1, 9)).toEqual(curve);
  });
});

describe("worlds as pairs", () => {
  it("shows a standby with its main, and one whose main is gone by itself", () => {
    const main = world("wld_a", "A", { standby: "wld_b" });
    const standby = world("wld_b", "B", { standbyFor: "wld_a" });
    const orphan = world("wld_c", "C", { standbyFor: "wld_gone" });
    const found = pairs([standby, orphan, main]);
    expect(found.map(({ main: one, standby: two }) => [one.id, two?.id ?? null])).toEqual([
      ["wld_a", "wld_b"],
      ["wld_c", null],
    ]);
  });

  it("calls a world that fails or moves an alarm", () => {
    const main = world("wld_a", "A");
    expect(isInTrouble({ main, standby: null })).toBe(false);
    main.status.phase = "Error";
    expect(isInTrouble({ main, standby: null })).toBe(true);
  });
});
