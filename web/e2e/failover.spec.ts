/** The main job: a world dies, one button is pressed, everyone is over, and comes home again. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { World } from "../src/api/types.js";
import { until } from "./lifeboat.js";
import { type Tab, Window } from "./tabs.js";
import { Stage, isIn, isReadable } from "./visitor.js";

const BOTS = 50;

const stage = Stage.prepare();
let main: World;
let standby: World;
let window: Window;

beforeAll(async () => {
  ({ main, standby } = await stage.lifeboat.makePair());
  await stage.lifeboat.bots(main.id, BOTS);
  window = await Window.open();
});
afterAll(() => window?.close());

/** What the player's page says of itself; nothing before it is loaded. */
const dataset = "document.body ? { ...document.body.dataset } : undefined";

/** Waits until the player in the tab is in a world. */
const tabIsIn = (tab: Tab, worldId: string) =>
  until(`a player to be in ${worldId}`, async () => {
    const { state, world } = (await tab.value<DOMStringMap | undefined>(dataset)) ?? {};
    return state === "inWorld" && world === worldId;
  });

async function failoverPage(): Promise<Page> {
  const page = await stage.operator();
  await page.goto(`${stage.lifeboat.url}/worlds/${main.id}/failover`);
  await page.locator("[data-check]").first().waitFor();
  return page;
}

const figure = (page: Page, name: string) =>
  page.locator("dt", { hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd[1]");

describe("the one button", () => {
  it("moves two players and 50 bots out of a crashed world, one player's tab behind another", async () => {
    const { lifeboat } = stage;
    const address = `${lifeboat.url}/play/${main.id}`;
    const behind = await window.tab(address);
    await tabIsIn(behind, main.id);
    const front = await window.tab(address);
    await tabIsIn(front, main.id);
    await until("the world to be drawn", () => front.value("!!document.querySelector('canvas')"));
    expect(await behind.value("document.visibilityState")).toBe("hidden");
    const page = await failoverPage();
    await page.getByText("The standby can take over now").waitFor();
    await page.getByRole("button", { name: "Dry run" }).click();
    await page.getByText("Dry run: nothing was changed").waitFor();
    await page.getByText(`${BOTS + 2} people would move`).waitFor();

    await lifeboat.crash(main.id);
    const banner = page.getByRole("alert").filter({ hasText: "Alarm" });
    await banner.getByText(`${BOTS + 2} people connected`).waitFor();
    await banner.getByText(`${BOTS + 2} people without the game`).waitFor();
    await banner.getByText("The standby is ready.").waitFor();
    await until("the title to say it", async () => (await page.title()).includes("ALARM"));
    expect(await banner.getByRole("button", { name: "Sound is off" }).count()).toBe(1);

    await page.getByRole("button", { name: "Fail over now" }).click();
    await page.getByRole("dialog").getByText(`${BOTS + 2} people move at`).waitFor();
    await page.getByRole("button", { name: "Fail over", exact: true }).click();
    await Promise.all([tabIsIn(front, standby.id), tabIsIn(behind, standby.id)]);
    expect(await behind.value("document.visibilityState")).toBe("hidden");
    await page.getByText(/^Finished/).waitFor();
    expect(await figure(page, "Moved").innerText()).toBe(String(BOTS + 2));
    expect(await figure(page, "Refused").innerText()).toBe("0");
    await page.getByText(`${BOTS + 2} told`).waitFor();
    await page.getByText("Failed over", { exact: true }).waitFor();
    await until("the alarm to be over", async () => !(await page.title()).includes("ALARM"));
    await isReadable(page, "the report");
    const opens = page.context().waitForEvent("page");
    await page.getByRole("link", { name: "The report as a page" }).click();
    const report = await opens;
    await report.getByText(`All ${BOTS + 2} people landed`).first().waitFor();
    await report.close();
  });

  it("brings them home, slowly, and is held, nudged, spoken to and let go on", async () => {
    const { lifeboat } = stage;
    await lifeboat.api("POST", `/api/worlds/${main.id}/launch`, { failover: "keep" });
    await lifeboat.active(main.id);
    // Whoever joins now is sent to the standby at once.
    const player = await stage.player(main.id, undefined, standby.id);
    const page = await failoverPage();
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByLabel("Rejoins per second at the most").fill("4");
    await page.getByRole("button", { name: "Fail back now" }).click();
    await page.getByRole("button", { name: "Fail back", exact: true }).click();
    // The figures until then are those of the failover before.
    await page.getByText(/^About .* to go at 4 per second/).waitFor();
    // That takes two seconds, and those who wait are told how far it is from the first second on.
    await until("some to be home", async () => Number(await figure(page, "Moved").innerText()) > 8);
    await page.getByRole("button", { name: "Nudge" }).click();
    await page.getByText("Those still pending were told again.").waitFor();
    await page.getByRole("button", { name: "Hold" }).click();
    await page.getByText("On hold: nobody is told to move until you resume.").waitFor();
    await isReadable(page, "the page while people move");
    await page.getByLabel("Message to those still pending").fill("<b>Back</b> in a minute");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("The message is sent.").waitFor();
    // The last one who came waits for the last turn: it knows how far it is, and reads the text.
    await player.getByText(/\d+ of \d+ are over/).waitFor();
    await player.getByText("<b>Back</b> in a minute").first().waitFor();
    await page.getByLabel("Rejoins per second", { exact: true }).fill("40");
    await page.getByRole("button", { name: "Set rate" }).click();
    await page.getByText("The rate is changed.").waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText(/^Finished/).waitFor({ timeout: 40_000 });
    await isIn(player, main.id);
    expect((await lifeboat.world(main.id)).status.failover).toBeNull();
    await page.goto(`${lifeboat.url}/failovers`);
    await page.getByRole("row", { name: `failback home to ${main.name}` }).waitFor();
  });

  it("is undone while it moves: those who moved come home", async () => {
    const { lifeboat } = stage;
    const player = await stage.player(main.id);
    const { sessions } = (await lifeboat.world(main.id)).status;
    const page = await failoverPage();
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByLabel("Rejoins per second at the most").fill("4");
    await page.getByText("Graceful: stay until the turn").click();
    await page.getByRole("button", { name: "Fail over now" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("a rehearsal");
    await dialog.getByRole("button", { name: "Fail over", exact: true }).click();
    const isForced = dialog.getByRole("button", { name: "Fail over all the same" });
    // The cool-down after the last one speaks against it; with a reason it may be done all the same.
    await dialog.getByText("the last failover was a moment ago").waitFor();
    expect(await dialog.innerText()).not.toContain("`");
    await isForced.click();
    await page.getByText("Reason: a rehearsal").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Undo" }).click();
    await page.getByText("Undone: those who moved come home.").waitFor();
    await until("everyone to be home", async () => {
      const { status } = await lifeboat.world(main.id);
      return status.failover === null && status.sessions === sessions;
    });
    await isIn(player, main.id);
  });
});

describe("a world that may", () => {
  it("fails over by itself, and says on every page that it is about to", async () => {
    const { lifeboat } = stage;
    const pair = await lifeboat.makePair();
    const player = await stage.player(pair.main.id);
    const page = await stage.operator();
    await page.goto(`${lifeboat.url}/worlds/${pair.main.id}/failover`);
    const card = page.getByRole("region", { name: "Automation" });
    await card.getByText("Off: only a person fails this world over.").waitFor();
    await card.getByRole("switch", { name: "Fail over by itself" }).check();
    await card.getByLabel("Grace time").fill("6");
    await card.getByRole("button", { name: "Save" }).click();
    await card.locator('[data-standing="watching"]').waitFor();

    await card.getByRole("button", { name: "Stop all automation" }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("maintenance");
    await page.getByRole("dialog").getByRole("button", { name: "Stop all automation" }).click();
    await card.getByText(/^Stopped with all automation by Ada,.*: maintenance$/).waitFor();
    await card.getByRole("button", { name: "Let automation go on" }).click();
    await card.locator('[data-standing="watching"]').waitFor();

    await page.goto(`${lifeboat.url}/audit`);
    await page.getByRole("heading", { name: "Audit" }).waitFor();
    await lifeboat.crash(pair.main.id);
    const banner = page.getByRole("alert").filter({ hasText: "Alarm" });
    await banner.getByText(/it fails over by itself in \d/).waitFor();
    await isIn(player, pair.standby.id);
    await page.getByRole("cell", { name: /automation/ }).first().waitFor();
  });
});
