/** Creates a world, or changes one. A running world keeps what its servers were started with. */

import {
  Autocomplete,
  Button,
  Checkbox,
  Fieldset,
  Group,
  Modal,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  TagsInput,
  TextInput,
  Textarea,
} from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client.js";
import { type World, launchModes, profiles } from "../../api/types.js";
import { count } from "../format.js";
import { Problem } from "./Problem.js";

type Draft = Pick<
  World,
  "name" | "description" | "build" | "scale" | "durationMinutes" | "access" | "streaming"
>;

const fresh: Draft = {
  name: "",
  description: "",
  build: {
    mod: "plaza",
    modVersion: "1.0.0",
    contentVersion: "2026.11.1",
    baseVersion: 38,
    map: "plaza",
  },
  scale: { profile: "Capacity500" },
  durationMinutes: 180,
  access: { public: true, guests: true, groups: [] },
  streaming: { launchMode: "same-tab" },
};

const draftOf = ({ name, description, build, scale, ...rest }: World): Draft => ({
  name,
  description,
  build,
  scale,
  durationMinutes: rest.durationMinutes,
  access: rest.access,
  streaming: rest.streaming,
});

interface Props {
  /** The world to change; a new one is made without. */
  world?: World;
  onDone: (world: World) => void;
  onCancel: () => void;
}

export function WorldForm({ world, onDone, onCancel }: Props) {
  const [draft, setDraft] = useState<Draft>(world ? draftOf(world) : fresh);
  const cache = useQueryClient();
  const isRunning = world !== undefined && !["Inactive", "Error"].includes(world.status.phase);
  const save = useMutation({
    mutationFn: () => {
      if (!world) return api.createWorld(draft);
      const { name, description, access, ...fixed } = draft;
      return api.changeWorld(world.id, {
        name,
        description,
        access,
        ...(isRunning ? {} : fixed),
      });
    },
    onSuccess: (saved) => {
      void cache.invalidateQueries();
      onDone(saved);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const set = (change: Partial<Draft>) => setDraft((was) => ({ ...was, ...change }));
  return (
    <Modal
      opened
      onClose={onCancel}
      size="lg"
      title={world ? "Settings" : "Create a world"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Name"
            required
            maxLength={120}
            value={draft.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          <Textarea
            label="Description"
            maxLength={4000}
            value={draft.description}
            onChange={(event) => set({ description: event.currentTarget.value })}
          />
          <BuildFields draft={draft} set={set} isFixed={isRunning} />
          <ScaleFields draft={draft} set={set} isFixed={isRunning} />
          <AccessFields draft={draft} set={set} />
          {save.error && <Problem error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onCancel}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              {world ? "Save" : "Create"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface Part {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  isFixed?: boolean;
}

const legend = (text: string, isFixed?: boolean) => (isFixed ? `${text} (fixed while it runs)` : text);

function BuildFields({ draft, set, isFixed = false }: Part) {
  const { build } = draft;
  const setBuild = (change: Partial<Draft["build"]>) => set({ build: { ...build, ...change } });
  return (
    <Fieldset legend={legend("Mod and content", isFixed)} disabled={isFixed}>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextInput
          label="Mod"
          required
          value={build.mod}
          onChange={(event) => setBuild({ mod: event.currentTarget.value })}
        />
        <Autocomplete
          label="Mod version"
          data={["1.0.0", "1.1.0"]}
          value={build.modVersion}
          onChange={(modVersion) => setBuild({ modVersion })}
        />
        <Autocomplete
          label="Content version"
          data={["2026.11.1", "2026.11.2"]}
          value={build.contentVersion}
          onChange={(contentVersion) => setBuild({ contentVersion })}
        />
        <NumberInput
          label="Base version"
          prefix="V"
          min={1}
          allowDecimal={false}
          value={Number(String(build.baseVersion).replace(/^V/i, ""))}
          onChange={(baseVersion) => setBuild({ baseVersion: Number(baseVersion) })}
        />
        <Autocomplete
          label="Map"
          data={["plaza", "garden"]}
          value={build.map}
          onChange={(map) => setBuild({ map })}
        />
      </SimpleGrid>
    </Fieldset>
  );
}

function ScaleFields({ draft, set, isFixed = false }: Part) {
  const seats = Object.entries(profiles).map(([value, seat]) => ({
    value,
    label: `${count(seat)} people`,
  }));
  return (
    <Fieldset legend={legend("Scale, duration, streaming", isFixed)} disabled={isFixed}>
      <SimpleGrid cols={{ base: 1, xs: 3 }}>
        <Select
          label="Scale"
          data={seats}
          allowDeselect={false}
          value={draft.scale.profile}
          onChange={(profile) => profile && set({ scale: { profile } })}
        />
        <NumberInput
          label="Duration (minutes)"
          min={1}
          max={44_640}
          allowDecimal={false}
          value={draft.durationMinutes}
          onChange={(minutes) => set({ durationMinutes: Number(minutes) })}
        />
        <Select
          label="Launch mode"
          data={launchModes}
          allowDeselect={false}
          value={draft.streaming.launchMode}
          onChange={(launchMode) => launchMode && set({ streaming: { launchMode } })}
        />
      </SimpleGrid>
    </Fieldset>
  );
}

function AccessFields({ draft: { access }, set }: Part) {
  const setAccess = (change: Partial<Draft["access"]>) => set({ access: { ...access, ...change } });
  return (
    <Fieldset legend="Access">
      <Stack gap="sm">
        <Checkbox
          label="Public"
          checked={access.public}
          onChange={(event) => setAccess({ public: event.currentTarget.checked })}
        />
        <Checkbox
          label="Guests may enter"
          checked={access.guests}
          onChange={(event) => setAccess({ guests: event.currentTarget.checked })}
        />
        <TagsInput
          label="Access groups"
          value={access.groups}
          onChange={(groups) => setAccess({ groups })}
          maxTags={64}
        />
      </Stack>
    </Fieldset>
  );
}
