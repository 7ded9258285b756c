import { Alert, Anchor, Stack, Text } from "@mantine/core";
import { Link } from "wouter";
import type { Failover, World } from "../../api/types.js";
import { AutomationCard } from "../failover/Automation.js";
import { Drills } from "../failover/Drills.js";
import { Past } from "../failover/Past.js";
import { Progress } from "../failover/Progress.js";
import { ReadinessList } from "../failover/Readiness.js";
import { KeepStandby, SetUpStandby } from "../failover/Standby.js";
import { Start } from "../failover/Start.js";
import { WorldHead } from "../parts/WorldHead.js";
import { isMoving, useFailovers, useMay, useWorld } from "../queries.js";

export default function FailoverPage({ worldId }: { worldId: string }) {
  const { data: world } = useWorld(worldId);
  return (
    <Stack>
      <WorldHead worldId={worldId} here="Failover" />
      {world &&
        (world.standbyFor && !world.standby ? (
          <Alert title="This world is a standby" variant="light">
            Its failover is run from{" "}
            <Anchor
              component={Link}
              href={`/worlds/${world.standbyFor}/failover`}
              underline="always"
              c="inherit"
            >
              the page of its main world
            </Anchor>
            .
          </Alert>
        ) : (
          <Main main={world} />
        ))}
    </Stack>
  );
}

/** The record to show: the one that moves, else the last one while the world is still failed over. */
function shownOf(records: Failover[], main: World): Failover | undefined {
  const newest = records.toSorted((one, other) => (one.startedAt < other.startedAt ? 1 : -1));
  return (
    newest.find((record) => isMoving(record.phase)) ??
    newest.find((record) => record.id === main.status.failover?.failoverId) ??
    newest[0]
  );
}

function Main({ main }: { main: World }) {
  const standbyId = main.standby ?? main.status.failover?.targetWorldId ?? null;
  const standby = useWorld(standbyId ?? main.id).data;
  const records = (useFailovers().data ?? []).filter((record) => record.worldId === main.id);
  const mayOperate = useMay("operator");
  const shown = shownOf(records, main);
  const moves = shown !== undefined && isMoving(shown.phase);
  const isFailedOver = main.status.failover !== null;
  return (
    <Stack>
      {moves && <Progress failoverId={shown.id} />}
      {!standbyId && <SetUpStandby main={main} />}
      {standbyId && standby && standby.id !== main.id && !moves && mayOperate && (
        <Start kind={isFailedOver ? "failback" : "failover"} main={main} standby={standby} />
      )}
      {shown && !moves && <Progress failoverId={shown.id} />}
      <ReadinessList main={main} />
      {main.standby && standby && mayOperate && <KeepStandby main={main} standby={standby} />}
      {main.standby && <AutomationCard main={main} />}
      {main.standby && (
        <>
          <Drills worldId={main.id} />
          <Past records={records} of="one" />
        </>
      )}
      {!mayOperate && (
        <Text size="sm" c="dimmed">
          Your role may look on; an operator starts and steers a failover.
        </Text>
      )}
    </Stack>
  );
}
