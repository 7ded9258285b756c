import { describe, expect, it } from "vitest";
import { world } from "../mock/data.js";
import { failoverWord, isInTrouble, pairs, standsIn } from "../src/dashboard/queries.js";

const names = (worlds: ReturnType<typeof world>[]) => pairs(worlds).map(({ main }) => main.name);

describe("worlds are shown as pairs", () => {
  it("each main beside its standby, numbers in their order", () => {
    const main = world("wld_1", "Stage 10", { standby: "wld_2" });
    const standby = world("wld_2", "FAILOVER Stage 10", { standbyFor: "wld_1" });
    const other = world("wld_3", "Stage 9");
    const lost = world("wld_4", "FAILOVER Stage 11", { standbyFor: "wld_gone" });
    const shown = pairs([standby, main, lost, other]);
    expect(shown.map((pair) => [pair.main.id, pair.standby?.id ?? null])).toEqual([
      ["wld_4", null],
      ["wld_3", null],
      ["wld_1", "wld_2"],
    ]);
  });

  it("those in trouble first", () => {
    const well = world("wld_1", "A");
    const broken = world("wld_2", "Z");
    broken.status.phase = "Error";
    expect(names([well, broken])).toEqual(["Z", "A"]);
  });

  it("of which only those without a world raise an alarm", () => {
    const at = (phase: "Active" | "Starting" | "Error", sessions: number, move?: string) => {
      const main = world("wld_1", "A");
      const failover = move ? { phase: move, failoverId: "fo_1", targetWorldId: "wld_2" } : null;
      main.status = { ...main.status, phase, sessions, failover };
      return isInTrouble({ main, standby: null });
    };
    expect([at("Active", 5), at("Starting", 0), at("Error", 0, "complete")]).toEqual([false, false, false]);
    expect([at("Error", 0), at("Starting", 5), at("Active", 5, "held")]).toEqual([true, true, true]);
  });

  it("with what the override does, for as long as it is set", () => {
    const main = world("wld_1", "A", { standby: "wld_2" });
    const standby = world("wld_2", "FAILOVER A", { standbyFor: "wld_1" });
    const at = (phase: string | null) => {
      const failover = phase && { phase, failoverId: "fo_1", targetWorldId: "wld_2" };
      main.status.failover = failover || null;
      return [failoverWord(main), standsIn(standby, main)];
    };
    expect(at(null)).toEqual([null, false]);
    expect(at("moving")).toEqual(["moving", true]);
    expect(at("redirecting-new-joiners")).toEqual(["redirecting-new-joiners", true]);
    expect(at("complete")).toEqual(["Failed over", true]);
    expect(at("complete-with-stragglers")).toEqual(["Failed over", true]);
    expect(standsIn(main, undefined)).toBe(false);
  });
});
