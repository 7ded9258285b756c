/**
 * The shapes that go over HTTP to and from players, from `openapi.ts`, which the build makes of the
 * OpenAPI document.
 */

import type { components } from "./openapi.js";

type Schemas = components["schemas"];

export type LaunchMode = Schemas["LaunchMode"];
export type Streaming = Schemas["Streaming"];

/** What a client says of itself at each join. */
export type ClientInfo = Required<Schemas["ClientInfo"]>;

/** `POST /api/worlds/{id}/join`; all of it is said, null for what is not known. */
export type JoinRequest = Required<Omit<Schemas["JoinRequest"], "client">> & { client: ClientInfo };

/** The answer to a join. Everything but `requestedWorld` is of the world placed in. */
export type JoinAnswer = Schemas["JoinAnswer"];

/** An RFC 9457 problem document. */
export type Problem = Schemas["Problem"];
