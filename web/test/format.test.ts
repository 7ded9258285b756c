import { describe, expect, it } from "vitest";
import { compared, value } from "../src/dashboard/format.js";

describe("a value of a check", () => {
  it("is in words where it counts servers, else as it is", () => {
    expect(value({ ready: 1, hung: 0, wanted: 1 })).toBe("1 of 1 ready");
    expect(value({ ready: 2, hung: 1, wanted: 3 })).toBe("2 of 3 ready, 1 hangs");
    expect(value({ ready: 0, hung: 2, wanted: 2 })).toBe("0 of 2 ready, 2 hang");
    expect(value({ ready: true })).toBe('{"ready":true}');
    expect([value(null), value(""), value([]), value(["crew", "staff"])]).toEqual([
      "–",
      "(empty)",
      "(none)",
      "crew, staff",
    ]);
  });

  it("has its unit where the check has one", () => {
    expect(compared("duration.remaining", 1439)).toBe("1,439 min");
    expect(compared("duration.remaining", null)).toBe("–");
    expect(compared("seats", 500)).toBe("500");
  });
});
