import { describe, expect, it } from "vitest";
import { type Config, differences, merge, patchOf, withDifferences } from "../src/dashboard/config/diff.js";

const config = (world: string, doors: boolean, acts: string[] = []): Config => ({
  game: { Failover: { OverrideWorldId: world } },
  project: { Stage: { DoorsOpen: doors, Acts: acts } },
});

describe("a save sends only what was changed", () => {
  it("finds changed values by pointer and makes a merge patch of them", () => {
    const changes = differences(config("", true), config("wld_b", true, ["Eve"]));
    expect(changes.map(({ path }) => path)).toEqual([
      "/game/Failover/OverrideWorldId",
      "/project/Stage/Acts",
    ]);
    expect(patchOf(changes)).toEqual({
      game: { Failover: { OverrideWorldId: "wld_b" } },
      project: { Stage: { Acts: ["Eve"] } },
    });
  });

  it("returns a value that was taken away to its default", () => {
    const without = { ...config("", true), project: { Stage: { Acts: [] } } };
    expect(patchOf(differences(config("", true), without))).toEqual({
      project: { Stage: { DoorsOpen: null } },
    });
  });

  it("keeps keys with slashes and tildes apart from the pointer's own", () => {
    const before = { game: {}, project: { "a/b~c": 1 } };
    const after = { game: {}, project: { "a/b~c": 2 } };
    expect(patchOf(differences(before, after))).toEqual({ project: { "a/b~c": 2 } });
  });
});

describe("two people at once", () => {
  const base = config("", true);

  it("asks only where both changed the same value differently", () => {
    const found = merge(base, config("wld_mine", false), config("wld_theirs", true, ["Eve"]));
    expect(found.conflicts).toEqual([
      { path: "/game/Failover/OverrideWorldId", base: "", mine: "wld_mine", theirs: "wld_theirs" },
    ]);
    expect(found.mine.map(({ path }) => path)).toEqual(["/project/Stage/DoorsOpen"]);
    expect(found.theirs.map(({ path }) => path)).toEqual(["/project/Stage/Acts"]);
  });

  it("counts the same change as no conflict", () => {
    expect(merge(base, config("w", true), config("w", true)).conflicts).toEqual([]);
  });

  it("puts my changes on top of theirs without touching theirs", () => {
    const theirs = config("wld_theirs", true);
    const merged = withDifferences(theirs, merge(base, config("", false), theirs).mine);
    expect(merged).toEqual(config("wld_theirs", false));
    expect(theirs).toEqual(config("wld_theirs", true));
  });
});
