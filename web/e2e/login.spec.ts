/** Who is let in, what each role is offered, and how a login ends. */

import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { World } from "../src/api/types.js";
import { until } from "./lifeboat.js";
import { Stage, signIn } from "./visitor.js";

const stage = Stage.prepare();

async function tryKey(page: Page, key: string): Promise<void> {
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.getByLabel("Your name").fill("Eve");
  await page.getByRole("button", { name: "Sign in" }).click();
}

describe("a login", () => {
  it("is refused to a wrong key, and holds over a reload until it is ended", async () => {
    const { lifeboat } = stage;
    const page = await stage.newPage();
    await page.goto(lifeboat.url);
    await tryKey(page, "wrong");
    await page.getByRole("alert").getByText("unauthorized").waitFor();
    await signIn(page, lifeboat.url, lifeboat.key);
    await page.reload();
    await page.getByRole("heading", { name: "Worlds" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
  });

  it("stands in the audit log with the operator's name", async () => {
    const { lifeboat } = stage;
    const world = await lifeboat.makeWorld("Logged");
    const page = await stage.newPage();
    await signIn(page, lifeboat.url, lifeboat.key, "Grace Hopper");
    await page.goto(`${lifeboat.url}/worlds/${world.id}/live-config`);
    await page.getByRole("textbox", { name: "Title" }).fill("Tonight");
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByText(/^Saved as revision/).waitFor();
    await page.getByRole("link", { name: "Audit", exact: true }).click();
    const row = page.getByRole("row").filter({ hasText: "Grace Hopper" });
    await row.filter({ hasText: world.id }).first().waitFor();
  });

  it("ends on an open page when its key is revoked", async () => {
    const { lifeboat } = stage;
    const key = await lifeboat.newKey("soon gone", "operator");
    const page = await stage.operator(key.secret);
    await lifeboat.api("DELETE", `/api/keys/${key.id}`);
    // Nobody touches the page: what it loads by itself tells it.
    await page.getByRole("button", { name: "Sign in" }).waitFor();
  });
});

/** What is on the pages for somebody with a key of this role. */
async function offered(role: string, world: World): Promise<Record<string, boolean>> {
  const { lifeboat } = stage;
  const key = await lifeboat.newKey(`a ${role}`, role);
  const page = await stage.operator(key.secret);
  const has = (kind: "button" | "link", name: string) =>
    page.getByRole(kind, { name, exact: true }).count().then((count) => count > 0);
  const create = await has("button", "Create a world");
  const keys = await has("link", "Keys");
  await page.goto(`${lifeboat.url}/worlds/${world.id}`);
  await page.getByText(/^bot/).or(page.getByText(/^usr_/)).first().waitFor();
  await page.getByRole("heading", { name: "Servers" }).waitFor();
  const stop = await has("button", "Stop");
  const kick = (await page.getByRole("button", { name: /^Kick / }).count()) > 0;
  const internals = (await page.getByText("Internal", { exact: true }).count()) > 0;
  await page.goto(`${lifeboat.url}/worlds/${world.id}/live-config`);
  await page.getByRole("heading", { name: "ForceDisconnect" }).waitFor();
  const save = await has("button", "Save Changes");
  const increment = await has("button", "Increment AllClients");
  const debug = (await page.getByLabel("DebugToken").count()) > 0;
  await page.goto(`${lifeboat.url}/worlds/${world.id}/failover`);
  await page.locator("[data-standing]").waitFor();
  await page.locator("[data-check]").first().waitFor();
  const failover = await has("button", "Fail over now");
  const drill = await has("button", "Start a drill");
  const release = await has("button", "Release the standby");
  const automation = await has("button", "Stop all automation");
  await page.goto(`${lifeboat.url}/keys`);
  await page.getByText("Keys are for administrators.").or(page.getByLabel("Role")).first().waitFor();
  const makeKey = await has("button", "Create a key");
  const operates = [create, stop, kick, save, increment, failover, drill, release, automation];
  expect(new Set(operates).size, `${role}: ${operates.join(" ")}`).toBe(1);
  expect(makeKey).toBe(keys);
  return { operates: create, internals: internals && debug, keys };
}

describe("a role", () => {
  it("is offered what it may do, and nothing else", async () => {
    const { lifeboat } = stage;
    const { main } = await lifeboat.makePair();
    await lifeboat.api("PATCH", `/api/worlds/${main.id}`, { settings: { secretTier: "gold" } });
    await lifeboat.bots(main.id, 1);
    const no = { operates: false, internals: false, keys: false };
    expect(await offered("viewer", main)).toEqual(no);
    expect(await offered("operator", main)).toEqual({ ...no, operates: true });
    expect(await offered("support", main)).toEqual({ ...no, operates: true, internals: true });
    expect(await offered("admin", main)).toEqual({ operates: true, internals: true, keys: true });
  });
});

/** Wrong tries of one address in a minute. */
const TRIES_MAX = 10;

// The last one of this file: nobody signs in from this address for a minute afterwards.
describe("guessing", () => {
  it("is stopped, and the page says for how long", async () => {
    const page = await stage.newPage();
    await page.goto(stage.lifeboat.url);
    const statuses: number[] = [];
    page.on("response", (response) => {
      if (response.url().endsWith("/api/login")) statuses.push(response.status());
    });
    // A minute may end meanwhile, in which case it takes the tries of the next one.
    for (let tries = 1; tries <= 2 * TRIES_MAX && statuses.at(-1) !== 429; tries += 1) {
      await tryKey(page, `guess ${tries}`);
      await until("an answer", () => statuses.length >= tries);
    }
    expect(statuses.at(-1)).toBe(429);
    expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
    await page.getByRole("alert").getByText("rate_limited").waitFor();
    await page.getByText(/^Try again in [\d.]+ m?s/).waitFor();
  });
});
