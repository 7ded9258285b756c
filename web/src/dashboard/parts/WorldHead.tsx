/** The head of the pages of one world: its name, phase, pair, and the way between the pages. */

import { Anchor, Button, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { Link } from "wouter";
import type { World } from "../../api/types.js";
import { useWorld } from "../queries.js";
import { EnterAsPlayer } from "./EnterAsPlayer.js";
import { FailoverBadge, PhaseBadge } from "./PhaseBadge.js";
import { Problem } from "./Problem.js";
import { useTitle } from "./title.js";

type Here = "Overview" | "Live config" | "Failover";

const pages: [Here, string][] = [
  ["Overview", ""],
  ["Live config", "/live-config"],
  ["Failover", "/failover"],
];

export function WorldHead({ worldId, here }: { worldId: string; here: Here }) {
  const { data: world, error, refetch } = useWorld(worldId);
  useTitle(world ? `${here} · ${world.name}` : here);
  return (
    <Stack gap="sm" mb="md">
      {error && <Problem error={error} retry={() => void refetch()} />}
      {world ? <Name world={world} /> : !error && <Skeleton height={34} maw={400} />}
      <Group gap="xs" component="nav" aria-label="This world">
        {pages.map(([label, path]) => (
          <Button
            key={label}
            component={Link}
            href={`/worlds/${worldId}${path}`}
            variant={label === here ? "filled" : "default"}
            size="sm"
            aria-current={label === here ? "page" : undefined}
          >
            {label}
          </Button>
        ))}
        {world && <EnterAsPlayer world={world} />}
      </Group>
    </Stack>
  );
}

function Name({ world }: { world: World }) {
  const { status } = world;
  const main = useWorld(world.standbyFor ?? world.id).data;
  return (
    <Stack gap={4}>
      <Group gap="sm">
        <Title order={1} className="wrap">
          {world.name}
        </Title>
        <PhaseBadge phase={status.phase} />
        <FailoverBadge world={world} main={main} />
      </Group>
      {status.message && <Text c="dimmed">{status.message}</Text>}
      {world.standbyFor && <Other label="Stands in for" worldId={world.standbyFor} />}
      {world.standby && <Other label="Its standby is" worldId={world.standby} />}
    </Stack>
  );
}

function Other({ label, worldId }: { label: string; worldId: string }) {
  const { data } = useWorld(worldId);
  return (
    <Text size="sm">
      {label}{" "}
      <Anchor component={Link} href={`/worlds/${worldId}`} underline="always" className="wrap">
        {data?.name ?? worldId}
      </Anchor>
    </Text>
  );
}
