/** Hold, resume, nudge, undo, rate and message of a failover that moves. */

import { Button, Group, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client.js";
import type { Failover } from "../../api/types.js";
import { plural } from "../format.js";
import { Confirm } from "../parts/Confirm.js";
import { useTell } from "../parts/Notices.js";
import { Problem } from "../parts/Problem.js";

type Act = "hold" | "resume" | "nudge" | "undo";

const done: Record<Act, string> = {
  hold: "On hold.",
  resume: "It goes on.",
  nudge: "Those still pending were told again.",
  undo: "Undone: those who moved come home.",
};

export function Controls({ failover }: { failover: Failover }) {
  const cache = useQueryClient();
  const tell = useTell();
  const [isUndoing, setIsUndoing] = useState(false);
  const act = useMutation({
    mutationFn: (name: Act) => api.failoverAct(failover.id, name),
    onSuccess: (_, name) => {
      tell(done[name]);
      setIsUndoing(false);
      void cache.invalidateQueries();
    },
  });
  const button = (name: Act, label: string) => (
    <Button
      variant="default"
      loading={act.isPending && act.variables === name}
      onClick={() => (name === "undo" ? setIsUndoing(true) : act.mutate(name))}
    >
      {label}
    </Button>
  );
  return (
    <Stack gap="sm">
      <Group gap="xs">
        {failover.phase === "held" ? button("resume", "Resume") : button("hold", "Hold")}
        {failover.phase === "moving" && button("nudge", "Nudge")}
        {button("undo", "Undo")}
      </Group>
      <Change failover={failover} />
      {act.error && !isUndoing && <Problem error={act.error} />}
      {isUndoing && (
        <Confirm
          title="Undo this failover?"
          confirm="Undo"
          isBusy={act.isPending}
          error={act.error}
          onConfirm={() => act.mutate("undo")}
          onCancel={() => setIsUndoing(false)}
        >
          <Text>
            {plural(failover.counts.landed, "person", "people")} who moved come home, in turn; those
            still in the world stay there.
          </Text>
        </Confirm>
      )}
    </Stack>
  );
}

function Change({ failover }: { failover: Failover }) {
  const cache = useQueryClient();
  const tell = useTell();
  const [rate, setRate] = useState<number | "">("");
  const [message, setMessage] = useState("");
  const change = useMutation({
    mutationFn: (body: { maxRejoinsPerSecond?: number; message?: string }) =>
      api.changeFailover(failover.id, body),
    onSuccess: (_, body) => {
      tell(body.message === undefined ? "The rate is changed." : "The message is sent.");
      setMessage("");
      void cache.invalidateQueries();
    },
  });
  const submit = (body: () => Parameters<typeof change.mutate>[0]) => (event: FormEvent) => {
    event.preventDefault();
    change.mutate(body());
  };
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="lg">
        <form onSubmit={submit(() => ({ maxRejoinsPerSecond: Number(rate) }))}>
          <Group align="flex-end" gap="xs" wrap="nowrap">
            <NumberInput
              label="Rejoins per second"
              placeholder={String(failover.plan.ratePerSecond)}
              min={0.1}
              value={rate}
              onChange={(value) => setRate(value === "" ? "" : Number(value))}
            />
            <Button type="submit" variant="default" disabled={rate === ""}>
              Set rate
            </Button>
          </Group>
        </form>
        <form onSubmit={submit(() => ({ message }))} style={{ flex: 1, minWidth: 260 }}>
          <Group align="flex-end" gap="xs" wrap="nowrap">
            <TextInput
              label="Message to those still pending"
              maxLength={500}
              value={message}
              onChange={(event) => setMessage(event.currentTarget.value)}
              style={{ flex: 1 }}
            />
            <Button type="submit" variant="default" disabled={message.trim() === ""}>
              Send
            </Button>
          </Group>
        </form>
      </Group>
      {change.error && <Problem error={change.error} />}
    </Stack>
  );
}
