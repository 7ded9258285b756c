/** The guide, followed by clicks with nothing but its own words; and two people at one live config. */

import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { Stage, isIn, statesOf } from "./visitor.js";

const stage = Stage.prepare();

/** Sets a world up by the form, launches it, and gives its id. */
async function spinUp(page: Page, name: string, isPublic: boolean): Promise<string> {
  await page.getByRole("link", { name: "Worlds" }).click();
  await page.getByRole("button", { name: "Create a world" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("Mod version").fill("1.1.0");
  await form.getByLabel("Content version").fill("2026.11.2");
  await form.getByRole("checkbox", { name: "Public" }).setChecked(isPublic);
  await form.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Launch" }).click();
  await page.locator('[data-field="Deployment ID"]').getByText(/^dep_/).waitFor();
  return page.locator('[data-field="World ID"]').innerText();
}

async function copied(page: Page, label: string): Promise<string> {
  await page.getByRole("button", { name: `Copy ${label}` }).click();
  return page.evaluate(() => navigator.clipboard.readText());
}

describe("the guide, by clicks", () => {
  it("moves a player into the backup world", async () => {
    const { lifeboat } = stage;
    const page = await stage.operator(lifeboat.key, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const main = await spinUp(page, "Evening Show", true);
    const backup = await spinUp(page, "FAILOVER Evening Show", false);
    await Promise.all([lifeboat.active(main), lifeboat.active(backup)]);
    const player = await stage.player(main);

    await page.goto(`${lifeboat.url}/worlds/${backup}`);
    const worldId = await copied(page, "World ID");
    const deploymentId = await copied(page, "Deployment ID");
    const { status } = await lifeboat.world(backup);
    expect([worldId, deploymentId]).toEqual([backup, status.deploymentId]);

    await page.getByRole("link", { name: "Worlds" }).click();
    await page.getByRole("link", { name: "Evening Show", exact: true }).click();
    await page.getByRole("link", { name: "Live config" }).click();
    await page.getByRole("heading", { name: "Failover", exact: true }).waitFor();
    await page.getByLabel("OverrideWorldId").fill(worldId);
    await page.getByLabel("OverrideDeploymentId").fill(deploymentId);
    await page.getByRole("button", { name: "Save Changes" }).click();
    // The main world is healthy: it asks first.
    await page.getByRole("dialog").getByText("Do not save it ahead of need").waitFor();
    await page.getByRole("button", { name: "Save and redirect" }).click();
    await page.getByText(/^Saved as revision/).waitFor();
    await page.getByRole("heading", { name: "ForceDisconnect" }).waitFor();
    await page.getByRole("button", { name: "Increment AllClients" }).click();
    await isIn(player, backup);
    // The player touched nothing: into the main world, to the loading screen, into the backup.
    const states = await statesOf(player);
    expect(states.slice(states.indexOf("inWorld"))).toEqual([
      "inWorld",
      "loading",
      "connecting",
      "inWorld",
    ]);
    await page.getByRole("link", { name: "Failover", exact: true }).click();
    await page.getByText(/^Finished/).waitFor();
    await page.getByText("(by live config)").waitFor();
  });
});

describe("a live config", () => {
  it("shows who else changed it meanwhile, loses nothing, and rolls back", async () => {
    const { lifeboat } = stage;
    const { id } = await lifeboat.makeWorld();
    const address = `/api/worlds/${id}/live-config`;
    const titleNow = async () =>
      (await lifeboat.api<{ project: { Stage: { Title: string } } }>("GET", address)).project.Stage
        .Title;
    const before = await titleNow();
    const page = await stage.operator();
    await page.goto(`${lifeboat.url}/worlds/${id}/live-config`);
    await page.getByRole("textbox", { name: "Title" }).fill("Mine");
    await lifeboat.api("PATCH", address, { project: { Stage: { Title: "<b>Theirs</b>" } } });
    await page.getByText("It was changed in the meantime").waitFor();
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByRole("dialog").getByText("It was changed in the meantime").waitFor();
    await page.getByRole("radio", { name: /^Yours/ }).check();
    await page.getByRole("button", { name: "Go on with this" }).click();
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByText(/^Saved as revision/).waitFor();
    expect(await titleNow()).toBe("Mine");

    await page.getByRole("button", { name: "Show" }).click();
    const entries = page.getByRole("button", { name: /^Roll back to revision/ });
    await entries.last().click();
    await page.getByRole("dialog").getByRole("button", { name: /^Roll back/ }).click();
    await page.getByText(/^Rolled back/).waitFor();
    expect(await titleNow()).toBe(before);
  });

  it("says at the field what breaks a rule, before and after saving", async () => {
    const { lifeboat } = stage;
    const { id } = await lifeboat.makeWorld();
    const page = await stage.operator();
    await page.goto(`${lifeboat.url}/worlds/${id}/live-config`);
    await page.getByLabel("LightLevel").fill("7");
    await page.getByText("a value breaks a rule, see the form").waitFor();
    await page.getByRole("button", { name: "Discard" }).click();
    await page.getByLabel("OverrideWorldId").fill("wld_nowhere");
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByRole("button", { name: "Save and redirect" }).click();
    await page.getByRole("alert").getByText("override_target_not_found").first().waitFor();
    expect((await lifeboat.world(id)).status.failover).toBeNull();
  });
});

describe("a launch mode", () => {
  it("is kept to: same tab, new tab, embedded", async () => {
    const { lifeboat } = stage;
    const page = await stage.operator();
    const build = { mod: "plaza" };
    const open = async (launchMode: string) => {
      const world = { name: `Launched ${launchMode}`, build, streaming: { launchMode } };
      const { id } = await lifeboat.api<{ id: string }>("POST", "/api/worlds", world);
      await page.goto(`${lifeboat.url}/worlds/${id}`);
      return { id, enter: page.getByText("Enter as a player") };
    };
    const embedded = await open("embedded");
    await embedded.enter.click();
    await page.frameLocator("iframe").getByRole("heading", { name: "Loading" }).waitFor();
    const apart = await open("new-tab");
    const [tab] = await Promise.all([page.context().waitForEvent("page"), apart.enter.click()]);
    await tab.getByRole("heading", { name: "Loading" }).waitFor();
    expect(page.url()).toContain(`/worlds/${apart.id}`);
    const same = await open("same-tab");
    await same.enter.click();
    await page.waitForURL(`**/play/${same.id}`);
  });
});
