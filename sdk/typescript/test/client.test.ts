import { type AddressInfo } from "node:net";
import { createServer } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Client, type ClientOptions, type Environment, type SocketClass, withChanges } from "../src/index.js";
import { readFailure } from "../src/join.js";
import { readFrame } from "../src/machine/index.js";

/** A Lifeboat that places whoever asks, and a game server in the same process. */
async function startServer(refusals: number[] = []) {
  const joins: Record<string, unknown>[] = [];
  const channels: WebSocket[] = [];
  const heard: Record<string, unknown>[] = [];
  const bearers: (string | undefined)[] = [];
  const http = createServer((request, response) => {
    let text = "";
    request.on("data", (piece) => (text += piece));
    request.on("end", () => {
      joins.push(JSON.parse(text));
      bearers.push(request.headers.authorization);
      const retryAfterMs = refusals.shift();
      if (retryAfterMs !== undefined) {
        response.writeHead(503).end(JSON.stringify({ code: "admission_paced", retryAfterMs }));
      } else {
        response.end(JSON.stringify(answer("main")));
      }
    });
  });
  const sockets = new WebSocketServer({
    server: http,
    handleProtocols: (protocols) => (protocols.has("lifeboat.v1") ? "lifeboat.v1" : false),
  });
  sockets.on("connection", (socket, request) => {
    if (request.url !== "/session") return;
    channels.push(socket);
    socket.on("message", (data) => heard.push(JSON.parse(String(data))));
    const liveConfig = { game: {}, project: {} };
    socket.send(JSON.stringify({ type: "hello", session: "ses_1", revision: 7, allClients: 0, liveConfig, heartbeatSeconds: 15, rejoin: null }));
  });
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const answer = (name: string) => ({
    session: "ses_1",
    user: "usr_1",
    requestedWorld: "wld_main",
    world: `wld_${name}`,
    deployment: `dep_${name}`,
    launchContext: null,
    redirected: name !== "main",
    previousAccepted: true,
    server: `srv_${name}`,
    endpoint: `ws://${name}/`,
    streaming: { launchMode: "same-tab" },
    allClients: 0,
    revision: 7,
    ticket: "t",
    sessionToken: `token-${name}`,
    sessionUrl: `${url.replace("http", "ws")}/session`,
  });
  const stop = () => {
    for (const socket of sockets.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
  };
  return { url, joins, bearers, channels, heard, answer, stop };
}

const stops: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  for (const stop of stops.splice(0)) stop();
});

/** A client whose games are entered at once. */
function makeClient(url: string, options: Partial<ClientOptions> = {}) {
  const games: string[] = [];
  const client = new Client({
    url,
    world: "wld_main",
    WebSocket: WebSocket as unknown as SocketClass,
    connectGame: ({ endpoint }, { entered }) => {
      games.push(endpoint);
      entered();
      return () => games.push(`left ${endpoint}`);
    },
    ...options,
  });
  stops.push(() => client.stop());
  return { client, games };
}

/** The time of day is set to another. */
function setClock(byMs: number) {
  const before = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => before() + byMs);
}

/** A page whose clock goes on while its timers stand still. */
function sleepingPage() {
  let slept = 0;
  let comeBack = () => {};
  const environment: Environment = {
    isOnline: () => true,
    onReturn: (listener) => {
      comeBack = listener;
      return () => {};
    },
  };
  return {
    options: { environment, now: () => performance.now() + slept },
    sleep: (ms: number) => (slept += ms),
    wake: () => comeBack(),
  };
}

const inWorld = (client: Client, world: string) =>
  new Promise<void>((done) => {
    client.on("status", (status) => {
      if (status.status === "inWorld" && status.world === world) done();
    });
  });

describe("a client", () => {
  it("joins, reports, and moves by a placement without another request", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const { client, games } = makeClient(server.url, { previous: "kept" });
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    await expect.poll(() => server.heard.at(-1)).toMatchObject({ type: "state", state: "inWorld" });
    expect(server.joins[0]).toMatchObject({ previous: "kept", client: { accepts: ["placement"] } });
    const over = inWorld(client, "wld_standby");
    server.channels[0]?.send(JSON.stringify({ type: "placement", ...server.answer("standby") }));
    await over;
    expect(games).toEqual(["ws://main/", "left ws://main/", "ws://standby/"]);
    expect(server.joins.length).toBe(1);
  });

  it("waits exactly as long as it is told before it asks again", async () => {
    const server = await startServer([120]);
    stops.push(server.stop);
    const { client } = makeClient(server.url);
    const there = inWorld(client, "wld_main");
    const begun = Date.now();
    client.start();
    await there;
    expect(Date.now() - begun).toBeGreaterThanOrEqual(115);
  });

  it("asks nothing while it is offline, and goes on when the network is back", async () => {
    const server = await startServer();
    stops.push(server.stop);
    let isOnline = false;
    let comeBack = () => {};
    const environment: Environment = {
      isOnline: () => isOnline,
      onReturn: (listener) => {
        comeBack = listener;
        return () => {};
      },
    };
    const { client } = makeClient(server.url, { environment });
    const there = inWorld(client, "wld_main");
    client.start();
    comeBack();
    expect(server.joins.length).toBe(0);
    isOnline = true;
    comeBack();
    await there;
  });

  it("gives up a channel that died while the computer slept, as soon as it wakes", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const page = sleepingPage();
    const { client, games } = makeClient(server.url, { ...page.options, random: () => 0 });
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    await expect.poll(() => server.heard.length).toBeGreaterThan(0);
    page.sleep(60 * 60_000);
    page.wake();
    await expect.poll(() => server.channels.length).toBe(2);
    // The game is none of the channel's business.
    expect(games).toEqual(["ws://main/"]);
  });

  it("takes a turn that came while the page slept as soon as it is back", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const page = sleepingPage();
    const { client } = makeClient(server.url, page.options);
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    await expect.poll(() => server.heard.length).toBeGreaterThan(0);
    const waits = new Promise((done) => client.on("status", done));
    const order = { type: "forceDisconnect", allClients: 1, leaveAfterMs: 0, reason: "failover" };
    server.channels[0]?.send(JSON.stringify({ ...order, rejoinAfterMs: 20_000 }));
    expect(await waits).toMatchObject({ status: "waiting" });
    page.wake();
    expect(server.joins.length).toBe(1);
    page.sleep(20_000);
    page.wake();
    await expect.poll(() => server.joins.length).toBe(2);
  });

  it.each([-3_600_000, 3_600_000])("keeps its turn when the clock is set by %i ms", async (byMs) => {
    const server = await startServer([300]);
    stops.push(server.stop);
    const { client } = makeClient(server.url);
    const there = inWorld(client, "wld_main");
    const waits = new Promise((done) => client.on("status", ({ status }) => status === "waiting" && done(null)));
    const begun = performance.now();
    client.start();
    await waits;
    setClock(byMs);
    const status = client.status;
    const leftMs = status?.status === "waiting" ? (status.until ?? 0) - Date.now() : 0;
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(301);
    await there;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(295);
  });

  it("leaves nobody early, and no channel, when the clock is set", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const { environment } = sleepingPage().options;
    let comeBack = () => {};
    const onReturn = (listener: () => void) => {
      comeBack = listener;
      return () => {};
    };
    const { client, games } = makeClient(server.url, { environment: { ...environment, onReturn } });
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    await expect.poll(() => server.heard.length).toBeGreaterThan(0);
    const order = { type: "forceDisconnect", allClients: 1, leaveAfterMs: 20_000, reason: "failover" };
    const told = new Promise((done) => client.on("message", done));
    server.channels[0]?.send(JSON.stringify({ ...order, rejoinAfterMs: 20_000, message: "soon" }));
    await told;
    setClock(3_600_000);
    comeBack();
    expect(client.status).toMatchObject({ status: "inWorld" });
    expect(games).toEqual(["ws://main/"]);
    expect(server.channels.length).toBe(1);
  });

  it("is nobody else while its token cannot be had, and asks for it again", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const complained: unknown[] = [];
    let tries = 0;
    const token = () => {
      tries += 1;
      if (tries === 1) throw new Error("the identity provider is away");
      return "jwt";
    };
    const { client } = makeClient(server.url, { token, random: () => 0 });
    client.on("refusal", (failure) => complained.push(failure));
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    expect(tries).toBe(2);
    expect(server.bearers).toEqual(["Bearer jwt"]);
    expect(complained).toEqual([{ code: null, retryAfterMs: null, detail: null }]);
  });

  it("has no answer from a token, or a fetch, that never comes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const never = new Promise<never>(() => {});
    for (const options of [{ token: () => never }, { fetch: () => never }]) {
      const { client } = makeClient("http://localhost/", options);
      const failed = new Promise((done) => client.on("refusal", done));
      client.start();
      await vi.advanceTimersByTimeAsync(15_000);
      expect(await failed).toMatchObject({ code: null });
      client.stop();
    }
  });

  it("asks again when its token is refused, with a new one", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const token = vi.fn().mockReturnValueOnce("expired").mockReturnValueOnce("fresh");
    let answered = 0;
    const refusing: typeof fetch = async (input, init) => {
      answered += 1;
      return answered === 1
        ? new Response('{"code":"unauthorized","status":401,"detail":"expired"}', { status: 401 })
        : fetch(input, init);
    };
    const { client } = makeClient(server.url, { token, fetch: refusing, random: () => 0 });
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    expect(server.bearers).toEqual(["Bearer fresh"]);
  });

  it("cannot be made for what is no URL", () => {
    expect(() => makeClient("lifeboat.example")).toThrow("Invalid URL");
  });

  it("is moved in the background, where no timer runs", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const { client, games } = makeClient(server.url);
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    await expect.poll(() => server.heard.length).toBeGreaterThan(0);
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval"] });
    const over = inWorld(client, "wld_standby");
    const order = { type: "forceDisconnect", allClients: 1, leaveAfterMs: 0, reason: "failover" };
    server.channels[0]?.send(JSON.stringify({ ...order, rejoinAfterMs: 5_000 }));
    server.channels[0]?.send(JSON.stringify({ type: "placement", ...server.answer("standby") }));
    await over;
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    expect(games.at(-1)).toBe("ws://standby/");
  });

  it("goes on when a listener throws", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const complained = vi.spyOn(console, "error").mockImplementation(() => {});
    const { client } = makeClient(server.url);
    const broken = new Error("of the game");
    client.on("status", () => {
      throw broken;
    });
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    expect(complained.mock.calls[0]?.[1]).toBe(broken);
    await expect.poll(() => server.heard.length).toBeGreaterThan(0);
    const over = inWorld(client, "wld_standby");
    server.channels[0]?.send(JSON.stringify({ type: "placement", ...server.answer("standby") }));
    await over;
    complained.mockRestore();
  });

  it("tells how far the failover is", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const { client } = makeClient(server.url);
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    await expect.poll(() => server.heard.length).toBeGreaterThan(0);
    const told = new Promise((done) => client.on("progress", done));
    server.channels[0]?.send(JSON.stringify({ type: "progress", over: 3_120, present: 5_000 }));
    expect(await told).toEqual({ over: 3_120, present: 5_000 });
  });

  it("cannot be made where there is no WebSocket, and says what to do", () => {
    vi.stubGlobal("WebSocket", undefined);
    const connectGame = () => () => {};
    const make = () => new Client({ url: "http://localhost/", world: "wld_main", connectGame });
    expect(make).toThrow("pass that of the package `ws`, as new Client({ WebSocket, … })");
  });

  it("says that it leaves", async () => {
    const server = await startServer();
    stops.push(server.stop);
    const { client } = makeClient(server.url);
    const there = inWorld(client, "wld_main");
    client.start();
    await there;
    await expect.poll(() => server.heard.length).toBeGreaterThan(0);
    client.leave();
    await expect.poll(() => server.heard.at(-1)).toEqual({ type: "leave" });
  });
});

describe("what comes over the wire", () => {
  it("is a frame, an unknown one, or nothing", () => {
    expect(readFrame('{"type":"ping"}')).toEqual({ type: "ping" });
    expect(readFrame('{"type":"of tomorrow"}')).toEqual({ type: "unknown" });
    expect(readFrame('{"type":"toString"}')).toEqual({ type: "unknown" });
    for (const text of ["", "[]", "null", "7", '{"type":7}', '{"type":"placement"}', '{"type":"forceDisconnect"}']) {
      expect(readFrame(text), text).toBeNull();
    }
  });

  it("says in the body when to come again, and else in the header", () => {
    const paced = '{"code":"admission_paced","retryAfterMs":1234}';
    expect(readFailure("2", paced)).toMatchObject({ code: "admission_paced", retryAfterMs: 1_234 });
    expect(readFailure("2", '{"code":"of tomorrow"}')).toMatchObject({ code: null, retryAfterMs: 2_000 });
    expect(readFailure(null, "<html>")).toEqual({ code: null, retryAfterMs: null, detail: null });
  });

  it("changes live values without touching those before, nor the prototype", () => {
    const before = { game: { a: 1 } };
    expect(withChanges(before, { "/game/b~1c": 2 })).toEqual({ game: { a: 1, "b/c": 2 } });
    expect(before).toEqual({ game: { a: 1 } });
    withChanges(before, { "/__proto__/bad": 1 });
    expect(({} as { bad?: number }).bad).toBeUndefined();
  });
});
