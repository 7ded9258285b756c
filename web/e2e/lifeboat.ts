/** A real `lifeboat serve` on a free port and a fresh data directory, with plaza servers of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Deployment, World } from "../src/api/types.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const binary =
  process.env.LIFEBOAT_BIN ??
  join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), "debug", "lifeboat");

const WAIT_MS = 30_000;
const PROBE_EVERY_MS = 50;

type Found<T> = T | false | undefined | null;

/** Waits until `probe` gives something true. */
export async function until<T>(
  what: string,
  probe: () => Promise<Found<T>> | Found<T>,
  waitMs = WAIT_MS,
): Promise<T> {
  const end = Date.now() + waitMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${waitMs} ms in vain: ${what}`);
    await new Promise((done) => setTimeout(done, PROBE_EVERY_MS));
  }
}

/** Ends a process, if it still runs, and waits for that. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill(signal);
  await ended;
}

export class Lifeboat {
  readonly data = mkdtempSync(join(tmpdir(), "lifeboat-e2e-"));
  readonly #log = openSync(join(this.data, "serve.log"), "a");
  #serve: ChildProcess | null = null;
  readonly #others: ChildProcess[] = [];
  #worldNumber = 0;
  url = "";
  key = "";

  static async start(): Promise<Lifeboat> {
    if (!existsSync(binary)) throw new Error("build the binary first: cargo build -p lifeboat");
    const made = new Lifeboat();
    await made.serve("127.0.0.1:0");
    return made;
  }

  /** Starts the program; at the address of before when it ran already. */
  async serve(listen = new URL(this.url).host): Promise<void> {
    const args = ["serve", "--listen", listen, "--data", this.data, "--stop-servers"];
    args.push("--mods", process.env.LIFEBOAT_MODS ?? join(repository, "mods"));
    args.push("--restart-policy", "never");
    rmSync(join(this.data, "url"), { force: true });
    const child = spawn(binary, args, { stdio: ["ignore", this.#log, this.#log] });
    this.#serve = child;
    this.url = await until("lifeboat serve to say where it listens", () => {
      if (child.exitCode !== null) throw new Error(`serve ended: ${this.#read("serve.log")}`);
      return this.#read("url");
    });
    this.key = await until("the admin key", () => this.#read("admin.key"));
    await until("it to be ready", async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  #read(name: string): string {
    const path = join(this.data, name);
    return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  }

  /** Sends the program a signal, as an operating system or an accident would. */
  signal(signal: NodeJS.Signals): void {
    this.#serve?.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.#serve) await end(this.#serve, "SIGKILL");
  }

  async stop(): Promise<void> {
    for (const child of this.#others) await end(child, "SIGTERM");
    this.signal("SIGCONT");
    if (this.#serve) await end(this.#serve, "SIGTERM");
    rmSync(this.data, { recursive: true, force: true });
  }

  /** A request of an operator. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = { authorization: `Bearer ${this.key}`, "content-type": "application/json" };
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const response = await fetch(new URL(path, this.url), init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  world(id: string): Promise<World> {
    return this.api("GET", `/api/worlds/${id}`);
  }

  active(id: string): Promise<boolean> {
    return until(`${id} to be Active`, async () => (await this.world(id)).status.phase === "Active");
  }

  /** A world that runs. */
  async makeWorld(name = "Main Stage", change: object = {}): Promise<World> {
    this.#worldNumber += 1;
    const { id } = await this.api<World>("POST", "/api/worlds", {
      name: `${name} ${this.#worldNumber}`,
      build: {
        mod: "plaza",
        modVersion: "1.0.0",
        contentVersion: "2026.11.1",
        baseVersion: 38,
        map: "plaza",
      },
      scale: { profile: "Capacity100" },
      ...change,
    });
    await this.api("POST", `/api/worlds/${id}/launch`, {});
    await this.active(id);
    return this.world(id);
  }

  /** A main world and its standby, both Active. */
  async makePair(): Promise<{ main: World; standby: World }> {
    const { id } = await this.makeWorld();
    const standby = await this.api<World>("POST", `/api/worlds/${id}/standby`, { launch: true });
    await this.active(standby.id);
    return { main: await this.world(id), standby: await this.world(standby.id) };
  }

  /** Kills the world's game servers as a crash would, by their process ids. */
  async crash(worldId: string): Promise<void> {
    const { status } = await this.world(worldId);
    const path = `/api/deployments/${status.deploymentId}`;
    const { servers } = await this.api<Deployment>("GET", path);
    for (const { pid } of servers) if (pid !== null) process.kill(pid, "SIGKILL");
  }

  /** Sends bots into a world, in a process of their own, and waits until all are connected. */
  async bots(worldId: string, count: number): Promise<void> {
    const before = (await this.world(worldId)).status.sessions;
    const args = ["bots", "--world", worldId, "--count", String(count), "--url", this.url];
    const env = { ...process.env, LIFEBOAT_API_KEY: this.key };
    this.#others.push(spawn(binary, args, { stdio: ["ignore", this.#log, this.#log], env }));
    await until(`${count} bots to be in`, async () => {
      const items = await this.sessions(worldId);
      return items.filter(({ state }) => state === "inWorld").length >= before + count;
    });
  }

  async sessions(worldId: string): Promise<{ state: string; user: string }[]> {
    const path = `/api/worlds/${worldId}/sessions?limit=1000`;
    return (await this.api<{ items: { state: string; user: string }[] }>("GET", path)).items;
  }

  /** A key of a role, and what it is. */
  newKey(name: string, role: string): Promise<{ id: string; secret: string }> {
    return this.api("POST", "/api/keys", { name, role });
  }
}
