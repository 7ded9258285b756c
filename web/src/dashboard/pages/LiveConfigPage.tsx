import { Alert, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "../../api/client.js";
import { ApiProblem, asProblem } from "../../api/problem.js";
import type { LiveConfig, SaveAnswer, World } from "../../api/types.js";
import { Differences } from "../config/Differences.js";
import { ConfigForm, CountingContext, wholeSchema } from "../config/Form.js";
import { History } from "../config/History.js";
import { MergeView } from "../config/MergeView.js";
import {
  type Config,
  type Difference,
  differences,
  merge,
  patchOf,
  pick,
  withDifferences,
} from "../config/diff.js";
import { plural, time } from "../format.js";
import { Confirm } from "../parts/Confirm.js";
import { useTell } from "../parts/Notices.js";
import { Problem } from "../parts/Problem.js";
import { WorldHead } from "../parts/WorldHead.js";
import { useMay, useWorld } from "../queries.js";

export default function LiveConfigPage({ worldId }: { worldId: string }) {
  const world = useWorld(worldId);
  const config = useQuery({
    queryKey: ["world", worldId, "live-config"],
    queryFn: () => api.liveConfig(worldId),
  });
  const schema = useQuery({
    queryKey: ["world", worldId, "schema"],
    queryFn: () => api.schema(worldId),
    staleTime: 60_000,
  });
  const failed = config.error ?? schema.error;
  return (
    <Stack>
      <WorldHead worldId={worldId} here="Live config" />
      {failed && <Problem error={failed} retry={() => void config.refetch()} />}
      {world.data && config.data && schema.data && (
        <>
          <Editor world={world.data} current={config.data} schema={schema.data} />
          <History worldId={worldId} current={config.data} />
        </>
      )}
    </Stack>
  );
}

interface EditorProps {
  world: World;
  current: LiveConfig;
  schema: Record<string, unknown>;
}

const forceable = ["override_target_not_active", "override_deployment_mismatch"];

const redirects = (changes: Difference[]) =>
  changes.some(({ path, after }) => path === "/game/Failover/OverrideWorldId" && after !== "");

const overrideOf = (config: Config) =>
  (config.game.Failover as { OverrideWorldId?: string } | undefined)?.OverrideWorldId ?? "";

/** An answer that tells only the revision is completed by what is saved now. */
async function whole(worldId: string, answer: SaveAnswer): Promise<SaveAnswer> {
  const isWhole = answer.game !== undefined && answer.project !== undefined;
  return isWhole ? answer : { ...answer, ...(await api.liveConfig(worldId)) };
}

/** The draft is compared with the revision that it was begun from, whatever others save meanwhile. */
function useDraft(current: LiveConfig) {
  const [base, setBase] = useState(current);
  const [draft, setDraft] = useState<Config>(() => pick(current));
  const changes = useMemo(() => differences(base, draft), [base, draft]);
  const begin = (from: LiveConfig, mine: Difference[] = []) => {
    setBase(from);
    setDraft(withDifferences(from, mine));
  };
  // Without changes of one's own the form follows what is saved.
  if (current.revision > base.revision && changes.length === 0) begin(current);
  return { base, draft, setDraft, changes, begin };
}

type Asking =
  | { is: "redirect" }
  | { is: "force" }
  | { is: "increment"; path: string }
  | { is: "merge"; theirs: LiveConfig };

function Editor({ world, current, schema }: EditorProps) {
  const cache = useQueryClient();
  const tell = useTell();
  const mayOperate = useMay("operator");
  const { base, draft, setDraft, changes, begin } = useDraft(current);
  const [isValid, setIsValid] = useState(true);
  const [asking, setAsking] = useState<Asking | null>(null);
  const fields = useMemo(() => wholeSchema(schema), [schema]);

  const saved = (answer: SaveAnswer, text: string) => {
    cache.setQueryData(["world", world.id, "live-config"], answer);
    void cache.invalidateQueries();
    setAsking(null);
    tell(text);
    for (const warning of answer.warnings ?? []) tell(warning.message, "warning");
  };
  const save = useMutation({
    mutationFn: async (force: { force?: boolean; reason?: string }) =>
      whole(world.id, await api.saveLiveConfig(world.id, patchOf(changes), base.revision, force)),
    onSuccess: (answer) => {
      begin(answer);
      saved(answer, `Saved as revision ${answer.revision}.`);
    },
    onError: async (error) => {
      const { status, code } = asProblem(error);
      if (status === 412) setAsking({ is: "merge", theirs: await api.liveConfig(world.id) });
      else setAsking(forceable.includes(code) ? { is: "force" } : null);
    },
  });
  const increment = useMutation({
    mutationFn: async (path: string) =>
      whole(world.id, await api.increment(world.id, path)),
    onSuccess: (answer) => saved(answer, `Incremented; revision ${answer.revision}.`),
  });

  const askIncrement = (path: string) => {
    // With an override set this is the guide's last step; without one it throws everyone out and in.
    if (path.endsWith("/AllClients") && overrideOf(current) === "") {
      setAsking({ is: "increment", path });
    } else {
      increment.mutate(path);
    }
  };
  const counting = {
    increment: mayOperate ? askIncrement : null,
    isBusy: increment.isPending,
  };
  const submit = () => {
    if (redirects(changes) && world.status.phase === "Active") setAsking({ is: "redirect" });
    else save.mutate({});
  };
  const problems = save.error instanceof ApiProblem ? save.error.errors : [];
  const isStale = current.revision > base.revision && changes.length > 0;
  return (
    <Stack>
      <Text size="sm" c="dimmed" className="wrap">
        Revision {current.revision}, saved {time(current.updatedAt)} by {current.updatedBy}
      </Text>
      {isStale && (
        <Alert color="orange" title="It was changed in the meantime" role="status">
          <Group justify="space-between">
            <Text size="sm" className="wrap">
              {current.updatedBy} saved revision {current.revision} while you were editing.
            </Text>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => setAsking({ is: "merge", theirs: current })}
            >
              Compare
            </Button>
          </Group>
        </Alert>
      )}
      <CountingContext.Provider value={counting}>
        <ConfigForm
          schema={fields}
          draft={draft}
          problems={problems}
          isReadOnly={!mayOperate}
          onChange={(next, valid) => {
            setDraft(next);
            setIsValid(valid);
          }}
        />
      </CountingContext.Provider>
      {increment.error && <Problem error={increment.error} />}
      {mayOperate && (
        <SaveBar
          changes={changes}
          isValid={isValid}
          isBusy={save.isPending}
          error={asking?.is === "merge" ? null : save.error}
          save={submit}
          discard={() => {
            save.reset();
            begin(current);
          }}
        />
      )}
      {asking && asking.is !== "merge" && (
        <Ask
          asking={asking}
          world={world}
          isBusy={save.isPending || increment.isPending}
          error={asking.is === "increment" ? increment.error : save.error}
          save={(force) => save.mutate(force)}
          increment={(path) => increment.mutate(path)}
          close={() => setAsking(null)}
        />
      )}
      {asking?.is === "merge" && (
        <MergeView
          merge={merge(base, draft, asking.theirs)}
          theirs={asking.theirs}
          onResolve={(mine) => {
            begin(asking.theirs, mine);
            save.reset();
            setAsking(null);
          }}
          onCancel={() => setAsking(null)}
        />
      )}
    </Stack>
  );
}

interface SaveBarProps {
  changes: Difference[];
  isValid: boolean;
  isBusy: boolean;
  error: unknown;
  save: () => void;
  discard: () => void;
}

function SaveBar({ changes, isValid, isBusy, error, save, discard }: SaveBarProps) {
  return (
    <Paper withBorder p="md" shadow="md" className="save-bar">
      <Stack gap="sm">
        {changes.length > 0 && (
          <div style={{ maxHeight: "30vh", overflow: "auto" }}>
            <Differences label="Changes to save" differences={changes} />
          </div>
        )}
        {error ? <Problem error={error} /> : null}
        <Group justify="space-between">
          <Text size="sm" aria-live="polite">
            {changes.length === 0 ? "No changes" : plural(changes.length, "change")}
            {!isValid && " · a value breaks a rule, see the form"}
          </Text>
          <Group gap="xs">
            {changes.length > 0 && (
              <Button variant="default" onClick={discard}>
                Discard
              </Button>
            )}
            <Button onClick={save} loading={isBusy} disabled={changes.length === 0}>
              Save Changes
            </Button>
          </Group>
        </Group>
      </Stack>
    </Paper>
  );
}

interface AskProps {
  asking: Exclude<Asking, { is: "merge" }>;
  world: World;
  isBusy: boolean;
  error: unknown;
  save: (force: { force?: boolean; reason?: string }) => void;
  increment: (path: string) => void;
  close: () => void;
}

function Ask({ asking, world, isBusy, error, save, increment, close }: AskProps) {
  const people = plural(world.status.sessions, "person", "people");
  if (asking.is === "increment") {
    return (
      <Confirm
        title="Make everyone rejoin?"
        confirm="Increment AllClients"
        isBusy={isBusy}
        error={error}
        onConfirm={() => increment(asking.path)}
        onCancel={close}
      >
        <Text>
          No override is saved: {people} would leave {world.name} and rejoin the same world. To move
          them to the failover world, save OverrideWorldId first.
        </Text>
      </Confirm>
    );
  }
  if (asking.is === "force") {
    return (
      <Confirm
        title="Save all the same?"
        confirm="Save all the same"
        reason="required"
        isBusy={isBusy}
        error={error}
        onConfirm={(reason) => save({ force: true, reason })}
        onCancel={close}
      >
        <Text>Whoever joins may find no world that takes them.</Text>
      </Confirm>
    );
  }
  return (
    <Confirm
      title="This world is healthy"
      confirm="Save and redirect"
      isBusy={isBusy}
      error={error}
      onConfirm={() => save({})}
      onCancel={close}
    >
      <Text>
        {world.name} is Active with {people} in it. Once this is saved, anyone joining it is redirected
        to the failover world at once. Do not save it ahead of need.
      </Text>
    </Confirm>
  );
}
