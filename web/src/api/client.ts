/** The operators' API, one function for each thing that the dashboard does. */

import { ApiProblem } from "./problem.js";
import { type RequestOptions, request, requestText } from "./http.js";
import type {
  AuditEntry,
  Automation,
  AutomationPolicy,
  AutomationSwitch,
  Ban,
  Deployment,
  Drill,
  Failover,
  FailoverClient,
  FailoverRequest,
  HistoryEntry,
  Key,
  LiveConfig,
  Me,
  Page,
  Readiness,
  Role,
  SaveAnswer,
  Session,
  Values,
  World,
} from "./types.js";

const id = encodeURIComponent;
const world = (worldId: string, rest = "") => `/api/worlds/${id(worldId)}${rest}`;
const failover = (failoverId: string, rest = "") => `/api/failovers/${id(failoverId)}${rest}`;
const PAGE_LIMIT = 1_000;

/** Every entry of a list, page by page, up to `limit`. */
async function all<T>(path: string, query: RequestOptions["query"] = {}, limit = 50_000) {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<T> = await request("GET", path, undefined, {
      query: { ...query, limit: PAGE_LIMIT, cursor },
    });
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && items.length < limit);
  return items;
}

export interface WorldDraft {
  name: string;
  description?: string;
  build: { mod: string };
  [field: string]: unknown;
}

export interface LaunchOptions {
  failover?: "keep" | "clear";
  keepLiveConfig?: boolean;
  launchContext?: boolean;
}

export const api = {
  login: (key: string, name: string) => request<Me>("POST", "/api/login", { key, name }),
  logout: () => request<void>("POST", "/api/logout"),
  me: () => request<Me>("GET", "/api/me"),

  worlds: () => all<World>("/api/worlds"),
  world: (worldId: string) => request<World>("GET", world(worldId)),
  createWorld: (draft: WorldDraft) => request<World>("POST", "/api/worlds", draft),
  changeWorld: (worldId: string, patch: Values) => request<World>("PATCH", world(worldId), patch),
  deleteWorld: (worldId: string) => request<void>("DELETE", world(worldId)),
  launch: (worldId: string, options: LaunchOptions = {}) =>
    request<Deployment>("POST", world(worldId, "/launch"), options),
  stop: (worldId: string, body: { force?: boolean; reason?: string } = {}) =>
    request<void>("POST", world(worldId, "/stop"), body),
  restart: (worldId: string, body: { force?: boolean; reason?: string } = {}) =>
    request<Deployment>("POST", world(worldId, "/restart"), body),
  deployments: (worldId: string) => all<Deployment>(world(worldId, "/deployments"), {}, 200),
  deployment: (deploymentId: string) =>
    request<Deployment>("GET", `/api/deployments/${id(deploymentId)}`),
  extend: (deploymentId: string, minutes: number) =>
    request<void>("POST", `/api/deployments/${id(deploymentId)}/extend`, { minutes }),
  logs: (deploymentId: string, server: string | undefined, tail: number) =>
    requestText(`/api/deployments/${id(deploymentId)}/logs`, { query: { server, tail } }),

  sessions: (worldId: string) => all<Session>(world(worldId, "/sessions")),
  kick: (sessionId: string) => request<void>("DELETE", `/api/sessions/${id(sessionId)}`),
  ban: (user: string, worldId: string | undefined, reason: string) =>
    request<{ id: string }>("POST", "/api/bans", { user, worldId, reason }),
  bans: () => all<Ban>("/api/bans"),
  unban: (banId: string) => request<void>("DELETE", `/api/bans/${id(banId)}`),

  liveConfig: (worldId: string) => request<LiveConfig>("GET", world(worldId, "/live-config")),
  schema: (worldId: string) => request<Values>("GET", world(worldId, "/live-config/schema")),
  saveLiveConfig: (
    worldId: string,
    patch: Values,
    ifMatch: number,
    query: { force?: boolean; reason?: string } = {},
  ) => request<SaveAnswer>("PATCH", world(worldId, "/live-config"), patch, { ifMatch, query }),
  increment: (worldId: string, path: string) =>
    request<SaveAnswer>("POST", world(worldId, "/live-config/increment"), { path }),
  history: (worldId: string) => all<HistoryEntry>(world(worldId, "/live-config/history"), {}, 200),
  rollback: (
    worldId: string,
    body: { revision: number; includeFailover?: boolean; reason?: string },
  ) => request<SaveAnswer>("POST", world(worldId, "/live-config/rollback"), body),

  createStandby: (worldId: string, body: Values = {}) =>
    request<World>("POST", world(worldId, "/standby"), body),
  setStandby: (worldId: string, body: { worldId?: string | null; mirror?: boolean }) =>
    request<void>("PUT", world(worldId, "/standby"), body),
  readiness: (worldId: string) => request<Readiness | null>("GET", world(worldId, "/readiness")),

  startFailover: (worldId: string, body: FailoverRequest) =>
    request<Failover>("POST", world(worldId, "/failover"), body),
  startFailback: (worldId: string, body: FailoverRequest) =>
    request<Failover>("POST", world(worldId, "/failback"), body),
  failovers: () => all<Failover>("/api/failovers", {}, 500),
  failover: (failoverId: string) => request<Failover>("GET", failover(failoverId)),
  failoverClients: (failoverId: string, stage?: string) =>
    all<FailoverClient>(failover(failoverId, "/clients"), { stage }, 20_000),
  failoverAct: (failoverId: string, act: "hold" | "resume" | "nudge" | "undo") =>
    request<Failover>("POST", failover(failoverId, `/${act}`), {}),
  changeFailover: (
    failoverId: string,
    change: { maxRejoinsPerSecond?: number; message?: string },
  ) => request<Failover>("PATCH", failover(failoverId), change),

  drills: (worldId: string) => all<Drill>(world(worldId, "/drills"), {}, 200),
  startDrill: (worldId: string, clients: number) =>
    request<Drill>("POST", world(worldId, "/drills"), { clients }),

  automation: (worldId: string) => request<Automation>("GET", world(worldId, "/automation")),
  setAutomation: (worldId: string, policy: AutomationPolicy) =>
    request<Automation>("PUT", world(worldId, "/automation"), policy),
  automationSwitch: () => request<AutomationSwitch>("GET", "/api/automation"),
  setAutomationSwitch: (stopped: boolean, reason: string) =>
    request<AutomationSwitch>("PUT", "/api/automation", { stopped, reason }),

  audit: (query: { cursor?: string; limit?: number }) =>
    request<Page<AuditEntry>>("GET", "/api/audit", undefined, { query }),
  keys: () => all<Key>("/api/keys"),
  createKey: (name: string, role: Role) => request<Key>("POST", "/api/keys", { name, role }),
  revokeKey: (keyId: string) => request<void>("DELETE", `/api/keys/${id(keyId)}`),
};

/** The lines of a log, whether the server answers with text or with a list of lines. */
export function logLines(text: string): string[] {
  try {
    const parsed: unknown = JSON.parse(text);
    const lines = (parsed as { items?: unknown; lines?: unknown }).lines ?? (parsed as Page<unknown>).items;
    if (Array.isArray(lines)) {
      return lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
    }
  } catch {
    // It is text.
  }
  return text.split("\n");
}

export { ApiProblem };
