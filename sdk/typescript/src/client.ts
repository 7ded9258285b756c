/** Carries out what the state machine asks for, and tells it what comes of it. */

import { type SocketClass, openSocket } from "./channel.js";
import { steadyNow } from "./clock.js";
import { type Environment, pageEnvironment } from "./environment.js";
import { type JoinFailure, type Token, askToJoin } from "./join.js";
import {
  type Action,
  type Input,
  Machine,
  SUBPROTOCOL,
  type Status,
  TOKEN_SUBPROTOCOL_PREFIX,
  readFrame,
} from "./machine/index.js";
import type { JoinAnswer, JoinRequest } from "./types.js";

/** Which game server to connect to, and what to show at its door. */
export interface GameSpot {
  endpoint: string;
  ticket: string;
  placement: JoinAnswer;
}

export interface GameHandlers {
  /** The server has let the player in; not merely taken the connection. */
  entered(): void;
  /** The connection ended by itself, or never came about. */
  lost(): void;
}

/** Connects to a game server; what is returned disconnects, after which nothing may be reported. */
export type ConnectGame = (spot: GameSpot, handlers: GameHandlers) => () => void;

export interface ClientOptions {
  /** Where Lifeboat is, such as `https://lifeboat.example`. */
  url: string;
  /** The world to join. */
  world: string;
  connectGame: ConnectGame;
  /**
   * The player's JWT, or how to get one for each join; without it the player is a guest. A function
   * that throws, or takes longer than a join may, makes a join without an answer.
   */
  token?: Token;
  baseVersion?: number | string;
  kind?: string;
  /** A session token kept from before, so that a reloaded page is the same session. */
  previous?: string | null;
  fetch?: typeof fetch;
  /** For Node 20, which has none: that of the package `ws`. */
  WebSocket?: SocketClass;
  environment?: Environment;
  /** Milliseconds of a clock that only goes forward, whatever it counts from. */
  now?: () => number;
  random?: () => number;
}

export interface ClientEvents {
  status: Status;
  /** A message to the player, to be shown as text. */
  message: string;
  /** How far the failover is that the player waits in: so many of those present are over. */
  progress: { over: number; present: number };
  /** New values by JSON Pointer; the whole as `/game` and `/project` at each hello. */
  liveConfig: Record<string, unknown>;
  /** A placement; its session token is what `previous` takes after a reload. */
  placed: JoinAnswer;
  /** A join that gave no placement, with what the server says about it. */
  refusal: JoinFailure;
}

type Listeners = { [K in keyof ClientEvents]: Set<(event: ClientEvents[K]) => void> };

/** The longest time that a timer can be set for. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** Over this span the clients that come back online together are spread. */
const ONLINE_SPREAD_MS = 1_000;
/** A client that believes to be offline tries all the same after this time. */
const OFFLINE_WAIT_MAX_MS = 30_000;

/** One player in one world, wherever that is. */
export class Client {
  readonly #options: ClientOptions;
  readonly #socketClass: SocketClass;
  readonly #environment: Environment;
  readonly #machine: Machine;
  readonly #now: () => number;
  readonly #joinUrl: string;
  readonly #listeners: Listeners = {
    status: new Set(),
    message: new Set(),
    progress: new Set(),
    liveConfig: new Set(),
    placed: new Set(),
    refusal: new Set(),
  };
  #channel: { send: (text: string) => void; close: () => void } | null = null;
  #disconnectGame: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopWatching: (() => void) | null = null;
  /** Calls that wait for the network. */
  #waiting = new Set<() => void>();
  #isStopped = false;
  #inputs: Input[] = [];
  #isGiving = false;

  /** Throws where there is no WebSocket, or no URL: later, nobody would be there to catch it. */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#socketClass = socketClassOf(options.WebSocket);
    this.#environment = options.environment ?? pageEnvironment();
    this.#now = options.now ?? steadyNow;
    const path = `/api/worlds/${encodeURIComponent(options.world)}/join`;
    this.#joinUrl = new URL(path, options.url).href;
    this.#machine = new Machine({
      baseVersion: options.baseVersion ?? null,
      kind: options.kind ?? "browser",
      accepts: ["placement"],
    });
  }

  get status(): Status | null {
    const { status } = this.#machine;
    return status && this.#dated(status);
  }

  /** The placement that stands. */
  get placement(): JoinAnswer | null {
    return this.#machine.placement;
  }

  /** Listens; what is returned stops that. */
  on<K extends keyof ClientEvents>(
    event: K,
    listener: (event: ClientEvents[K]) => void,
  ): () => void {
    this.#listeners[event].add(listener);
    return () => this.#listeners[event].delete(listener);
  }

  /** Begins. To be called once. */
  start(): void {
    this.#stopWatching = this.#environment.onReturn(() => this.#returned());
    this.#give({ input: "start" });
  }

  /** The user leaves for good, and Lifeboat is told so. */
  leave(): void {
    this.#give({ input: "leave" });
  }

  /** Stops without a word, as when the page goes away: the seat is kept for a while. */
  stop(): void {
    this.#isStopped = true;
    this.#channel?.close();
    this.#disconnectGame?.();
    this.#rest();
  }

  #give(input: Input): void {
    if (this.#isStopped) return;
    this.#inputs.push(input);
    // An action may call back at once; its input is taken after the actions of this one.
    if (this.#isGiving) return;
    this.#isGiving = true;
    const now = this.#now;
    const random = this.#options.random ?? Math.random;
    for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
      for (const action of this.#machine.handle(next, now(), random())) this.#act(action);
    }
    this.#isGiving = false;
    if (this.#machine.isOver) this.#rest();
    else this.#setTimer(now());
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#stopWatching?.();
    this.#waiting.clear();
  }

  #setTimer(now: number): void {
    clearTimeout(this.#timer);
    const { deadline } = this.#machine;
    if (deadline === null) return;
    const waitMs = Math.min(Math.max(0, Math.ceil(deadline - now)), TIMER_MAX_MS);
    this.#timer = setTimeout(() => this.#give({ input: "timer" }), waitMs);
  }

  #returned(): void {
    if (this.#environment.isOnline()) {
      for (const go of this.#waiting) setTimeout(go, Math.random() * ONLINE_SPREAD_MS);
      this.#waiting.clear();
    }
    this.#give({ input: "timer" });
  }

  /** Does it now, or once there is a network again. */
  #whenOnline(go: () => void): void {
    if (this.#environment.isOnline()) return go();
    let isDone = false;
    const once = () => {
      if (!isDone && !this.#isStopped && !this.#machine.isOver) {
        isDone = true;
        go();
      }
    };
    this.#waiting.add(once);
    setTimeout(() => {
      this.#waiting.delete(once);
      once();
    }, OFFLINE_WAIT_MAX_MS);
  }

  #act(action: Action): void {
    switch (action.action) {
      case "join":
        return this.#whenOnline(() => void this.#join(action.request));
      case "openChannel":
        return this.#openChannel(action.url, action.token);
      case "closeChannel":
        this.#channel?.close();
        this.#channel = null;
        return;
      case "send":
        return this.#channel?.send(JSON.stringify(action.frame));
      case "connectGame":
        return this.#connectGame(action.endpoint, action.ticket);
      case "disconnectGame":
        this.#disconnectGame?.();
        this.#disconnectGame = null;
        return;
      case "show":
        return this.#emit("status", this.#dated(action.status));
      case "showMessage":
        return this.#emit("message", action.text);
      case "showProgress":
        return this.#emit("progress", { over: action.over, present: action.present });
      case "liveConfig":
        return this.#emit("liveConfig", action.changes);
    }
  }

  /** A status for display: the machine's times are of its own clock, a player's of the day. */
  #dated(status: Status): Status {
    if (status.status !== "waiting" || status.until === null) return status;
    return { ...status, until: Math.round(Date.now() + status.until - this.#now()) };
  }

  async #join(request: JoinRequest): Promise<void> {
    const { token, previous } = this.#options;
    const outcome = await askToJoin({
      fetch: this.#options.fetch ?? ((input, init) => fetch(input, init)),
      url: this.#joinUrl,
      token,
      request: { ...request, previous: request.previous ?? previous ?? null },
    });
    if ("answer" in outcome) {
      this.#give({ input: "joined", answer: outcome.answer });
    } else {
      const { failure } = outcome;
      if (!this.#isStopped) this.#emit("refusal", failure);
      this.#give({ input: "joinFailed", code: failure.code, retryAfterMs: failure.retryAfterMs });
    }
  }

  #openChannel(url: string, token: string): void {
    this.#channel?.close();
    let isCalledOff = false;
    const waiting = { send: () => {}, close: () => (isCalledOff = true) };
    this.#channel = waiting;
    this.#whenOnline(() => {
      if (isCalledOff) return;
      const protocols = [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token];
      this.#channel = openSocket(this.#socketClass, url, protocols, {
        text: (text) => {
          const frame = readFrame(text);
          if (frame) this.#give({ input: "frame", frame });
        },
        end: (code) => {
          this.#channel = null;
          this.#give({ input: "channelClosed", code });
        },
      });
    });
  }

  #connectGame(endpoint: string, ticket: string): void {
    const placement = this.#machine.placement;
    if (!placement) return;
    this.#emit("placed", placement);
    let isCurrent = true;
    const lost = () => {
      if (!isCurrent) return;
      isCurrent = false;
      this.#disconnectGame = null;
      this.#give({ input: "gameLost" });
    };
    const entered = () => isCurrent && this.#give({ input: "gameConnected" });
    const game = { endpoint, ticket, placement };
    let disconnect: () => void = lost;
    const begun = guarded(() => {
      disconnect = this.#options.connectGame(game, { entered, lost });
      return true;
    });
    // A connection that could not even be begun is a lost one.
    if (!begun) return lost();
    this.#disconnectGame = () => {
      isCurrent = false;
      guarded(() => disconnect());
    };
  }

  #emit<K extends keyof ClientEvents>(event: K, value: ClientEvents[K]): void {
    for (const listener of this.#listeners[event]) guarded(() => listener(value));
  }
}

/** What the game's own code throws is told, and keeps nobody out of a world. */
function guarded<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    console.error("the game's code threw in the Lifeboat client", error);
    return undefined;
  }
}

function socketClassOf(given: SocketClass | undefined): SocketClass {
  const found = given ?? (globalThis.WebSocket as SocketClass | undefined);
  if (found) return found;
  throw new Error(
    "there is no WebSocket here (Node has one from version 22 on): " +
      "pass that of the package `ws`, as new Client({ WebSocket, … })",
  );
}
