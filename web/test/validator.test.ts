import type { RJSFSchema } from "@rjsf/utils";
import { describe, expect, it } from "vitest";
import { projectSchema } from "../mock/data.js";
import { faultsOf } from "../src/dashboard/config/validator.js";

const cases: [RJSFSchema, unknown, string | null][] = [
  [{ type: "integer", minimum: 1, maximum: 20 }, 20, null],
  [{ type: "integer", minimum: 1 }, 0, "must be at least 1"],
  [{ type: "integer" }, 1.5, "must be of type integer"],
  [{ type: "number", exclusiveMaximum: 50 }, 50, "must be less than 50"],
  [{ type: "number", exclusiveMinimum: 0 }, 0, "must be more than 0"],
  [{ type: "number", multipleOf: 0.1 }, 0.3, null],
  [{ type: "integer", multipleOf: 15 }, 31, "must be a multiple of 15"],
  [{ type: "string", minLength: 1 }, "", "must have at least 1 characters"],
  [{ type: "string", maxLength: 1 }, "🎪", null],
  [{ type: "string", pattern: "^#[0-9a-f]{6}$" }, "red", "must match ^#[0-9a-f]{6}$"],
  [{ type: "string", pattern: "(?P<no>x)" }, "red", null],
  [{ type: "boolean" }, "yes", "must be of type boolean"],
  [{ type: "string" }, undefined, "must have a value"],
];

describe("live config is checked in the page as the server checks it", () => {
  it.each(cases)("%j takes %j: %s", (schema, value, message) => {
    expect(faultsOf(value, schema)[0]?.message ?? null).toBe(message);
  });

  it("names the value by its pointer", () => {
    const values = { Stage: { Acts: ["Eve", 7] }, Crowd: {} };
    const faults = faultsOf(values, projectSchema as RJSFSchema);
    expect(faults).toContainEqual({ path: "/Stage/Acts/1", message: "must be of type string" });
  });
});
