/** Who is in a world, with search, kick and ban; thousands of rows, only those in view drawn. */

import { Badge, Box, Button, Checkbox, Group, Paper, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { api } from "../../api/client.js";
import type { Session, World } from "../../api/types.js";
import { count, time } from "../format.js";
import { PEOPLE_RELOAD_MS, useMay } from "../queries.js";
import { Confirm } from "./Confirm.js";
import { useTell } from "./Notices.js";
import { Problem } from "./Problem.js";

const ROW_HEIGHT_PX = 44;
const HEIGHT_MAX_PX = 420;

function matches(session: Session, wanted: string): boolean {
  return [session.user, session.id, session.server, session.state].some((text) =>
    text?.toLowerCase().includes(wanted),
  );
}

export function Sessions({ world }: { world: World }) {
  const sessions = useQuery({
    queryKey: ["world", world.id, "sessions"],
    queryFn: () => api.sessions(world.id),
    refetchInterval: PEOPLE_RELOAD_MS,
    // A list of thousands is not loaded again at each event.
    meta: { isFixed: true },
  });
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const shown = useMemo(
    () => (sessions.data ?? []).filter((session) => matches(session, wanted)),
    [sessions.data, wanted],
  );
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="sessions">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4" id="sessions">
          Sessions
        </Title>
        <TextInput
          aria-label="Search sessions"
          placeholder="User, session, server, state"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      </Group>
      {sessions.error && <Problem error={sessions.error} />}
      <Text size="sm" c="dimmed" mb="xs" aria-live="polite">
        {wanted
          ? `${count(shown.length)} of ${count(sessions.data?.length ?? 0)} match`
          : `${count(shown.length)} connected`}
      </Text>
      <Rows sessions={shown} world={world} />
    </Paper>
  );
}

type Asked = { act: "kick" | "ban"; session: Session };

function Rows({ sessions, world }: { sessions: Session[]; world: World }) {
  const box = useRef<HTMLDivElement>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const mayOperate = useMay("operator");
  const rows = useVirtualizer({
    count: sessions.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_HEIGHT_PX,
    overscan: 8,
  });
  const height = Math.min(HEIGHT_MAX_PX, sessions.length * ROW_HEIGHT_PX);
  return (
    <>
      <div ref={box} style={{ height, overflow: "auto" }} tabIndex={0} role="group" aria-label="Rows">
        <ul style={{ height: rows.getTotalSize(), position: "relative", margin: 0, padding: 0 }}>
          {rows.getVirtualItems().map(({ key, index, start }) => {
            const session = sessions[index];
            return (
              session && (
                <Box
                  component="li"
                  key={key}
                  aria-setsize={sessions.length}
                  aria-posinset={index + 1}
                  style={{
                    listStyle: "none",
                    position: "absolute",
                    width: "100%",
                    height: ROW_HEIGHT_PX,
                    transform: `translateY(${start}px)`,
                  }}
                >
                  <Row session={session} ask={mayOperate ? setAsked : null} />
                </Box>
              )
            );
          })}
        </ul>
      </div>
      {asked && <Ask {...asked} world={world} close={() => setAsked(null)} />}
    </>
  );
}

function Row({ session, ask }: { session: Session; ask: ((asked: Asked) => void) | null }) {
  const isIn = session.state === "inWorld";
  return (
    <Group gap="sm" wrap="nowrap" h="100%" justify="space-between">
      <Group gap="sm" wrap="nowrap" style={{ minWidth: 0 }}>
        <Badge color={isIn ? "green.9" : "orange.9"} radius="sm" tt="none" miw={84}>
          {session.state}
        </Badge>
        <Text size="sm" truncate title={session.user}>
          {session.user}
        </Text>
        <Text size="xs" c="dimmed" className="mono" visibleFrom="md" truncate>
          {session.id} {session.server ?? ""} since {time(session.since)}
        </Text>
      </Group>
      {ask && (
        <Group gap={6} wrap="nowrap">
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Kick ${session.user}`}
            onClick={() => ask({ act: "kick", session })}
          >
            Kick
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Ban ${session.user}`}
            onClick={() => ask({ act: "ban", session })}
          >
            Ban
          </Button>
        </Group>
      )}
    </Group>
  );
}

function Ask({ act, session, world, close }: Asked & { world: World; close: () => void }) {
  const cache = useQueryClient();
  const tell = useTell();
  const [everywhere, setEverywhere] = useState(false);
  const doIt = useMutation({
    mutationFn: async (reason: string) => {
      if (act === "kick") await api.kick(session.id);
      else await api.ban(session.user, everywhere ? undefined : world.id, reason);
    },
    onSuccess: () => {
      void cache.invalidateQueries();
      tell(`${session.user} is ${act === "kick" ? "kicked" : "banned"}.`);
      close();
    },
  });
  return (
    <Confirm
      title={`${act === "kick" ? "Kick" : "Ban"} ${session.user}?`}
      confirm={act === "kick" ? "Kick" : "Ban"}
      {...(act === "ban" ? { reason: "required" as const } : {})}
      isBusy={doIt.isPending}
      error={doIt.error}
      onConfirm={(reason) => doIt.mutate(reason)}
      onCancel={close}
    >
      <Text className="wrap">
        {act === "kick"
          ? "The session ends for good. The user may join again."
          : "The session ends, and the user may not join again until the ban is lifted."}
      </Text>
      {act === "ban" && (
        <Checkbox
          label="In every world, not only in this one"
          checked={everywhere}
          onChange={(event) => setEverywhere(event.currentTarget.checked)}
        />
      )}
    </Confirm>
  );
}
