import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { reloader } from "../src/dashboard/live.js";

describe("events make the page load again", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("at once after a quiet time, and a burst at most every 250 ms", () => {
    const cache = new QueryClient();
    const invalidate = vi.spyOn(cache, "invalidateQueries");
    const { changed, stop } = reloader(cache);
    changed("audit");
    changed("world");
    expect(invalidate).toHaveBeenCalledTimes(2);
    for (let at = 0; at < 1_000; at += 10) {
      changed("failover");
      vi.advanceTimersByTime(10);
    }
    expect(invalidate).toHaveBeenCalledTimes(7);
    vi.advanceTimersByTime(1_000);
    expect(invalidate).toHaveBeenCalledTimes(7);
    changed("world");
    expect(invalidate).toHaveBeenCalledTimes(8);
    stop();
  });
});
