/** What a client has to know of where it runs: is there a network, did the page come back. */

export interface Environment {
  /** Whether the machine believes to have a network. */
  isOnline(): boolean;
  /** Calls back when the network or the page came back; returns how to stop that. */
  onReturn(listener: () => void): () => void;
}

/** The browser's page, or a process that is always there. */
export function pageEnvironment(): Environment {
  const page = globalThis as Partial<Pick<typeof globalThis, "document" | "addEventListener">> & {
    navigator?: { onLine?: boolean };
  };
  return {
    isOnline: () => page.navigator?.onLine !== false,
    onReturn: (listener) => {
      if (!page.document || !page.addEventListener) return () => {};
      const stop = new AbortController();
      const { signal } = stop;
      // A page in the background has its timers slowed down, a sleeping computer has none at all:
      // on return, what has become due is done at once.
      page.addEventListener("online", listener, { signal });
      page.addEventListener("pageshow", listener, { signal });
      page.document.addEventListener("visibilitychange", listener, { signal });
      page.document.addEventListener("resume", listener, { signal });
      return () => stop.abort();
    },
  };
}
