/** Pictures of every page in light, dark and phone width, into `screenshots/`. Needs `npm run build`. */

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Mock, startMock } from "../mock/server.js";
import { launchBrowser } from "./browser.js";

const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));

const looks = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
] as const;

let mock: Mock;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await launchBrowser({ draws: true });
});
afterAll(() => browser.close());

async function signIn(page: Page): Promise<void> {
  await page.goto(mock.url);
  await page.getByRole("textbox", { name: "Key" }).fill(mock.key);
  await page.getByLabel("Your name").fill("Ada Lovelace");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Worlds" }).waitFor();
}

describe.each(looks)("$name", ({ name, ...look }) => {
  it("shows every page", async () => {
    mock = await startMock({ people: 1_200 });
    const context = await browser.newContext(look);
    const page = await context.newPage();
    const shoot = async (as: string) => {
      await page.waitForTimeout(600);
      await page.screenshot({ path: `${folder}${as}-${name}.png`, fullPage: true });
    };
    const visit = async (path: string, as: string, heading: string) => {
      await page.goto(mock.url + path);
      await page.getByRole("heading", { name: heading }).first().waitFor();
      await shoot(as);
    };
    await page.goto(mock.url);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await shoot("login");
    await signIn(page);
    await shoot("worlds");
    await page.getByRole("button", { name: "Create a world" }).click();
    await page.getByLabel("Name").waitFor();
    await shoot("create-world");
    await visit("/worlds/wld_main", "world", "Sessions");
    await visit("/worlds/wld_main/live-config", "live-config", "ForceDisconnect");
    await page.getByLabel("OverrideWorldId").fill("wld_spare");
    await shoot("live-config-changed");
    await page.getByRole("button", { name: "Save Changes" }).click();
    await shoot("live-config-asks");
    await visit("/worlds/wld_main/failover", "failover", "Readiness");
    await page.getByRole("button", { name: "Dry run" }).click();
    await shoot("failover-dry-run");
    await page.getByRole("button", { name: "Fail over now" }).click();
    await page.getByRole("button", { name: "Fail over", exact: true }).click();
    await page.getByRole("button", { name: "Hold" }).waitFor();
    await page.waitForTimeout(2_500);
    await shoot("failover-moving");
    await page.getByText("Finished").waitFor();
    await shoot("failover-report");
    await visit("/audit", "audit", "Audit");
    await visit("/keys", "keys", "Keys");
    await page.goto(`${mock.url}/play/wld_main`);
    await page.getByRole("heading", { name: "Loading" }).or(page.getByText("You cannot enter")).first().waitFor();
    await shoot("play-loading");
    await context.close();
    await mock.close();
  });
});
