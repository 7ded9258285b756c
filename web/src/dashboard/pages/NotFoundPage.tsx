import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "wouter";
import { useTitle } from "../parts/title.js";

export default function NotFoundPage() {
  useTitle("Not found");
  return (
    <Stack>
      <Title order={1}>There is no such page</Title>
      <Text>
        Go back to <Anchor component={Link} href="/" underline="always">the worlds</Anchor>.
      </Text>
    </Stack>
  );
}
