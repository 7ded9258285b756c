/** One failover: live while it moves, its report afterwards. */

import { Anchor, Group, Paper, Progress as Bar, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api } from "../../api/client.js";
import type { Failover } from "../../api/types.js";
import { count, span, time, words } from "../format.js";
import { useNow } from "../live.js";
import { PhaseBadge } from "../parts/PhaseBadge.js";
import { Problem } from "../parts/Problem.js";
import { isMoving, useFailover, useMay, useWorld } from "../queries.js";
import { ArrivalChart } from "./ArrivalChart.js";
import { Controls } from "./Controls.js";
import { type Curve, curveOf, observed, timeToGoMs } from "./arrivals.js";
import { perSecond, stagesText, whereText } from "./sentences.js";
import { WideTable } from "../parts/WideTable.js";

const titles = { failover: "Failover", failback: "Failback", rejoin: "Rejoin" };

export function Progress({ failoverId }: { failoverId: string }) {
  const { data: failover, error, refetch } = useFailover(failoverId);
  const mayOperate = useMay("operator");
  if (error && !failover) return <Problem error={error} retry={() => void refetch()} />;
  if (!failover) return null;
  return (
    <Paper withBorder p="md" component="section" aria-label={titles[failover.kind]}>
      <Stack>
        <Head failover={failover} />
        <Numbers failover={failover} />
        <Arrivals failover={failover} />
        {mayOperate && isMoving(failover.phase) && <Controls failover={failover} />}
        <Report failover={failover} />
        {!isMoving(failover.phase) && (
          <Anchor href={`/api/failovers/${failover.id}/report?format=html`} target="_blank" size="sm">
            The report as a page, to print or to send
          </Anchor>
        )}
        <Rest failover={failover} />
      </Stack>
    </Paper>
  );
}

function Head({ failover }: { failover: Failover }) {
  const from = useWorld(failover.worldId).data?.name ?? failover.worldId;
  const to = useWorld(failover.targetWorldId).data?.name ?? failover.targetWorldId;
  const where = whereText(failover.kind, to);
  return (
    <Stack gap={2}>
      <Group gap="sm">
        <Title order={2} size="h3">
          {titles[failover.kind]}
        </Title>
        <PhaseBadge phase={failover.phase} />
      </Group>
      <Text className="wrap">
        {failover.kind === "failover" && `from ${from} `}
        {where}, {failover.mode}, by {failover.by}, {time(failover.startedAt)}
        {failover.trigger === "drill" && " (a drill)"}
        {failover.trigger === "liveConfig" && " (by live config)"}
      </Text>
      {failover.reason && (
        <Text size="sm" c="dimmed" className="wrap">
          Reason: {failover.reason}
        </Text>
      )}
    </Stack>
  );
}

function Figure({ name, text, colour = "" }: { name: string; text: string; colour?: string }) {
  return (
    <div>
      <Text size="xs" c="dimmed" component="dt">
        {name}
      </Text>
      <Text className={`big-number ${colour}`} component="dd" m={0}>
        {text}
      </Text>
    </div>
  );
}

/** Pending ones that were told and have asked are on their way; after the window they are stuck. */
function split({ counts, plan, startedAt, phase }: Failover, now: number) {
  const isLate = now > Date.parse(startedAt) + plan.windowMs + 10_000;
  const isOver = phase === "complete-with-stragglers";
  return isLate || isOver ? { moving: 0, stuck: counts.pending } : { moving: counts.pending, stuck: 0 };
}

function Numbers({ failover }: { failover: Failover }) {
  const now = useNow(500);
  const { counts } = failover;
  const { moving, stuck } = split(failover, now);
  const toGo = timeToGoMs(failover, now);
  const part = (value: number) => (counts.present > 0 ? (value / counts.present) * 100 : 0);
  const refused = Object.entries(failover.refusals);
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 2, xs: 3, md: 6 }} component="dl" m={0}>
        <Figure name="Present" text={count(counts.present)} />
        <Figure name="Moved" text={count(counts.landed)} colour="good" />
        <Figure name="Moving" text={count(moving)} />
        <Figure name="Stuck" text={count(stuck)} {...(stuck > 0 ? { colour: "doubtful" } : {})} />
        <Figure
          name="Refused"
          text={count(counts.refused)}
          {...(counts.refused > 0 ? { colour: "bad" } : {})}
        />
        <Figure name="Left" text={count(counts.left)} />
      </SimpleGrid>
      <Bar.Root size="lg" aria-label={`${counts.landed} of ${counts.present} moved`}>
        <Bar.Section value={part(counts.landed)} color="green.8" aria-label="Moved" />
        <Bar.Section value={part(counts.refused)} color="red.8" aria-label="Refused" />
        <Bar.Section value={part(counts.left)} color="gray.6" aria-label="Left" />
      </Bar.Root>
      <Text size="sm" className="numbers" role="status">
        {failover.phase === "held"
          ? "On hold: nobody is told to move until you resume."
          : toGo !== null && counts.pending > 0
            ? `About ${span(Math.max(toGo, 1_000))} to go at ${perSecond(failover.plan.ratePerSecond)}.`
            : failover.finishedAt
              ? `Finished ${time(failover.finishedAt)}.`
              : ""}{" "}
        {stagesText(failover)}
      </Text>
      {refused.length > 0 && (
        <Text size="sm">
          Refused because: {refused.map(([code, times]) => `${words(code)} (${times})`).join(", ")}
        </Text>
      )}
    </Stack>
  );
}

function Arrivals({ failover }: { failover: Failover }) {
  const rows = useQuery({
    queryKey: ["failover", failover.id, "landed", failover.finishedAt],
    queryFn: () => api.failoverClients(failover.id, "landed"),
    meta: { isFixed: true },
    staleTime: Number.POSITIVE_INFINITY,
  });
  const known = useMemo<Curve>(
    () => (rows.data ? curveOf(failover, rows.data) : [[0], [0]]),
    // The rows are loaded once, and again at the end; the counts fill in what comes between.
    [rows.data, failover.id],
  );
  const [curve, setCurve] = useState<Curve>(known);
  useEffect(() => setCurve(known), [known]);
  useEffect(() => {
    if (failover.finishedAt !== null) return;
    const seconds = (Date.now() - Date.parse(failover.startedAt)) / 1_000;
    setCurve((was) => observed(was, seconds, failover.counts.landed));
  }, [failover]);
  if (failover.counts.present === 0) return null;
  return <ArrivalChart curve={curve} present={failover.counts.present} />;
}

function Report({ failover }: { failover: Failover }) {
  const rows: [string, Failover["darkMs"]][] = [
    ["Dark time of a client", failover.darkMs],
    ["From the commit to the order on the socket", failover.fanoutMs],
  ];
  return (
    <WideTable label="Report" minWidth={460}>
      <Table aria-label="Report" className="numbers">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Report</Table.Th>
            <Table.Th>Half within</Table.Th>
            <Table.Th>99 % within</Table.Th>
            <Table.Th>At most</Table.Th>
            <Table.Th>Clients</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(([name, { n, p50, p99, max }]) => (
            <Table.Tr key={name}>
              <Table.Td>{name}</Table.Td>
              <Table.Td>{n > 0 ? span(p50) : "–"}</Table.Td>
              <Table.Td>{n > 0 ? span(p99) : "–"}</Table.Td>
              <Table.Td>{n > 0 ? span(max) : "–"}</Table.Td>
              <Table.Td>{count(n)}</Table.Td>
            </Table.Tr>
          ))}
          {failover.outageMs !== null && (
            <Table.Tr>
              <Table.Td>Outage, from the last healthy moment</Table.Td>
              <Table.Td colSpan={4}>{span(failover.outageMs)}</Table.Td>
            </Table.Tr>
          )}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}

const NAMED_MAX = 200;

/** Those who are not over, by name, once there is time to look after each. */
function Rest({ failover }: { failover: Failover }) {
  const { pending, refused } = failover.counts;
  const isWanted = failover.finishedAt !== null && pending + refused > 0;
  const rows = useQuery({
    queryKey: ["failover", failover.id, "rest", pending, refused],
    queryFn: async () => [
      ...(await api.failoverClients(failover.id, "pending")),
      ...(await api.failoverClients(failover.id, "refused")),
    ],
    enabled: isWanted,
  });
  if (!isWanted || !rows.data) return null;
  return (
    <WideTable label="Not over" minWidth={420}>
      <Table aria-label="Not over">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>User</Table.Th>
            <Table.Th>Stage</Table.Th>
            <Table.Th>Why</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.data.slice(0, NAMED_MAX).map((row) => (
            <Table.Tr key={row.session}>
              <Table.Td className="wrap">{row.user}</Table.Td>
              <Table.Td>{row.stage}</Table.Td>
              <Table.Td>{row.code ? words(row.code) : "not heard of yet"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}
