import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["e2e/**/*.spec.ts"],
    testTimeout: 240_000,
    hookTimeout: 120_000,
    // Most of the time is spent waiting; more at once would starve the program under test.
    maxWorkers: 2,
    maxConcurrency: 4,
  },
});
