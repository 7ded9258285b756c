/** What the operator reads before, in and after a failover has to be what is so. */

import type { Page } from "playwright-core";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { failover } from "../mock/data.js";
import { type Mock, type MockOptions, startMock } from "../mock/server.js";
import type { Failover, World } from "../src/api/types.js";
import { Stage, signIn } from "./visitor.js";

const stage = Stage.prepareWithoutProgram();
const mocks: Mock[] = [];
let mock: Mock;

beforeEach(() => begin());
afterAll(() => Promise.all(mocks.map((one) => one.close())));

async function begin(options: MockOptions = {}): Promise<void> {
  mock = await startMock({ people: 1, ...options });
  mocks.push(mock);
}

async function at(path: string, viewport = { width: 1280, height: 800 }): Promise<Page> {
  const page = await stage.newPage({ viewport });
  await signIn(page, mock.url, mock.key);
  await page.goto(mock.url + path);
  return page;
}

/** People come in, of which no event tells. */
function arrive(people: number): void {
  const [main] = mock.worlds;
  if (main) main.status.sessions = people;
}

describe("the number of people", () => {
  it("follows them without an event, on each page that shows it", async () => {
    const world = await at("/worlds/wld_main");
    const worlds = await at("/");
    const failover = await at("/worlds/wld_main/failover");
    await world.getByText("1 of 500", { exact: true }).waitFor();
    await worlds.getByText("1 of 500 people").waitFor();
    await failover.getByText("1 person in Main Stage leaves").waitFor();
    arrive(30);
    const waits = { timeout: 8_000 };
    await world.getByText("30 of 500", { exact: true }).waitFor(waits);
    await worlds.getByText("30 of 500 people").waitFor(waits);
    await failover.getByText("30 people in Main Stage leave").waitFor(waits);
    await world.locator("tr", { hasText: "srv_main1" }).getByRole("cell", { name: "30" }).waitFor(waits);
  });

  it("is loaded again for the question that quotes it", async () => {
    const page = await at("/worlds/wld_main");
    await page.getByText("1 of 500", { exact: true }).waitFor();
    for (const [act, people] of [["Stop", 31], ["Restart", 32]] as const) {
      arrive(people);
      await page.getByRole("button", { name: act, exact: true }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText(`${people} people`).waitFor({ timeout: 2_500 });
      await dialog.getByRole("button", { name: "Cancel" }).click();
    }
    expect(await page.getByText("32 of 500", { exact: true }).count()).toBe(1);
  });
});

describe("a world that people were sent into", () => {
  it.each([
    ["Stop", "stop"],
    ["Restart", "restart"],
  ])("is not left by %s, unless a reason is given", async (act, path) => {
    const page = await at("/worlds/wld_main");
    const detail = "a failover sent 3 people here, and they are in it";
    const inUse = { title: "The world is in use", code: "world_in_use", detail };
    const asked: unknown[] = [];
    await page.route(new RegExp(`/wld_main/${path}$`), (route) => {
      const body = (route.request().postDataJSON() ?? {}) as { force?: boolean };
      asked.push(body);
      return body.force
        ? route.continue()
        : route.fulfill({ status: 409, body: JSON.stringify(inUse) });
    });
    await page.getByRole("button", { name: act, exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: act, exact: true }).click();
    await dialog.getByText("a failover sent 3 people here").waitFor();
    await dialog.getByLabel("Reason").fill("it is broken");
    await dialog.getByRole("button", { name: `${act} it all the same` }).click();
    await dialog.waitFor({ state: "detached" });
    expect(asked).toEqual([{}, { force: true, reason: "it is broken" }]);
  });
});

describe("the question before a failover", () => {
  it("says how fast it will be, and a dry run is forgotten with the options that it was of", async () => {
    const page = await at("/worlds/wld_main/failover");
    arrive(30);
    await page.getByRole("button", { name: "Dry run" }).click();
    const answer = page.getByText("Dry run: nothing was changed");
    await answer.waitFor();
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByLabel("Rejoins per second at the most").fill("4");
    await answer.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Fail over now" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("30 people move at 3.8 per second, which takes about 8.0 s.").waitFor();
  });

  it("says what is refused and why, and how to do it all the same", async () => {
    const page = await at("/worlds/wld_main/failover");
    const rules = [
      {
        code: "cool_down",
        message: "the last failover was a moment ago: wait 50 s",
        main: null,
        standby: null,
        remedy: "lifeboat failover list wld_main",
        mayForce: true,
      },
    ];
    const detail = "blocked by cool_down; `rules` says what each lacks, or `force` with a `reason`";
    const blocked = { title: "The failover is blocked", code: "failover_blocked", detail, rules };
    await page.route(/\/failover$/, (route) => {
      const { dryRun, force } = (route.request().postDataJSON() ?? {}) as Record<string, boolean>;
      const isRefused = route.request().method() === "POST" && !dryRun && !force;
      return isRefused
        ? route.fulfill({ status: 409, body: JSON.stringify(blocked) })
        : route.continue();
    });
    await page.getByRole("button", { name: "Fail over now" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Fail over", exact: true }).click();
    await dialog.getByRole("alert").getByText("the last failover was a moment ago").waitFor();
    expect(await dialog.innerText()).not.toContain("`");
    await dialog.getByText("say why under “Reason”, then press “Fail over all the same”").waitFor();
    await dialog.getByLabel("Reason").fill("the servers died");
    await dialog.getByRole("button", { name: "Fail over all the same" }).click();
    await dialog.waitFor({ state: "detached" });
  });
});

describe("the records of failovers", () => {
  it("say which world each is of, and that a failback led home", async () => {
    const [main, standby] = mock.worlds as [World, World];
    const there = failover(main, standby, "ada");
    const home: Failover = { ...failover(main, main, "ada"), id: "fo_home", kind: "failback" };
    await begin({
      instead: (_, path) => {
        if (path === "/api/failovers") return [200, { items: [there, home], nextCursor: null }];
        return path === "/api/failovers/fo_home" ? [200, home] : undefined;
      },
    });
    const page = await at("/failovers");
    const row = page.getByRole("row", { name: "failback home to Main Stage" });
    await row.waitFor();
    await page.getByRole("row", { name: "failover to FAILOVER Main Stage" }).waitFor();
    const world = row.getByRole("link", { name: "Main Stage", exact: true });
    expect(await world.getAttribute("href")).toBe("/worlds/wld_main");
    await row.getByRole("link").first().click();
    await page.getByText(/^home to Main Stage, emergency, by ada/).waitFor();
  });
});

describe("a world that is failed over", () => {
  it("is shown as such beside the one that stands in, for as long as joiners go there", async () => {
    const worlds = await at("/");
    const standby = await at("/worlds/wld_spare");
    await worlds.getByText("Ready to stand in").waitFor();
    for (const [phase, word] of [["moving", "moving"], ["complete", "Failed over"]] as const) {
      mock.change(() => {
        const [main] = mock.worlds as [World];
        main.status.failover = { phase, failoverId: null, targetWorldId: "wld_spare" };
      });
      await worlds.getByText(word, { exact: true }).waitFor();
      await worlds.getByText("Standing in", { exact: true }).waitFor();
      expect(await worlds.getByText("Ready to stand in").count()).toBe(0);
      await standby.getByText("Standing in", { exact: true }).waitFor();
    }
  });
});

describe("the checks of readiness", () => {
  it("have their remedy within a phone's width, under what they say", async () => {
    const page = await at("/worlds/wld_main/failover", { width: 390, height: 844 });
    const row = page.locator('[data-check="liveConfig.values"]');
    const remedy = row.getByRole("button", { name: "Mirror main's values" });
    const [message, button] = await Promise.all([
      row.getByText("differs between main and standby").boundingBox(),
      remedy.boundingBox(),
    ]);
    expect(button?.y).toBeGreaterThan(message?.y ?? Number.POSITIVE_INFINITY);
    expect((button?.x ?? 0) + (button?.width ?? 0)).toBeLessThanOrEqual(390);
    await page.locator('[data-check="deployment.healthy"]').getByText("1 of 1 ready").first().waitFor();
  });
});
