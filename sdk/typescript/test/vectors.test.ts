import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Input, Machine, type Status } from "../src/machine/index.js";

interface Step {
  input: Record<string, unknown>;
  now: number;
  random: number;
  actions: Record<string, unknown>[];
  deadline: number | null;
  status: Record<string, unknown> | null;
}

const file = new URL("../../vectors/client.json", import.meta.url);
const sequences = JSON.parse(readFileSync(file, "utf8")) as { name: string; steps: Step[] }[];

/** The Rust machine writes times as RFC 3339. */
function status(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { until, ...rest } = value as { until?: string | null };
  return typeof until === "string" ? { ...rest, until: Date.parse(until) } : value;
}

/** A frame of a type that this version does not know is read as `unknown` by both. */
function input(value: Record<string, unknown>): Input {
  const frame = value.frame as { type: string } | undefined;
  return (frame?.type === "of tomorrow" ? { ...value, frame: { type: "unknown" } } : value) as Input;
}

describe("the state machine does what the Rust machine does", () => {
  it.each(sequences)("$name", ({ steps }) => {
    const machine = new Machine({ kind: "vectors", accepts: ["placement"] });
    for (const step of steps) {
      const actions = machine.handle(input(step.input), step.now, step.random);
      const expected = step.actions.map((action) =>
        action.action === "show" ? { ...action, status: status(action.status) } : action,
      );
      expect(JSON.parse(JSON.stringify(actions))).toEqual(expected);
      expect(machine.deadline).toBe(step.deadline);
      expect(machine.status).toEqual(status(step.status) as Status);
    }
  });
});
