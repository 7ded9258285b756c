/** Where a world's automation stands, in one sentence; nothing is promised that is not known. */

import type { Automation, AutomationSwitch } from "../../api/types.js";
import { span, time } from "../format.js";

type Switch = Pick<AutomationSwitch, "stopped" | "reason" | "by" | "at">;

const inSpan = (at: string | null, now: number) =>
  at === null ? "soon" : `in ${span(Math.max(Date.parse(at) - now, 1_000))}`;

export function standingText(automation: Automation, stop: Switch | undefined, now: number): string {
  const grace = span(automation.graceSeconds * 1_000);
  switch (automation.standing) {
    case "off":
      return "Off: only a person fails this world over.";
    case "stopped":
      return stop?.stopped
        ? `Stopped with all automation by ${stop.by}, ${time(stop.at)}: ${stop.reason}`
        : "Stopped: no world fails over by itself at the moment.";
    case "away":
      return "At rest: this world is failed over, or people are moving. It never comes back by itself.";
    case "watching":
      return `Watching: once its servers are gone for ${grace} while people are in it, it fails over.`;
    case "counting":
      return `Its servers are gone: it fails over by itself ${inSpan(automation.at, now)}.`;
    case "coolingDown":
      return `It failed over by itself a short while ago; it may again ${inSpan(automation.at, now)}.`;
    case "blocked":
      return `It would fail over now, but is blocked: ${automation.blockedBy ?? "no reason given"}`;
    case "due":
      return "It fails over now.";
    default:
      return automation.standing;
  }
}
