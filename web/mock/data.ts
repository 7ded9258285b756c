/** What the mock server begins with: a pair with people in it, a lone world, hostile names. */

import { readFileSync } from "node:fs";
import type { Deployment, Drill, Failover, LiveConfig, World } from "../src/api/types.js";

const root = new URL("../../", import.meta.url);
const read = (path: string) => JSON.parse(readFileSync(new URL(path, root), "utf8"));

export const HOSTILE = `<img src=x onerror="document.title='hacked'">`;

export const gameSchema = read("crates/core/src/live_config/game.schema.json");
export const projectSchema = {
  type: "object",
  description: "",
  ...read("mods/plaza/1.1.0/project.schema.json"),
};

const minutes = (from: number) => new Date(Date.now() + from * 60_000).toISOString();

export function world(id: string, name: string, change: Partial<World> = {}): World {
  return {
    id,
    name,
    description: "",
    labels: {},
    build: {
      mod: "plaza",
      modVersion: "1.1.0",
      contentVersion: "2026.11.1",
      baseVersion: 38,
      map: "plaza",
    },
    scale: { profile: "Capacity500" },
    durationMinutes: 180,
    access: { public: true, guests: true, groups: ["crew"] },
    streaming: { launchMode: "same-tab" },
    standbyFor: null,
    standby: null,
    capacity: 500,
    status: {
      phase: "Active",
      message: "",
      deploymentId: `dep_${id.slice(4)}1`,
      startedAt: minutes(-35),
      endsAt: minutes(145),
      sessions: 0,
      failover: null,
    },
    ...change,
  };
}

export function deployment(of: World): Deployment {
  const name = of.id.slice(4);
  return {
    id: of.status.deploymentId ?? "",
    worldId: of.id,
    phase: of.status.phase,
    startedAt: of.status.startedAt ?? "",
    endsAt: of.status.endsAt ?? "",
    launchContextId: `lc_${name}1`,
    build: of.build,
    servers: [
      {
        id: `srv_${name}1`,
        phase: "Ready",
        endpoint: "ws://127.0.0.1:31001/",
        pid: 4242,
        sessions: of.status.sessions,
        health: "healthy",
        lastHealthyAt: new Date().toISOString(),
      },
    ],
  };
}

function defaults(schema: { properties?: Record<string, never>; default?: unknown }): unknown {
  if (!schema.properties) return schema.default;
  return Object.fromEntries(
    Object.entries(schema.properties).map(([key, below]) => [key, defaults(below)]),
  );
}

export function liveConfig(): LiveConfig {
  return {
    revision: 7,
    updatedAt: minutes(-30),
    updatedBy: "ada",
    game: defaults(gameSchema) as LiveConfig["game"],
    project: defaults(projectSchema) as LiveConfig["project"],
  };
}

const none = { n: 0, p50: 0, p99: 0, max: 0 };

export function failover(of: World, target: World, by: string): Failover {
  const present = of.status.sessions;
  return {
    id: `fo_${Math.random().toString(36).slice(2, 10)}`,
    kind: "failover",
    trigger: "api",
    worldId: of.id,
    targetWorldId: target.id,
    targetDeploymentId: target.status.deploymentId,
    phase: "moving",
    mode: "emergency",
    reason: "",
    by,
    startedAt: new Date().toISOString(),
    finishedAt: null,
    revision: 9,
    plan: { sessions: present, windowMs: 8_000, ratePerSecond: present / 8, rules: [] },
    counts: {
      present,
      told: present,
      asked: 0,
      placed: 0,
      landed: 0,
      confirmed: 0,
      refused: 0,
      left: 0,
      pending: present,
    },
    refusals: {},
    darkMs: none,
    fanoutMs: { n: present, p50: 4, p99: 11, max: 14 },
    outageMs: null,
  };
}

export const automation = () => ({ enabled: true, graceSeconds: 30, coolDownSeconds: 600 });

/** So many main worlds with their standbys. */
export const pairs = (count: number): World[] =>
  Array.from({ length: count }, (_, number) => {
    const [id, spare] = [`wld_m${number}`, `wld_s${number}`];
    const main = world(id, `Stage ${number}`, { standby: spare });
    main.status.sessions = number;
    return [main, world(spare, `FAILOVER Stage ${number}`, { standbyFor: id })];
  }).flat();

/** A drill of 50 bots, there and back. */
export function drill(): Drill {
  const figures = { n: 50, p50: 2_100, p99: 3_900, max: 4_050 };
  const counts = failover(world("wld_main", ""), world("wld_spare", ""), "").counts;
  const way = {
    durationMs: 4_300,
    counts: { ...counts, present: 50, landed: 50, pending: 0 },
    darkMs: figures,
    fanoutMs: { ...figures, p50: 3, p99: 8, max: 9 },
  };
  return {
    id: "drl_1",
    clients: 50,
    phase: "complete",
    message: null,
    by: "ada",
    startedAt: minutes(-60),
    finishedAt: minutes(-59),
    failoverId: "fo_there",
    failbackId: "fo_back",
    out: way,
    home: way,
    joinsPerSecond: 48.7,
    offer: { worldId: "wld_spare", value: 48.7 },
  };
}
