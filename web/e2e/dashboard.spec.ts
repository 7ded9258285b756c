/** The dashboard and the player page in a real browser, against a real control plane and plaza. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Deployment, World } from "../src/api/types.js";
import { launchBrowser } from "./browser.js";
import { type Lifeboat, hasLifeboat, startLifeboat, until } from "./lifeboat.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let lifeboat: Lifeboat;
let browser: Browser;
/** A step that takes longer than this has failed. */
const STEP_MS = 15_000;
const contexts: BrowserContext[] = [];
const strangers: string[] = [];

beforeAll(async () => {
  if (!hasLifeboat) throw new Error("build the binary first: cargo build -p lifeboat");
  [lifeboat, browser] = await Promise.all([startLifeboat(), launchBrowser()]);
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  expect(strangers, "requests to another host").toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await lifeboat?.stop();
});

async function newPage(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options);
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") strangers.push(request.url());
  });
  return page;
}

async function signIn(page: Page, key = lifeboat.key): Promise<void> {
  await page.goto(lifeboat.url);
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.getByLabel("Your name").fill("Ada");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Worlds" }).waitFor();
}

let worldNumber = 0;

/** A main world and its standby, both Active. */
async function makePair(): Promise<{ main: World; standby: World }> {
  worldNumber += 1;
  const { id } = await lifeboat.api<World>("POST", "/api/worlds", {
    name: `Main Stage ${worldNumber}`,
    build: { mod: "plaza", modVersion: "1.0.0", contentVersion: "2026.11.1", baseVersion: 38, map: "plaza" },
    scale: { profile: "Capacity100" },
  });
  await lifeboat.api("POST", `/api/worlds/${id}/launch`, {});
  await active(id);
  const standby = await lifeboat.api<World>("POST", `/api/worlds/${id}/standby`, { launch: true });
  await active(standby.id);
  return { main: await world(id), standby: await world(standby.id) };
}

const world = (id: string) => lifeboat.api<World>("GET", `/api/worlds/${id}`);

const active = (id: string) =>
  until(`${id} to be Active`, async () => (await world(id)).status.phase === "Active");

async function enter(mainId: string): Promise<Page> {
  const page = await newPage();
  await page.goto(`${lifeboat.url}/play/${mainId}`);
  await isIn(page, mainId);
  return page;
}

const isIn = (page: Page, worldId: string) =>
  page
    .locator(`body[data-state="inWorld"][data-world="${worldId}"]`)
    .waitFor({ state: "attached", timeout: 40_000 });

/** Kills the world's game servers as a crash would. */
async function crash(deploymentId: string | null): Promise<void> {
  const { servers } = await lifeboat.api<Deployment>("GET", `/api/deployments/${deploymentId}`);
  for (const { pid } of servers) if (pid !== null) process.kill(pid, "SIGKILL");
}

describe("login", () => {
  it("refuses a wrong key and lets a right one in, and out", async () => {
    const page = await newPage();
    await page.goto(lifeboat.url);
    await page.getByRole("textbox", { name: "Key" }).fill("wrong");
    await page.getByLabel("Your name").fill("Eve");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("unauthorized").waitFor();
    await signIn(page);
    await page.reload();
    await page.getByRole("heading", { name: "Worlds" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
  });

  it("offers a viewer nothing that a viewer may not do", async () => {
    const { main } = await makePair();
    const key = await lifeboat.api<{ secret: string }>("POST", "/api/keys", {
      name: "looker",
      role: "viewer",
    });
    const page = await newPage();
    await signIn(page, key.secret);
    expect(await page.getByRole("button", { name: "Create a world" }).count()).toBe(0);
    expect(await page.getByRole("link", { name: "Keys" }).count()).toBe(0);
    await page.goto(`${lifeboat.url}/worlds/${main.id}/live-config`);
    await page.getByRole("heading", { name: "ForceDisconnect" }).waitFor();
    expect(await page.getByRole("button", { name: "Save Changes" }).count()).toBe(0);
  });
});

describe("the guide, by clicks", () => {
  it("moves a player into the backup world", async () => {
    const { main, standby } = await makePair();
    const player = await enter(main.id);
    const page = await newPage();
    await signIn(page);
    await page.getByRole("link", { name: standby.name, exact: true }).click();
    const field = (label: string) => page.locator(`[data-field="${label}"]`);
    await field("Deployment ID").getByText(/^dep_/).waitFor();
    const worldId = await field("World ID").innerText();
    const deploymentId = await field("Deployment ID").innerText();
    expect([worldId, deploymentId]).toEqual([standby.id, standby.status.deploymentId]);

    await page.goto(`${lifeboat.url}/worlds/${main.id}/live-config`);
    await page.getByRole("heading", { name: "Failover", exact: true }).waitFor();
    await page.getByLabel("OverrideWorldId").fill(worldId);
    await page.getByLabel("OverrideDeploymentId").fill(deploymentId);
    await page.getByRole("button", { name: "Save Changes" }).click();
    // The main world is healthy: it asks first.
    await page.getByRole("button", { name: "Save and redirect" }).click();
    await page.getByText(/^Saved as revision/).waitFor();
    await page.getByRole("button", { name: "Increment AllClients" }).click();
    await isIn(player, standby.id);
    await page.goto(`${lifeboat.url}/worlds/${main.id}/failover`);
    await page.getByText(/^Finished/).waitFor();
  });

  it("shows who else changed it meanwhile, and loses nothing", async () => {
    const { main } = await makePair();
    const page = await newPage();
    await signIn(page);
    await page.goto(`${lifeboat.url}/worlds/${main.id}/live-config`);
    await page.getByRole("textbox", { name: "Title" }).fill("Mine");
    await lifeboat.api("PATCH", `/api/worlds/${main.id}/live-config`, {
      project: { Stage: { Title: "<b>Theirs</b>" } },
    });
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByRole("dialog").getByText("It was changed in the meantime").waitFor();
    await page.getByRole("radio", { name: /^Yours/ }).check();
    await page.getByRole("button", { name: "Go on with this" }).click();
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByText(/^Saved as revision/).waitFor();
    const saved = await lifeboat.api<{ project: { Stage: { Title: string } } }>(
      "GET",
      `/api/worlds/${main.id}/live-config`,
    );
    expect(saved.project.Stage.Title).toBe("Mine");
  });
});

describe("the one button", () => {
  it("moves two players out of a crashed world, without a touch of theirs", async () => {
    const { main, standby } = await makePair();
    const players = [await enter(main.id), await enter(main.id)];
    const page = await newPage();
    await signIn(page);
    await page.goto(`${lifeboat.url}/worlds/${main.id}/failover`);
    await page.getByText("The standby can take over now").waitFor();
    await crash(main.status.deploymentId);
    await page.getByText("Alarm", { exact: true }).waitFor();
    await until("the title to say it", async () => (await page.title()).includes("ALARM"));
    await page.getByRole("button", { name: "Fail over now" }).click();
    await page.getByRole("button", { name: "Fail over", exact: true }).click();
    for (const player of players) await isIn(player, standby.id);
    await page.getByText(/^Finished/).waitFor();
    expect(await page.getByText("2 told").count()).toBe(1);
  });
});

describe("everyone can use it", () => {
  it("has nothing serious that axe finds, in both colours, and fits a phone", async () => {
    const { main } = await makePair();
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await newPage({ colorScheme, viewport: { width: 390, height: 844 } });
      await signIn(page);
      const paths = ["/", `/worlds/${main.id}`, `/worlds/${main.id}/live-config`];
      for (const path of [...paths, `/worlds/${main.id}/failover`, "/audit", "/keys"]) {
        await page.goto(lifeboat.url + path);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.waitForTimeout(400);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(wide, `${path} is wider than the phone`).toBeLessThanOrEqual(390);
        expect((await violations(page)).join("\n"), `${path} ${colorScheme}`).toBe("");
      }
    }
  });
});

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: found } = globalThis as unknown as {
      axe: { run: () => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await found.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
}
