/** What differs between two live configs, as merge patches, and what two people changed at once. */

import type { Values } from "../../api/types.js";

export interface Difference {
  /** JSON Pointer. */
  path: string;
  before: unknown;
  after: unknown;
}

export interface Config {
  game: Values;
  project: Values;
}

const isTree = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

const escaped = (key: string) => key.replaceAll("~", "~0").replaceAll("/", "~1");

function walk(before: unknown, after: unknown, path: string, found: Difference[]): void {
  if (isTree(before) && isTree(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      walk(before[key], after[key], `${path}/${escaped(key)}`, found);
    }
  } else if (!same(before, after)) {
    found.push({ path, before, after });
  }
}

/** The values that differ, in the order in which they stand. */
export function differences(before: Config, after: Config): Difference[] {
  const found: Difference[] = [];
  walk(pick(before), pick(after), "", found);
  return found;
}

export const pick = ({ game, project }: Config): Config & Values => ({ game, project });

/** The merge patch that makes these changes; a value that was taken away is null: its default. */
export function patchOf(changes: Difference[]): Values {
  const patch: Values = {};
  for (const { path, after } of changes) {
    const keys = path.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    let at = patch;
    for (const key of keys.slice(0, -1)) {
      const below = Object.hasOwn(at, key) ? at[key] : undefined;
      const next: Values = isTree(below) ? below : {};
      at[key] = next;
      at = next;
    }
    const last = keys.at(-1);
    if (last !== undefined) at[last] = after === undefined ? null : after;
  }
  return patch;
}

/** The config with these changes in it. */
export function withDifferences(config: Config, changes: Difference[]): Config {
  const merged = structuredClone(pick(config));
  const merge = (into: Values, patch: Values) => {
    for (const [key, value] of Object.entries(patch)) {
      const below = into[key];
      if (isTree(value) && isTree(below)) merge(below, value);
      else into[key] = value;
    }
  };
  merge(merged, patchOf(changes));
  return merged;
}

export interface Conflict {
  path: string;
  base: unknown;
  mine: unknown;
  theirs: unknown;
}

export interface Merge {
  /** Changed by both, to different values: somebody has to choose. */
  conflicts: Conflict[];
  /** My changes that nobody else touched. */
  mine: Difference[];
  /** Others' changes that I did not touch. */
  theirs: Difference[];
}

/** Compares what I changed with what others changed since the same base. */
export function merge(base: Config, mine: Config, theirs: Config): Merge {
  const byPath = new Map(differences(base, theirs).map((one) => [one.path, one]));
  const conflicts: Conflict[] = [];
  const own: Difference[] = [];
  for (const change of differences(base, mine)) {
    const other = byPath.get(change.path);
    byPath.delete(change.path);
    if (!other) own.push(change);
    else if (!same(other.after, change.after)) {
      const { path, before, after } = change;
      conflicts.push({ path, base: before, mine: after, theirs: other.after });
    }
  }
  return { conflicts, mine: own, theirs: [...byPath.values()] };
}

/** `/game/Failover/OverrideWorldId` as people read it. */
export const readable = (path: string): string =>
  path.split("/").slice(2).join(" › ").replaceAll("~1", "/").replaceAll("~0", "~") || path;
