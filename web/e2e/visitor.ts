/** Somebody at a browser: signs in, plays, and is told by axe what others could not read. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { launchBrowser } from "./browser.js";
import { Lifeboat } from "./lifeboat.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A step that takes longer than this has failed. */
const STEP_MS = 30_000;
/** The way into another world: the order, the turn, the connection. */
const MOVE_MS = 40_000;

export type ContextOptions = Parameters<Browser["newContext"]>[0];

/** What every file of tests has: one program, one browser, and a close look at both. */
export class Stage {
  lifeboat!: Lifeboat;
  browser!: Browser;
  readonly #contexts: BrowserContext[] = [];
  readonly #complaints: string[] = [];

  /** For tests one after another, against the program. */
  static prepare(): Stage {
    const stage = new Stage();
    beforeAll(async () => {
      [stage.browser, stage.lifeboat] = await Promise.all([launchBrowser(), Lifeboat.start()]);
    });
    afterEach(() => stage.#clear());
    afterAll(async () => {
      try {
        await stage.browser?.close();
      } finally {
        await stage.lifeboat?.stop();
      }
    });
    return stage;
  }

  /** For tests that may run side by side, each with a server of its own kind. */
  static prepareWithoutProgram(): Stage {
    const stage = new Stage();
    beforeAll(async () => {
      stage.browser = await launchBrowser();
    });
    afterAll(async () => {
      await stage.#clear();
      await stage.browser?.close();
    });
    return stage;
  }

  async #clear(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.close();
    expect(this.#complaints.splice(0), "what no page may do").toEqual([]);
  }

  async newContext(options: ContextOptions = {}): Promise<BrowserContext> {
    // What turns and fades is drawn by the processor here, which has other things to do.
    const context = await this.browser.newContext({ reducedMotion: "reduce", ...options });
    this.#contexts.push(context);
    context.setDefaultTimeout(STEP_MS);
    context.on("page", (page) => this.#watch(page));
    return context;
  }

  async newPage(options: ContextOptions = {}): Promise<Page> {
    return (await this.newContext(options)).newPage();
  }

  /** No page may ask another host for anything, nor fail in its own code. */
  #watch(page: Page): void {
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") {
        this.#complaints.push(`asked ${request.url()}`);
      }
    });
    page.on("pageerror", (error) => this.#complaints.push(`failed: ${error.message}`));
  }

  /** Somebody who is signed in, at the list of worlds. */
  async operator(key = this.lifeboat.key, options: ContextOptions = {}): Promise<Page> {
    const page = await this.newPage(options);
    await signIn(page, this.lifeboat.url, key);
    return page;
  }

  /** A player who asked for a world and is in it, or in the one that stands in for it. */
  async player(worldId: string, context?: BrowserContext, placedIn = worldId): Promise<Page> {
    const page = await (context ?? (await this.newContext())).newPage();
    await page.addInitScript(() => {
      const seen: string[] = [];
      Object.assign(globalThis, { seenStates: seen });
      const watch = new MutationObserver(() => {
        const state = document.body?.dataset.state;
        if (state && seen.at(-1) !== state) seen.push(state);
      });
      watch.observe(document, { subtree: true, childList: true, attributeFilter: ["data-state"] });
    });
    await page.goto(`${this.lifeboat.url}/play/${worldId}`);
    await isIn(page, placedIn);
    return page;
  }
}

export async function signIn(page: Page, url: string, key: string, name = "Ada"): Promise<void> {
  await page.goto(url);
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Worlds" }).waitFor();
}

/** Waits until the player is in this world. */
export const isIn = (page: Page, worldId: string): Promise<void> =>
  page
    .locator(`body[data-state="inWorld"][data-world="${worldId}"]`)
    .waitFor({ state: "attached", timeout: MOVE_MS });

/** Which states a player's page showed, in order. */
export const statesOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => (globalThis as unknown as { seenStates: string[] }).seenStates);

interface Found {
  violations: { id: string; impact: string; nodes: { html: string }[] }[];
}

/** What axe finds on the page that is serious or worse. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: found } = globalThis as unknown as { axe: { run: () => Promise<Found> } };
    const { violations } = await found.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
}

/** Has axe look at the page in both colours, once what fades has faded. */
export async function isReadable(page: Page, what: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(() => {
      const ends = (one: Animation) => Number.isFinite(one.effect?.getComputedTiming().endTime);
      return Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
    });
    expect((await violations(page)).join("\n"), `${what}, ${colorScheme}`).toBe("");
  }
}
