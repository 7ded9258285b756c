/** The checklist of a pair: both values side by side, and what to do about a difference. */

import { Alert, Badge, Button, Group, Loader, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { api } from "../../api/client.js";
import type { Check, World } from "../../api/types.js";
import { compared, plural, time } from "../format.js";
import { useTell } from "../parts/Notices.js";
import { Problem } from "../parts/Problem.js";
import { isMoving, useMay, useReadiness, useWorld } from "../queries.js";

interface Remedy {
  label: string;
  act: () => Promise<unknown>;
}

/** What one click can put right; everything else is described and left to a person. */
function remedyOf(check: Check, main: World, standby: World | undefined): Remedy | null {
  if (!standby) return null;
  const fromMain = (patch: Record<string, unknown>) => () => api.changeWorld(standby.id, patch);
  const isDown = ["Inactive", "Error"].includes(standby.status.phase);
  switch (check.id) {
    case "deployment.active":
      return isDown ? { label: "Launch the standby", act: () => api.launch(standby.id) } : null;
    case "deployment.healthy":
      return isDown
        ? { label: "Launch the standby", act: () => api.launch(standby.id) }
        : { label: "Restart the standby", act: () => api.restart(standby.id) };
    case "access.groups":
      return { label: "Copy from main", act: fromMain({ access: { groups: main.access.groups } }) };
    case "access.guests":
      return { label: "Copy from main", act: fromMain({ access: { guests: main.access.guests } }) };
    case "streaming.launchMode":
      return isDown ? { label: "Copy from main", act: fromMain({ streaming: main.streaming }) } : null;
    case "scale.profile":
      return isDown ? { label: "Copy from main", act: fromMain({ scale: main.scale }) } : null;
    case "build.mod":
    case "build.content":
    case "build.base":
    case "build.map":
      return isDown ? { label: "Copy from main", act: fromMain({ build: main.build }) } : null;
    case "duration.remaining":
      return standby.status.deploymentId
        ? {
            label: "Extend by an hour",
            act: () => api.extend(standby.status.deploymentId ?? "", 60),
          }
        : null;
    case "liveConfig.values":
      return {
        label: "Mirror main's values",
        act: () => api.setStandby(main.id, { worldId: standby.id, mirror: true }),
      };
    default:
      return null;
  }
}

const severities = { block: "blocks", warn: "warns", info: "for information" } as const;

function Verdict({ check }: { check: Check }) {
  if (check.ok) return <Badge color="green.9" radius="sm" tt="none">OK</Badge>;
  const colour = check.severity === "block" ? "red.9" : check.severity === "warn" ? "orange.9" : "gray.7";
  return <Badge color={colour} radius="sm" tt="none">{severities[check.severity]}</Badge>;
}

function verdict(main: World, isReady: boolean, blocking: number): string {
  if (!isReady) return `Not ready: ${plural(blocking, "check blocks", "checks block")}`;
  const { failover } = main.status;
  if (failover === null) return "The standby can take over now";
  const has = isMoving(failover.phase) ? "is taking over" : "has taken over";
  return `The standby ${has}; this is how the two compare now`;
}

export function ReadinessList({ main }: { main: World }) {
  const readiness = useReadiness(main.id);
  const standby = useWorld(main.standby ?? main.id).data;
  const checks = readiness.data?.checks ?? [];
  const order = (check: Check) =>
    check.ok ? 3 : { block: 0, warn: 1, info: 2 }[check.severity] ?? 2;
  const sorted = checks.toSorted((one, other) => order(one) - order(other));
  const blocking = checks.filter((check) => !check.ok && check.severity === "block").length;
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="readiness">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h3" id="readiness">
          Readiness
        </Title>
        {readiness.data && (
          <Text size="xs" c="dimmed">
            checked {time(readiness.data.checkedAt)}
          </Text>
        )}
      </Group>
      {readiness.error && (
        <Problem error={readiness.error} retry={() => void readiness.refetch()} />
      )}
      {readiness.isPending && <Loader size="sm" aria-label="Checking" />}
      {readiness.data && (
        <Alert
          color={readiness.data.ready ? "green" : "red"}
          variant="light"
          mb="sm"
          title={verdict(main, readiness.data.ready, blocking)}
        />
      )}
      <Table aria-labelledby="readiness" verticalSpacing="xs" className="checks">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Check</Table.Th>
            <Table.Th>Main</Table.Th>
            <Table.Th>Standby</Table.Th>
            <Table.Th>Remedy</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sorted.map((check) => (
            <Row
              key={check.id}
              check={check}
              main={main}
              standby={main.standby ? standby : undefined}
            />
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

function Row({ check, main, standby }: { check: Check; main: World; standby: World | undefined }) {
  const cache = useQueryClient();
  const tell = useTell();
  const mayOperate = useMay("operator");
  const remedy = check.ok ? null : remedyOf(check, main, standby);
  const act = useMutation({
    mutationFn: async () => remedy?.act(),
    onSuccess: () => {
      tell(`${remedy?.label}: done.`);
      void cache.invalidateQueries();
    },
  });
  return (
    <Table.Tr data-check={check.id} data-ok={check.ok}>
      <Table.Td>
        <Stack gap={2}>
          <Group gap="xs">
            <Verdict check={check} />
            <span className="mono">{check.id}</span>
          </Group>
          {!check.ok && <Text size="sm">{check.message}</Text>}
        </Stack>
      </Table.Td>
      <Table.Td className="wrap" data-column="Main">
        {compared(check.id, check.main)}
      </Table.Td>
      <Table.Td className="wrap" data-column="Standby">
        {compared(check.id, check.standby)}
      </Table.Td>
      <Table.Td className="wrap" data-column="Remedy">
        {!check.ok && (
          <Stack gap={4}>
            {check.remedy && <Text size="sm">{check.remedy}</Text>}
            {remedy && mayOperate && (
              <Button
                size="compact-sm"
                variant="default"
                w="fit-content"
                loading={act.isPending}
                onClick={() => act.mutate()}
              >
                {remedy.label}
              </Button>
            )}
            {check.id === "override.stale" && (
              <Button
                component={Link}
                href={`/worlds/${main.id}/live-config`}
                size="compact-sm"
                variant="default"
                w="fit-content"
              >
                Open live config
              </Button>
            )}
            {act.error && <Problem error={act.error} />}
          </Stack>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
