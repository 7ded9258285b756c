/** Earlier revisions, what each changed, and the way back to one. */

import { Button, Checkbox, Collapse, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client.js";
import type { HistoryEntry, LiveConfig } from "../../api/types.js";
import { plural, time } from "../format.js";
import { Confirm } from "../parts/Confirm.js";
import { useTell } from "../parts/Notices.js";
import { Problem } from "../parts/Problem.js";
import { useMay } from "../queries.js";
import { Differences } from "./Differences.js";
import { differences } from "./diff.js";

export function History({ worldId, current }: { worldId: string; current: LiveConfig }) {
  const [isOpen, setIsOpen] = useState(false);
  const history = useQuery({
    queryKey: ["world", worldId, "live-config", "history", current.revision],
    queryFn: () => api.history(worldId),
    enabled: isOpen,
  });
  const entries = (history.data ?? []).toSorted((one, other) => other.revision - one.revision);
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="history">
      <Group justify="space-between">
        <Title order={2} size="h3" id="history">
          History
        </Title>
        <Button variant="default" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? "Hide" : "Show"}
        </Button>
      </Group>
      <Collapse expanded={isOpen}>
        <Stack mt="md">
          {history.error && <Problem error={history.error} />}
          {entries.length === 0 && history.isSuccess && <Text c="dimmed">Nothing was saved yet.</Text>}
          {entries.map((entry, index) => (
            <Entry
              key={entry.revision}
              worldId={worldId}
              entry={entry}
              before={entries[index + 1]}
              isCurrent={entry.revision === current.revision}
              current={current}
            />
          ))}
        </Stack>
      </Collapse>
    </Paper>
  );
}

interface EntryProps {
  worldId: string;
  entry: HistoryEntry;
  before: HistoryEntry | undefined;
  current: LiveConfig;
  isCurrent: boolean;
}

function Entry({ worldId, entry, before, current, isCurrent }: EntryProps) {
  const [isAsking, setIsAsking] = useState(false);
  const mayOperate = useMay("operator");
  const changed = before ? differences(before, entry) : [];
  return (
    <Stack gap={4}>
      <Group justify="space-between">
        <Text className="wrap">
          <b>Revision {entry.revision}</b> · {time(entry.updatedAt)} · {entry.updatedBy}
          {isCurrent ? " · now" : ""}
        </Text>
        {mayOperate && !isCurrent && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Roll back to revision ${entry.revision}`}
            onClick={() => setIsAsking(true)}
          >
            Roll back to this
          </Button>
        )}
      </Group>
      {changed.length > 0 ? (
        <Differences
          label={`Changes of revision ${entry.revision}`}
          differences={changed}
          before="Before"
          after="After"
        />
      ) : (
        <Text size="sm" c="dimmed">
          {before ? "No value differs from the revision before." : "The oldest revision that is kept."}
        </Text>
      )}
      {isAsking && (
        <Rollback
          worldId={worldId}
          entry={entry}
          current={current}
          close={() => setIsAsking(false)}
        />
      )}
    </Stack>
  );
}

type RollbackProps = Pick<EntryProps, "worldId" | "entry" | "current"> & { close: () => void };

function Rollback({ worldId, entry, current, close }: RollbackProps) {
  const cache = useQueryClient();
  const tell = useTell();
  const [includeFailover, setInclude] = useState(false);
  const rollback = useMutation({
    mutationFn: (reason: string) =>
      api.rollback(worldId, {
        revision: entry.revision,
        ...(includeFailover ? { includeFailover, reason } : {}),
      }),
    onSuccess: (saved) => {
      void cache.invalidateQueries();
      tell(`Rolled back; the values stand as revision ${saved.revision}.`);
      close();
    },
  });
  const moves = (path: string) => /^\/game\/(Failover|ForceDisconnect)\//.test(path);
  const all = differences(current, entry).filter(
    ({ path }) => !path.startsWith("/game/ForceDisconnect/") && (includeFailover || !moves(path)),
  );
  return (
    <Confirm
      title={`Roll back to revision ${entry.revision}?`}
      confirm={`Roll back ${plural(all.length, "value")}`}
      {...(includeFailover ? { reason: "required" as const } : {})}
      isBusy={rollback.isPending}
      error={rollback.error}
      onConfirm={(reason) => rollback.mutate(reason)}
      onCancel={close}
    >
      <Text size="sm">
        A new revision gets the old values. Failover and ForceDisconnect stay as they are, unless you
        include them; counters never fall.
      </Text>
      <Differences label="What it changes" differences={all} after={`Revision ${entry.revision}`} />
      <Checkbox
        label="Include the section Failover: this may redirect people"
        checked={includeFailover}
        onChange={(event) => setInclude(event.currentTarget.checked)}
      />
    </Confirm>
  );
}
