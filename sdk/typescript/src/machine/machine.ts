/**
 * The client's state machine: joins, holds the session channel, keeps one game connection, obeys
 * what the server sends. It does no IO and reads no clock: inputs go in, actions come out. It
 * mirrors `crates/protocol/src/client/machine.rs` line by line, proved by `sdk/vectors`.
 */

import type { ClientInfo, JoinAnswer } from "../types.js";
import type { Action, EndReason, Input, Status } from "./action.js";
import { type ErrorCode, isFinal } from "./codes.js";
import * as delay from "./delay.js";
import { type ClientFrame, type ServerFrame, closeCode } from "./frame.js";

const HEARTBEAT_MS = 15_000;
const HEARTBEAT_TIMEOUT_MS = 37_500;
const REOPEN_TIMEOUT_MS = 10_000;

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
  #isJoining = false;
  /** Joins and game connections that failed in a row. */
  #failures = 0;
  /** Channels that failed in a row. */
  #channelFailures = 0;
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
    const joinAt = this.#isJoining ? null : this.#joinAt;
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
    this.#isJoining = true;
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
    this.#isJoining = false;
    // The server counts somebody as landed only over a channel that knows the new placement.
    if (this.#canReopen(answer, turn.now)) {
      this.#reopenChannel(answer, turn);
    } else {
      if (this.#channel.is !== "closed") turn.actions.push({ action: "closeChannel" });
      this.#openChannel(answer, turn);
    }
    this.#takePlacement(answer, turn);
  }

  /**
   * Whether the channel can begin anew over the connection that it has. One over which nothing came
   * for a heartbeat may be dead.
   */
  #canReopen(answer: JoinAnswer, now: number): boolean {
    const placed = this.#placement;
    if (this.#channel.is !== "open" || placed === null) return false;
    const sameChannel =
      placed.session === answer.session && placed.sessionUrl === answer.sessionUrl;
    return this.#channelReopens && sameChannel && now - this.#channel.heardAt < HEARTBEAT_MS;
  }

  #takePlacement(answer: JoinAnswer, turn: Turn): void {
    this.#disconnectGame(turn);
    this.#leaveAt = null;
    this.#joinAt = null;
    this.#game = "connecting";
    this.#show({ status: "connecting", world: answer.world, server: answer.server }, turn);
    const { endpoint, ticket } = answer;
    turn.actions.push({ action: "connectGame", endpoint, ticket });
    this.#placement = { ...answer };
    this.#report(turn);
  }

  #joinFailed(code: ErrorCode | null, retryAfterMs: number | null, turn: Turn): void {
    this.#isJoining = false;
    if (code !== null && isFinal(code)) return this.#end({ status: "refused", code }, turn);
    this.#failures += 1;
    const isCalled = this.#channel.is === "open";
    const hasNoServer = code === "world_not_active" || code === "target_not_active";
    let waitMs: number;
    if (retryAfterMs === null) {
      waitMs = delay.retry(this.#failures, turn.random);
    } else if (isCalled && hasNoServer) {
      // With the channel open the server will say when there is a server again.
      waitMs = Math.max(retryAfterMs, delay.slowPoll(turn.random));
    } else {
      waitMs = retryAfterMs;
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
        this.#channelFailures = 0;
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
    this.#channelFailures += 1;
    const ended: EndReason | null =
      code === closeCode.replaced ? "replaced" : code === closeCode.kicked ? "kicked" : null;
    if (ended !== null) return this.#end({ status: "ended", reason: ended }, turn);
    const waitMs = this.#channelWaitMs ?? delay.retry(this.#channelFailures, turn.random);
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
    this.#failures = 0;
    this.#lostAt = null;
    this.#show({ status: "inWorld", world, server }, turn);
    this.#report(turn);
  }

  #gameLost(turn: Turn): void {
    if (this.#game === "none") return;
    const wasInWorld = this.#game === "connected";
    this.#game = "none";
    this.#lostAt ??= turn.now;
    this.#leaveAt = null;
    this.#report(turn);
    if (this.#isJoining) return this.#show({ status: "joining" }, turn);
    if (this.#joinAt !== null) return this.#waitUntil(this.#joinAt, null, turn);
    let waitMs: number;
    if (wasInWorld) {
      waitMs = delay.afterLostGame(turn.random);
    } else {
      this.#failures += 1;
      waitMs = delay.retry(this.#failures, turn.random);
    }
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
    if (joins && !this.#isJoining) this.#join(turn);
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
