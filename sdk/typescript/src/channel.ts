/** One WebSocket with one subprotocol list, as a thing that opens once and ends once. */

/** What is used of a WebSocket; the browser's, Node's (from 22 on) and that of `ws` all have it. */
export interface Socket {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number }) => void): void;
}

export type SocketClass = new (url: string, protocols?: string[]) => Socket;

export interface SocketEvents {
  open?: () => void;
  text: (text: string) => void;
  /** The close code; null when there was no close frame or it never opened. */
  end: (code: number | null) => void;
}

const OPEN = 1;
const OPEN_TIMEOUT_MS = 10_000;

/** Opens a socket. What is returned closes it; after that nothing is reported any more. */
export function openSocket(
  Class: SocketClass,
  url: string,
  protocols: string[],
  events: SocketEvents,
): { send: (text: string) => void; close: () => void } {
  let isLive = true;
  let socket: Socket | null = null;
  const end = (code: number | null) => {
    if (!isLive) return;
    isLive = false;
    clearTimeout(timer);
    events.end(code);
  };
  const timer = setTimeout(() => {
    end(null);
    socket?.close();
  }, OPEN_TIMEOUT_MS);
  try {
    socket = new Class(url, protocols);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      if (isLive) events.open?.();
    });
    socket.addEventListener("message", (event) => {
      if (isLive && typeof event.data === "string") events.text(event.data);
    });
    // 1005 and 1006 are no codes of a close frame: they say that there was none.
    const codeOf = (code: number) => (code === 1005 || code === 1006 ? null : code);
    socket.addEventListener("close", (event) => end(codeOf(event.code)));
    socket.addEventListener("error", () => {});
  } catch {
    // An address that no socket can be made of ends like one that nobody answers.
    queueMicrotask(() => end(null));
  }
  return {
    send: (text) => {
      if (isLive && socket?.readyState === OPEN) socket.send(text);
    },
    close: () => {
      isLive = false;
      clearTimeout(timer);
      socket?.close(1000);
    },
  };
}
