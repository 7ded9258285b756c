/** Pictures of every page in light, dark and phone width, into `screenshots/`. */

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { type Mock, startMock } from "../mock/server.js";
import { launchBrowser } from "./browser.js";
import { until } from "./lifeboat.js";
import { signIn } from "./visitor.js";

const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));

const looks = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { name: "phone-dark", colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const;

let mock: Mock;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await launchBrowser();
});
beforeEach(async () => {
  mock = await startMock({ people: 420 });
});
afterEach(async () => {
  await page.context().close();
  await mock.close();
});
afterAll(() => browser.close());

const button = (name: string) => page.getByRole("button", { name, exact: true });
const dialog = () => page.getByRole("dialog");

async function visit(path: string, text: string | RegExp): Promise<void> {
  await page.goto(mock.url + path);
  await page.getByText(text).first().waitFor();
}

/** What to do, one after another, and what the picture is called then. */
const story: [name: string, act: () => Promise<void>][] = [
  ["login", () => visit("/", "Sign in to Lifeboat")],
  ["worlds", () => signIn(page, mock.url, mock.key, "Ada Lovelace")],
  [
    "create-world",
    async () => {
      await button("Create a world").click();
      await dialog().getByLabel("Name").fill("Closing Night");
    },
  ],
  ["world", () => visit("/worlds/wld_main", "usr_guest1")],
  [
    "world-stop",
    async () => {
      await button("Stop").click();
      await dialog().waitFor();
    },
  ],
  [
    "world-logs",
    async () => {
      await visit("/worlds/wld_main", "srv_main1");
      await button("Logs of srv_main1").click();
      await page.getByLabel("Log", { exact: true }).getByText("listening").waitFor();
    },
  ],
  ["live-config", () => visit("/worlds/wld_main/live-config", "ForceDisconnect")],
  ["live-config-changed", () => page.getByLabel("OverrideWorldId").fill("wld_spare")],
  [
    "live-config-asks",
    async () => {
      await button("Save Changes").click();
      await dialog().waitFor();
    },
  ],
  [
    "live-config-merge",
    async () => {
      await visit("/worlds/wld_main/live-config", "ForceDisconnect");
      await page.getByRole("textbox", { name: "Title" }).fill("The Grand Finale");
      mock.save({ project: { Stage: { Title: "Finale", LightLevel: 0.4 } } }, "grace");
      await button("Compare").click();
      await dialog().waitFor();
    },
  ],
  [
    "live-config-history",
    async () => {
      await visit("/worlds/wld_main/live-config", "ForceDisconnect");
      await button("Show").click();
      await page.getByText("The oldest revision that is kept.").waitFor();
    },
  ],
  ["failover", () => visit("/worlds/wld_main/failover", "The standby can take over now")],
  [
    "failover-dry-run",
    async () => {
      await button("Dry run").click();
      await page.getByText("Dry run: nothing was changed").waitFor();
    },
  ],
  [
    "failover-asks",
    async () => {
      await button("Fail over now").click();
      await dialog().getByLabel("Reason").fill("the servers died");
    },
  ],
  [
    "failover-moving",
    async () => {
      await button("Fail over").click();
      await until("some to have moved", () => mock.moved() > 150);
      await page.getByText(/^About .* to go/).waitFor();
    },
  ],
  ["worlds-alarm", () => visit("/", "Standing in")],
  ["failovers", () => visit("/failovers", "Records")],
  [
    "failover-report",
    async () => {
      await until("everyone to have moved", () => mock.moved() >= 420);
      await visit("/worlds/wld_main/failover", "Finished");
    },
  ],
  ["audit", () => visit("/audit", "the show begins")],
  ["keys", () => visit("/keys", "first key")],
  [
    "key-made",
    async () => {
      await page.getByLabel("Name").fill("nightly drill");
      await button("Create a key").click();
      await page.getByText("Copy it now: it is shown this once").waitFor();
    },
  ],
  ["not-found", () => visit("/nowhere", "There is no such page")],
  ["play-loading", () => visit("/play/wld_spare", "You are next in about")],
  ["play-refused", () => visit("/play/wld_main", "You cannot enter")],
  [
    "connection-lost",
    async () => {
      await visit("/", "FAILOVER Main Stage");
      await page.route("**/api/events", (route) => route.abort());
      mock.cutEvents();
      await page.getByText("Connection lost").waitFor();
    },
  ],
];

describe.each(looks)("$name", ({ name, ...look }) => {
  it("shows every page", async () => {
    page = await (await browser.newContext({ ...look, reducedMotion: "reduce" })).newPage();
    page.setDefaultTimeout(20_000);
    for (const [picture, act] of story) {
      await act();
      await page.evaluate(() => document.fonts.ready);
      // A dialog stands in the window; everything else is shown from its top to its end.
      const fullPage = (await dialog().count()) === 0;
      if (fullPage) await page.evaluate(() => window.scrollTo(0, 0));
      await page.screenshot({ path: `${folder}${picture}-${name}.png`, fullPage });
    }
  });
});
