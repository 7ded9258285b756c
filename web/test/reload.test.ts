import { describe, expect, it } from "vitest";
import { PEOPLE_RELOAD_MS, worldsReloadMs } from "../src/dashboard/queries.js";

describe("the list of worlds", () => {
  it("is loaded as often as the people in one, unless it is long", () => {
    expect([0, 2, 150].map(worldsReloadMs)).toEqual(Array(3).fill(PEOPLE_RELOAD_MS));
    expect(worldsReloadMs(500)).toBe(10_000);
  });
});
