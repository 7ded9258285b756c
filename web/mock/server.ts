/**
 * A stand-in for `lifeboat serve`: the shapes of the contract, no rules. It serves `vite dev` and the
 * tests of views that a real server cannot be brought to show at will.
 */

import { createReadStream, existsSync, statSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type {
  Failover,
  FailoverClient,
  LiveConfig,
  Role,
  Session,
  Values,
  World,
} from "../src/api/types.js";
import * as data from "./data.js";

export interface MockOptions {
  people?: number;
  /** Pairs of worlds beside the one that the tests are about. */
  pairs?: number;
  role?: Role;
  /** Answers instead of the mock where it returns something: `[status, body]`. */
  instead?: (method: string, path: string) => [number, unknown] | undefined;
}

export interface Mock {
  url: string;
  key: string;
  worlds: World[];
  config: LiveConfig;
  change: (act: () => void, event?: string) => void;
  /** Somebody else saves a live config. */
  save: (patch: Values, by: string) => void;
  /** How many have landed in the newest failover. */
  moved: () => number;
  cutEvents: () => void;
  close: () => Promise<void>;
}

type Answer = [status: number, body?: unknown, headers?: Record<string, string>];
type Handler = (body: Values, match: string[], request: IncomingMessage) => Answer;

const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
  "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'";

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
};

const dist = fileURLToPath(new URL("../dist/", import.meta.url));

const problem = (status: number, code: string, detail: string, more: Values = {}): Answer => [
  status,
  { type: `urn:lifeboat:problem:${code}`, title: code.replaceAll("_", " "), status, detail, code, ...more },
];

function mergePatch(into: Values, patch: Values): void {
  for (const [key, value] of Object.entries(patch)) {
    const below = into[key];
    const isTree = (one: unknown) => typeof one === "object" && one !== null && !Array.isArray(one);
    if (isTree(value) && isTree(below)) mergePatch(below as Values, value as Values);
    else into[key] = value;
  }
}

/** The worlds and what happens to them. */
class Stage {
  readonly main: World;
  readonly standby: World;
  readonly worlds: World[];
  readonly sessions: Session[];
  config = data.liveConfig();
  history: LiveConfig[] = [structuredClone(this.config)];
  automation = data.automation();
  automationSwitch = { stopped: false, reason: "", by: "", at: null as string | null };
  failovers: Failover[] = [];
  rows: FailoverClient[] = [];
  readonly timers = new Set<ReturnType<typeof setInterval>>();

  constructor(
    people: number,
    pairs: number,
    readonly tell: (event: string) => void,
  ) {
    this.main = data.world("wld_main", "Main Stage", { standby: "wld_spare" });
    this.main.status.sessions = people;
    this.standby = data.world("wld_spare", "FAILOVER Main Stage", { standbyFor: "wld_main" });
    this.standby.access.public = false;
    const lone = data.world("wld_lone", data.HOSTILE);
    lone.status = { ...lone.status, phase: "Inactive", deploymentId: null, endsAt: null };
    this.worlds = [this.main, this.standby, lone, ...data.pairs(pairs)];
    this.sessions = Array.from({ length: people }, (_, number) => ({
      id: `ses_${number}`,
      user: number === 3 ? data.HOSTILE : `usr_guest${number}`,
      requestedWorld: "wld_main",
      server: "srv_main1",
      state: number % 17 === 0 ? "loading" : "inWorld",
      since: new Date(Date.now() - number * 4_000).toISOString(),
    }));
  }

  readiness() {
    const check = (id: string, ok: boolean, main: unknown, standby: unknown, severity = "block") => ({
      id,
      severity,
      ok,
      main,
      standby,
      message: ok ? "" : `${id} differs between main and standby.`,
      remedy: ok ? "" : "Make the standby like the main world, then launch it again.",
    });
    const { main, standby } = this;
    const servers = { ready: 1, wanted: 1, hung: 0 };
    const checks = [
      check("build.mod", true, "plaza 1.1.0", "plaza 1.1.0"),
      check("build.content", true, "2026.11.1", "2026.11.1"),
      check("scale.profile", true, "Capacity500", "Capacity500"),
      check("duration.remaining", true, 145, 145),
      check(
        "access.groups",
        JSON.stringify(main.access.groups) === JSON.stringify(standby.access.groups),
        main.access.groups,
        standby.access.groups,
      ),
      check("deployment.active", standby.status.phase === "Active", "Active", standby.status.phase),
      check("deployment.healthy", true, servers, servers),
      check("liveConfig.values", false, { DoorsOpen: true }, { DoorsOpen: false }, "warn"),
      check("access.public", false, true, false, "info"),
      check("drill.age", false, null, "never", "info"),
    ];
    const ready = checks.every((one) => one.ok || one.severity !== "block");
    return { ready, checkedAt: new Date().toISOString(), checks };
  }

  automated() {
    const { stopped } = this.automationSwitch;
    const { enabled } = this.automation;
    const standing = !enabled ? "off" : stopped ? "stopped" : "watching";
    return { worldId: "wld_main", ...this.automation, standing, at: null, blockedBy: null };
  }

  switched() {
    const worlds = this.automation.enabled ? [this.automated()] : [];
    return { ...this.automationSwitch, worlds };
  }

  save(by: string): LiveConfig {
    this.config = { ...this.config, revision: this.config.revision + 2, updatedBy: by };
    this.config.updatedAt = new Date().toISOString();
    this.history.unshift(structuredClone(this.config));
    this.tell("liveConfig");
    return this.config;
  }

  /** Lets people land one after another over eight seconds. */
  fail(by: string): Failover {
    const record = data.failover(this.main, this.standby, by);
    this.failovers.unshift(record);
    this.rows = [];
    const status = this.main.status;
    status.failover = { phase: "moving", failoverId: record.id, targetWorldId: this.standby.id };
    const timer = setInterval(() => {
      if (record.phase === "held") return;
      const { counts } = record;
      const step = Math.min(Math.ceil(counts.present / 40), counts.pending);
      const at = new Date().toISOString();
      for (let index = 0; index < step; index += 1) {
        const number = this.rows.length;
        const user = `usr_guest${number}`;
        this.rows.push({ session: `ses_${number}`, user, stage: "landed", at });
      }
      counts.landed += step;
      counts.pending -= step;
      counts.asked = counts.placed = counts.confirmed = counts.landed;
      if (counts.pending === 0) {
        clearInterval(timer);
        record.phase = "complete";
        record.finishedAt = at;
        record.darkMs = { n: counts.landed, p50: 3_900, p99: 7_800, max: 8_050 };
        record.outageMs = 11_200;
        status.failover = { ...(status.failover as never as object), phase: "complete" } as never;
      }
      this.tell("failover");
    }, 200);
    this.timers.add(timer);
    this.tell("failover");
    return record;
  }
}

function routes(stage: Stage, role: Role): [string, RegExp, Handler][] {
  const page = (items: unknown[]): Answer => [200, { items, nextCursor: null }];
  const world = (id = "") => stage.worlds.find((one) => one.id === id);
  const record = (id = "") => stage.failovers.find((one) => one.id === id);
  const keys = [{ id: "key_1", name: "first key", role: "admin" }];
  const audit = Array.from({ length: 12 }, (_, number) => ({
    id: String(number),
    at: new Date(Date.now() - number * 60_000).toISOString(),
    who: number === 2 ? data.HOSTILE : "ada",
    role: "operator",
    address: "127.0.0.1",
    action: "liveConfig.save",
    target: "wld_main",
    before: { "/project/Stage/DoorsOpen": false },
    after: { "/project/Stage/DoorsOpen": true },
    reason: number === 1 ? "the show begins" : null,
    outcome: number === 4 ? "counter_decreased" : "done",
    revision: 100 - number,
  }));
  const found = <T>(thing: T | undefined): Answer =>
    thing === undefined ? problem(404, "not_found", "It does not exist.") : [200, thing];
  return [
    ["GET", /^\/api\/me$/, () => [200, { name: "Ada Lovelace", role }]],
    ["POST", /^\/api\/logout$/, () => [204, undefined, { "set-cookie": "mock=; Path=/; Max-Age=0" }]],
    ["GET", /^\/api\/worlds$/, () => page(stage.worlds)],
    ["GET", /^\/api\/worlds\/([^/]+)$/, (_, [, id]) => found(world(id))],
    [
      "PATCH",
      /^\/api\/worlds\/([^/]+)$/,
      (body, [, id]) => {
        const changed = world(id);
        if (changed) mergePatch(changed as unknown as Values, body);
        stage.tell("world");
        return found(changed);
      },
    ],
    ["GET", /^\/api\/worlds\/([^/]+)\/deployments$/, (_, [, id]) => page(world(id)?.status.deploymentId ? [data.deployment(world(id) as World)] : [])],
    ["GET", /^\/api\/deployments\/dep_(\w+)1$/, (_, [, name]) => found(world(`wld_${name}`) && data.deployment(world(`wld_${name}`) as World))],
    ["GET", /\/logs$/, () => [200, "INFO listening\nINFO somebody came in: <b>Eve</b>\n"]],
    ["GET", /^\/api\/worlds\/([^/]+)\/sessions$/, (_, [, id]) => page(id === "wld_main" ? stage.sessions : [])],
    ["GET", /\/live-config$/, () => [200, stage.config]],
    ["GET", /\/schema$/, () => [200, { type: "object", properties: { game: data.gameSchema, project: data.projectSchema } }]],
    ["GET", /\/history$/, () => page(stage.history)],
    [
      "PATCH",
      /\/live-config$/,
      (body, _, request) => {
        const match = request.headers["if-match"];
        if (match !== undefined && match !== `"${stage.config.revision}"`) {
          return problem(412, "if_match_failed", "It was changed in the meantime.");
        }
        mergePatch(stage.config as unknown as Values, body);
        return [200, { ...stage.save("Ada Lovelace"), warnings: [] }];
      },
    ],
    [
      "POST",
      /\/increment$/,
      (body) => {
        const name = String(body.path).split("/").at(-1) ?? "";
        const counters = stage.config.game.ForceDisconnect as Record<string, number>;
        counters[name] = (counters[name] ?? 0) + 1;
        return [200, { ...stage.save("Ada Lovelace"), warnings: [] }];
      },
    ],
    ["GET", /\/readiness$/, () => [200, stage.readiness()]],
    [
      "POST",
      /\/(failover|failback)$/,
      (body) => {
        if (body.dryRun) return [200, data.failover(stage.main, stage.standby, "Ada Lovelace")];
        return [202, stage.fail("Ada Lovelace")];
      },
    ],
    ["GET", /^\/api\/failovers$/, () => page(stage.failovers)],
    ["GET", /^\/api\/failovers\/([^/]+)$/, (_, [, id]) => found(record(id))],
    ["GET", /^\/api\/failovers\/([^/]+)\/clients$/, () => page(stage.rows)],
    [
      "POST",
      /^\/api\/failovers\/([^/]+)\/(hold|resume|nudge|undo)$/,
      (_, [, id, act]) => {
        const one = record(id);
        if (one && act !== "nudge") one.phase = act === "hold" ? "held" : "moving";
        stage.tell("failover");
        return found(one);
      },
    ],
    ["PATCH", /^\/api\/failovers\/([^/]+)$/, (_, [, id]) => found(record(id))],
    ["GET", /\/worlds\/[^/]+\/automation$/, () => [200, stage.automated()]],
    [
      "PUT",
      /\/worlds\/[^/]+\/automation$/,
      (body) => {
        Object.assign(stage.automation, body);
        return [200, stage.automated()];
      },
    ],
    ["GET", /^\/api\/automation$/, () => [200, stage.switched()]],
    [
      "PUT",
      /^\/api\/automation$/,
      (body) => {
        const by = "Ada Lovelace";
        Object.assign(stage.automationSwitch, body, { by, at: new Date().toISOString() });
        return [200, stage.switched()];
      },
    ],
    ["GET", /\/drills$/, () => page([data.drill()])],
    ["GET", /^\/api\/audit$/, () => page(audit)],
    ["GET", /^\/api\/keys$/, () => page(keys)],
    ["POST", /^\/api\/keys$/, (body) => [201, { id: "key_2", ...body, secret: "lb_secret" }]],
    ["POST", /\/wld_main\/join$/, () => problem(403, "guest_not_allowed", "It admits no guests.")],
    [
      "POST",
      /\/join$/,
      () => problem(503, "admission_paced", "It is not your turn.", { retryAfterMs: 9_000 }),
    ],
    ["POST", /^\/api\//, () => [202, {}]],
    ["PUT", /^\/api\//, () => [200, {}]],
    ["DELETE", /^\/api\//, () => [204]],
  ];
}

async function bodyOf(request: IncomingMessage): Promise<Values> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text === "" ? {} : (JSON.parse(text) as Values);
}

function serveFile(path: string, response: ServerResponse): void {
  const page = path.startsWith("/play/") ? "play.html" : "index.html";
  const asked = dist + path.slice(1).replaceAll("..", "");
  const file = path !== "/" && existsSync(asked) && statSync(asked).isFile() ? asked : dist + page;
  const type = types[file.split(".").at(-1) ?? ""] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": type, "content-security-policy": POLICY });
  createReadStream(file).pipe(response);
}

/** Starts the mock on a free port of the loopback. */
export async function startMock(options: MockOptions): Promise<Mock> {
  const key = "mock-key";
  const readers = new Set<ServerResponse>();
  let number = 0;
  const tell = (event: string) => {
    number += 1;
    for (const reader of readers) reader.write(`id: ${number}\nevent: ${event}\ndata: {}\n\n`);
  };
  const stage = new Stage(options.people ?? 120, options.pairs ?? 0, tell);
  const table = routes(stage, options.role ?? "admin");

  const answer = async (request: IncomingMessage, path: string): Promise<Answer> => {
    const method = request.method ?? "GET";
    const body = await bodyOf(request);
    const instead = options.instead?.(method, path);
    if (instead) return instead;
    if (path === "/api/login" && body.key === key) {
      const cookie = "mock=1; Path=/; HttpOnly; SameSite=Strict";
      return [200, { name: body.name, role: options.role ?? "admin" }, { "set-cookie": cookie }];
    }
    const isPlayer = path.endsWith("/join");
    if (!isPlayer && !request.headers.cookie?.includes("mock=1")) {
      return problem(401, "unauthorized", "The key is not valid; paste it as it was shown.");
    }
    for (const [wanted, pattern, handler] of table) {
      const match = wanted === method ? pattern.exec(path) : null;
      if (match) return handler(body, [...match], request);
    }
    return problem(404, "not_found", "There is no such address.");
  };

  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://mock").pathname);
    if (!path.startsWith("/api/")) return serveFile(path, response);
    if (path === "/api/events" && request.headers.cookie?.includes("mock=1")) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": here\n\n");
      readers.add(response);
      request.on("close", () => readers.delete(response));
      return;
    }
    void answer(request, path).then(([status, body, headers = {}]) => {
      const type = status >= 400 ? "application/problem+json" : "application/json";
      response.writeHead(status, { "content-type": type, ...headers });
      response.end(typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    worlds: stage.worlds,
    get config() {
      return stage.config;
    },
    change: (act, event = "world") => {
      act();
      tell(event);
    },
    save: (patch, by) => {
      mergePatch(stage.config as unknown as Values, patch);
      stage.save(by);
    },
    moved: () => stage.failovers[0]?.counts.landed ?? 0,
    cutEvents: () => {
      for (const reader of readers) reader.destroy();
    },
    close: () => {
      for (const timer of stage.timers) clearInterval(timer);
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
