/** Real failovers of bots, timed; what a pair can do, before it has to. */

import { Anchor, Button, Group, NumberInput, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { api } from "../../api/client.js";
import type { Drill, DrillWay } from "../../api/types.js";
import { count, span, time } from "../format.js";
import { useTell } from "../parts/Notices.js";
import { PhaseBadge } from "../parts/PhaseBadge.js";
import { Problem } from "../parts/Problem.js";
import { WideTable } from "../parts/WideTable.js";
import { useMay } from "../queries.js";

/** A drill that gathers its bots sends no events. */
const RUNNING_RELOAD_MS = 1_000;

export function Drills({ worldId }: { worldId: string }) {
  const cache = useQueryClient();
  const mayOperate = useMay("operator");
  const [clients, setClients] = useState(50);
  const drills = useQuery({
    queryKey: ["world", worldId, "drills"],
    queryFn: () => api.drills(worldId),
    refetchInterval: ({ state }) =>
      state.data?.some((drill) => drill.finishedAt === null) ? RUNNING_RELOAD_MS : false,
  });
  const start = useMutation({
    mutationFn: () => api.startDrill(worldId, clients),
    onSuccess: () => void cache.invalidateQueries(),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate();
  };
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="drills">
      <Stack>
        <Title order={2} size="h3" id="drills">
          Drills
        </Title>
        <Text size="sm" c="dimmed">
          A drill moves bots to the standby and back, on the real servers. It is refused while people
          are in either world.
        </Text>
        {mayOperate && (
          <form onSubmit={submit}>
            <Group align="flex-end">
              <NumberInput
                label="Bots"
                min={1}
                allowDecimal={false}
                value={clients}
                onChange={(value) => setClients(Number(value))}
              />
              <Button type="submit" variant="default" loading={start.isPending}>
                Start a drill
              </Button>
            </Group>
          </form>
        )}
        {start.error && <Problem error={start.error} />}
        {drills.error && <Problem error={drills.error} />}
        {drills.data && drills.data.length > 0 && <DrillTable drills={drills.data} />}
      </Stack>
    </Paper>
  );
}

function DrillTable({ drills }: { drills: Drill[] }) {
  return (
    <WideTable label="Drills" minWidth={560}>
      <Table aria-labelledby="drills" className="numbers">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Begun</Table.Th>
            <Table.Th>Phase</Table.Th>
            <Table.Th>Over and home</Table.Th>
            <Table.Th>Dark, 99 % within</Table.Th>
            <Table.Th>Joins per second</Table.Th>
            <Table.Th>Records</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {drills.map((drill) => (
            <DrillRow key={drill.id} drill={drill} />
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}

const landed = (way: DrillWay | null, clients: number) =>
  way ? `${count(way.counts.landed)} of ${count(clients)}` : "–";

const dark = (way: DrillWay | null) => (way && way.darkMs.n > 0 ? span(way.darkMs.p99) : "–");

function DrillRow({ drill }: { drill: Drill }) {
  const { failoverId, failbackId } = drill;
  const records = [
    ["there", failoverId],
    ["and back", failbackId],
  ] as const;
  return (
    <Table.Tr>
      <Table.Td>
        {time(drill.startedAt)}
        <Text size="xs" c="dimmed" className="wrap">
          {drill.by}
        </Text>
      </Table.Td>
      <Table.Td className="wrap">
        <PhaseBadge phase={drill.phase} />
        {drill.message && <Text size="xs">{drill.message}</Text>}
      </Table.Td>
      <Table.Td>
        {landed(drill.out, drill.clients)}, {landed(drill.home, drill.clients)}
      </Table.Td>
      <Table.Td>
        {dark(drill.out)}, {dark(drill.home)}
      </Table.Td>
      <Table.Td>
        <Measured drill={drill} />
      </Table.Td>
      <Table.Td>
        <Group gap="xs">
          {records.map(
            ([name, id]) =>
              id && (
                <Anchor
                  key={name}
                  component={Link}
                  href={`/failovers/${id}`}
                  underline="always"
                  size="sm"
                >
                  {name}
                </Anchor>
              ),
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

/** What the standby was measured to take, and the way to let it take that. */
function Measured({ drill: { joinsPerSecond, offer } }: { drill: Drill }) {
  const cache = useQueryClient();
  const tell = useTell();
  const mayOperate = useMay("operator");
  const take = useMutation({
    mutationFn: async ({ worldId, value }: { worldId: string; value: number }) => {
      const { revision } = await api.liveConfig(worldId);
      const patch = { game: { Admission: { JoinsPerSecond: value } } };
      return api.saveLiveConfig(worldId, patch, revision);
    },
    onSuccess: (_, { value }) => {
      tell(`The standby takes ${rate(value)} joins per second from now on.`);
      void cache.invalidateQueries();
    },
  });
  if (joinsPerSecond === null) return "–";
  return (
    <Stack gap={4}>
      {rate(joinsPerSecond)}
      {offer && mayOperate && (
        <Button
          size="compact-xs"
          variant="default"
          w="fit-content"
          loading={take.isPending}
          onClick={() => take.mutate(offer)}
        >
          Use it
        </Button>
      )}
      {take.error && <Problem error={take.error} />}
    </Stack>
  );
}

const rate = (value: number) => count(Math.round(value * 10) / 10);
