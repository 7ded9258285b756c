/** Who is in view of a plaza, as its snapshots say, and where to draw them between two snapshots. */

export interface Person {
  id: number;
  name: string;
  x: number;
  y: number;
  heading: number;
}

export interface Snapshot {
  full?: boolean;
  gone?: number[];
  people?: Person[];
  moved?: [id: number, x: number, y: number, heading: number][];
}

/** A person with the place where it is drawn, which follows the told one smoothly. */
export interface Seen extends Person {
  shownX: number;
  shownY: number;
}

/** Farther than this a person is not walked but put to its place, in centimetres. */
const JUMP_CM = 1_500;
/** How quickly the shown place follows: the share of the way in a second is 1 - e^-RATE. */
const RATE_PER_SECOND = 10;

export class Crowd {
  readonly people = new Map<number, Seen>();

  /** Applies a snapshot in the order that the protocol asks for. */
  apply(snapshot: Snapshot): void {
    const before = new Map(this.people);
    if (snapshot.full) this.people.clear();
    for (const id of snapshot.gone ?? []) this.people.delete(id);
    for (const person of snapshot.people ?? []) {
      const { shownX, shownY } = before.get(person.id) ?? { shownX: person.x, shownY: person.y };
      this.people.set(person.id, { ...person, shownX, shownY });
    }
    for (const [id, x, y, heading] of snapshot.moved ?? []) this.place(id, x, y, heading);
  }

  place(id: number, x: number, y: number, heading?: number): void {
    const person = this.people.get(id);
    if (!person) return;
    person.x = x;
    person.y = y;
    if (heading !== undefined) person.heading = heading;
  }

  /** Lets the shown places follow for some time. */
  follow(seconds: number): void {
    const share = 1 - Math.exp(-RATE_PER_SECOND * seconds);
    for (const person of this.people.values()) {
      const dx = person.x - person.shownX;
      const dy = person.y - person.shownY;
      const isFar = Math.hypot(dx, dy) > JUMP_CM;
      person.shownX += isFar ? dx : dx * share;
      person.shownY += isFar ? dy : dy * share;
    }
  }
}

/** Centimetres in a second that a person walks here; the server allows more. */
export const WALK_CM_PER_SECOND = 500;

export interface Spot {
  x: number;
  y: number;
}

/** The heading of a step, in whole degrees clockwise from north. */
export function headingOf(dx: number, dy: number): number {
  return (Math.round((Math.atan2(dx, -dy) * 180) / Math.PI) + 360) % 360;
}

/** One step of a walk: by the keys held, else towards the goal; null when there is nowhere to go. */
export function step(
  at: Spot,
  keys: Spot,
  goal: Spot | null,
  seconds: number,
  size: { width: number; height: number },
): (Spot & { heading: number }) | null {
  const isByKeys = keys.x !== 0 || keys.y !== 0;
  const way = isByKeys ? keys : goal ? { x: goal.x - at.x, y: goal.y - at.y } : null;
  const length = way ? Math.hypot(way.x, way.y) : 0;
  if (!way || length < 1) return null;
  const far = WALK_CM_PER_SECOND * seconds;
  const part = (isByKeys ? far : Math.min(far, length)) / length;
  const within = (value: number, most: number) => Math.round(Math.min(Math.max(value, 0), most));
  return {
    x: within(at.x + way.x * part, size.width),
    y: within(at.y + way.y * part, size.height),
    heading: headingOf(way.x, way.y),
  };
}
