import { Badge } from "@mantine/core";
import type { World } from "../../api/types.js";
import { failoverWord, standsIn } from "../queries.js";

const colours: Record<string, string> = {
  Active: "green.9",
  Ready: "green.9",
  Healthy: "green.9",
  healthy: "green.9",
  complete: "green.9",
  Starting: "blue.8",
  moving: "blue.8",
  gathering: "blue.8",
  "moving-out": "blue.8",
  "moving-home": "blue.8",
  Stopping: "gray.7",
  Inactive: "gray.7",
  "failed-back": "gray.7",
  cancelled: "gray.7",
  "Standing in": "blue.8",
  held: "orange.9",
  "Failed over": "orange.9",
  "complete-with-stragglers": "orange.9",
  "redirecting-new-joiners": "orange.9",
  preempted: "orange.9",
  failed: "red.9",
  Error: "red.9",
  Lost: "red.9",
};

/** A phase as a word on a colour; the word alone says it too. */
export function PhaseBadge({ phase }: { phase: string }) {
  return (
    <Badge color={colours[phase] ?? "gray.7"} variant="filled" radius="sm" tt="none" miw="max-content">
      {phase}
    </Badge>
  );
}

/** Where a world stands in a failover, its own or that of the main world it is the standby of. */
export function FailoverBadge({ world, main }: { world: World; main?: World | undefined }) {
  const word = failoverWord(world);
  return (
    <>
      {word && <PhaseBadge phase={word} />}
      {standsIn(world, main) && <PhaseBadge phase="Standing in" />}
    </>
  );
}
