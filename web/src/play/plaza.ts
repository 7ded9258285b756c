/** The connection to a plaza server: its wire protocol, and nothing of how it looks. */

import type { GameHandlers, GameSpot } from "lifeboat";
import type { Person, Snapshot } from "./crowd.js";

export interface Welcome {
  you: Person;
  map: string;
  room: string;
  size: { width: number; height: number };
  area: { left: number; right: number; bottom: number };
}

export interface Stage {
  doorsOpen: boolean;
  title: string;
  lightLevel: number;
  chatOpen: boolean;
}

export interface Line {
  from: number;
  name: string;
  text: string;
}

export interface PlazaEvents {
  welcome: (welcome: Welcome, plaza: Plaza) => void;
  stage: (stage: Stage) => void;
  snapshot: (snapshot: Snapshot & { population?: number }) => void;
  chat: (lines: Line[]) => void;
  corrected: (x: number, y: number) => void;
  error: (code: string, detail: string) => void;
  closed: () => void;
}

type Frame = { type: string } & Record<string, unknown>;

const OPEN_TIMEOUT_MS = 10_000;

export class Plaza {
  readonly #socket: WebSocket;
  readonly #events: PlazaEvents;
  #isLive = true;

  constructor({ endpoint, ticket }: GameSpot, handlers: GameHandlers, events: PlazaEvents) {
    this.#events = events;
    const url = new URL(endpoint);
    url.searchParams.set("ticket", ticket);
    this.#socket = new WebSocket(url);
    const timer = setTimeout(() => this.#socket.close(), OPEN_TIMEOUT_MS);
    this.#socket.onmessage = ({ data }) => {
      if (!this.#isLive || typeof data !== "string") return;
      const frame = parse(data);
      if (!frame) return;
      if (frame.type === "welcome") {
        clearTimeout(timer);
        events.welcome(frame as unknown as Welcome, this);
        handlers.entered();
      } else {
        this.#take(frame);
      }
    };
    this.#socket.onclose = () => {
      clearTimeout(timer);
      if (!this.#isLive) return;
      this.#isLive = false;
      events.closed();
      handlers.lost();
    };
  }

  #take(frame: Frame): void {
    const events = this.#events;
    switch (frame.type) {
      case "stage":
        return events.stage(frame as unknown as Stage);
      case "snapshot":
        return events.snapshot(frame as Snapshot);
      case "chat":
        return events.chat(frame.lines as Line[]);
      case "corrected":
        return events.corrected(frame.x as number, frame.y as number);
      case "error":
        return events.error(String(frame.code), String(frame.detail));
    }
  }

  #send(frame: object): void {
    if (this.#isLive && this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify(frame));
    }
  }

  move(x: number, y: number, heading: number): void {
    this.#send({ type: "move", x, y, heading });
  }

  say(text: string): void {
    this.#send({ type: "say", text });
  }

  rename(name: string): void {
    this.#send({ type: "name", name });
  }

  /** Closes the connection; nothing is told of it any more. */
  close(): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    this.#socket.close(1000);
    this.#events.closed();
  }
}

function parse(text: string): Frame | null {
  try {
    const frame: unknown = JSON.parse(text);
    const isFrame = typeof frame === "object" && frame !== null && "type" in frame;
    return isFrame ? (frame as Frame) : null;
  } catch {
    return null;
  }
}
