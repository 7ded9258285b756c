/** Lists of 5,000 people and 500 worlds, without lag, while things keep changing. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Mock, type MockOptions, startMock } from "../mock/server.js";
import { Stage, signIn } from "./visitor.js";

const MANY = { people: 5_000, pairs: 250 };
const FEW = { people: 10, pairs: 5 };

/**
 * A long list may take so many times as long as a short one on the same machine at the same time,
 * and so much more: how busy the machine is must not decide.
 */
const ALLOWED = { times: 4, moreMs: 400 };

const stage = Stage.prepareWithoutProgram();
let many: Mock;
let few: Mock;

beforeAll(async () => {
  [many, few] = await Promise.all([startMock(MANY), startMock(FEW)]);
});
afterAll(() => Promise.all([many.close(), few.close()]));

interface Measured {
  /** From the address to the list, and from the search to what it finds. */
  shown: number;
  found: number;
  /** What half of the pictures took while scrolling to the end in 60 steps, and the worst. */
  half: number;
  worst: number;
}

async function took(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await act();
  return Math.round(performance.now() - begun);
}

function scrolled(page: Page, selector: string): Promise<Pick<Measured, "half" | "worst">> {
  return page.evaluate(async (wanted) => {
    const box = document.querySelector(wanted) ?? document.documentElement;
    const pictures: number[] = [];
    const next = () => new Promise<number>((done) => requestAnimationFrame(done));
    let before = await next();
    for (let step = 1; step <= 60; step += 1) {
      box.scrollTop = (box.scrollHeight * step) / 60;
      const now = await next();
      pictures.push(now - before);
      before = now;
    }
    pictures.sort((one, other) => one - other);
    return { half: Math.round(pictures[30] ?? 0), worst: Math.round(pictures.at(-1) ?? 0) };
  }, selector);
}

/** Lets a world change four times a second, as while people move. */
async function whileThingsChange<T>(mock: Mock, act: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => mock.change(() => {}, "world"), 250);
  try {
    return await act();
  } finally {
    clearInterval(timer);
  }
}

async function measureSessions(mock: Mock, { people }: Required<Pick<MockOptions, "people">>) {
  const page = await stage.newPage();
  await signIn(page, mock.url, mock.key);
  const number = people.toLocaleString("en");
  const shown = await took(async () => {
    await page.goto(`${mock.url}/worlds/wld_main`);
    await page.getByText(`${number} connected`).waitFor();
    await page.getByText("usr_guest1", { exact: true }).waitFor();
  });
  const search = page.getByLabel("Search sessions");
  const found = await took(async () => {
    await search.fill(`usr_guest${people - 1}`);
    await page.getByText(`1 of ${number} match`).waitFor();
  });
  await search.fill("");
  await page.getByText(`${number} connected`).waitFor();
  const pictures = await whileThingsChange(mock, () => scrolled(page, '[aria-label="Rows"]'));
  await page.getByText(`usr_guest${people - 1}`, { exact: true }).waitFor();
  expect(await page.getByRole("listitem").count()).toBeLessThan(60);
  return { shown, found, ...pictures };
}

async function measureWorlds(mock: Mock, { pairs }: Required<Pick<MockOptions, "pairs">>) {
  const page = await stage.newPage();
  await signIn(page, mock.url, mock.key);
  const first = page.getByRole("link", { name: "FAILOVER Main Stage" });
  const last = `Stage ${pairs - 1}`;
  const shown = await took(async () => {
    await page.goto(mock.url);
    await first.waitFor();
  });
  const search = page.getByLabel("Search worlds");
  const found = await took(async () => {
    await search.fill(last);
    await page.getByRole("link", { name: `FAILOVER ${last}` }).waitFor();
  });
  await search.fill("");
  await first.waitFor();
  const pictures = await whileThingsChange(mock, () => scrolled(page, "html"));
  await page.getByRole("link", { name: last, exact: true }).waitFor();
  expect(await page.getByRole("listitem").count()).toBeLessThan(60);
  return { shown, found, ...pictures };
}

function judge(what: string, long: Measured, short: Measured): void {
  console.log(
    `${what}: shown in ${long.shown} ms, found in ${long.found} ms, pictures while scrolling: ` +
      `half within ${long.half} ms, worst ${long.worst} ms; a short list here and now: ` +
      `${short.shown} ms, ${short.found} ms, ${short.half} ms, ${short.worst} ms`,
  );
  for (const figure of ["shown", "found", "half"] as const) {
    const most = short[figure] * ALLOWED.times + ALLOWED.moreMs;
    expect(long[figure], `${what}: ${figure}`).toBeLessThan(most);
  }
}

describe("without lag", () => {
  it("5,000 sessions are shown, searched and scrolled", async () => {
    const short = await measureSessions(few, FEW);
    judge("5,000 sessions", await measureSessions(many, MANY), short);
  });

  it("500 worlds are shown, searched and scrolled", async () => {
    const short = await measureWorlds(few, FEW);
    judge("500 worlds", await measureWorlds(many, MANY), short);
  });
});

describe("hostile names", () => {
  it("are shown as text, on every page that shows names", async () => {
    const page = await stage.newPage();
    await signIn(page, few.url, few.key);
    const hostile = page.getByText("<img src=x onerror=");
    for (const path of ["/", "/worlds/wld_lone", "/worlds/wld_main", "/audit"]) {
      await page.goto(few.url + path);
      await hostile.first().waitFor();
      expect(await page.locator('img[src="x"]').count(), path).toBe(0);
      expect(await page.title(), path).not.toBe("hacked");
    }
  });
});
