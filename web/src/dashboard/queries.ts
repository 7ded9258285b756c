/** What the pages load, under one name each. */

import { queryOptions, useQuery } from "@tanstack/react-query";
import { api } from "../api/client.js";
import type { Role, World } from "../api/types.js";
import { reload } from "./retry.js";

/** Events keep things current; this is for a server whose events do not come through. */
const SAFETY_RELOAD_MS = 15_000;
const MOVING_RELOAD_MS = 1_000;
/** Who comes and goes sends no events; all that counts people is loaded again this often. */
export const PEOPLE_RELOAD_MS = 3_000;
/** A long list of worlds costs more to load, and is loaded less often in proportion. */
const RELOAD_MS_PER_WORLD = 20;

export const useMe = () =>
  useQuery({ queryKey: ["me"], queryFn: api.me, retry: false, staleTime: 60_000 });

const ranks: Record<Role, number> = { viewer: 0, operator: 1, support: 2, admin: 3 };

/** Whether the one who is signed in has at least this role. */
export function useMay(role: Role): boolean {
  const { data } = useMe();
  return data !== undefined && (ranks[data.role] ?? 0) >= ranks[role];
}

export const worldsReloadMs = (worlds: number) =>
  Math.max(PEOPLE_RELOAD_MS, worlds * RELOAD_MS_PER_WORLD);

export const useWorlds = () =>
  useQuery({
    queryKey: ["worlds"],
    queryFn: api.worlds,
    refetchInterval: (query) => reload(worldsReloadMs(query.state.data?.length ?? 0))(query),
  });

const worldQuery = (worldId: string) =>
  queryOptions({
    queryKey: ["world", worldId],
    queryFn: () => api.world(worldId),
    refetchInterval: reload(PEOPLE_RELOAD_MS),
  });

export const useWorld = (worldId: string) => useQuery(worldQuery(worldId));

/** The world as it is now: for a question that quotes it, it is loaded again when that is asked. */
export function useWorldNow(known: World): World {
  const now = useQuery({ ...worldQuery(known.id), refetchOnMount: "always" });
  return (now.isFetchedAfterMount && now.data) || known;
}

export function useDeployment(deploymentId: string | null | undefined) {
  return useQuery({
    queryKey: ["deployment", deploymentId],
    queryFn: () => api.deployment(deploymentId ?? ""),
    enabled: Boolean(deploymentId),
    refetchInterval: reload(PEOPLE_RELOAD_MS),
  });
}

export function useReadiness(worldId: string, isWanted = true) {
  return useQuery({
    queryKey: ["world", worldId, "readiness"],
    queryFn: () => api.readiness(worldId),
    enabled: isWanted,
    refetchInterval: reload(SAFETY_RELOAD_MS),
  });
}

/** Its standing follows the clock, which sends no events. */
const AUTOMATION_RELOAD_MS = 2_000;

export function useAutomation(worldId: string) {
  return useQuery({
    queryKey: ["world", worldId, "automation"],
    queryFn: () => api.automation(worldId),
    refetchInterval: reload(AUTOMATION_RELOAD_MS),
  });
}

export const useFailovers = () => useQuery({ queryKey: ["failovers"], queryFn: api.failovers });

export function useFailover(failoverId: string | null) {
  return useQuery({
    queryKey: ["failover", failoverId],
    queryFn: () => api.failover(failoverId ?? ""),
    enabled: failoverId !== null,
    refetchInterval: ({ state }) =>
      state.data && state.data.finishedAt !== null ? false : MOVING_RELOAD_MS,
  });
}

export const isMoving = (phase: string) => phase === "moving" || phase === "held";

/** What a world's override does, in a word. Once a move is complete, joiners still go elsewhere. */
export function failoverWord({ status }: World): string | null {
  const phase = status.failover?.phase ?? null;
  return phase?.startsWith("complete") ? "Failed over" : phase;
}

/** Whether a main world's joiners are sent to this one. */
export const standsIn = (standby: World, main: World | null | undefined) =>
  main?.status.failover?.targetWorldId === standby.id;

/** A main world with its standby, or a world by itself. */
export interface Pair {
  main: World;
  standby: World | null;
}

/**
 * The worlds as pairs: those in trouble first, then in the order of their names; a standby whose
 * main is gone stands alone.
 */
export function pairs(worlds: World[]): Pair[] {
  const byId = new Map(worlds.map((world) => [world.id, world]));
  return worlds
    .filter((world) => !world.standbyFor || !byId.has(world.standbyFor))
    .map((main) => ({ main, standby: byId.get(main.standby ?? "") ?? null }))
    .sort(
      (one, other) =>
        Number(isInTrouble(other)) - Number(isInTrouble(one)) ||
        one.main.name.localeCompare(other.main.name, "en", { numeric: true }),
    );
}

/** Whether people are, or are about to be, without a world. */
export function isInTrouble({ main }: Pair): boolean {
  const { phase, sessions, failover } = main.status;
  if (failover) return isMoving(failover.phase);
  return phase === "Error" || (phase === "Starting" && sessions > 0);
}
