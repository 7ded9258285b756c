/** What the operator reads before, in and after a failover has to be what is so. */

import type { Page } from "playwright-core";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type Mock, startMock } from "../mock/server.js";
import { Stage, signIn } from "./visitor.js";

const stage = Stage.prepareWithoutProgram();
const mocks: Mock[] = [];
let mock: Mock;

beforeEach(async () => {
  mock = await startMock({ people: 1 });
  mocks.push(mock);
});
afterAll(() => Promise.all(mocks.map((one) => one.close())));

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
    const waits = { timeout: 6_000 };
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
