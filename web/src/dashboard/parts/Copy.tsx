/** An id with a button that copies it. */

import { Button, CopyButton, Group, Text } from "@mantine/core";

export function CopyField({ label, text }: { label: string; text: string | null | undefined }) {
  return (
    <div>
      <Text size="xs" c="dimmed" component="div">
        {label}
      </Text>
      <Group gap="xs" wrap="nowrap">
        <span className="mono" data-field={label}>
          {text || "–"}
        </span>
        {text && <CopyText label={label} text={text} />}
      </Group>
    </div>
  );
}

/** The clipboard of browsers exists in secure contexts only; elsewhere an old way still works. */
function copyTheOldWay(text: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyText({ label, text }: { label: string; text: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Button
          size="compact-xs"
          variant="default"
          aria-label={`Copy ${label}`}
          onClick={() => {
            if (navigator.clipboard === undefined) copyTheOldWay(text);
            copy();
          }}
        >
          {copied ? "Copied" : "Copy"}
        </Button>
      )}
    </CopyButton>
  );
}
