/** Everyone can use every page: by keyboard, with a screen reader, on a phone, in both colours. */

import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { Stage, isReadable } from "./visitor.js";

const PHONE = { width: 390, height: 844 };

const stage = Stage.prepare();

async function fitsPhone(page: Page, what: string): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide, `${what} is wider than the phone`).toBeLessThanOrEqual(PHONE.width);
}

describe("on a phone and by axe", () => {
  it("every page is readable", async () => {
    const { lifeboat } = stage;
    const { main, standby } = await lifeboat.makePair();
    await lifeboat.bots(main.id, 3);
    const page = await stage.newPage({ viewport: PHONE });
    await page.goto(lifeboat.url);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await isReadable(page, "the login");
    await page.getByRole("textbox", { name: "Key" }).fill(lifeboat.key);
    await page.getByLabel("Your name").fill("Ada");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Worlds" }).waitFor();
    const pages: [string, string][] = [
      ["/", main.name],
      [`/worlds/${main.id}`, "Servers"],
      [`/worlds/${standby.id}`, "Stands in for"],
      [`/worlds/${main.id}/live-config`, "ForceDisconnect"],
      [`/worlds/${main.id}/failover`, "The standby can take over now"],
      [`/worlds/${standby.id}/failover`, "This world is a standby"],
      ["/failovers", "Nothing was moved yet."],
      ["/audit", "world.create"],
      ["/keys", "New key"],
      ["/nowhere", "There is no such page"],
    ];
    for (const [path, text] of pages) {
      await page.goto(lifeboat.url + path);
      await page.getByText(text).or(page.getByLabel(text)).first().waitFor();
      await fitsPhone(page, path);
      await isReadable(page, path);
    }
    await page.goto(`${lifeboat.url}/`);
    await page.getByRole("button", { name: "Create a world" }).click();
    await page.getByRole("dialog").waitFor();
    await fitsPhone(page, "the form");
    await isReadable(page, "the form of a world");
    await page.goto(`${lifeboat.url}/play/${main.id}`);
    await page.locator('body[data-state="inWorld"]').waitFor({ state: "attached" });
    await fitsPhone(page, "the player's page");
    await isReadable(page, "the player's page");
    await page.goto(`${lifeboat.url}/docs/dashboard`);
    await page.getByAltText("The alarm").waitFor();
    await fitsPhone(page, "the guide");
    await page.goto(`${lifeboat.url}/play/wld_nowhere`);
    await page.getByText("There is no such world.").waitFor();
    await isReadable(page, "a refusal");
  });
});

describe("by keyboard alone", () => {
  it("a failover is begun from the list of worlds", async () => {
    const { lifeboat } = stage;
    const { main } = await lifeboat.makePair();
    const page = await stage.operator();
    await page.getByRole("link", { name: main.name, exact: true }).waitFor();
    const reach = async (name: RegExp) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press("Tab");
        const label = await page.evaluate(() => {
          const at = document.activeElement;
          return at?.getAttribute("aria-label") ?? at?.textContent ?? "";
        });
        if (name.test(label.trim())) return;
      }
      throw new Error(`the keyboard does not reach ${name}`);
    };
    const follow = async (name: RegExp) => {
      await reach(name);
      await page.keyboard.press("Enter");
    };
    await follow(new RegExp(`^${main.name}$`));
    await page.getByRole("heading", { name: main.name, exact: true }).waitFor();
    await follow(/^Failover$/);
    await page.getByRole("button", { name: "Fail over now" }).waitFor();
    await follow(/^Fail over now$/);
    await page.getByRole("dialog").waitFor();
    await follow(/^Fail over$/);
    await page.getByText(/^Finished/).waitFor();
  });
});
