/** A real `lifeboat serve` on a free port and a fresh data directory, with plaza servers of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const binary =
  process.env.LIFEBOAT_BIN ??
  join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), "debug", "lifeboat");

/** Whether there is a binary to test. */
export const hasLifeboat = existsSync(binary);

export interface Lifeboat {
  url: string;
  key: string;
  data: string;
  /** A request of an operator. */
  api: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  /** Waits until `probe` gives something true. */
  until: <T>(what: string, probe: () => Promise<T | false | undefined | null>) => Promise<T>;
  stop: () => Promise<void>;
}

const WAIT_MS = 30_000;
const PROBE_EVERY_MS = 100;

export async function until<T>(
  what: string,
  probe: () => Promise<T | false | undefined | null>,
): Promise<T> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${WAIT_MS} ms in vain: ${what}`);
    await new Promise((done) => setTimeout(done, PROBE_EVERY_MS));
  }
}

export async function startLifeboat(): Promise<Lifeboat> {
  const data = mkdtempSync(join(tmpdir(), "lifeboat-e2e-"));
  const log = openSync(join(data, "serve.log"), "a");
  const args = ["serve", "--listen", "127.0.0.1:0", "--data", data, "--stop-servers"];
  args.push("--mods", process.env.LIFEBOAT_MODS ?? join(repository, "mods"), "--restart-policy", "never");
  const child: ChildProcess = spawn(binary, args, { stdio: ["ignore", log, log] });
  const read = (name: string) => {
    const path = join(data, name);
    return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  };
  const url = await until("lifeboat serve to say where it listens", async () => {
    if (child.exitCode !== null) throw new Error(`serve ended: ${read("serve.log")}`);
    return read("url");
  });
  const key = await until("the admin key", async () => read("admin.key"));
  const api = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const response = await fetch(new URL(path, url), init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  };
  await until("it to be ready", async () => (await fetch(new URL("/readyz", url))).ok);
  const stop = async () => {
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
  return { url, key, data, api, until, stop };
}
