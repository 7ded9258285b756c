/** Launch, stop, restart, extend, change, delete: what may be done to a world in its phase. */

import { Button, Checkbox, Group, Modal, NumberInput, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { api } from "../../api/client.js";
import { asProblem } from "../../api/problem.js";
import type { World } from "../../api/types.js";
import { plural } from "../format.js";
import { useMay, useWorldNow } from "../queries.js";
import { Confirm } from "./Confirm.js";
import { useTell } from "./Notices.js";
import { Problem } from "./Problem.js";
import { WorldForm } from "./WorldForm.js";

type Dialog = "launch" | "stop" | "restart" | "extend" | "settings" | "delete";

/** A change that reloads everything when it is done, and says so. */
function useAct<T>(act: (given: T) => Promise<unknown>, done: string, close: () => void) {
  const cache = useQueryClient();
  const tell = useTell();
  return useMutation({
    mutationFn: act,
    onSuccess: () => {
      void cache.invalidateQueries();
      tell(done);
      close();
    },
  });
}

export function WorldActions({ world, isShort = false }: { world: World; isShort?: boolean }) {
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const mayOperate = useMay("operator");
  if (!mayOperate) return null;
  const close = () => setDialog(null);
  const { phase } = world.status;
  const button = (name: Dialog, label: string, variant = "default") => (
    <Button
      size={isShort ? "compact-sm" : "sm"}
      variant={variant}
      onClick={() => setDialog(name)}
      aria-label={isShort ? `${label} ${world.name}` : undefined}
    >
      {label}
    </Button>
  );
  const isDown = phase === "Inactive" || phase === "Error";
  return (
    <>
      <Group gap="xs">
        {isDown && button("launch", "Launch", "filled")}
        {phase !== "Inactive" && phase !== "Stopping" && button("stop", "Stop")}
        {!isShort && !isDown && phase !== "Stopping" && button("restart", "Restart")}
        {phase === "Active" && button("extend", "Extend")}
        {!isShort && button("settings", "Settings")}
        {!isShort && phase === "Inactive" && button("delete", "Delete")}
      </Group>
      {dialog === "launch" && <Launch world={world} close={close} />}
      {dialog === "stop" && <Stop world={world} close={close} />}
      {dialog === "restart" && <Restart world={world} close={close} />}
      {dialog === "extend" && <Extend world={world} close={close} />}
      {dialog === "delete" && <Delete world={world} close={close} />}
      {dialog === "settings" && <WorldForm world={world} onDone={close} onCancel={close} />}
    </>
  );
}

interface Props {
  world: World;
  close: () => void;
}

function Launch({ world, close }: Props) {
  const [keepLiveConfig, setKeep] = useState(false);
  const [launchContext, setContext] = useState(true);
  const [override, setOverride] = useState<"keep" | "clear">("keep");
  const isFailedOver = world.status.failover !== null;
  const launch = useAct(
    () =>
      api.launch(world.id, {
        ...(keepLiveConfig ? { keepLiveConfig } : {}),
        ...(launchContext ? {} : { launchContext }),
        ...(isFailedOver ? { failover: override } : {}),
      }),
    `${world.name} is starting.`,
    close,
  );
  return (
    <Modal opened onClose={close} title={`Launch ${world.name}`} centered>
      <Stack>
        {isFailedOver && (
          <Select
            label="It redirects to another world"
            description="What is to become of the overrides?"
            allowDeselect={false}
            data={[
              { value: "keep", label: "Keep them: joiners still go to the other world" },
              { value: "clear", label: "Clear them: joiners come here again" },
            ]}
            value={override}
            onChange={(choice) => setOverride(choice === "clear" ? "clear" : "keep")}
          />
        )}
        <Checkbox
          label="Keep the live config as it is"
          description="Otherwise the project's values begin with the defaults."
          checked={keepLiveConfig}
          onChange={(event) => setKeep(event.currentTarget.checked)}
        />
        <Checkbox
          label="With a launch context"
          description="Clients of V37 and older need one."
          checked={launchContext}
          onChange={(event) => setContext(event.currentTarget.checked)}
        />
        {launch.error && <Problem error={launch.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button onClick={() => launch.mutate(undefined)} loading={launch.isPending}>
            Launch
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** Whether it was refused because people were sent there; a reason gets past that. */
const isInUse = (error: unknown) =>
  error !== null && asProblem(error).code === "world_in_use";

const insisting = (reason: string) => (reason ? { force: true, reason } : {});

function Stop({ world, close }: Props) {
  const { sessions } = useWorldNow(world).status;
  const stop = useAct(
    (reason: string) => api.stop(world.id, insisting(reason)),
    `${world.name} is stopping.`,
    close,
  );
  const isRefused = isInUse(stop.error);
  return (
    <Confirm
      title={`Stop ${world.name}?`}
      confirm={isRefused ? "Stop it all the same" : "Stop"}
      {...(isRefused ? { reason: "required" as const } : {})}
      isBusy={stop.isPending}
      error={stop.error}
      onConfirm={(reason) => stop.mutate(reason)}
      onCancel={close}
    >
      <Text>
        {plural(sessions, "person is", "people are")} connected. The servers end, and
        everyone in them loses the game.
      </Text>
    </Confirm>
  );
}

function Restart({ world, close }: Props) {
  const { sessions } = useWorldNow(world).status;
  const restart = useAct(
    (reason: string) => api.restart(world.id, insisting(reason)),
    `${world.name} is restarting.`,
    close,
  );
  const isRefused = isInUse(restart.error);
  return (
    <Confirm
      title={`Restart ${world.name}?`}
      confirm={isRefused ? "Restart it all the same" : "Restart"}
      {...(isRefused ? { reason: "required" as const } : {})}
      isBusy={restart.isPending}
      error={restart.error}
      onConfirm={(reason) => restart.mutate(reason)}
      onCancel={close}
    >
      <Text>
        A new deployment with a new Deployment ID takes the place of the present one.{" "}
        {plural(sessions, "person", "people")} will be asked to rejoin.
      </Text>
    </Confirm>
  );
}

function Extend({ world, close }: Props) {
  const [minutes, setMinutes] = useState(30);
  const extend = useAct(
    () => api.extend(world.status.deploymentId ?? "", minutes),
    `${world.name} runs ${minutes} minutes longer.`,
    close,
  );
  return (
    <Confirm
      title={`Extend ${world.name}`}
      confirm="Extend"
      colour="blue.8"
      isBusy={extend.isPending}
      error={extend.error}
      onConfirm={() => extend.mutate(undefined)}
      onCancel={close}
    >
      <NumberInput
        label="Minutes more"
        min={1}
        allowDecimal={false}
        value={minutes}
        onChange={(value) => setMinutes(Number(value))}
      />
    </Confirm>
  );
}

function Delete({ world, close }: Props) {
  const [, go] = useLocation();
  const remove = useAct(() => api.deleteWorld(world.id), `${world.name} is deleted.`, () => go("/"));
  return (
    <Confirm
      title={`Delete ${world.name}?`}
      confirm="Delete"
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined)}
      onCancel={close}
    >
      <Text>It cannot be taken back.</Text>
    </Confirm>
  );
}
