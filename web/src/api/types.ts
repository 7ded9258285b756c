/**
 * The shapes of the operators' API, as the dashboard reads them. The OpenAPI document gives most of
 * its answers as any JSON, so these are written by hand; the browser tests hold them to the server.
 */

import type { Rule } from "./problem.js";

export type Role = "viewer" | "operator" | "support" | "admin";
export type Phase = "Inactive" | "Starting" | "Active" | "Stopping" | "Error";
export type MovePhase =
  | "moving"
  | "held"
  | "complete"
  | "complete-with-stragglers"
  | "cancelled"
  | "failed-back";

export interface Page<T> {
  items: T[];
  nextCursor?: string | null;
}

export interface Me {
  name: string;
  role: Role;
}

export interface Build {
  mod: string;
  modVersion: string;
  contentVersion: string;
  baseVersion: number | string;
  map: string;
}

export interface Access {
  public: boolean;
  guests: boolean;
  groups: string[];
}

export interface WorldStatus {
  phase: Phase;
  message: string;
  deploymentId: string | null;
  startedAt: string | null;
  endsAt: string | null;
  sessions: number;
  failover: { phase: string; failoverId: string | null; targetWorldId: string } | null;
}

export interface World {
  id: string;
  name: string;
  description: string;
  labels: Record<string, string>;
  build: Build;
  scale: { profile: string };
  durationMinutes: number;
  access: Access;
  streaming: { launchMode: string };
  /** Only for `support` and above. */
  settings?: Record<string, unknown>;
  standbyFor: string | null;
  standby: string | null;
  mirror?: boolean;
  capacity: number;
  status: WorldStatus;
}

export interface Server {
  id: string;
  phase: string;
  endpoint: string | null;
  pid: number | null;
  sessions: number;
  /** Null once the process is gone. */
  health: string | null;
  lastHealthyAt: string | null;
}

export interface Deployment {
  id: string;
  worldId: string;
  phase: Phase;
  startedAt: string;
  endsAt: string;
  launchContextId: string | null;
  build: Build;
  servers: Server[];
}

export interface Session {
  id: string;
  user: string;
  requestedWorld: string;
  server: string | null;
  state: string;
  since: string;
}

export type Values = Record<string, unknown>;

export interface LiveConfig {
  revision: number;
  updatedAt: string;
  updatedBy: string;
  game: Values;
  project: Values;
}

export interface SaveAnswer extends LiveConfig {
  warnings?: { code: string; message: string }[];
}

export type HistoryEntry = LiveConfig;

export interface Check {
  id: string;
  severity: "block" | "warn" | "info";
  ok: boolean;
  main: unknown;
  standby: unknown;
  message: string;
  remedy: string;
}

export interface Readiness {
  ready: boolean;
  checkedAt: string;
  checks: Check[];
}

export interface Figures {
  n: number;
  p50: number;
  p99: number;
  max: number;
}

export interface Counts {
  present: number;
  told: number;
  asked: number;
  placed: number;
  landed: number;
  confirmed: number;
  refused: number;
  left: number;
  pending: number;
}

export interface Failover {
  id: string;
  kind: "failover" | "failback" | "rejoin";
  trigger: "api" | "liveConfig" | "drill";
  worldId: string;
  targetWorldId: string;
  targetDeploymentId: string | null;
  phase: MovePhase;
  mode: "emergency" | "graceful";
  reason: string;
  message?: string | null;
  by: string;
  startedAt: string;
  finishedAt: string | null;
  revision: number;
  waitsForTarget?: boolean;
  plan: { sessions: number; windowMs: number; ratePerSecond: number; rules: Rule[] };
  counts: Counts;
  refusals: Record<string, number>;
  darkMs: Figures;
  fanoutMs: Figures;
  outageMs: number | null;
}

export interface FailoverRequest {
  dryRun?: boolean;
  targetWorldId?: string;
  mode?: "emergency" | "graceful";
  reason?: string;
  message?: string;
  maxRejoinsPerSecond?: number;
  force?: boolean;
  waitForTarget?: boolean;
}

export interface FailoverClient {
  session: string;
  user: string;
  stage: "landed" | "refused" | "left" | "pending";
  at: string | null;
  code?: string | null;
}

/** How the bots of a drill fared one way. */
export interface DrillWay {
  durationMs: number;
  counts: Counts;
  darkMs: Figures;
  fanoutMs: Figures;
}

export interface Drill {
  id: string;
  clients: number;
  phase: string;
  message: string | null;
  by: string;
  startedAt: string;
  finishedAt: string | null;
  failoverId: string | null;
  failbackId: string | null;
  out: DrillWay | null;
  home: DrillWay | null;
  /** How many joins per second the standby took, and where that may be set. */
  joinsPerSecond: number | null;
  offer: { worldId: string; value: number } | null;
}

export type AutomationStanding =
  | "off"
  | "stopped"
  | "away"
  | "watching"
  | "counting"
  | "coolingDown"
  | "blocked"
  | "due";

/** What may be set of a world's automation. */
export interface AutomationPolicy {
  enabled: boolean;
  graceSeconds: number;
  coolDownSeconds: number;
}

export interface Automation extends AutomationPolicy {
  worldId: string;
  standing: AutomationStanding;
  /** Until when it counts or cools down. */
  at: string | null;
  blockedBy: string | null;
}

/** The switch over the automation of all worlds, and the worlds that have it. */
export interface AutomationSwitch {
  stopped: boolean;
  reason: string;
  by: string;
  at: string | null;
  worlds: Automation[];
}

export interface AuditEntry {
  at: string;
  who: string;
  role: string;
  address: string;
  action: string;
  target: string;
  before?: unknown;
  after?: unknown;
  reason?: string | null;
  outcome: string;
  revision?: number | null;
  id: string;
}

export interface Key {
  id: string;
  name: string;
  role: Role;
  secret?: string;
}

export interface Ban {
  id: string;
  user: string;
  worldId?: string | null;
  reason: string;
}

export const profiles: Record<string, number> = {
  Capacity30: 30,
  Capacity100: 100,
  Capacity500: 500,
  Capacity1500: 1500,
  Capacity5000: 5000,
  Capacity15000: 15000,
  Capacity50000: 50000,
};

export const launchModes = ["same-tab", "new-tab", "embedded", "native"];
