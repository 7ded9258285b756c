/**
 * `GET /api/events` read with fetch instead of `EventSource`: every event is seen whatever its
 * name, a lost connection is noticed at once, and a login that ended is told apart from a network.
 */

export interface StreamEvent {
  name: string;
  id: string | null;
  data: string;
}

/** Splits a stream of server-sent events as it comes in. */
export class EventParser {
  #rest = "";
  #name = "";
  #id: string | null = null;
  #data: string[] = [];

  /** Takes a piece of the stream and gives the events that are whole now. */
  push(piece: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    // A line break may be cut in two by the network; the second half then ends an empty line.
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0 || this.#name !== "") {
          const data = this.#data.join("\n");
          events.push({ name: this.#name || "message", id: this.#id, data });
        }
        this.#name = "";
        this.#data = [];
      } else {
        this.#line(line);
      }
    }
    return events;
  }

  #line(line: string): void {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
  }
}

export interface StreamHandlers {
  event: (event: StreamEvent) => void;
  /** The stream is open; `isResumed` is false when events may have been missed. */
  open: (isResumed: boolean) => void;
  /** The stream broke off; nothing was heard since `heardAt`, in milliseconds of the epoch. */
  lost: (heardAt: number) => void;
  signedOut: () => void;
}

const RETRY_MS = { first: 500, max: 10_000 };
/** The server is heard every 15 s at least; without that the connection is dead. */
const SILENCE_MAX_MS = 20_000;

/** Reads the stream until it is stopped, reconnecting with growing waits. */
export function readEvents(handlers: StreamHandlers, fetchIt: typeof fetch = fetch): () => void {
  const stop = new AbortController();
  let lastId: string | null = null;
  let waitMs = RETRY_MS.first;
  let heardAt = Date.now();

  const connect = async (): Promise<void> => {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (lastId !== null) headers["last-event-id"] = lastId;
    // A server that takes the connection and never answers is silent as well.
    const unanswered = new AbortController();
    const timer = setTimeout(() => unanswered.abort(), SILENCE_MAX_MS);
    const signal = AbortSignal.any([stop.signal, unanswered.signal]);
    const response = await fetchIt("/api/events", { headers, signal });
    clearTimeout(timer);
    if (response.status === 401) {
      stop.abort();
      return handlers.signedOut();
    }
    if (!response.ok || !response.body) throw new Error(`events: ${response.status}`);
    heardAt = Date.now();
    handlers.open(lastId !== null);
    waitMs = RETRY_MS.first;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await withSilence(reader);
      if (done) return;
      heardAt = Date.now();
      for (const event of parser.push(value)) {
        lastId = event.id ?? lastId;
        handlers.event(event);
      }
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await connect();
      } catch {
        // Told below, whatever it was.
      }
      if (stop.signal.aborted) return;
      handlers.lost(heardAt);
      await new Promise((done) => setTimeout(done, waitMs * (0.5 + Math.random() / 2)));
      waitMs = Math.min(waitMs * 2, RETRY_MS.max);
    }
  };

  void run();
  return () => stop.abort();
}

async function withSilence(
  reader: ReadableStreamDefaultReader<string>,
): Promise<ReadableStreamReadResult<string>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error("the event stream is silent")), SILENCE_MAX_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    void reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
