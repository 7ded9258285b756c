/** The browser client: joins through the SDK, and shows the plaza that it is placed in. */

import "./play.css";
import { Client, type GameHandlers, type GameSpot, type Status } from "lifeboat";
import { Crowd, type Spot, step } from "./crowd.js";
import { Plaza, type Welcome } from "./plaza.js";
import type { Scene } from "./scene.js";
import { Screen } from "./screen.js";

const SEND_EVERY_S = 0.1;
const query = new URLSearchParams(location.search);
const worldId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const SESSION_KEY = `lifeboat-session-${worldId}`;

const keysOf: Record<string, [x: number, y: number]> = {
  KeyW: [0, -1],
  ArrowUp: [0, -1],
  KeyS: [0, 1],
  ArrowDown: [0, 1],
  KeyA: [-1, 0],
  ArrowLeft: [-1, 0],
  KeyD: [1, 0],
  ArrowRight: [1, 0],
};

const root = document.getElementById("world");
if (!root) throw new Error("the page has no #world");

let plaza: Plaza | null = null;
let welcome: Welcome | null = null;
let crowd = new Crowd();
let scene: Scene | null = null;
let goal: Spot | null = null;
let wasIn = false;
let sinceSent = 0;
const held = new Set<string>();

const screen = new Screen(
  root,
  (text) => plaza?.say(text),
  () => client.leave(),
);

/** The library that draws is loaded while the first join is on its way. */
const sceneReady = import("./scene.js")
  .then(({ Scene }) => Scene.make(screen.picture))
  .then((made) => {
    scene = made;
    if (welcome) made.enter(welcome);
    made.onFrame(frame);
  })
  .catch((error: unknown) => {
    // Without a picture one is in the world all the same: chat and presence do not need it.
    console.warn("nothing can be drawn here", error);
    screen.place("This browser cannot draw the world. You are in it all the same.");
  });

function connectGame(spot: GameSpot, handlers: GameHandlers): () => void {
  const here = new Plaza(spot, handlers, {
    welcome: (welcomed, entered) => {
      plaza = entered;
      welcome = welcomed;
      crowd = new Crowd();
      goal = null;
      scene?.enter(welcomed);
      const name = query.get("name");
      if (name) entered.rename(name);
    },
    stage: (stage) => void sceneReady.then(() => scene?.stage(stage)),
    snapshot: (snapshot) => {
      crowd.apply(snapshot);
      const people = snapshot.population ?? crowd.people.size;
      document.body.dataset.people = String(people);
      screen.place(`${people} ${people === 1 ? "person" : "people"} here`);
    },
    chat: (lines) => {
      for (const line of lines) screen.line(line);
    },
    corrected: (x, y) => {
      if (welcome) crowd.place(welcome.you.id, x, y);
    },
    error: (code, detail) => {
      if (code !== "rate_limited") console.warn(`plaza: ${code}: ${detail}`);
    },
    closed: () => {
      plaza = null;
    },
  });
  return () => here.close();
}

/** Walks, and draws one picture. */
function frame(seconds: number): void {
  sinceSent += seconds;
  const you = welcome ? crowd.people.get(welcome.you.id) : undefined;
  if (you && welcome && plaza && sinceSent >= SEND_EVERY_S) {
    const next = step(you, direction(), goal, sinceSent, welcome.size);
    sinceSent = 0;
    if (next) {
      plaza.move(next.x, next.y, next.heading);
      crowd.place(you.id, next.x, next.y, next.heading);
    } else {
      goal = null;
    }
  }
  crowd.follow(seconds);
  scene?.draw(crowd);
}

function direction(): Spot {
  let [x, y] = [0, 0];
  for (const code of held) {
    const [dx, dy] = keysOf[code] ?? [0, 0];
    x += dx;
    y += dy;
  }
  return { x: Math.sign(x), y: Math.sign(y) };
}

addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (isTyping || !(event.code in keysOf)) return;
  event.preventDefault();
  held.add(event.code);
  goal = null;
});
addEventListener("keyup", ({ code }) => held.delete(code));
addEventListener("blur", () => held.clear());
screen.picture.addEventListener("pointerdown", (event) => {
  (document.activeElement as HTMLElement | null)?.blur();
  if (scene) goal = scene.spotAt(event.clientX, event.clientY);
});

/** A reloaded page is the same session; a second tab is one of its own. */
function kept(): string | null {
  try {
    return sessionStorage.getItem(SESSION_KEY);
  } catch {
    return null;
  }
}

function keep(token: string): void {
  try {
    sessionStorage.setItem(SESSION_KEY, token);
  } catch {
    // Without storage a reload is simply a new session.
  }
}

const client = new Client({
  url: location.origin,
  world: worldId,
  connectGame,
  kind: "browser",
  previous: kept(),
  ...(query.has("token") ? { token: query.get("token") ?? "" } : {}),
  ...(query.has("baseVersion") ? { baseVersion: Number(query.get("baseVersion")) } : {}),
});

function show(status: Status): void {
  if (status.status === "inWorld") {
    wasIn = true;
    document.body.dataset.world = status.world;
  }
  screen.show(status, wasIn);
}

client.on("status", show);
client.on("refusal", (failure) => screen.refused(failure));
client.on("progress", (progress) => screen.progress(progress));
client.on("message", (text) => screen.message(text));
client.on("placed", (placement) => {
  document.body.dataset.server = placement.server;
  document.body.dataset.session = placement.session;
  keep(placement.sessionToken);
});
screen.show({ status: "joining" }, false);
client.start();
