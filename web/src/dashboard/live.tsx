/** Keeps what the page shows true: events of the server make the queries that they touch load again. */

import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { readEvents } from "../api/events.js";

export type Connection = { is: "open" } | { is: "lost"; since: number };

const ConnectionContext = createContext<Connection>({ is: "open" });

export const useConnection = () => useContext(ConnectionContext);

/** Events come in bursts while people move; the page loads again at most this often. */
const RELOAD_EVERY_MS = 250;

/** Which queries an event touches, by the first word of their keys; other events touch all. */
const touched: Record<string, string[]> = {
  world: ["worlds", "world"],
  deployment: ["worlds", "world", "deployment"],
  liveConfig: ["worlds", "world"],
  readiness: ["world"],
  failover: ["worlds", "world", "failovers", "failover"],
  ban: ["bans"],
  audit: ["audit"],
};

/**
 * Tells the cache what may have changed: the first event of a kind at once, a burst of them in
 * batches. Each kind waits by itself: a commit sends several, and none may hold up another.
 */
export function reloader(cache: QueryClient): {
  changed: (event: string) => void;
  stop: () => void;
} {
  const resting = new Map<string, ReturnType<typeof setTimeout>>();
  const missed = new Set<string>();
  const reload = (event: string) => {
    resting.set(event, setTimeout(() => rested(event), RELOAD_EVERY_MS));
    const names = touched[event];
    // Only what a page shows at this moment is loaded; the rest is marked as old.
    void cache.invalidateQueries({
      predicate: ({ meta, queryKey }) =>
        meta?.isFixed !== true && (!names || names.includes(String(queryKey[0]))),
    });
  };
  const rested = (event: string) => {
    resting.delete(event);
    if (missed.delete(event)) reload(event);
  };
  return {
    changed: (event) => {
      if (resting.has(event)) missed.add(event);
      else reload(event);
    },
    stop: () => {
      for (const timer of resting.values()) clearTimeout(timer);
      missed.clear();
    },
  };
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const cache = useQueryClient();
  const [connection, setConnection] = useState<Connection>({ is: "open" });
  useEffect(() => {
    const reload = reloader(cache);
    const stopReading = readEvents({
      event: ({ name }) => reload.changed(name),
      open: () => {
        setConnection({ is: "open" });
        reload.changed("reset");
      },
      lost: (heardAt) =>
        setConnection((was) => (was.is === "lost" ? was : { is: "lost", since: heardAt })),
      signedOut: () => void cache.invalidateQueries({ queryKey: ["me"] }),
    });
    return () => {
      stopReading();
      reload.stop();
    };
  }, [cache]);
  return <ConnectionContext.Provider value={connection}>{children}</ConnectionContext.Provider>;
}

/** The time now, refreshed every `everyMs`, for things that count down. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
