/** Draws a plaza: the ground, the stage, the people with their names. Loaded when it is needed. */

import "pixi.js/unsafe-eval";
import { Application, Container, Graphics, Text } from "pixi.js";
import type { Crowd, Seen, Spot } from "./crowd.js";
import type { Stage, Welcome } from "./plaza.js";

/** Pixels of a centimetre. */
const SCALE = 0.11;
const GRID_CM = 800;
const BODY_PX = 11;
const NAME_CHARS_SHOWN = 24;

const grounds: Record<string, { ground: number; line: number; stage: number }> = {
  plaza: { ground: 0x23303f, line: 0x2e3f52, stage: 0x5b3a8c },
  garden: { ground: 0x1f3d2b, line: 0x2a5039, stage: 0x8c6a2f },
};

interface Figure {
  root: Container;
  body: Graphics;
  name: Text;
}

function colourOf(id: number): number {
  // The golden angle keeps the colours of neighbours apart.
  const hue = (id * 137.508) % 360;
  const channel = (shift: number) => {
    const k = (shift + hue / 30) % 12;
    return Math.round(255 * (0.62 - 0.3 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return (channel(0) << 16) | (channel(8) << 8) | channel(4);
}

export class Scene {
  readonly #app: Application;
  readonly #world = new Container();
  readonly #ground = new Graphics();
  readonly #people = new Container();
  readonly #figures = new Map<number, Figure>();
  readonly #title = new Text({
    text: "",
    style: { fill: 0xffffff, fontSize: 40, fontFamily: "system-ui, sans-serif", fontWeight: "700" },
  });
  #you = 0;

  private constructor(app: Application) {
    this.#app = app;
    this.#world.addChild(this.#ground, this.#title, this.#people);
    this.#title.anchor.set(0.5);
    app.stage.addChild(this.#world);
  }

  /** Makes the picture in `element`; throws where nothing can be drawn at all. */
  static async make(element: HTMLElement): Promise<Scene> {
    const app = new Application();
    await app.init({
      resizeTo: element,
      background: 0x141a22,
      antialias: true,
      autoDensity: true,
      resolution: Math.min(window.devicePixelRatio, 2),
      preference: "webgl",
    });
    element.prepend(app.canvas);
    return new Scene(app);
  }

  /** Calls back before each picture with the seconds since the last. */
  onFrame(act: (seconds: number) => void): void {
    this.#app.ticker.add(({ deltaMS }) => act(Math.min(deltaMS / 1_000, 0.25)));
  }

  enter({ you, map, size, area }: Welcome): void {
    this.#you = you.id;
    const look = grounds[map] ?? grounds.plaza;
    if (!look) return;
    const [width, height] = [size.width * SCALE, size.height * SCALE];
    const ground = this.#ground.clear().rect(0, 0, width, height).fill(look.ground);
    for (let at = GRID_CM; at < Math.max(size.width, size.height); at += GRID_CM) {
      if (at < size.width) ground.moveTo(at * SCALE, 0).lineTo(at * SCALE, height);
      if (at < size.height) ground.moveTo(0, at * SCALE).lineTo(width, at * SCALE);
    }
    ground.stroke({ color: look.line, width: 1 });
    const left = area.left * SCALE;
    ground
      .rect(left, 0, (area.right - area.left) * SCALE, area.bottom * SCALE)
      .fill(look.stage)
      .stroke({ color: 0xffffff, width: 2, alpha: 0.35 });
    this.#title.position.set((left + area.right * SCALE) / 2, (area.bottom * SCALE) / 2);
  }

  stage({ title, lightLevel, doorsOpen }: Stage): void {
    this.#title.text = doorsOpen ? title : `${title} · doors closed`;
    this.#title.alpha = 0.35 + 0.65 * lightLevel;
  }

  /** Where in the world a point of the window is, in centimetres. */
  spotAt(x: number, y: number): Spot {
    const { left, top } = this.#app.canvas.getBoundingClientRect();
    const at = this.#world.toLocal({ x: x - left, y: y - top });
    return { x: at.x / SCALE, y: at.y / SCALE };
  }

  draw(crowd: Crowd): void {
    for (const [id, figure] of this.#figures) {
      if (crowd.people.has(id)) continue;
      figure.root.destroy({ children: true });
      this.#figures.delete(id);
    }
    for (const person of crowd.people.values()) this.#drawPerson(person);
    const you = crowd.people.get(this.#you);
    if (you) {
      const { width, height } = this.#app.screen;
      this.#world.position.set(width / 2 - you.shownX * SCALE, height / 2 - you.shownY * SCALE);
    }
  }

  #drawPerson(person: Seen): void {
    const figure = this.#figures.get(person.id) ?? this.#makeFigure(person);
    figure.root.position.set(person.shownX * SCALE, person.shownY * SCALE);
    figure.body.rotation = (person.heading * Math.PI) / 180;
    const name = person.name.slice(0, NAME_CHARS_SHOWN);
    if (figure.name.text !== name) figure.name.text = name;
  }

  #makeFigure(person: Seen): Figure {
    const isYou = person.id === this.#you;
    const body = new Graphics()
      .circle(0, 0, BODY_PX)
      .fill(colourOf(person.id))
      .stroke({ color: isYou ? 0xffffff : 0x000000, width: isYou ? 3 : 1, alpha: isYou ? 1 : 0.5 })
      .moveTo(0, -BODY_PX)
      .lineTo(0, -BODY_PX - 6)
      .stroke({ color: 0xffffff, width: 2 });
    const name = new Text({
      text: "",
      style: { fill: 0xffffff, fontSize: 13, fontFamily: "system-ui, sans-serif" },
    });
    name.anchor.set(0.5, 0);
    name.y = BODY_PX + 4;
    const root = new Container({ children: [body, name] });
    this.#people.addChild(root);
    const figure = { root, body, name };
    this.#figures.set(person.id, figure);
    return figure;
  }
}
