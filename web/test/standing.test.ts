import { describe, expect, it } from "vitest";
import type { Automation } from "../src/api/types.js";
import { standingText } from "../src/dashboard/failover/standing.js";

const now = Date.parse("2026-11-26T12:00:00Z");
const at = new Date(now + 12_000).toISOString();

const automation = (change: Partial<Automation>): Automation => ({
  worldId: "wld_1",
  enabled: true,
  graceSeconds: 30,
  coolDownSeconds: 600,
  standing: "watching",
  at: null,
  blockedBy: null,
  ...change,
});

describe("where an automation stands", () => {
  it("is one sentence, with the time to go and the reason", () => {
    const text = (change: Partial<Automation>) => standingText(automation(change), undefined, now);
    expect(text({})).toContain("gone for 30 s");
    expect(text({ standing: "counting", at })).toContain("by itself in 12 s");
    expect(text({ standing: "coolingDown", at })).toContain("again in 12 s");
    expect(text({ standing: "blocked", blockedBy: "no standby" })).toContain("no standby");
    expect(text({ standing: "off" })).toContain("only a person");
  });

  it("names who stopped all of it, and why", () => {
    const stop = { stopped: true, reason: "<b>maintenance</b>", by: "Ada", at };
    const text = standingText(automation({ standing: "stopped" }), stop, now);
    expect(text).toMatch(/by Ada, .*: <b>maintenance<\/b>$/);
  });
});
