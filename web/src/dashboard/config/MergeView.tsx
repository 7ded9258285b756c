/** Somebody else saved meanwhile: what they changed, what I changed, and a choice where both did. */

import { Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { LiveConfig } from "../../api/types.js";
import { time, value } from "../format.js";
import { Differences } from "./Differences.js";
import { type Difference, type Merge, readable } from "./diff.js";

interface Props {
  merge: Merge;
  theirs: LiveConfig;
  /** Goes on with these of my changes, on top of theirs. */
  onResolve: (changes: Difference[]) => void;
  onCancel: () => void;
}

export function MergeView({ merge, theirs, onResolve, onCancel }: Props) {
  const [choices, setChoices] = useState<Record<string, string>>({});
  const isDecided = merge.conflicts.every(({ path }) => choices[path] !== undefined);
  const resolve = () => {
    const chosen = merge.conflicts
      .filter(({ path }) => choices[path] === "mine")
      .map(({ path, theirs: before, mine: after }) => ({ path, before, after }));
    onResolve([...merge.mine, ...chosen]);
  };
  return (
    <Modal
      opened
      onClose={onCancel}
      size="lg"
      title="It was changed in the meantime"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack>
        <Text>
          <b className="wrap">{theirs.updatedBy}</b> saved revision {theirs.revision} at{" "}
          {time(theirs.updatedAt)}. Nothing of yours is lost, and nothing of yours is saved yet.
        </Text>
        {merge.theirs.length > 0 && (
          <div>
            <Text fw={650}>They changed, and you did not</Text>
            <Differences
              label="Their changes"
              differences={merge.theirs}
              before="Before"
              after="Theirs, kept"
            />
          </div>
        )}
        {merge.mine.length > 0 && (
          <div>
            <Text fw={650}>You changed, and they did not</Text>
            <Differences
              label="Your changes"
              differences={merge.mine}
              before="Now"
              after="Yours, kept"
            />
          </div>
        )}
        {merge.conflicts.map(({ path, base, mine, theirs: other }) => (
          <Radio.Group
            key={path}
            label={`Both changed ${readable(path)}`}
            description={`It was ${value(base)}.`}
            value={choices[path] ?? ""}
            onChange={(choice) => setChoices((was) => ({ ...was, [path]: choice }))}
          >
            <Stack gap="xs" mt="xs">
              <Radio value="mine" label={`Yours: ${value(mine)}`} />
              <Radio value="theirs" label={`Theirs: ${value(other)}`} />
            </Stack>
          </Radio.Group>
        ))}
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel}>
            Back
          </Button>
          <Button disabled={!isDecided} onClick={resolve}>
            Go on with this
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
