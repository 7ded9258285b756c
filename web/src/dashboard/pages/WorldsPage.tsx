import {
  Anchor,
  Badge,
  Button,
  Group,
  Paper,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import type { World } from "../../api/types.js";
import { count, plural, timeLeft } from "../format.js";
import { useNow } from "../live.js";
import { FailoverBadge, PhaseBadge } from "../parts/PhaseBadge.js";
import { Problem } from "../parts/Problem.js";
import { WorldActions } from "../parts/WorldActions.js";
import { WorldForm } from "../parts/WorldForm.js";
import { useTitle } from "../parts/title.js";
import { type Pair, pairs, standsIn, useMay, useReadiness, useWorlds } from "../queries.js";

const CARD_HEIGHT_PX = 190;

export default function WorldsPage() {
  useTitle("Worlds");
  const worlds = useWorlds();
  const mayOperate = useMay("operator");
  const [isCreating, setIsCreating] = useState(false);
  const [search, setSearch] = useState("");
  const [, go] = useLocation();
  const wanted = search.trim().toLowerCase();
  const shown = pairs(worlds.data ?? []).filter(({ main, standby }) =>
    [main, standby].some(
      (world) => world?.name.toLowerCase().includes(wanted) || world?.id.includes(wanted),
    ),
  );
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1}>Worlds</Title>
        {mayOperate && <Button onClick={() => setIsCreating(true)}>Create a world</Button>}
      </Group>
      {(worlds.data?.length ?? 0) > 8 && (
        <TextInput
          aria-label="Search worlds"
          placeholder="Search by name or id"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      {worlds.error && <Problem error={worlds.error} retry={() => void worlds.refetch()} />}
      {worlds.data?.length === 0 && (
        <Text c="dimmed">
          There are no worlds yet. Create your main world first, then its standby on its Failover
          page.
        </Text>
      )}
      <PairList pairs={shown} />
      {isCreating && (
        <WorldForm
          onDone={(world) => go(`/worlds/${world.id}`)}
          onCancel={() => setIsCreating(false)}
        />
      )}
    </Stack>
  );
}

/** Only the cards near the window are in the page: an installation may have hundreds of worlds. */
function PairList({ pairs: shown }: { pairs: Pair[] }) {
  const list = useRef<HTMLUListElement>(null);
  const rows = useWindowVirtualizer({
    count: shown.length,
    estimateSize: () => CARD_HEIGHT_PX,
    overscan: 6,
    scrollMargin: list.current?.offsetTop ?? 0,
    getItemKey: (index) => shown[index]?.main.id ?? index,
  });
  return (
    <ul
      ref={list}
      style={{ height: rows.getTotalSize(), position: "relative", margin: 0, padding: 0 }}
    >
      {rows.getVirtualItems().map(({ key, index, start }) => {
        const pair = shown[index];
        return (
          pair && (
            <li
              key={key}
              ref={rows.measureElement}
              data-index={index}
              style={{
                listStyle: "none",
                position: "absolute",
                width: "100%",
                paddingBottom: 16,
                transform: `translateY(${start - rows.options.scrollMargin}px)`,
              }}
            >
              <PairCard {...pair} />
            </li>
          )
        );
      })}
    </ul>
  );
}

function PairCard({ main, standby }: Pair) {
  return (
    <Paper withBorder p="md">
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <WorldCard world={main} role="Main" />
        {standby ? (
          <WorldCard world={standby} role="Standby" main={main} />
        ) : (
          <Stack gap={4} justify="center">
            <Text c="dimmed">No standby</Text>
            <Anchor component={Link} href={`/worlds/${main.id}/failover`} size="sm" underline="always">
              Set up a standby
            </Anchor>
          </Stack>
        )}
      </SimpleGrid>
    </Paper>
  );
}

function Ready({ mainId }: { mainId: string }) {
  const { data } = useReadiness(mainId);
  if (!data) return null;
  const failing = data.checks.filter((check) => !check.ok && check.severity === "block").length;
  return (
    <Badge
      component={Link}
      href={`/worlds/${mainId}/failover`}
      color={data.ready ? "green.9" : "red.9"}
      radius="sm"
      tt="none"
      style={{ cursor: "pointer" }}
    >
      {data.ready ? "Ready to stand in" : `Not ready: ${plural(failing, "check")}`}
    </Badge>
  );
}

function WorldCard({ world, role, main }: { world: World; role: string; main?: World }) {
  const now = useNow(10_000);
  const { status } = world;
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <Text size="xs" c="dimmed">
          {role}
        </Text>
        <PhaseBadge phase={status.phase} />
        <FailoverBadge world={world} main={main} />
        {main && !standsIn(world, main) && <Ready mainId={main.id} />}
      </Group>
      <Anchor component={Link} href={`/worlds/${world.id}`} fw={650} size="lg" className="wrap">
        {world.name}
      </Anchor>
      <Text size="sm" className="numbers">
        {count(status.sessions)} of {count(world.capacity)} people
        {status.endsAt && ` · ${timeLeft(status.endsAt, now)} left`}
      </Text>
      {status.message && (
        <Text size="sm" c="dimmed" className="wrap" lineClamp={2}>
          {status.message}
        </Text>
      )}
      <WorldActions world={world} isShort />
    </Stack>
  );
}
