/** The join over HTTP. */

import { type ErrorCode, errorCode, readFrame } from "./machine/index.js";
import type { JoinAnswer, JoinRequest } from "./types.js";

const JOIN_TIMEOUT_MS = 15_000;

/** Why a join gave no placement; `code` is null when there was no answer that says. */
export interface JoinFailure {
  code: ErrorCode | null;
  retryAfterMs: number | null;
  /** What the server says about it, to be shown as text. */
  detail: string | null;
}

export type JoinOutcome = { answer: JoinAnswer } | { failure: JoinFailure };

const NO_ANSWER: JoinOutcome = { failure: { code: null, retryAfterMs: null, detail: null } };

/** A player's token, or how to get one; none is a guest's. */
export type Token = string | (() => string | null | Promise<string | null>) | undefined;

/** What is asked, and how. */
export interface Asking {
  fetch: typeof fetch;
  url: string;
  token: Token;
  request: JoinRequest;
}

/**
 * Asks to join. Never throws, and has an outcome in time whatever the game's own code does: no
 * answer is one as well.
 */
export async function askToJoin(asking: Asking): Promise<JoinOutcome> {
  const abort = new AbortController();
  const late = new Promise<JoinOutcome>((done) => {
    abort.signal.addEventListener("abort", () => done(NO_ANSWER));
  });
  const timer = setTimeout(() => abort.abort(), JOIN_TIMEOUT_MS);
  try {
    return await Promise.race([ask(asking, abort.signal), late]);
  } catch {
    return NO_ANSWER;
  } finally {
    clearTimeout(timer);
  }
}

async function ask(asking: Asking, signal: AbortSignal): Promise<JoinOutcome> {
  const { fetch, url, token, request } = asking;
  const headers: Record<string, string> = { "content-type": "application/json" };
  // A token that cannot be had is no guest's: its player would come back as somebody else.
  const bearer = typeof token === "function" ? await token() : token;
  if (typeof bearer === "string") headers.authorization = `Bearer ${bearer}`;
  const body = JSON.stringify(request);
  const response = await fetch(url, { method: "POST", headers, body, signal });
  const text = await response.text();
  if (!response.ok) return { failure: readFailure(response.headers.get("retry-after"), text) };
  const answer = readAnswer(text);
  return answer ? { answer } : NO_ANSWER;
}

/** A placement frame and the answer to a join are the same thing, checked by the same rules. */
function readAnswer(text: string): JoinAnswer | null {
  const asFrame = JSON.stringify({ ...(JSON.parse(text) as object), type: "placement" });
  const frame = readFrame(asFrame);
  if (frame?.type !== "placement") return null;
  const { type: _, ...answer } = frame;
  return answer;
}

/** Reads a refusal; what is no problem document is no refusal. The body's wait goes before the header's. */
export function readFailure(retryAfter: string | null, text: string): JoinFailure {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) body = parsed as Record<string, unknown>;
  } catch {
    // Something between us and Lifeboat answered.
  }
  const inBody = body.retryAfterMs;
  const seconds = /^\d+$/.test(retryAfter?.trim() ?? "") ? Number(retryAfter) : null;
  return {
    code: errorCode(body.code),
    retryAfterMs:
      typeof inBody === "number" && Number.isInteger(inBody) && inBody >= 0
        ? inBody
        : seconds === null
          ? null
          : seconds * 1000,
    detail: typeof body.detail === "string" ? body.detail : null,
  };
}
