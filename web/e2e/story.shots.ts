/**
 * A real failover as a player and an operator see it: a film and pictures for the docs, made with
 * the real program, real servers and a real kill.
 */

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { World } from "../src/api/types.js";
import { launchBrowser } from "./browser.js";
import { Lifeboat, until } from "./lifeboat.js";
import { type Moment, writeFilm, writePicture } from "./pictures.js";
import { isIn, signIn } from "./visitor.js";

const folder = fileURLToPath(new URL("../../docs/images/", import.meta.url));

const BOTS = 60;
const FILM_BYTES_MAX = 1_500_000;
const PICTURE_BYTES_MAX = 150_000;
/** Between two pictures of the film. */
const EVERY_MS = 350;

let lifeboat: Lifeboat;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  lifeboat = await Lifeboat.start();
  browser = await launchBrowser({ draws: true });
});
afterAll(async () => {
  await browser?.close();
  await lifeboat?.stop();
});

async function makePair(): Promise<{ main: World; standby: World }> {
  const build = { mod: "plaza", modVersion: "1.1.0", contentVersion: "2026.11.2", map: "plaza" };
  const scale = { profile: "Capacity100" };
  const { id } = await lifeboat.api<World>("POST", "/api/worlds", { name: "Main Stage", build, scale });
  await lifeboat.api("POST", `/api/worlds/${id}/launch`, {});
  await lifeboat.active(id);
  const standby = await lifeboat.api<World>("POST", `/api/worlds/${id}/standby`, { launch: true });
  await lifeboat.active(standby.id);
  return { main: await lifeboat.world(id), standby: await lifeboat.world(standby.id) };
}

async function newPage(width: number, height: number): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce" });
  return context.newPage();
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Takes pictures of both sides until it is stopped, and gives them. */
function film(left: Page, right: Page): () => Promise<Moment[]> {
  const moments: Moment[] = [];
  let isOn = true;
  const run = async () => {
    while (isOn) {
      const begunAt = Date.now();
      const [one, other] = await Promise.all([left.screenshot(), right.screenshot()]);
      moments.push({ atMs: Date.now(), left: one, right: other });
      await pause(Math.max(0, begunAt + EVERY_MS - Date.now()));
    }
  };
  const over = run();
  return async () => {
    isOn = false;
    await over;
    return moments;
  };
}

it("films a failover from both sides", async () => {
  const { main, standby } = await makePair();
  await lifeboat.bots(main.id, BOTS);
  const player = await newPage(640, 560);
  await player.goto(`${lifeboat.url}/play/${main.id}?name=Ada`);
  await isIn(player, main.id);
  await player.locator("canvas").waitFor();
  const operator = await newPage(1_000, 700);
  await signIn(operator, lifeboat.url, lifeboat.key, "Grace Hopper");
  const picture = async (page: Page, name: string, height = 700) => {
    const width = page.viewportSize()?.width ?? 0;
    const clip = { x: 0, y: 0, width, height };
    const shot = await page.screenshot({ fullPage: page === operator, clip });
    expect(await writePicture(shot, `${folder}${name}.png`), name).toBeLessThan(PICTURE_BYTES_MAX);
  };
  await picture(operator, "worlds", 360);
  await operator.goto(`${lifeboat.url}/worlds/${main.id}/live-config`);
  await operator.getByLabel("OverrideWorldId").fill(standby.id);
  await picture(operator, "live-config");
  await operator.goto(`${lifeboat.url}/worlds/${main.id}/failover`);
  await operator.getByText("The standby can take over now").waitFor();
  await picture(operator, "failover-ready", 900);
  await picture(player, "player-in-world", 560);
  await operator.getByRole("button", { name: "Options" }).click();
  await operator.getByLabel("Rejoins per second at the most").fill("9");
  await operator.getByRole("button", { name: "Options" }).click();

  const cut = film(player, operator);
  await pause(1_500);
  const crashedAt = Date.now();
  await lifeboat.crash(main.id);
  await operator.getByText("Alarm", { exact: true }).waitFor();
  await pause(2_000);
  await picture(operator, "alarm");
  await operator.getByRole("button", { name: "Fail over now" }).click();
  await operator.getByLabel("Reason").pressSequentially("the servers died", { delay: 30 });
  await operator.getByRole("button", { name: "Fail over", exact: true }).click();
  await operator.getByText(/^About .* to go/).waitFor();
  await player.getByText(/ are over/).waitFor();
  await picture(player, "player-loading", 560);
  await until("half of them to be over", async () => {
    const { sessions } = (await lifeboat.world(standby.id)).status;
    return sessions > BOTS / 2;
  });
  await picture(operator, "failover-moving", 900);
  await isIn(player, standby.id);
  await operator.getByText(/^Finished/).waitFor();
  await pause(1_500);
  const moments = await cut();
  await picture(operator, "failover-report", 1_000);
  const clock = (atMs: number) =>
    atMs < crashedAt ? "all is well" : `${((atMs - crashedAt) / 1_000).toFixed(1)} s after the crash`;
  const sides = [
    { title: "A player", width: 480 },
    { title: "The operator", width: 600 },
  ] as const;
  const bytes = await writeFilm(moments, [...sides], clock, `${folder}failover.webp`);
  console.log(`${moments.length} pictures, ${bytes} bytes`);
  expect(bytes).toBeLessThan(FILM_BYTES_MAX);
});
