import { Badge, Button, Group, Paper, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client.js";
import type { Deployment, Server, World } from "../../api/types.js";
import { count, plural, span, time, timeLeft, value } from "../format.js";
import { useNow } from "../live.js";
import { CopyField } from "../parts/Copy.js";
import { Logs } from "../parts/Logs.js";
import { PhaseBadge } from "../parts/PhaseBadge.js";
import { Problem } from "../parts/Problem.js";
import { Sessions } from "../parts/Sessions.js";
import { WorldActions } from "../parts/WorldActions.js";
import { WorldHead } from "../parts/WorldHead.js";
import { useDeployment, useWorld } from "../queries.js";
import { WideTable } from "../parts/WideTable.js";

export default function WorldPage({ worldId }: { worldId: string }) {
  const { data: world } = useWorld(worldId);
  const deployment = useDeployment(world?.status.deploymentId);
  return (
    <Stack>
      <WorldHead worldId={worldId} here="Overview" />
      {world && (
        <>
          <WorldActions world={world} />
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Ids world={world} deployment={deployment.data} />
            <Now world={world} />
          </SimpleGrid>
          <Settings world={world} />
          {deployment.error && <Problem error={deployment.error} />}
          {deployment.data && <Servers deployment={deployment.data} />}
          <Sessions world={world} />
          <Deployments worldId={worldId} />
        </>
      )}
    </Stack>
  );
}

function Ids({ world, deployment }: { world: World; deployment: Deployment | undefined }) {
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="ids">
      <Title order={2} size="h4" id="ids" mb="sm">
        Ids
      </Title>
      <Stack gap="sm">
        <CopyField label="World ID" text={world.id} />
        <CopyField label="Deployment ID" text={world.status.deploymentId} />
        <CopyField label="Launch context" text={deployment?.launchContextId} />
      </Stack>
    </Paper>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed" component="dt">
        {name}
      </Text>
      <Text size="sm" component="dd" m={0} className="wrap numbers">
        {children}
      </Text>
    </div>
  );
}

function Now({ world: { status, capacity } }: { world: World }) {
  const now = useNow();
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="now">
      <Title order={2} size="h4" id="now" mb="sm">
        Now
      </Title>
      <SimpleGrid cols={2} component="dl" m={0}>
        <Fact name="People">
          {count(status.sessions)} of {count(capacity)}
        </Fact>
        <Fact name="Time left">{timeLeft(status.endsAt, now)}</Fact>
        <Fact name="Started">{time(status.startedAt)}</Fact>
        <Fact name="Ends">{time(status.endsAt)}</Fact>
        <Fact name="Failover">
          {status.failover ? `to ${status.failover.targetWorldId}` : "none: joiners come here"}
        </Fact>
      </SimpleGrid>
    </Paper>
  );
}

function Settings({ world }: { world: World }) {
  const { build, access, streaming } = world;
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="settings">
      <Title order={2} size="h4" id="settings" mb="sm">
        Settings
      </Title>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }} component="dl" m={0}>
        <Fact name="Mod">
          {build.mod} {build.modVersion}
        </Fact>
        <Fact name="Content version">{build.contentVersion}</Fact>
        <Fact name="Base version">V{String(build.baseVersion).replace(/^V/i, "")}</Fact>
        <Fact name="Map">{build.map}</Fact>
        <Fact name="Scale">{world.scale.profile}</Fact>
        <Fact name="Duration">{span(world.durationMinutes * 60_000)}</Fact>
        <Fact name="Access">
          {access.public ? "public" : "non-public"}, guests {access.guests ? "may" : "may not"} enter
        </Fact>
        <Fact name="Access groups">{value(access.groups)}</Fact>
        <Fact name="Launch mode">{streaming.launchMode}</Fact>
        {world.settings && <Fact name="Internal">{value(world.settings)}</Fact>}
        {world.description && <Fact name="Description">{world.description}</Fact>}
      </SimpleGrid>
    </Paper>
  );
}

const isWell = (server: Server) => /^healthy$/i.test(server.health ?? "");

function Servers({ deployment }: { deployment: Deployment }) {
  const [logsOf, setLogsOf] = useState<string | null>(null);
  const now = useNow();
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="servers">
      <Title order={2} size="h4" id="servers" mb="sm">
        Servers
      </Title>
      <WideTable label="Servers" minWidth={620}>
        <Table aria-labelledby="servers">
          <Table.Thead>
            <Table.Tr>
              {["Server", "Phase", "Health", "People", "Endpoint", ""].map((name) => (
                <Table.Th key={name}>{name || <span aria-hidden />}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {deployment.servers.map((server) => (
              <Table.Tr key={server.id}>
                <Table.Td className="mono">{server.id}</Table.Td>
                <Table.Td>
                  <PhaseBadge phase={server.phase} />
                </Table.Td>
                <Table.Td>
                  <Badge color={isWell(server) ? "green.9" : "red.9"} radius="sm" tt="none">
                    {server.health ?? "gone"}
                  </Badge>
                  {!isWell(server) && server.lastHealthyAt && (
                    <Text size="xs" c="dimmed">
                      well {span(Math.max(now - Date.parse(server.lastHealthyAt), 0))} ago
                    </Text>
                  )}
                </Table.Td>
                <Table.Td className="numbers">{count(server.sessions)}</Table.Td>
                <Table.Td className="mono">{server.endpoint ?? "–"}</Table.Td>
                <Table.Td>
                  <Button
                    size="compact-sm"
                    variant="default"
                    onClick={() => setLogsOf(server.id)}
                    aria-label={`Logs of ${server.id}`}
                  >
                    Logs
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </WideTable>
      {deployment.servers.length === 0 && <Text c="dimmed">No servers</Text>}
      {logsOf && (
        <Logs deploymentId={deployment.id} serverId={logsOf} close={() => setLogsOf(null)} />
      )}
    </Paper>
  );
}

function Deployments({ worldId }: { worldId: string }) {
  const deployments = useQuery({
    queryKey: ["world", worldId, "deployments"],
    queryFn: () => api.deployments(worldId),
  });
  const items = deployments.data ?? [];
  if (items.length === 0) return null;
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="deployments">
      <Title order={2} size="h4" id="deployments" mb="sm">
        {plural(items.length, "deployment")}
      </Title>
      <WideTable label="Deployments" minWidth={560}>
        <Table aria-labelledby="deployments">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Deployment</Table.Th>
              <Table.Th>Phase</Table.Th>
              <Table.Th>Started</Table.Th>
              <Table.Th>Mod and content</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td className="mono">{one.id}</Table.Td>
                <Table.Td>
                  <Group gap={4}>
                    <PhaseBadge phase={one.phase} />
                  </Group>
                </Table.Td>
                <Table.Td>{time(one.startedAt)}</Table.Td>
                <Table.Td>
                  {one.build.mod} {one.build.modVersion}, {one.build.contentVersion}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </WideTable>
    </Paper>
  );
}
