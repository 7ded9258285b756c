import { Table } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  /** What the table holds, for those who come to it by keyboard. */
  label: string;
  /** Below this width, in pixels, it scrolls. */
  minWidth: number;
  children: ReactNode;
}

/** Lets a wide table scroll by itself; with the keyboard as well, so it can be reached. */
export function WideTable({ label, minWidth, children }: Props) {
  return (
    <Table.ScrollContainer
      minWidth={minWidth}
      type="native"
      tabIndex={0}
      role="group"
      aria-label={label}
    >
      {children}
    </Table.ScrollContainer>
  );
}
