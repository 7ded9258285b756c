import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client.js";
import { Problem } from "../parts/Problem.js";
import { useTitle } from "../parts/title.js";

export function LoginPage() {
  useTitle("Sign in");
  const cache = useQueryClient();
  const [key, setKey] = useState("");
  const [name, setName] = useState("");
  const login = useMutation({
    mutationFn: () => api.login(key.trim(), name.trim()),
    onSuccess: () => cache.invalidateQueries(),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w="100%" maw={420} shadow="sm">
        <form onSubmit={submit}>
          <Stack>
            <Stack gap={4}>
              <img src="/lifeboat.svg" alt="" width={44} height={44} />
              <Title order={1} size="h2">
                Sign in to Lifeboat
              </Title>
              <Text size="sm" c="dimmed">
                The first start of the server left an admin key in its data directory, in the file
                admin.key.
              </Text>
            </Stack>
            <PasswordInput
              label="Key"
              name="key"
              required
              autoFocus
              autoComplete="current-password"
              value={key}
              onChange={(event) => setKey(event.currentTarget.value)}
              visibilityToggleButtonProps={{ "aria-label": "Show the key" }}
            />
            <TextInput
              label="Your name"
              name="name"
              description="It stands in the audit log beside what you do."
              required
              maxLength={120}
              autoComplete="name"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            {login.error && <Problem error={login.error} />}
            <Button type="submit" loading={login.isPending}>
              Sign in
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
