/** The banner that stands on every page while a main world is in trouble. */

import { Alert, Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { api } from "../../api/client.js";
import { movingText } from "../failover/sentences.js";
import { standingText } from "../failover/standing.js";
import { plural } from "../format.js";
import { useNow } from "../live.js";
import {
  PEOPLE_RELOAD_MS,
  type Pair,
  isInTrouble,
  isMoving,
  pairs,
  useAutomation,
  useFailover,
  useReadiness,
  useWorlds,
} from "../queries.js";
import { showAlarms } from "./title.js";

/** One beep, made here: there is no file to load. */
function beep() {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  volume.gain.value = 0.1;
  tone.frequency.value = 880;
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.4);
  tone.onended = () => void context.close();
}

function useLostCount(worldId: string, isWanted: boolean) {
  const sessions = useQuery({
    queryKey: ["world", worldId, "sessions"],
    queryFn: () => api.sessions(worldId),
    enabled: isWanted,
    refetchInterval: PEOPLE_RELOAD_MS,
    meta: { isFixed: true },
  });
  return sessions.data?.filter((session) => session.state !== "inWorld").length;
}

/** What the operator has to know before reaching for the button. */
function ByItself({ worldId }: { worldId: string }) {
  const { data } = useAutomation(worldId);
  const now = useNow();
  if (!data || !["counting", "blocked", "due"].includes(data.standing)) return null;
  return (
    <Text size="sm" className="wrap numbers" w="100%">
      {standingText(data, undefined, now)}
    </Text>
  );
}

function Alarm({ pair }: { pair: Pair }) {
  const { main, standby } = pair;
  const moves = main.status.failover !== null && isMoving(main.status.failover.phase);
  const lost = useLostCount(main.id, !moves);
  const readiness = useReadiness(main.id, standby !== null);
  const { data: worlds } = useWorlds();
  const record = useFailover(moves ? (main.status.failover?.failoverId ?? null) : null).data;
  const target = worlds?.find((world) => world.id === record?.targetWorldId);
  const standbyText = !standby
    ? "It has no standby."
    : readiness.data?.ready
      ? "The standby is ready."
      : readiness.data
        ? "The standby is NOT ready."
        : "";
  return (
    <Group justify="space-between" gap="xs">
      <Text size="sm" className="wrap">
        <Anchor component={Link} href={`/worlds/${main.id}`} c="inherit" fw={700} underline="always">
          {main.name}
        </Anchor>{" "}
        {moves
          ? movingText(main.status.failover?.phase, record, target)
          : `is in phase ${main.status.phase}: ${main.status.message || "no reason given"}. ` +
            `${plural(main.status.sessions, "person", "people")} connected` +
            (lost === undefined ? "" : `, ${plural(lost, "person", "people")} without the game`) +
            `. ${standbyText}`}
      </Text>
      <Button
        component={Link}
        href={`/worlds/${main.id}/failover`}
        size="compact-md"
        color="dark"
        variant="white"
      >
        {moves ? "Watch" : "Open failover"}
      </Button>
      {!moves && <ByItself worldId={main.id} />}
    </Group>
  );
}

export function Alarms() {
  const { data: worlds } = useWorlds();
  const [withSound, setWithSound] = useLocalStorage({ key: "alarm-sound", defaultValue: false });
  const troubled = pairs(worlds ?? []).filter(isInTrouble);
  const before = useRef(0);
  useEffect(() => {
    showAlarms(troubled.length);
    if (withSound && troubled.length > before.current) beep();
    before.current = troubled.length;
  }, [troubled.length, withSound]);
  if (troubled.length === 0) return null;
  return (
    <Alert color="red.9" variant="filled" role="alert" mb="md" title="Alarm">
      <Stack gap="xs">
        {troubled.map((pair) => (
          <Alarm key={pair.main.id} pair={pair} />
        ))}
        <Button
          size="compact-xs"
          variant="outline"
          color="white"
          w="fit-content"
          aria-pressed={withSound}
          onClick={() => setWithSound(!withSound)}
        >
          {withSound ? "Sound is on" : "Sound is off"}
        </Button>
      </Stack>
    </Alert>
  );
}
