import {
  Alert,
  Button,
  Group,
  Paper,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client.js";
import type { Key, Role } from "../../api/types.js";
import { Confirm } from "../parts/Confirm.js";
import { CopyField } from "../parts/Copy.js";
import { Problem } from "../parts/Problem.js";
import { useTitle } from "../parts/title.js";
import { useMay } from "../queries.js";

const roles = [
  { value: "viewer", label: "viewer: looks on" },
  { value: "operator", label: "operator: worlds, live config, failover, kick and ban" },
  { value: "support", label: "support: also what is marked internal" },
  { value: "admin", label: "admin: also keys" },
];

export default function KeysPage() {
  useTitle("Keys");
  const mayKeys = useMay("admin");
  const keys = useQuery({ queryKey: ["keys"], queryFn: api.keys, enabled: mayKeys });
  const [revoking, setRevoking] = useState<Key | null>(null);
  if (!mayKeys) return <Text>Keys are for administrators.</Text>;
  return (
    <Stack>
      <Title order={1}>Keys</Title>
      <NewKey />
      {keys.error && <Problem error={keys.error} retry={() => void keys.refetch()} />}
      <Paper withBorder p="md">
        <Table aria-label="Keys">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Role</Table.Th>
              <Table.Th visibleFrom="sm">Id</Table.Th>
              <Table.Th>
                <span aria-hidden />
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {(keys.data ?? []).map((key) => (
              <Table.Tr key={key.id}>
                <Table.Td className="wrap">{key.name}</Table.Td>
                <Table.Td>{key.role}</Table.Td>
                <Table.Td className="mono" visibleFrom="sm">
                  {key.id}
                </Table.Td>
                <Table.Td>
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`Revoke ${key.name}`}
                    onClick={() => setRevoking(key)}
                  >
                    Revoke
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Paper>
      {revoking && <Revoke revoked={revoking} close={() => setRevoking(null)} />}
    </Stack>
  );
}

function NewKey() {
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const create = useMutation({
    mutationFn: () => api.createKey(name.trim(), role),
    onSuccess: () => {
      setName("");
      void cache.invalidateQueries({ queryKey: ["keys"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Paper withBorder p="md" component="section" aria-label="New key">
      <form onSubmit={submit}>
        <Stack>
          <Group align="flex-end">
            <TextInput
              label="Name"
              required
              maxLength={120}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Select
              label="Role"
              data={roles}
              allowDeselect={false}
              value={role}
              onChange={(value) => value && setRole(value as Role)}
              style={{ flex: 1, minWidth: 220, maxWidth: 440 }}
            />
            <Button type="submit" loading={create.isPending}>
              Create a key
            </Button>
          </Group>
          {create.error && <Problem error={create.error} />}
          {create.data?.secret && (
            <Alert color="green" variant="light" title="Copy it now: it is shown this once">
              <CopyField label={`Secret of ${create.data.name}`} text={create.data.secret} />
            </Alert>
          )}
        </Stack>
      </form>
    </Paper>
  );
}

function Revoke({ revoked, close }: { revoked: Key; close: () => void }) {
  const cache = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => api.revokeKey(revoked.id),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["keys"] });
      close();
    },
  });
  return (
    <Confirm
      title={`Revoke ${revoked.name}?`}
      confirm="Revoke"
      isBusy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onCancel={close}
    >
      <Text>Whoever uses this key is shut out at once, logins made with it too.</Text>
    </Confirm>
  );
}
