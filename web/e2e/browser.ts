/** Debian's Chromium, driven by Playwright, quiet: it talks to nobody but the page's own server. */

import { type Browser, chromium as playwright } from "playwright-core";

/** The program. */
export const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Without a sandbox, for a test that runs as root, and without what browsers ask the world for. */
export const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Without a graphics card a picture costs more of the processor than all else together; only tests
 * that look at it have it drawn.
 */
const undrawn = [...quiet, "--disable-3d-apis"];

export const launchBrowser = ({ draws = false } = {}): Promise<Browser> =>
  playwright.launch({ executablePath: chromium, args: draws ? quiet : undrawn });
