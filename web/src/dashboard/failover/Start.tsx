/** The one button: what it will do in one sentence, a dry run, and the way to insist. */

import {
  Alert,
  Button,
  Checkbox,
  Collapse,
  Group,
  NumberInput,
  Paper,
  SegmentedControl,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client.js";
import type { Rule } from "../../api/problem.js";
import type { Failover, FailoverRequest } from "../../api/types.js";
import { compared, plural, span } from "../format.js";
import { Problem } from "../parts/Problem.js";
import { Ask } from "./Ask.js";
import { type Move, perSecond, sentence } from "./sentences.js";

export function Start(move: Move) {
  const { kind, main } = move;
  const [request, setRequest] = useState<FailoverRequest>({ mode: "emergency" });
  const [isAsking, setIsAsking] = useState(false);
  const [isOpen, setIsOpen] = useState(false);
  const send = (body: FailoverRequest) =>
    kind === "failover" ? api.startFailover(main.id, body) : api.startFailback(main.id, body);
  const dryRun = useMutation({ mutationFn: () => send({ ...clean(request), dryRun: true }) });
  const set = (change: FailoverRequest) => {
    setRequest((was) => ({ ...was, ...change }));
    // What it said was said of other options.
    dryRun.reset();
  };
  const label = kind === "failover" ? "Fail over" : "Fail back";
  return (
    <Paper withBorder p="md" component="section" aria-labelledby={kind}>
      <Stack>
        <Title order={2} size="h3" id={kind}>
          {label}
        </Title>
        <Text className="wrap">{sentence(move, request.mode ?? "emergency")}</Text>
        <Group>
          <Button color="red.9" size="md" onClick={() => setIsAsking(true)}>
            {label} now
          </Button>
          <Button
            variant="default"
            size="md"
            loading={dryRun.isPending}
            onClick={() => dryRun.mutate()}
          >
            Dry run
          </Button>
          <Button variant="subtle" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
            Options
          </Button>
        </Group>
        <Collapse expanded={isOpen}>
          <Options request={request} set={set} kind={kind} />
        </Collapse>
        {dryRun.error && <Problem error={dryRun.error} />}
        {dryRun.data && <Plan plan={dryRun.data.plan} />}
      </Stack>
      {isAsking && (
        <Ask
          move={move}
          label={label}
          request={clean(request)}
          send={send}
          close={() => setIsAsking(false)}
        />
      )}
    </Paper>
  );
}

/** Without what was left empty. */
function clean(request: FailoverRequest): FailoverRequest {
  return Object.fromEntries(Object.entries(request).filter(([, one]) => one !== "" && one !== undefined));
}

interface OptionsProps {
  request: FailoverRequest;
  set: (change: FailoverRequest) => void;
  kind: Move["kind"];
}

function Options({ request, set, kind }: OptionsProps) {
  return (
    <Stack gap="sm">
      <div>
        <Text size="sm" fw={500} id="mode">
          Mode
        </Text>
        <SegmentedControl
          aria-labelledby="mode"
          value={request.mode ?? "emergency"}
          onChange={(mode) => set({ mode: mode === "graceful" ? "graceful" : "emergency" })}
          data={[
            { value: "emergency", label: "Emergency: leave now" },
            { value: "graceful", label: "Graceful: stay until the turn" },
          ]}
        />
      </div>
      <TextInput
        label="Message to players"
        maxLength={500}
        value={request.message ?? ""}
        onChange={(event) => set({ message: event.currentTarget.value })}
      />
      <NumberInput
        label="Rejoins per second at the most"
        description="Empty: what the target can take."
        min={0.1}
        value={request.maxRejoinsPerSecond ?? ""}
        onChange={(rate) => set({ maxRejoinsPerSecond: rate === "" ? undefined : Number(rate) } as FailoverRequest)}
      />
      {kind === "failover" && (
        <Checkbox
          label="Launch the standby if it sleeps, and move people once it is Active"
          checked={request.waitForTarget ?? false}
          onChange={(event) => set({ waitForTarget: event.currentTarget.checked })}
        />
      )}
    </Stack>
  );
}

function Plan({ plan }: { plan: Failover["plan"] }) {
  const blocking = plan.rules.filter((rule) => rule.message);
  return (
    <Alert
      color={blocking.length > 0 ? "orange" : "green"}
      variant="light"
      title="Dry run: nothing was changed"
      role="status"
    >
      <Text size="sm" className="numbers">
        {plural(plan.sessions, "person", "people")} would move within {span(plan.windowMs)}, at{" "}
        {perSecond(plan.ratePerSecond)}.
      </Text>
      {blocking.length > 0 && <Rules rules={blocking} />}
    </Alert>
  );
}

function Rules({ rules }: { rules: Rule[] }) {
  return (
    <Table aria-label="Rules that speak against it" mt="xs">
      <Table.Tbody>
        {rules.map((rule) => (
          <Table.Tr key={rule.code}>
            <Table.Td className="wrap">
              <b>{rule.message}</b>
              <div className="mono">{rule.remedy}</div>
            </Table.Td>
            <Table.Td className="wrap">{compared(rule.code, rule.main)}</Table.Td>
            <Table.Td className="wrap">{compared(rule.code, rule.standby)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
