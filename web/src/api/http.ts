/** Requests to the server's own origin, with the login's cookie. */

import { readProblem, unreachable } from "./problem.js";

export interface RequestOptions {
  ifMatch?: number;
  /** Added to the address; undefined members are left out. */
  query?: Record<string, string | number | boolean | undefined>;
  signal?: AbortSignal;
}

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** Called when the login is no longer good. */
export const onSignedOut = new Set<() => void>();

/** A 401 of these is their answer, and no news about a login. */
const asksWho = new Set(["/api/login", "/api/me"]);

/** A key that makes a repeated POST the same POST; `randomUUID` exists in secure contexts only. */
function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function address(path: string, query: RequestOptions["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  return search.size > 0 ? `${path}?${search}` : path;
}

async function send(
  method: Method,
  path: string,
  body?: unknown,
  options: RequestOptions = {},
): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") headers["x-lifeboat"] = "1";
  if (method === "POST") headers["idempotency-key"] = idempotencyKey();
  if (body !== undefined) headers["content-type"] = "application/json";
  if (options.ifMatch !== undefined) headers["if-match"] = `"${options.ifMatch}"`;
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw unreachable();
  }
  if (response.ok) return response;
  const problem = await readProblem(response);
  if (response.status === 401 && !asksWho.has(path)) for (const tell of onSignedOut) tell();
  throw problem;
}

/** Sends and reads JSON; an empty answer is `undefined`. */
export async function request<T>(
  method: Method,
  path: string,
  body?: unknown,
  options?: RequestOptions,
): Promise<T> {
  const response = await send(method, path, body, options);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** Reads text as it is, such as logs. */
export async function requestText(path: string, options?: RequestOptions): Promise<string> {
  return (await send("GET", path, undefined, options)).text();
}
