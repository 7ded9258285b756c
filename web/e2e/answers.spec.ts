/** What each view does with a server that refuses, is busy, is slow, or is gone. */

import type { Page, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Mock, startMock } from "../mock/server.js";
import { Stage, signIn } from "./visitor.js";

const stage = Stage.prepareWithoutProgram();
let mock: Mock;

beforeAll(async () => {
  mock = await startMock({ people: 20 });
});
afterAll(() => mock.close());

const DETAIL = `It is so because <img src=x onerror="document.title='run'">`;

const refusal = (status: number, code: string) => (route: Route) =>
  route.fulfill({
    status,
    contentType: "application/problem+json",
    body: JSON.stringify({
      type: `urn:lifeboat:problem:${code}`,
      title: "It did not work",
      status,
      detail: DETAIL,
      code,
      ...(status === 429 || status === 503 ? { retryAfterMs: 600 } : {}),
    }),
  });

/** Each answer that helps nobody, with what the page has to say about it. */
const answers: [string, (route: Route) => Promise<void>][] = [
  ["role_required", refusal(403, "role_required")],
  ["world_running", refusal(409, "world_running")],
  ["if_match_failed", refusal(412, "if_match_failed")],
  ["rate_limited", refusal(429, "rate_limited")],
  ["store_unavailable", refusal(503, "store_unavailable")],
  ["http_502", (route) => route.fulfill({ status: 502, body: "<h1>Bad gateway</h1>" })],
  ["unreachable", (route) => route.abort()],
];

const views: [path: string, text: string | RegExp][] = [
  ["/", "FAILOVER Main Stage"],
  ["/worlds/wld_main", "Servers"],
  ["/worlds/wld_main/live-config", "ForceDisconnect"],
  ["/worlds/wld_main/failover", "The standby can take over now"],
  ["/failovers", "Nothing was moved yet."],
  ["/audit", "the show begins"],
  ["/keys", "first key"],
];

const isRead = (url: URL) =>
  url.pathname.startsWith("/api/") && !["/api/me", "/api/events"].includes(url.pathname);

async function signedIn(): Promise<Page> {
  const page = await stage.newPage();
  await signIn(page, mock.url, mock.key);
  return page;
}

describe.concurrent.each(views)("the view %s", (path, text) => {
  it("says what the server answers, and shows itself once the server does", async () => {
    const page = await signedIn();
    for (const [code, answer] of answers) {
      await page.route(isRead, answer);
      await page.goto(mock.url + path);
      await page.getByRole("alert").getByText(code, { exact: true }).first().waitFor();
      await page.getByRole("navigation", { name: "Main" }).waitFor();
      await page.unroute(isRead);
    }
    // The last answer was none at all; nobody touches the page.
    await page.getByText(text).first().waitFor();
    expect(await page.title()).not.toBe("run");
  });

  it("waits for a slow server, and says that it does", async () => {
    const page = await signedIn();
    let letGo = () => {};
    const slowly = new Promise<void>((done) => (letGo = done));
    await page.route(isRead, async (route) => {
      await slowly;
      await route.continue().catch(() => {});
    });
    await page.goto(mock.url + path);
    await page.locator("[data-loading], [aria-label=Loading], .mantine-Skeleton-root").first().waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    letGo();
    await page.getByText(text).first().waitFor();
  });
});

interface Act {
  path: string;
  method: string;
  api: RegExp;
  /** Up to the question. */
  ask: (page: Page) => Promise<void>;
  /** The button that sends, in the question or on the page. */
  send: string;
}

const click = (name: string) => (page: Page) => page.getByRole("button", { name, exact: true }).click();

const acts: Record<string, Act> = {
  "creating a world": {
    path: "/",
    method: "POST",
    api: /\/api\/worlds$/,
    ask: async (page) => {
      await click("Create a world")(page);
      await page.getByRole("dialog").getByLabel("Name").fill("New");
    },
    send: "Create",
  },
  "stopping a world": {
    path: "/worlds/wld_main",
    method: "POST",
    api: /\/stop$/,
    ask: click("Stop"),
    send: "Stop",
  },
  "kicking somebody": {
    path: "/worlds/wld_main",
    method: "DELETE",
    api: /\/api\/sessions\//,
    ask: click("Kick usr_guest0"),
    send: "Kick",
  },
  "raising a counter": {
    path: "/worlds/wld_main/live-config",
    method: "POST",
    api: /\/increment$/,
    ask: click("Increment AllClients"),
    send: "Increment AllClients",
  },
  "failing over": {
    path: "/worlds/wld_main/failover",
    method: "POST",
    api: /\/failover$/,
    ask: click("Fail over now"),
    send: "Fail over",
  },
  "starting a drill": {
    path: "/worlds/wld_main/failover",
    method: "POST",
    api: /\/drills$/,
    ask: async () => {},
    send: "Start a drill",
  },
  "setting the automation": {
    path: "/worlds/wld_main/failover",
    method: "PUT",
    api: /\/wld_main\/automation$/,
    ask: (page) => page.getByLabel("Grace time").fill("45"),
    send: "Save",
  },
  "making a key": {
    path: "/keys",
    method: "POST",
    api: /\/api\/keys$/,
    ask: (page) => page.getByLabel("Name").fill("New"),
    send: "Create a key",
  },
};

describe.concurrent.each(Object.entries(acts))("%s", (_, { path, method, api, ask, send }) => {
  it("says what the server answers, and can be tried again", async () => {
    const page = await signedIn();
    await page.goto(mock.url + path);
    await ask(page);
    const dialog = page.getByRole("dialog");
    const place = (await dialog.count()) > 0 ? dialog : page;
    const button = place.getByRole("button", { name: send, exact: true });
    for (const [code, answer] of answers) {
      const onlyThis = (route: Route) =>
        route.request().method() === method ? answer(route) : route.continue();
      await page.route(api, onlyThis);
      await button.click();
      await place.getByRole("alert").getByText(code, { exact: true }).waitFor();
      await page.unroute(api);
    }
    expect(await page.title()).not.toBe("run");
  });
});

describe.concurrent("saving a live config", () => {
  it("keeps the draft whatever is answered, and answers 412 with the two sets of changes", async () => {
    const page = await signedIn();
    await page.goto(`${mock.url}/worlds/wld_main/live-config`);
    const title = page.getByRole("textbox", { name: "Title" });
    await title.fill("Mine");
    const api = /\/live-config$/;
    for (const [code, answer] of answers) {
      const onlyThis = (route: Route) =>
        route.request().method() === "PATCH" ? answer(route) : route.continue();
      await page.route(api, onlyThis);
      await page.getByRole("button", { name: "Save Changes" }).click();
      if (code === "if_match_failed") {
        await page.getByRole("dialog").getByText("It was changed in the meantime").waitFor();
        await page.getByRole("dialog").getByRole("button", { name: "Back" }).click();
      } else {
        await page.getByRole("alert").getByText(code, { exact: true }).waitFor();
      }
      await page.unroute(api);
      expect(await title.inputValue()).toBe("Mine");
    }
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByText(/^Saved as revision/).waitFor();
  });
});

describe.concurrent("the login", () => {
  it("says what the server answers", async () => {
    const page = await stage.newPage();
    await page.goto(mock.url);
    await page.getByRole("textbox", { name: "Key" }).fill(mock.key);
    await page.getByLabel("Your name").fill("Ada");
    for (const [code, answer] of answers) {
      await page.route("**/api/login", answer);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").getByText(code, { exact: true }).waitFor();
      await page.unroute("**/api/login");
    }
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Worlds" }).waitFor();
  });

  it("that cannot be checked is tried again until it can", async () => {
    const page = await signedIn();
    await page.route("**/api/me", (route) => route.abort());
    await page.goto(mock.url);
    await page.getByRole("alert").getByText("unreachable", { exact: true }).waitFor();
    await page.unroute("**/api/me");
    await page.getByRole("heading", { name: "Worlds" }).waitFor();
  });
});

/** A client left alone asks again within 30 s at the most. */
const RETRY_MS = 40_000;

/** What a player is told about each answer to a join. */
const joins: [code: string, status: number, state: string, text: string][] = [
  ["guest_not_allowed", 403, "refused", "This world does not admit guests."],
  ["banned", 403, "refused", "You are banned from this world."],
  ["world_not_found", 404, "refused", "There is no such world."],
  ["base_version_mismatch", 409, "refused", "Your client and this world are of different versions."],
  ["not_found", 404, "refused", DETAIL],
  ["unauthorized", 401, "loading", "Sign in again."],
  ["validation_failed", 422, "loading", "Next try in 60 s."],
  ["rate_limited", 429, "loading", "Next try in 60 s."],
  ["admission_paced", 503, "loading", "You are next in about 60 s."],
  ["world_full", 503, "loading", "You will be let in once a seat is free."],
  ["world_not_active", 503, "loading", "You will be let in once it is."],
];

describe.concurrent("a player's page", () => {
  it("says what became of the join, as text", async () => {
    const page = await stage.newPage();
    for (const [code, status, state, text] of joins) {
      const body = { title: code, status, detail: DETAIL, code, retryAfterMs: 60_000 };
      await page.route("**/join", (route) => route.fulfill({ status, body: JSON.stringify(body) }));
      await page.goto(`${mock.url}/play/wld_main`);
      await page.locator(`body[data-state="${state}"]`).getByText(text).waitFor();
      expect(await page.title(), code).toBe("Lifeboat");
      await page.unroute("**/join");
    }
  });

  it("tries again when there is no answer, and says when", async () => {
    const page = await stage.newPage();
    await page.route("**/join", (route) => route.abort());
    await page.goto(`${mock.url}/play/wld_main`);
    await page.getByText("There is no answer at the moment. It is tried again.").waitFor();
    await page.unroute("**/join");
    await page.getByText("This world does not admit guests.").waitFor({ timeout: RETRY_MS });
  });
});
