/** Real failovers of bots, timed; what a pair can do, before it has to. */

import { Anchor, Button, Group, NumberInput, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { api } from "../../api/client.js";
import { asProblem } from "../../api/problem.js";
import type { Drill } from "../../api/types.js";
import { time } from "../format.js";
import { Problem } from "../parts/Problem.js";
import { useMay } from "../queries.js";
import { WideTable } from "../parts/WideTable.js";

export function Drills({ worldId }: { worldId: string }) {
  const cache = useQueryClient();
  const mayOperate = useMay("operator");
  const [clients, setClients] = useState(50);
  const drills = useQuery({
    queryKey: ["world", worldId, "drills"],
    queryFn: () => api.drills(worldId),
  });
  const start = useMutation({
    mutationFn: () => api.startDrill(worldId, clients),
    onSuccess: () => void cache.invalidateQueries(),
  });
  // A server without drills is asked for none.
  if (drills.error && asProblem(drills.error).status === 404) return null;
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
    <WideTable label="Drills" minWidth={420}>
      <Table aria-labelledby="drills">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Drill</Table.Th>
            <Table.Th>Finished</Table.Th>
            <Table.Th>Bots</Table.Th>
            <Table.Th>Records</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {drills.map((drill) => (
            <Table.Tr key={drill.id}>
              <Table.Td className="mono">{drill.id}</Table.Td>
              <Table.Td>{drill.finishedAt ? time(drill.finishedAt) : "runs now"}</Table.Td>
              <Table.Td>{drill.clients ?? "–"}</Table.Td>
              <Table.Td>
                <Group gap="xs">
                  {(["failoverId", "failbackId"] as const).map(
                    (name) =>
                      drill[name] && (
                        <Anchor
                          key={name}
                          component={Link}
                          href={`/failovers/${drill[name]}`}
                          underline="always"
                          size="sm"
                        >
                          {name === "failoverId" ? "there" : "and back"}
                        </Anchor>
                      ),
                  )}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}
