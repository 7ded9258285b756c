/** What a player does in the world: talks, reloads, leaves, is removed. */

import { describe, expect, it } from "vitest";
import { until } from "./lifeboat.js";
import { Stage, isIn } from "./visitor.js";

const NAME = `<b onclick="x()">Eve</b>`;

/** Bots gather, move, and move back. */
const DRILL_MS = 60_000;

const stage = Stage.prepare();

describe("players", () => {
  it("talk, and what they say and are called is text", async () => {
    const { lifeboat } = stage;
    const { id } = await lifeboat.makeWorld();
    const listener = await stage.player(id);
    const speaker = await stage.newPage();
    await speaker.goto(`${lifeboat.url}/play/${id}?name=${encodeURIComponent(NAME)}`);
    await isIn(speaker, id);
    await listener.getByText("2 people here").waitFor();
    await speaker.getByLabel("Say something").fill("<img src=x> hello");
    await speaker.getByRole("button", { name: "Say" }).click();
    const line = listener.getByRole("log").getByRole("listitem").filter({ hasText: "hello" });
    await line.waitFor();
    expect(await line.innerText()).toBe(`${NAME}: <img src=x> hello`);
    expect(await listener.locator("img").count()).toBe(0);
  });

  it("are the same session after a reload, and gone after they leave", async () => {
    const { lifeboat } = stage;
    const { id } = await lifeboat.makeWorld();
    const page = await stage.player(id);
    const session = () => page.evaluate(() => document.body.dataset.session);
    const before = await session();
    expect(before).toMatch(/^ses_/);
    await page.reload();
    await isIn(page, id);
    expect(await session()).toBe(before);
    await page.getByRole("button", { name: "Leave" }).click();
    await page.getByText("You left").waitFor();
    await until("nobody to be there", async () => (await lifeboat.sessions(id)).length === 0);
  });

  it("who are kicked or banned are told so, and a banned user is not let in again", async () => {
    const { lifeboat } = stage;
    const { id } = await lifeboat.makeWorld();
    const operator = await stage.operator();
    await operator.goto(`${lifeboat.url}/worlds/${id}`);
    const page = await stage.player(id);
    await operator.getByRole("button", { name: /^Kick / }).click();
    await operator.getByRole("dialog").getByRole("button", { name: "Kick" }).click();
    await page.getByText("You were removed").waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await isIn(page, id);
    await operator.getByRole("button", { name: /^Ban / }).click();
    await operator.getByRole("dialog").getByLabel("Reason").fill("spam");
    await operator.getByRole("dialog").getByRole("button", { name: "Ban" }).click();
    await page.getByText("You were removed").waitFor();
  });
});

describe("a drill", () => {
  it("moves bots there and back, and leaves both records", async () => {
    const { lifeboat } = stage;
    const { main } = await lifeboat.makePair();
    const page = await stage.operator();
    await page.goto(`${lifeboat.url}/worlds/${main.id}/failover`);
    const card = page.getByRole("region", { name: "Drills" });
    await card.getByLabel("Bots").fill("5");
    await card.getByRole("button", { name: "Start a drill" }).click();
    await card.getByText("5 of 5, 5 of 5").waitFor({ timeout: DRILL_MS });
    await card.getByText("complete", { exact: true }).waitFor({ timeout: DRILL_MS });
    await card.getByRole("link", { name: "there" }).click();
    await page.getByText("(a drill)").waitFor();
    await page.getByText(/^Finished/).waitFor();
  });
});
