import { Anchor, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { Link } from "wouter";
import type { Failover } from "../../api/types.js";
import { count, span, time } from "../format.js";
import { PhaseBadge } from "../parts/PhaseBadge.js";
import { WideTable } from "../parts/WideTable.js";
import { useWorlds } from "../queries.js";
import { whereText } from "./sentences.js";

interface Props {
  records: Failover[];
  /** Whether they are of one world or of many; each then names its own. */
  of: "one" | "many";
}

/** What was moved before, newest first. */
export function Past({ records, of }: Props) {
  const names = new Map((useWorlds().data ?? []).map(({ id, name }) => [id, name]));
  const nameOf = (worldId: string) => names.get(worldId) ?? worldId;
  const newest = records.toSorted((one, other) => (one.startedAt < other.startedAt ? 1 : -1));
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="past">
      <Stack>
        <Title order={2} size="h3" id="past">
          Records
        </Title>
        {newest.length === 0 && <Text c="dimmed">Nothing was moved yet.</Text>}
        {newest.length > 0 && (
          <WideTable label="Records" minWidth={of === "one" ? 460 : 620}>
            <Table aria-labelledby="past" className="numbers">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Begun</Table.Th>
                  {of === "many" && <Table.Th>World</Table.Th>}
                  <Table.Th>What</Table.Th>
                  <Table.Th>Phase</Table.Th>
                  <Table.Th>Moved</Table.Th>
                  <Table.Th>Dark, half within</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {newest.map((record) => (
                  <Row key={record.id} record={record} nameOf={nameOf} of={of} />
                ))}
              </Table.Tbody>
            </Table>
          </WideTable>
        )}
      </Stack>
    </Paper>
  );
}

interface RowProps {
  record: Failover;
  nameOf: (worldId: string) => string;
  of: Props["of"];
}

function Row({ record, nameOf, of }: RowProps) {
  const link = (href: string, text: string) => (
    <Anchor component={Link} href={href} underline="always" size="sm">
      {text}
    </Anchor>
  );
  return (
    <Table.Tr>
      <Table.Td>{link(`/failovers/${record.id}`, time(record.startedAt))}</Table.Td>
      {of === "many" && (
        <Table.Td className="wrap">
          {link(`/worlds/${record.worldId}`, nameOf(record.worldId))}
        </Table.Td>
      )}
      <Table.Td className="wrap">
        {record.kind} {whereText(record.kind, nameOf(record.targetWorldId))}
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
  );
}
