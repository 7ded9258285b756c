/** Whether a world fails over by itself, and the switch that stops that for every world. */

import { Alert, Button, Group, NumberInput, Paper, Stack, Switch, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client.js";
import type { Automation, AutomationPolicy, World } from "../../api/types.js";
import { plural } from "../format.js";
import { useNow } from "../live.js";
import { Confirm } from "../parts/Confirm.js";
import { useTell } from "../parts/Notices.js";
import { Problem } from "../parts/Problem.js";
import { useAutomation, useMay } from "../queries.js";
import { standingText } from "./standing.js";

const SWITCH_RELOAD_MS = 5_000;

const useSwitch = () =>
  useQuery({
    queryKey: ["automation"],
    queryFn: api.automationSwitch,
    refetchInterval: SWITCH_RELOAD_MS,
  });

const colours: Partial<Record<Automation["standing"], string>> = {
  watching: "green",
  counting: "red",
  due: "red",
  blocked: "red",
  stopped: "orange",
};

export function AutomationCard({ main }: { main: World }) {
  const automation = useAutomation(main.id);
  const mayOperate = useMay("operator");
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="automation">
      <Stack>
        <Title order={2} size="h3" id="automation">
          Automation
        </Title>
        <Text size="sm" c="dimmed" className="wrap">
          An automatic failover obeys the same rules as one by hand and forces nothing. It happens
          only where it was switched on.
        </Text>
        {automation.error && (
          <Problem error={automation.error} retry={() => void automation.refetch()} />
        )}
        {automation.data && <Standing automation={automation.data} />}
        {automation.data && mayOperate && (
          <PolicyForm key={policyKey(automation.data)} automation={automation.data} />
        )}
        <SwitchRow />
      </Stack>
    </Paper>
  );
}

function Standing({ automation }: { automation: Automation }) {
  const now = useNow();
  const stop = useSwitch().data;
  return (
    <Alert
      color={colours[automation.standing] ?? "gray"}
      variant="light"
      role="status"
      data-standing={automation.standing}
    >
      <Text size="sm" className="wrap numbers">
        {standingText(automation, stop, now)}
      </Text>
    </Alert>
  );
}

const policyOf = ({ enabled, graceSeconds, coolDownSeconds }: Automation): AutomationPolicy => ({
  enabled,
  graceSeconds,
  coolDownSeconds,
});

/** The form begins anew when what is saved changes. */
const policyKey = (automation: Automation) => JSON.stringify(policyOf(automation));

function PolicyForm({ automation }: { automation: Automation }) {
  const cache = useQueryClient();
  const tell = useTell();
  const [policy, setPolicy] = useState(policyOf(automation));
  const set = (change: Partial<AutomationPolicy>) => setPolicy((was) => ({ ...was, ...change }));
  const save = useMutation({
    mutationFn: () => api.setAutomation(automation.worldId, policy),
    onSuccess: (saved) => {
      cache.setQueryData(["world", automation.worldId, "automation"], saved);
      tell(saved.enabled ? "It fails over by itself from now on." : "Only a person fails it over.");
      void cache.invalidateQueries({ queryKey: ["automation"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const seconds = (name: "graceSeconds" | "coolDownSeconds") => ({
    value: policy[name],
    allowDecimal: false,
    required: true,
    suffix: " s",
    onChange: (value: string | number) => set({ [name]: Number(value) }),
  });
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Switch
          label="Fail over by itself"
          checked={policy.enabled}
          onChange={(event) => set({ enabled: event.currentTarget.checked })}
        />
        <Group align="flex-end">
          <NumberInput label="Grace time" min={1} max={3_600} {...seconds("graceSeconds")} />
          <NumberInput label="Cool-down" min={60} max={86_400} {...seconds("coolDownSeconds")} />
          <Button
            type="submit"
            variant="default"
            loading={save.isPending}
            disabled={JSON.stringify(policy) === policyKey(automation)}
          >
            Save
          </Button>
        </Group>
        {save.error && <Problem error={save.error} />}
      </Stack>
    </form>
  );
}

/** One switch for all worlds: for the hour in which nothing may happen by itself. */
function SwitchRow() {
  const cache = useQueryClient();
  const tell = useTell();
  const mayOperate = useMay("operator");
  const current = useSwitch();
  const [isStopping, setIsStopping] = useState(false);
  const change = useMutation({
    mutationFn: (body: { stopped: boolean; reason: string }) =>
      api.setAutomationSwitch(body.stopped, body.reason),
    onSuccess: (saved) => {
      cache.setQueryData(["automation"], saved);
      setIsStopping(false);
      tell(saved.stopped ? "All automation is stopped." : "Automation goes on.");
      void cache.invalidateQueries({ queryKey: ["world"] });
    },
  });
  if (current.error) return <Problem error={current.error} retry={() => void current.refetch()} />;
  if (!current.data || !mayOperate) return null;
  const { stopped, worlds } = current.data;
  return (
    <Group gap="sm">
      {stopped ? (
        <Button
          variant="default"
          loading={change.isPending}
          onClick={() => change.mutate({ stopped: false, reason: "" })}
        >
          Let automation go on
        </Button>
      ) : (
        <Button variant="default" onClick={() => setIsStopping(true)}>
          Stop all automation
        </Button>
      )}
      <Text size="sm" c="dimmed">
        {plural(worlds.length, "world has", "worlds have")} automation.
      </Text>
      {change.error && !isStopping && <Problem error={change.error} />}
      {isStopping && (
        <Confirm
          title="Stop all automation?"
          confirm="Stop all automation"
          reason="required"
          isBusy={change.isPending}
          error={change.error}
          onConfirm={(reason) => change.mutate({ stopped: true, reason })}
          onCancel={() => {
            change.reset();
            setIsStopping(false);
          }}
        >
          <Text>No world fails over by itself until automation is let go on.</Text>
        </Confirm>
      )}
    </Group>
  );
}
