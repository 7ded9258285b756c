import { Anchor, Stack, Title } from "@mantine/core";
import { Link } from "wouter";
import { Past } from "../failover/Past.js";
import { Progress } from "../failover/Progress.js";
import { Problem } from "../parts/Problem.js";
import { useTitle } from "../parts/title.js";
import { useFailovers } from "../queries.js";

/** Every failover of every world, or one of them. */
export default function FailoversPage({ failoverId }: { failoverId?: string }) {
  useTitle(failoverId ? "Failover" : "Failovers");
  const failovers = useFailovers();
  return (
    <Stack>
      <Title order={1}>{failoverId ? "Failover" : "Failovers"}</Title>
      {failovers.error && (
        <Problem error={failovers.error} retry={() => void failovers.refetch()} />
      )}
      {failoverId ? (
        <>
          <Anchor component={Link} href="/failovers" underline="always">
            All failovers
          </Anchor>
          <Progress failoverId={failoverId} />
        </>
      ) : (
        <Past records={failovers.data ?? []} of="many" />
      )}
    </Stack>
  );
}
