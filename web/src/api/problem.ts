/** Errors as the server sends them (RFC 9457), and what stands in for them when none came. */

export interface FieldProblem {
  path: string;
  code: string;
  message: string;
}

export interface Rule {
  code: string;
  message: string;
  main: unknown;
  standby: unknown;
  remedy: string;
  mayForce: boolean;
}

/** A request that failed. `code` is one of the server's closed list, or `unreachable`. */
export class ApiProblem extends Error {
  override name = "ApiProblem";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: FieldProblem[] = [],
    readonly rules: Rule[] = [],
    readonly retryAfterMs: number | null = null,
  ) {
    super(detail || title);
  }

  /** Whether the server could not be reached at all. */
  get isUnreachable(): boolean {
    return this.code === "unreachable";
  }
}

const textOf = (value: unknown, other: string) => (typeof value === "string" ? value : other);
const listOf = <T>(value: unknown): T[] => (Array.isArray(value) ? (value as T[]) : []);

/** Reads a failed answer; a body that is no problem document is described by its status. */
export async function readProblem(response: Response): Promise<ApiProblem> {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = await response.json();
    if (typeof parsed === "object" && parsed !== null) body = parsed as Record<string, unknown>;
  } catch {
    // A proxy in between answered with a page of its own.
  }
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const fromHeader = Number.isFinite(seconds) ? seconds * 1000 : null;
  return new ApiProblem(
    response.status,
    textOf(body.code, `http_${response.status}`),
    textOf(body.title, `The server answered ${response.status}`),
    textOf(body.detail, response.statusText),
    listOf<FieldProblem>(body.errors),
    listOf<Rule>(body.rules),
    typeof body.retryAfterMs === "number" ? body.retryAfterMs : fromHeader,
  );
}

export function unreachable(): ApiProblem {
  const title = "Lifeboat cannot be reached";
  return new ApiProblem(0, "unreachable", title, "Check the network; it is tried again.");
}

export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem(0, "internal", "Something went wrong on this page", detail);
}
