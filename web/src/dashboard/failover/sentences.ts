/** What a move does and did, in sentences. */

import type { Rule } from "../../api/problem.js";
import type { Failover, World } from "../../api/types.js";
import { count, plural, span } from "../format.js";

/** A move that an operator may begin. */
export interface Move {
  kind: "failover" | "failback";
  main: World;
  standby: World;
}

/** What the move will do. */
export function sentence({ kind, main, standby }: Move, mode: string): string {
  const from = kind === "failover" ? main : standby;
  const to = kind === "failover" ? standby : main;
  const isOne = kind === "failover" && main.status.sessions === 1;
  const [leaves, goes] = isOne ? ["leaves", "goes"] : ["leave", "go"];
  const when = mode === "graceful" ? "in turn" : "at once";
  const who =
    kind === "failover"
      ? `${plural(main.status.sessions, "person", "people")} in ${from.name}`
      : "All who were redirected";
  const then =
    kind === "failover"
      ? `whoever joins ${main.name} from then on goes there too`
      : `whoever joins ${main.name} comes to it again`;
  return `${who} ${leaves} ${when} and ${goes} to ${to.name}; ${then}.`;
}

export const perSecond = (rate: number) => `${count(Math.round(rate * 10) / 10)} per second`;

/** How fast it will be. */
export function paceText({ sessions, windowMs, ratePerSecond }: Failover["plan"]): string {
  if (sessions === 0) return "Nobody has to move.";
  const who = plural(sessions, "person moves", "people move");
  return `${who} at ${perSecond(ratePerSecond)}, which takes about ${span(Math.max(windowMs, 1_000))}.`;
}

/** Whether what was refused can be had on this page all the same, and how. */
export function forceText(rules: Rule[], button: string): string {
  const firm = rules.filter((rule) => !rule.mayForce).map((rule) => rule.message);
  return firm.length === 0
    ? `It may be done all the same: say why under “Reason”, then press “${button}”.`
    : `It may not be done, whatever the reason, as long as this holds: ${firm.join("; ")}.`;
}

/** Where a move leads: of those who go home, both worlds of the record are the same. */
export function whereText(kind: Failover["kind"], target: string): string {
  if (kind === "failback") return `home to ${target}`;
  return kind === "rejoin" ? `into ${target} again` : `to ${target}`;
}

/**
 * How far people are on their way. Game servers confirm behind the landing, and one that is not
 * asked any more not at all: once a move is over, a smaller number of theirs would read like a loss.
 */
export function stagesText({ counts, finishedAt }: Pick<Failover, "counts" | "finishedAt">): string {
  const { told, asked, placed, landed, confirmed } = counts;
  const texts = [`${count(told)} told`, `${count(asked)} asked`, `${count(placed)} placed`];
  if (finishedAt === null || confirmed >= landed) {
    texts.push(`${count(confirmed)} confirmed by the game server`);
  }
  return texts.join(" · ");
}

/** While people move, what matters is how far that is; while nobody can, why. */
export function movingText(
  phase: string | undefined,
  record: Failover | undefined,
  target: World | undefined,
): string {
  const comes = target && ["Starting", "Active"].includes(target.status.phase);
  if (record?.waitsForTarget && target && !comes) {
    return (
      `waits to be failed over, but ${target.name} is in phase ${target.status.phase}: ` +
      "launch it, or undo the failover."
    );
  }
  const text = `is being failed over (${phase})`;
  if (!record) return `${text}.`;
  const { landed, present } = record.counts;
  return `${text}: ${count(landed)} of ${count(present)} are over.`;
}
