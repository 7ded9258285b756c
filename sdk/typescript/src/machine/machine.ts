/**
 * The client's state machine: joins, holds the session channel, keeps one game connection, obeys
 * what the server sends. It does no IO and reads no clock: inputs go in, actions come out. It
 * mirrors `crates/protocol/src/client/machine.rs` and its folder line by line, proved by
 * `sdk/vectors`.
 */

import type { ClientInfo, JoinAnswer } from "../types.js";
import type { Action, EndReason, Input, Status } from "./action.js";
import { type ErrorCode, isFinal } from "./codes.js";
import * as delay from "./delay.js";
import { type ClientFrame, type ServerFrame, closeCode } from "./frame.js";

const HEARTBEAT_MS = 15_000;
const HEARTBEAT_TIMEOUT_MS = 37_500;
const REOPEN_TIMEOUT_MS = 10_000;
/** A client's frame has at most 4 KiB, the names in it included. */
const REOPEN_TOKEN_BYTES_MAX = 4_096 - '{"type":"reopen","sessionToken":""}'.length;

type Channel =
  | { is: "closed" }
  | { is: "opening"; since: number }
  /** It begins anew over its connection. */
  | { is: "reopening"; since: number }
  | { is: "open"; heardAt: number };

/**
 * When a channel is given up, if nothing is heard before. One that never says its `hello` is given
 * up like one that has gone silent: nobody would call its client otherwise.
 */
function givenUpAt(channel: Channel): number | null {
  switch (channel.is) {
    case "closed":
      return null;
    case "opening":
      return channel.since + HEARTBEAT_TIMEOUT_MS;
    case "reopening":
      return channel.since + REOPEN_TIMEOUT_MS;
    case "open":
      return channel.heardAt + HEARTBEAT_TIMEOUT_MS;
  }
}

/** Whether the next frame that counts is a `hello`. */
const awaitsHello = (channel: Channel): boolean =>
  channel.is === "opening" || channel.is === "reopening";

type Game = "none" | "connecting" | "connected";

/**
 * The join that an answer is awaited for. It is overtaken once a placement was pushed since it was
 * asked: the client goes on as if it had not asked; what is left of the join is that no other
 * begins, and that its answer may still be the newer one.
 */
type Joining = "none" | "asked" | "overtaken";

/**
 * Whether a frame counts before the `hello`. Any other is of the channel before, and what it says
 * is of a placement that does not stand any more.
 */
const beginsOrEnds = (frame: ServerFrame): boolean =>
  frame.type === "hello" || frame.type === "bye" || frame.type === "error";

/** What one input leads to, in the making. */
interface Turn {
  now: number;
  random: number;
  actions: Action[];
}

/** One client. */
export class Machine {
  #client: ClientInfo;
  #placement: JoinAnswer | null = null;
  #channel: Channel = { is: "closed" };
  #game: Game = "none";
  #joining: Joining = "none";
  /** Of joins and game connections. */
  #failures = new delay.Failures();
  #channelFailures = new delay.Failures();
  /** The wait that a `bye` asked for before the channel is opened again. */
  #channelWaitMs: number | null = null;
  /** Whether the server lets the channel begin anew over the same connection. */
  #channelReopens = false;
  #leaveAt: number | null = null;
  #joinAt: number | null = null;
  #channelAt: number | null = null;
  /** When the game connection was lost without an order to leave. */
  #lostAt: number | null = null;
  #status: Status | null = null;

  constructor(client: Partial<ClientInfo> = {}) {
    this.#client = {
      baseVersion: client.baseVersion ?? null,
      kind: client.kind ?? null,
      accepts: client.accepts ?? [],
    };
  }

  /** Takes an input and says what to do. `random` is at least 0 and below 1. */
  handle(input: Input, now: number, random: number): Action[] {
    const turn: Turn = { now, random, actions: [] };
    if (!this.isOver) this.#apply(input, turn);
    return turn.actions;
  }

  /** When the machine wants the input `timer`, if nothing happens before. */
  get deadline(): number | null {
    const silence = givenUpAt(this.#channel);
    // A join that is due while another is on its way waits for that one's answer.
    const joinAt = this.#joining === "none" ? this.#joinAt : null;
    const times = [this.#leaveAt, joinAt, this.#channelAt, silence].filter((at) => at !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }

  get status(): Status | null {
    return this.#status;
  }

  /** The placement that stands. */
  get placement(): JoinAnswer | null {
    return this.#placement;
  }

  /** Whether nothing will happen any more. */
  get isOver(): boolean {
    return this.#status?.status === "refused" || this.#status?.status === "ended";
  }

  #apply(input: Input, turn: Turn): void {
    switch (input.input) {
      case "start":
        return this.#join(turn);
      case "joined":
        return this.#joined(input.answer, turn);
      case "joinFailed":
        return this.#joinFailed(input.code, input.retryAfterMs, turn);
      case "frame":
        return this.#frame(input.frame, turn);
      case "channelClosed":
        return this.#channelClosed(input.code, turn);
      case "gameConnected":
        return this.#gameConnected(turn);
      case "gameLost":
        return this.#gameLost(turn);
      case "timer":
        return this.#timer(turn);
      case "leave":
        this.#send({ type: "leave" }, turn);
        return this.#end({ status: "ended", reason: "left" }, turn);
    }
  }

  // --- joining ---

  #join(turn: Turn): void {
    this.#joinAt = null;
    this.#joining = "asked";
    if (this.#game === "none") this.#show({ status: "joining" }, turn);
    turn.actions.push({
      action: "join",
      request: {
        client: this.#client,
        previous: this.#placement?.sessionToken ?? null,
        minRevision: this.#placement?.revision ?? null,
      },
    });
  }

  #joined(answer: JoinAnswer, turn: Turn): void {
    const wasOvertaken = this.#stopJoining() === "overtaken";
    if (wasOvertaken && this.#isOlder(answer)) return;
    // The server counts somebody as landed only over a channel that knows the new placement.
    if (this.#canReopen(answer, turn.now)) {
      this.#reopenChannel(answer, turn);
    } else {
      if (this.#channel.is !== "closed") turn.actions.push({ action: "closeChannel" });
      this.#openChannel(answer, turn);
    }
    this.#takePlacement(answer, turn);
  }

  #stopJoining(): Joining {
    const before = this.#joining;
    this.#joining = "none";
    return before;
  }

  /**
   * Whether an answer was decided before the placement that stands. Once it has answered, the
   * server pushes nothing of the same revision, so of two of the same the answer is the newer.
   */
  #isOlder(answer: JoinAnswer): boolean {
    return this.#placement !== null && answer.revision < this.#placement.revision;
  }

  /**
   * Whether the client is where an answer sends it, or on its way there. A counter that rose ends
   * every connection to the same server, too.
   */
  #isThere(answer: JoinAnswer): boolean {
    const placed = this.#placement;
    if (this.#game === "none" || placed === null) return false;
    const keys = ["session", "deployment", "server", "endpoint", "allClients"] as const;
    return keys.every((key) => placed[key] === answer[key]);
  }

  /**
   * Whether the channel can begin anew over the connection that it has. One over which nothing came
   * for a heartbeat may be dead, and a token of many groups may be too long for a frame.
   */
  #canReopen(answer: JoinAnswer, now: number): boolean {
    const placed = this.#placement;
    if (this.#channel.is !== "open" || placed === null) return false;
    const sameChannel =
      placed.session === answer.session && placed.sessionUrl === answer.sessionUrl;
    const fits = answer.sessionToken.length <= REOPEN_TOKEN_BYTES_MAX;
    const isAlive = now - this.#channel.heardAt < HEARTBEAT_MS;
    return this.#channelReopens && sameChannel && fits && isAlive;
  }

  #takePlacement(answer: JoinAnswer, turn: Turn): void {
    this.#leaveAt = null;
    this.#joinAt = null;
    if (!this.#isThere(answer)) this.#connectGame(answer, turn);
    this.#placement = { ...answer };
    this.#report(turn);
  }

  #connectGame(answer: JoinAnswer, turn: Turn): void {
    this.#disconnectGame(turn);
    this.#game = "connecting";
    this.#show({ status: "connecting", world: answer.world, server: answer.server }, turn);
    const { endpoint, ticket } = answer;
    turn.actions.push({ action: "connectGame", endpoint, ticket });
  }

  #joinFailed(code: ErrorCode | null, retryAfterMs: number | null, turn: Turn): void {
    if (this.#stopJoining() === "overtaken") return;
    if (code !== null && isFinal(code)) return this.#end({ status: "refused", code }, turn);
    const hasNoServer = code === "world_not_active" || code === "target_not_active";
    // Of a server that was lost the channel will say when there is another.
    const isCalled = this.#lostAt !== null && this.#channel.is === "open";
    let waitMs: number;
    if (isCalled && (retryAfterMs === null || hasNoServer)) {
      waitMs = Math.max(retryAfterMs ?? 0, delay.slowPoll(turn.random));
    } else {
      waitMs = this.#failures.waitAfter(retryAfterMs, turn.random);
    }
    this.#waitUntil(turn.now + waitMs, code, turn);
  }

  #waitUntil(at: number, code: ErrorCode | null, turn: Turn): void {
    this.#joinAt = at;
    if (this.#game === "none") this.#show({ status: "waiting", until: at, code }, turn);
  }

  // --- the session channel ---

  #openChannel(answer: JoinAnswer, turn: Turn): void {
    this.#channel = { is: "opening", since: turn.now };
    this.#channelAt = null;
    turn.actions.push({
      action: "openChannel",
      url: answer.sessionUrl,
      token: answer.sessionToken,
    });
  }

  #reopenChannel(answer: JoinAnswer, turn: Turn): void {
    this.#send({ type: "reopen", sessionToken: answer.sessionToken }, turn);
    this.#channel = { is: "reopening", since: turn.now };
  }

  #frame(frame: ServerFrame, turn: Turn): void {
    if (awaitsHello(this.#channel) && !beginsOrEnds(frame)) return;
    this.#channel = { is: "open", heardAt: turn.now };
    switch (frame.type) {
      case "hello":
        this.#channelFailures.end();
        this.#channelWaitMs = null;
        this.#channelReopens = frame.reopens === true;
        turn.actions.push({
          action: "liveConfig",
          changes: { "/game": frame.liveConfig.game, "/project": frame.liveConfig.project },
        });
        this.#report(turn);
        if (frame.rejoin) {
          this.#ordered(frame.rejoin.leaveAfterMs, frame.rejoin.rejoinAfterMs, turn);
        }
        return;
      case "liveConfig":
        turn.actions.push({ action: "liveConfig", changes: frame.changes });
        return;
      case "forceDisconnect":
        if (typeof frame.message === "string") {
          turn.actions.push({ action: "showMessage", text: frame.message });
        }
        return this.#ordered(frame.leaveAfterMs, frame.rejoinAfterMs, turn);
      case "placement": {
        const { type: _, ...answer } = frame;
        if (this.#joining === "asked") this.#joining = "overtaken";
        return this.#takePlacement(answer, turn);
      }
      case "hold":
        return this.#held(turn);
      case "message":
        turn.actions.push({ action: "showMessage", text: frame.text });
        return;
      case "progress":
        turn.actions.push({
          action: "showProgress",
          over: frame.over,
          present: frame.present,
        });
        return;
      case "tokens":
        if (this.#placement) {
          this.#placement.ticket = frame.ticket;
          this.#placement.sessionToken = frame.sessionToken;
        }
        return;
      case "ping":
        return this.#send({ type: "pong" }, turn);
      case "bye":
        return this.#bye(frame, turn);
      case "error":
        this.#channelWaitMs = frame.retryAfterMs ?? null;
        return;
      case "unknown":
        return;
    }
  }

  /** The order to leave and to ask again. It replaces any earlier one. */
  #ordered(leaveAfterMs: number, rejoinAfterMs: number, turn: Turn): void {
    this.#leaveAt = turn.now + leaveAfterMs;
    this.#joinAt = turn.now + rejoinAfterMs;
    if (leaveAfterMs === 0) this.#leave(turn);
  }

  #leave(turn: Turn): void {
    this.#leaveAt = null;
    this.#lostAt = null;
    this.#disconnectGame(turn);
    this.#show({ status: "waiting", until: this.#joinAt, code: null }, turn);
    this.#report(turn);
  }

  #held(turn: Turn): void {
    this.#leaveAt = null;
    this.#joinAt = null;
    if (this.#game === "none") {
      this.#waitUntil(turn.now + delay.slowPoll(turn.random), "failover_held", turn);
    }
  }

  #bye(frame: Extract<ServerFrame, { type: "bye" }>, turn: Turn): void {
    if (frame.reason === "replaced" || frame.reason === "kicked") {
      return this.#end({ status: "ended", reason: frame.reason }, turn);
    }
    this.#channelWaitMs = frame.retryAfterMs ?? null;
  }

  #channelClosed(code: number | null, turn: Turn): void {
    this.#channel = { is: "closed" };
    const ended: EndReason | null =
      code === closeCode.replaced ? "replaced" : code === closeCode.kicked ? "kicked" : null;
    if (ended !== null) return this.#end({ status: "ended", reason: ended }, turn);
    const waitMs = this.#channelFailures.waitAfter(this.#channelWaitMs, turn.random);
    this.#channelWaitMs = null;
    if (code === closeCode.badToken || code === closeCode.expired) {
      // Only a join gives a token that is good again.
      this.#joinAt ??= turn.now + waitMs;
    } else {
      this.#channelAt = turn.now + waitMs;
    }
  }

  /** Tells the server where the client is; at a new channel also since when. */
  #report(turn: Turn): void {
    const frame: ClientFrame = {
      type: "state",
      state: this.#game === "none" ? "loading" : this.#game === "connected" ? "inWorld" : "connecting",
    };
    if (this.#placement && this.#game !== "none") {
      frame.world = this.#placement.world;
      frame.server = this.#placement.server;
    }
    if (this.#lostAt !== null) {
      frame.cause = "gameLost";
      frame.sinceMs = Math.max(0, turn.now - this.#lostAt);
    }
    this.#send(frame, turn);
  }

  #send(frame: ClientFrame, turn: Turn): void {
    if (this.#channel.is === "open") turn.actions.push({ action: "send", frame });
  }

  // --- the game connection ---

  #gameConnected(turn: Turn): void {
    if (!this.#placement || this.#game !== "connecting") return;
    const { world, server } = this.#placement;
    this.#game = "connected";
    this.#failures.end();
    this.#lostAt = null;
    this.#show({ status: "inWorld", world, server }, turn);
    this.#report(turn);
  }

  #gameLost(turn: Turn): void {
    if (this.#game === "none") return;
    const wasInWorld = this.#game === "connected";
    const isCalled = this.#channel.is === "open";
    this.#game = "none";
    this.#lostAt ??= turn.now;
    this.#leaveAt = null;
    this.#report(turn);
    if (this.#joining === "asked") return this.#show({ status: "joining" }, turn);
    if (this.#joinAt !== null) return this.#waitUntil(this.#joinAt, null, turn);
    const waitMs =
      wasInWorld && isCalled
        ? delay.afterLostGame(turn.random)
        : this.#failures.waitAfter(null, turn.random);
    this.#waitUntil(turn.now + waitMs, null, turn);
  }

  #disconnectGame(turn: Turn): void {
    if (this.#game === "none") return;
    this.#game = "none";
    turn.actions.push({ action: "disconnectGame" });
  }

  // --- time and the end ---

  #timer(turn: Turn): void {
    const due = (at: number | null) => at !== null && at <= turn.now;
    const leaves = due(this.#leaveAt);
    const joins = due(this.#joinAt);
    const opens = due(this.#channelAt);
    if (due(givenUpAt(this.#channel))) this.#giveChannelUp(turn);
    if (leaves) this.#leave(turn);
    if (joins && this.#joining === "none") this.#join(turn);
    if (opens && this.#channel.is === "closed") {
      if (this.#placement) this.#openChannel(this.#placement, turn);
      else this.#channelAt = null;
    }
  }

  /**
   * Nothing was heard for too long. Where it may be the connection's fault alone, another one is
   * tried at once.
   */
  #giveChannelUp(turn: Turn): void {
    turn.actions.push({ action: "closeChannel" });
    const placed = this.#channel.is === "reopening" ? this.#placement : null;
    if (placed) this.#openChannel(placed, turn);
    else this.#channelClosed(null, turn);
  }

  #end(status: Status, turn: Turn): void {
    this.#disconnectGame(turn);
    if (this.#channel.is !== "closed") {
      this.#channel = { is: "closed" };
      turn.actions.push({ action: "closeChannel" });
    }
    this.#leaveAt = null;
    this.#joinAt = null;
    this.#channelAt = null;
    this.#show(status, turn);
  }

  #show(status: Status, turn: Turn): void {
    if (this.#status && isSame(this.#status, status)) return;
    this.#status = status;
    turn.actions.push({ action: "show", status });
  }
}

function isSame(one: Status, other: Status): boolean {
  const keys = Object.keys(other);
  const at = (status: Status, key: string) => (status as unknown as Record<string, unknown>)[key];
  return one.status === other.status && keys.every((key) => at(one, key) === at(other, key));
}
