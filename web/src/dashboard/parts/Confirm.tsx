/** A question before something that moves people or cannot be taken back. */

import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { Problem } from "./Problem.js";

export interface ConfirmProps {
  title: string;
  children: ReactNode;
  confirm: string;
  colour?: string;
  /** Asks for a reason, which goes into the audit log. */
  reason?: "optional" | "required";
  isBusy?: boolean;
  error?: unknown;
  onConfirm: (reason: string) => void;
  onCancel: () => void;
}

export function Confirm(props: ConfirmProps) {
  const [reason, setReason] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onConfirm(reason.trim());
  };
  return (
    <Modal
      opened
      onClose={props.onCancel}
      title={props.title}
      centered
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit}>
        <Stack>
          {props.children}
          {props.reason && (
            <TextInput
              label="Reason"
              description="It stands in the audit log."
              required={props.reason === "required"}
              maxLength={500}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          )}
          {props.error ? <Problem error={props.error} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={props.onCancel}>
              Cancel
            </Button>
            <Button type="submit" color={props.colour ?? "red.9"} loading={props.isBusy ?? false}>
              {props.confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
