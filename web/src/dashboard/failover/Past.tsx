import { Anchor, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { Link } from "wouter";
import type { Failover } from "../../api/types.js";
import { count, span, time } from "../format.js";
import { PhaseBadge } from "../parts/PhaseBadge.js";
import { WideTable } from "../parts/WideTable.js";

/** What was moved before, newest first. */
export function Past({ records }: { records: Failover[] }) {
  const newest = records.toSorted((one, other) => (one.startedAt < other.startedAt ? 1 : -1));
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="past">
      <Stack>
        <Title order={2} size="h3" id="past">
          Records
        </Title>
        {newest.length === 0 && <Text c="dimmed">Nothing was moved yet.</Text>}
        {newest.length > 0 && (
          <WideTable label="Records" minWidth={460}>
            <Table aria-labelledby="past" className="numbers">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Begun</Table.Th>
                  <Table.Th>What</Table.Th>
                  <Table.Th>Phase</Table.Th>
                  <Table.Th>Moved</Table.Th>
                  <Table.Th>Dark, half within</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {newest.map((record) => (
                  <Table.Tr key={record.id}>
                    <Table.Td>
                      <Anchor
                        component={Link}
                        href={`/failovers/${record.id}`}
                        underline="always"
                        size="sm"
                      >
                        {time(record.startedAt)}
                      </Anchor>
                    </Table.Td>
                    <Table.Td>
                      {record.kind}
                      {record.trigger === "drill" ? " (drill)" : ""}
                    </Table.Td>
                    <Table.Td>
                      <PhaseBadge phase={record.phase} />
                    </Table.Td>
                    <Table.Td>
                      {count(record.counts.landed)} of {count(record.counts.present)}
                    </Table.Td>
                    <Table.Td>{record.darkMs.n > 0 ? span(record.darkMs.p50) : "–"}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </WideTable>
        )}
      </Stack>
    </Paper>
  );
}
