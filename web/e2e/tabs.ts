/**
 * Tabs of one window, of which one is in front and the others are really in the background, with
 * slow timers. Playwright keeps every page awake and visible, so these are driven without it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { chromium, quiet } from "./browser.js";
import { until } from "./lifeboat.js";

/** Time that the browser has to end by itself. */
const CLOSE_MS = 10_000;

type Answer = Record<string, unknown>;

export class Tab {
  constructor(
    readonly id: string,
    private readonly session: string,
    private readonly window: Window,
  ) {}

  /** Evaluates an expression in the page. */
  async value<T>(expression: string): Promise<T> {
    const params = { expression, returnByValue: true };
    const answer = await this.window.send("Runtime.evaluate", params, this.session);
    return (answer.result as { value: T }).value;
  }

  bringToFront(): Promise<Answer> {
    return this.window.send("Target.activateTarget", { targetId: this.id });
  }
}

export class Window {
  #number = 0;
  readonly #waiting = new Map<number, (answer: Answer) => void>();

  private constructor(
    private readonly process: ChildProcess,
    private readonly profile: string,
    private readonly socket: WebSocket,
  ) {
    socket.on("message", (data) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: Answer };
      this.#waiting.get(id ?? -1)?.(result ?? {});
      this.#waiting.delete(id ?? -1);
    });
  }

  static async open(): Promise<Window> {
    const profile = mkdtempSync(join(tmpdir(), "lifeboat-tabs-"));
    const args = ["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
    const process = spawn(chromium, [...args, ...quiet, "about:blank"], { stdio: "ignore" });
    const file = join(profile, "DevToolsActivePort");
    const [port, path] = await until("the browser to say where it listens", () => {
      const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
      return lines.length > 1 && lines;
    });
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    await new Promise((done, fail) => socket.once("open", done).once("error", fail));
    return new Window(process, profile, socket);
  }

  send(method: string, params: object, sessionId?: string): Promise<Answer> {
    this.#number += 1;
    const id = this.#number;
    const answered = new Promise<Answer>((done) => this.#waiting.set(id, done));
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return answered;
  }

  /** A new tab, in front of the others. */
  async tab(url: string): Promise<Tab> {
    const { targetId } = await this.send("Target.createTarget", { url });
    const attached = await this.send("Target.attachToTarget", { targetId, flatten: true });
    return new Tab(String(targetId), String(attached.sessionId), this);
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    // A browser on a busy machine may take its time, and what it leaves in the system's folder for
    // passing things harms nobody.
    const killed = setTimeout(() => this.process.kill("SIGKILL"), CLOSE_MS);
    await ended;
    clearTimeout(killed);
    try {
      rmSync(this.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    } catch (error) {
      console.warn(`${this.profile} is left behind: ${String(error)}`);
    }
  }
}
