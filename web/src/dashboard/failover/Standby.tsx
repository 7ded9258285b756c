/** Sets up a standby: a copy of the main world, or a world that is there already. */

import { Button, Group, Paper, Select, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client.js";
import type { World } from "../../api/types.js";
import { Confirm } from "../parts/Confirm.js";
import { useTell } from "../parts/Notices.js";
import { Problem } from "../parts/Problem.js";
import { useMay, useWorlds } from "../queries.js";

export function SetUpStandby({ main }: { main: World }) {
  const cache = useQueryClient();
  const tell = useTell();
  const mayOperate = useMay("operator");
  const worlds = useWorlds().data ?? [];
  const [adopted, setAdopted] = useState<string | null>(null);
  const onSuccess = () => {
    tell("The standby is set up.");
    void cache.invalidateQueries();
  };
  const create = useMutation({
    mutationFn: (launch: boolean) => api.createStandby(main.id, launch ? { launch } : {}),
    onSuccess,
  });
  const adopt = useMutation({
    mutationFn: () => api.setStandby(main.id, { worldId: adopted }),
    onSuccess,
  });
  const free = worlds.filter(
    (world) => world.id !== main.id && !world.standbyFor && !world.standby,
  );
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="standby">
      <Stack>
        <Title order={2} size="h3" id="standby">
          Standby
        </Title>
        <Text className="wrap">
          {main.name} has no standby. A standby is a world named “FAILOVER {main.name}” with the same
          mod, content, scale, duration, access and streaming, non-public until it is needed.
        </Text>
        {mayOperate && (
          <>
            <Group>
              <Button loading={create.isPending} onClick={() => create.mutate(true)}>
                Create and launch a standby
              </Button>
              <Button
                variant="default"
                loading={create.isPending}
                onClick={() => create.mutate(false)}
              >
                Create only
              </Button>
            </Group>
            {free.length > 0 && (
              <Group align="flex-end">
                <Select
                  label="Or take a world that is there"
                  searchable
                  data={free.map((world) => ({ value: world.id, label: `${world.name} (${world.id})` }))}
                  value={adopted}
                  onChange={setAdopted}
                  style={{ flex: 1, maxWidth: 480 }}
                />
                <Button
                  variant="default"
                  disabled={!adopted}
                  loading={adopt.isPending}
                  onClick={() => adopt.mutate()}
                >
                  Adopt
                </Button>
              </Group>
            )}
          </>
        )}
        {(create.error ?? adopt.error) && <Problem error={create.error ?? adopt.error} />}
      </Stack>
    </Paper>
  );
}

/** Mirror and release of a standby that is there. */
export function KeepStandby({ main, standby }: { main: World; standby: World }) {
  const cache = useQueryClient();
  const [isReleasing, setIsReleasing] = useState(false);
  const change = useMutation({
    mutationFn: (body: { worldId: string | null; mirror?: boolean }) =>
      api.setStandby(main.id, body),
    onSuccess: () => {
      setIsReleasing(false);
      void cache.invalidateQueries();
    },
  });
  const mirrors = main.mirror ?? standby.mirror ?? false;
  return (
    <Group gap="xs">
      <Button
        size="compact-sm"
        variant="default"
        onClick={() => change.mutate({ worldId: standby.id, mirror: !mirrors })}
      >
        {mirrors ? "Stop mirroring the live config" : "Mirror the live config"}
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => setIsReleasing(true)}>
        Release the standby
      </Button>
      {change.error && !isReleasing && <Problem error={change.error} />}
      {isReleasing && (
        <Confirm
          title="Release the standby?"
          confirm="Release"
          isBusy={change.isPending}
          error={change.error}
          onConfirm={() => change.mutate({ worldId: null })}
          onCancel={() => setIsReleasing(false)}
        >
          <Text className="wrap">
            {standby.name} stays a world of its own; {main.name} has no standby then.
          </Text>
        </Confirm>
      )}
    </Group>
  );
}
