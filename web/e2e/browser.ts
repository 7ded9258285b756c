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

export const launchBrowser = (args: string[] = quiet): Promise<Browser> =>
  playwright.launch({ executablePath: chromium, args });
