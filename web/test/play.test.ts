import { describe, expect, it } from "vitest";
import { Crowd, WALK_CM_PER_SECOND, headingOf, step } from "../src/play/crowd.js";
import { countdown, describe as inWords } from "../src/play/screen.js";

const person = (id: number, x = 0, y = 0) => ({ id, name: `p${id}`, x, y, heading: 0 });
const size = { width: 1_000, height: 1_000 };

describe("a snapshot is applied in the protocol's order", () => {
  it("forgets, removes, puts in, moves", () => {
    const crowd = new Crowd();
    crowd.apply({ full: true, people: [person(1), person(2)] });
    crowd.apply({ gone: [1, 99], people: [person(3)], moved: [[2, 5, 6, 90], [98, 1, 1, 1]] });
    expect([...crowd.people.keys()]).toEqual([2, 3]);
    expect(crowd.people.get(2)).toMatchObject({ x: 5, y: 6, heading: 90 });
    crowd.apply({ full: true });
    expect(crowd.people.size).toBe(0);
  });

  it("walks people to where they are, and puts those far away there at once", () => {
    const crowd = new Crowd();
    crowd.apply({ people: [person(1), person(2)] });
    crowd.apply({ moved: [[1, 100, 0, 90], [2, 5_000, 0, 90]] });
    crowd.follow(0.05);
    expect(crowd.people.get(1)?.shownX).toBeGreaterThan(0);
    expect(crowd.people.get(1)?.shownX).toBeLessThan(100);
    expect(crowd.people.get(2)?.shownX).toBe(5_000);
  });
});

describe("walking", () => {
  it("goes by keys before the goal, and never out of the world", () => {
    const next = step({ x: 999, y: 10 }, { x: 1, y: 0 }, { x: 0, y: 0 }, 1, size);
    expect(next).toEqual({ x: 1_000, y: 10, heading: 90 });
  });

  it("is no faster on the diagonal", () => {
    const next = step({ x: 0, y: 0 }, { x: 1, y: 1 }, null, 1, size);
    expect(Math.hypot(next?.x ?? 0, next?.y ?? 0)).toBeCloseTo(WALK_CM_PER_SECOND, -1);
  });

  it("ends at the goal", () => {
    expect(step({ x: 0, y: 0 }, { x: 0, y: 0 }, { x: 3, y: 4 }, 1, size)).toMatchObject({ x: 3, y: 4 });
    expect(step({ x: 3, y: 4 }, { x: 0, y: 0 }, { x: 3, y: 4 }, 1, size)).toBeNull();
  });

  it("looks where it goes", () => {
    expect([headingOf(0, -1), headingOf(1, 0), headingOf(0, 1), headingOf(-1, 0)]).toEqual([0, 90, 180, 270]);
  });
});

describe("the loading screen", () => {
  it("says what is known and nothing else", () => {
    const waiting = { status: "waiting", until: null, code: "failover_held" } as const;
    expect(inWords(waiting, true, null)).toMatchObject({
      state: "loading",
      text: expect.stringContaining("on hold"),
    });
    const refused = { status: "refused", code: "banned" } as const;
    expect(inWords(refused, false, null).state).toBe("refused");
    const unknown = { status: "refused", code: "not_found" } as const;
    const failure = { code: "not_found", retryAfterMs: null, detail: "<b>no</b>" } as const;
    expect(inWords(unknown, false, failure).text).toBe("<b>no</b>");
    const silent = { code: null, retryAfterMs: null, detail: null };
    const trying = { status: "waiting", until: 1, code: null } as const;
    expect(inWords(trying, true, silent).text).toContain("no answer");
    expect(inWords(trying, true, null).text).toContain("moved");
  });
});

describe("the wait is told honestly", () => {
  it("by what is known of it, and no more", () => {
    const progress = { over: 3_120, present: 5_000 };
    expect(countdown(progress, 4, "asks")).toBe(
      "3,120 of 5,000 are over, you are next in about 4 s.",
    );
    expect(countdown(progress, 4, "called")).toBe(
      "3,120 of 5,000 are over, you are next in at most 4 s.",
    );
    expect(countdown(progress, 0, "called")).toBe("3,120 of 5,000 are over.");
    expect(countdown(null, 4, "asks")).toBe("You are next in about 4 s.");
    expect(countdown(null, 4, "unknown")).toBe("Next try in 4 s.");
    expect(countdown(null, 0, "called")).toBe("");
  });
});
