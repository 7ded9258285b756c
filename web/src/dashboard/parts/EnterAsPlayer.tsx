/** The way into a world, opened where its launch mode says, as far as a browser can. */

import { Button, Paper } from "@mantine/core";
import { useState } from "react";
import type { World } from "../../api/types.js";

const FRAME_HEIGHT_PX = 480;

export function EnterAsPlayer({ world }: { world: World }) {
  const [isOpen, setIsOpen] = useState(false);
  const { launchMode } = world.streaming;
  const address = `/play/${world.id}`;
  if (launchMode !== "embedded") {
    // A native client is none of a browser's; the browser client enters all the same, beside it.
    const target = launchMode === "same-tab" ? "_self" : "_blank";
    return (
      <Button component="a" href={address} target={target} rel="noopener" variant="subtle" size="sm">
        Enter as a player
      </Button>
    );
  }
  return (
    <>
      <Button
        variant="subtle"
        size="sm"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        {isOpen ? "Close the player's page" : "Enter as a player"}
      </Button>
      {isOpen && (
        <Paper withBorder w="100%" style={{ overflow: "hidden" }}>
          <iframe
            src={address}
            title="The player's page"
            style={{ display: "block", width: "100%", height: FRAME_HEIGHT_PX, border: 0 }}
          />
        </Paper>
      )}
    </>
  );
}
