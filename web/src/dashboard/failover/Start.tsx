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
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client.js";
import { type Rule, asProblem } from "../../api/problem.js";
import type { Failover, FailoverRequest, World } from "../../api/types.js";
import { count, plural, span, value } from "../format.js";
import { Confirm } from "../parts/Confirm.js";
import { Problem } from "../parts/Problem.js";

interface Props {
  kind: "failover" | "failback";
  main: World;
  standby: World;
}

/** What the act will do, in one sentence. */
function sentence({ kind, main, standby }: Props, mode: string): string {
  const from = kind === "failover" ? main : standby;
  const to = kind === "failover" ? standby : main;
  const isOne = kind === "failover" && main.status.sessions === 1;
  const [leaves, goes] = isOne ? ["leaves", "goes"] : ["leave", "go"];
  const when = mode === "graceful" ? "in turn" : "at once";
  const who =
    kind === "failover"
      ? `${plural(main.status.sessions, "person", "people")} in ${from.name}`
      : "All who were redirected";
  const then =
    kind === "failover"
      ? `whoever joins ${main.name} from then on goes there too`
      : `whoever joins ${main.name} comes to it again`;
  return `${who} ${leaves} ${when} and ${goes} to ${to.name}; ${then}.`;
}

export function Start(props: Props) {
  const { kind, main } = props;
  const cache = useQueryClient();
  const [request, setRequest] = useState<FailoverRequest>({ mode: "emergency" });
  const [isAsking, setIsAsking] = useState(false);
  const [isOpen, setIsOpen] = useState(false);
  const set = (change: FailoverRequest) => setRequest((was) => ({ ...was, ...change }));
  const send = (body: FailoverRequest) =>
    kind === "failover" ? api.startFailover(main.id, body) : api.startFailback(main.id, body);
  const dryRun = useMutation({ mutationFn: () => send({ ...clean(request), dryRun: true }) });
  const start = useMutation({
    mutationFn: (force: FailoverRequest) => send({ ...clean(request), ...force }),
    onSuccess: () => {
      setIsAsking(false);
      void cache.invalidateQueries();
    },
  });
  const rules = start.error ? asProblem(start.error).rules : [];
  const mayForce = rules.length > 0 && rules.every((rule) => rule.mayForce);
  const label = kind === "failover" ? "Fail over" : "Fail back";
  return (
    <Paper withBorder p="md" component="section" aria-labelledby={kind}>
      <Stack>
        <Title order={2} size="h3" id={kind}>
          {label}
        </Title>
        <Text className="wrap">{sentence(props, request.mode ?? "emergency")}</Text>
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
        <Confirm
          title={`${label}: ${main.name}?`}
          confirm={mayForce ? `${label} all the same` : label}
          reason={mayForce ? "required" : "optional"}
          isBusy={start.isPending}
          error={start.error}
          onConfirm={(reason) => start.mutate(mayForce ? { force: true, reason } : { reason })}
          onCancel={() => {
            start.reset();
            setIsAsking(false);
          }}
        >
          <Text className="wrap">{sentence(props, request.mode ?? "emergency")}</Text>
        </Confirm>
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
  kind: Props["kind"];
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
        {count(Math.round(plan.ratePerSecond * 10) / 10)} per second.
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
              <b>{rule.message}</b> {rule.remedy}
            </Table.Td>
            <Table.Td className="wrap">{value(rule.main)}</Table.Td>
            <Table.Td className="wrap">{value(rule.standby)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
