/** An open page never shows what is no longer true without saying so. */

import { describe, expect, it } from "vitest";
import { until } from "./lifeboat.js";
import { Stage, isIn, isReadable } from "./visitor.js";

const stage = Stage.prepare();

/** The server is heard every 15 s; silence is noticed after 20 s. */
const NOTICED_MS = 30_000;

describe("an open page whose server", () => {
  it("is killed says since when, and shows the truth once there is one again", async () => {
    const { lifeboat } = stage;
    const world = await lifeboat.makeWorld("Stale");
    const player = await stage.player(world.id);
    const page = await stage.operator();
    await page.getByRole("link", { name: world.name }).waitFor();
    await lifeboat.kill();
    const killedAt = Date.now();
    const notice = page.getByRole("alert").filter({ hasText: "Connection lost" });
    await notice.waitFor();
    const since = /Since (\d\d:\d\d:\d\d)/.exec(await notice.innerText())?.[1] ?? "";
    const clock = (ms: number) => new Date(ms).toTimeString().slice(0, 8);
    const nearby = Array.from({ length: 32 }, (_, ago) => clock(killedAt + 1_000 - ago * 1_000));
    expect(nearby).toContain(since);
    await isReadable(page, "the notice");
    // Who is in the world stays there: the game does not need Lifeboat.
    await isIn(player, world.id);

    await lifeboat.serve();
    await notice.waitFor({ state: "detached", timeout: 20_000 });
    await lifeboat.api("PATCH", `/api/worlds/${world.id}`, { name: "Stale no more" });
    await page.getByRole("link", { name: "Stale no more" }).waitFor();
    await until("the player's channel to be back", async () => {
      return (await lifeboat.sessions(world.id)).some(({ state }) => state === "inWorld");
    });
  });

  it("hangs says so too, and goes on when it does", async () => {
    const { lifeboat } = stage;
    const page = await stage.operator();
    await page.getByRole("link", { name: "Stale no more" }).waitFor();
    lifeboat.signal("SIGSTOP");
    try {
      const notice = page.getByRole("alert").filter({ hasText: "Connection lost" });
      await notice.waitFor({ timeout: NOTICED_MS });
      lifeboat.signal("SIGCONT");
      await notice.waitFor({ state: "detached", timeout: 20_000 });
    } finally {
      lifeboat.signal("SIGCONT");
    }
  });
});

describe("a player", () => {
  it("who was offline or asleep during the failover is in the backup world on return", async () => {
    const { lifeboat } = stage;
    const { main, standby } = await lifeboat.makePair();
    const offline = await stage.player(main.id);
    const asleep = await stage.player(main.id);
    await offline.context().setOffline(true);
    const browser = await asleep.context().newCDPSession(asleep);
    await browser.send("Page.setWebLifecycleState", { state: "frozen" });
    await lifeboat.api("POST", `/api/worlds/${main.id}/failover`, { reason: "test" });
    await until("it to be told", async () => {
      return (await lifeboat.world(main.id)).status.failover !== null;
    });
    await offline.context().setOffline(false);
    await browser.send("Page.setWebLifecycleState", { state: "active" });
    await Promise.all([isIn(offline, standby.id), isIn(asleep, standby.id)]);
  });
});
