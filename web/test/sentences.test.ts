import { describe, expect, it } from "vitest";
import { failover, world } from "../mock/data.js";
import { forceText, movingText, paceText, stagesText, whereText } from "../src/dashboard/failover/sentences.js";

const main = world("wld_a", "Main Stage");
const record = failover(main, world("wld_b", "FAILOVER Main Stage"), "ada");

describe("a move in sentences", () => {
  it("how fast it will be", () => {
    const pace = (sessions: number, windowMs: number) =>
      paceText({ ...record.plan, sessions, windowMs, ratePerSecond: 6.25 });
    expect(pace(500, 80_000)).toBe("500 people move at 6.3 per second, which takes about 80 s.");
    expect(pace(1, 0)).toBe("1 person moves at 6.3 per second, which takes about 1.0 s.");
    expect(pace(0, 0)).toBe("Nobody has to move.");
  });

  it("what may be forced, and what speaks against the rest", () => {
    const rule = { code: "", main: null, standby: null, remedy: "" };
    const soft = { ...rule, message: "wait 50 s", mayForce: true };
    const firm = { ...rule, message: "the main world is Inactive", mayForce: false };
    expect(forceText([soft], "Fail back all the same")).toMatch(/“Reason”, then press “Fail back all/);
    expect(forceText([soft, firm], "")).toMatch(/as long as this holds: the main world is Inactive\.$/);
  });

  it("where it leads, and that a failback leads home", () => {
    expect(whereText("failover", "FAILOVER Main Stage")).toBe("to FAILOVER Main Stage");
    expect(whereText("failback", "Main Stage")).toBe("home to Main Stage");
    expect(whereText("rejoin", "Main Stage")).toBe("into Main Stage again");
  });

  it("what game servers confirm, but once it is over no smaller number than landed", () => {
    const stages = (confirmed: number, finishedAt: string | null) =>
      stagesText({ counts: { ...record.counts, told: 1_200, landed: 50, confirmed }, finishedAt });
    expect(stages(12, null)).toBe("1,200 told · 0 asked · 0 placed · 12 confirmed by the game server");
    expect(stages(50, record.startedAt)).toContain("50 confirmed");
    expect(stages(12, record.startedAt)).not.toContain("confirmed");
  });

  it("how far it is, or that it waits for a target that does not come", () => {
    const target = world("wld_b", "FAILOVER Main Stage");
    const waiting = { ...record, waitsForTarget: true };
    const asleep = { ...target, status: { ...target.status, phase: "Error" as const } };
    const over = `is being failed over (held): 0 of ${record.counts.present} are over.`;
    expect(movingText("held", undefined, target)).toBe("is being failed over (held).");
    expect(movingText("held", { ...waiting, counts: { ...record.counts, landed: 0 } }, target)).toBe(over);
    expect(movingText("held", waiting, asleep)).toBe(
      "waits to be failed over, but FAILOVER Main Stage is in phase Error: launch it, or undo the failover.",
    );
  });
});
