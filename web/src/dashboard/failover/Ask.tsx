/** The question before people are moved: what it will do, how fast, and what speaks against it. */

import { Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { asProblem } from "../../api/problem.js";
import type { Failover, FailoverRequest } from "../../api/types.js";
import { Confirm } from "../parts/Confirm.js";
import { useWorldNow } from "../queries.js";
import { type Move, forceText, paceText, sentence } from "./sentences.js";

interface Props {
  move: Move;
  label: string;
  request: FailoverRequest;
  send: (request: FailoverRequest) => Promise<Failover>;
  close: () => void;
}

export function Ask({ move, label, request, send, close }: Props) {
  const cache = useQueryClient();
  const main = useWorldNow(move.main);
  const plan = useQuery({
    queryKey: ["world", main.id, "plan", move.kind, request],
    queryFn: async () => (await send({ ...request, dryRun: true })).plan,
    gcTime: 0,
  }).data;
  const start = useMutation({
    mutationFn: (force: FailoverRequest) => send({ ...request, ...force }),
    onSuccess: () => {
      close();
      void cache.invalidateQueries();
    },
  });
  const rules = start.error ? asProblem(start.error).rules : [];
  const mayForce = rules.length > 0 && rules.every((rule) => rule.mayForce);
  const forced = `${label} all the same`;
  return (
    <Confirm
      title={`${label}: ${main.name}?`}
      confirm={mayForce ? forced : label}
      reason={mayForce ? "required" : "optional"}
      isBusy={start.isPending}
      error={start.error}
      onConfirm={(reason) => start.mutate(mayForce ? { force: true, reason } : { reason })}
      onCancel={close}
    >
      <Text className="wrap">{sentence({ ...move, main }, request.mode ?? "emergency")}</Text>
      {plan && <Text className="wrap numbers">{paceText(plan)}</Text>}
      {rules.length > 0 && (
        <Text className="wrap" fw={600}>
          {forceText(rules, forced)}
        </Text>
      )}
    </Confirm>
  );
}
