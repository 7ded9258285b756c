import { Badge, Button, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { api } from "../../api/client.js";
import type { AuditEntry } from "../../api/types.js";
import { time, value } from "../format.js";
import { Problem } from "../parts/Problem.js";
import { useTitle } from "../parts/title.js";
import { WideTable } from "../parts/WideTable.js";

const PAGE_ENTRIES = 100;

export default function AuditPage() {
  useTitle("Audit");
  const audit = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam }) =>
      api.audit({ limit: PAGE_ENTRIES, ...(pageParam ? { cursor: pageParam } : {}) }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });
  const entries = audit.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Stack>
      <Title order={1}>Audit</Title>
      <Text size="sm" c="dimmed">
        Who did what, from where, and what came of it; refused tries too. Nothing can be removed.
      </Text>
      {audit.error && <Problem error={audit.error} retry={() => void audit.refetch()} />}
      <Paper withBorder p="md">
        <WideTable label="Audit" minWidth={1040}>
          <Table aria-label="Audit" verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                {["When", "Who", "What", "Outcome", "Before", "After", "Reason"].map((name) => (
                  <Table.Th key={name}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {entries.map((entry) => (
                <Entry key={entry.id} entry={entry} />
              ))}
            </Table.Tbody>
          </Table>
        </WideTable>
        {entries.length === 0 && audit.isSuccess && <Text c="dimmed">Nothing happened yet.</Text>}
      </Paper>
      {audit.hasNextPage && (
        <Button
          variant="default"
          loading={audit.isFetchingNextPage}
          onClick={() => void audit.fetchNextPage()}
        >
          Load older entries
        </Button>
      )}
    </Stack>
  );
}

const isGood = (outcome: string) => outcome === "done";

function Entry({ entry }: { entry: AuditEntry }) {
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: "nowrap" }}>{time(entry.at)}</Table.Td>
      <Table.Td className="wrap">
        {entry.who}
        <Text size="xs" c="dimmed">
          {entry.role} {entry.address}
        </Text>
      </Table.Td>
      <Table.Td>
        {entry.action}
        <Text size="xs" c="dimmed" className="mono">
          {entry.target}
        </Text>
      </Table.Td>
      <Table.Td>
        <Badge color={isGood(entry.outcome) ? "green.9" : "orange.9"} radius="sm" tt="none" miw="max-content">
          {entry.outcome}
        </Badge>
      </Table.Td>
      <Table.Td className="mono" maw={220}>
        <Text size="xs" lineClamp={3} ff="monospace">{value(entry.before)}</Text>
      </Table.Td>
      <Table.Td className="mono" maw={220}>
        <Text size="xs" lineClamp={3} ff="monospace">{value(entry.after)}</Text>
      </Table.Td>
      <Table.Td className="wrap">{entry.reason ?? ""}</Table.Td>
    </Table.Tr>
  );
}
