/** How long it takes from the commit of a change to its showing on an open page. */

import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { Stage } from "./visitor.js";

const ROUNDS = 20;
/** Half of the changes have to be on the page within this time. */
const HALF_WITHIN_MS = 300;

const stage = Stage.prepare();

/** Has the page note when a text comes up in it. */
async function noteAppearances(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen: Record<string, number> = {};
    const noted = Object.assign(globalThis, { appearedAt: seen, changedAt: Date.now() });
    const look = () => {
      noted.changedAt = Date.now();
      const text = document.body.innerText;
      for (const [found] of text.matchAll(/round \d+!/g)) seen[found] ??= Date.now();
    };
    const options = { subtree: true, childList: true, characterData: true };
    new MutationObserver(look).observe(document.body, options);
  });
}

/** The next change is made once the page is at rest: changes of people do not come in bursts. */
const isAtRest = (page: Page) =>
  page.waitForFunction(() => {
    const { changedAt } = globalThis as unknown as { changedAt: number };
    return Date.now() - changedAt > 300;
  });

describe("a change", () => {
  it("shows on the page soon after its commit", async () => {
    const { lifeboat } = stage;
    const { id } = await lifeboat.makeWorld("Latency");
    const page = await stage.operator();
    await page.getByRole("link", { name: /^Latency/ }).waitFor();
    await noteAppearances(page);
    const took: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const text = `round ${round}!`;
      await lifeboat.api("PATCH", `/api/worlds/${id}`, { name: text });
      const committedAt = Date.now();
      await page.getByRole("link", { name: text }).waitFor();
      const appearedAt = await page.evaluate(
        (wanted) => (globalThis as unknown as { appearedAt: Record<string, number> }).appearedAt[wanted],
        text,
      );
      took.push(Math.max(0, (appearedAt ?? Number.NaN) - committedAt));
      await isAtRest(page);
    }
    took.sort((one, other) => one - other);
    const half = took[Math.floor(ROUNDS / 2)] ?? Number.NaN;
    console.log(`from commit to page: half within ${half} ms, at most ${took.at(-1)} ms`);
    expect(half).toBeLessThan(HALF_WITHIN_MS);
  });
});
