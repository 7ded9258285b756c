/** Small pictures and films for the docs, made of screenshots. */

import sharp from "sharp";

/** Few colours are enough for pages; the file is a third of what it was. */
export async function writePicture(shot: Buffer, path: string, width?: number): Promise<number> {
  const picture = sharp(shot).resize(width === undefined ? {} : { width });
  const { size } = await picture.png({ palette: true, effort: 10, colours: 128 }).toFile(path);
  return size;
}

/** Two pictures of the same moment, and when that was. */
export interface Moment {
  atMs: number;
  left: Buffer;
  right: Buffer;
}

interface Side {
  title: string;
  width: number;
}

const HEIGHT_PX = 420;
const TITLE_PX = 34;
/** The last picture stands for so long before the film begins anew. */
const END_MS = 4_000;
const PICTURE_MS = { least: 60, most: 2_000 };

function titles(left: Side, right: Side, clock: string): Buffer {
  const text = (x: number, words: string, anchor = "start") =>
    `<text x="${x}" y="23" text-anchor="${anchor}" font-family="DejaVu Sans, sans-serif" ` +
    `font-size="15" font-weight="bold" fill="#fff">${words}</text>`;
  const whole = left.width + right.width;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole}" height="${TITLE_PX}">` +
      `<rect width="100%" height="100%" fill="#1c2430"/>${text(12, left.title)}` +
      `${text(left.width + 12, right.title)}${text(whole - 12, clock, "end")}</svg>`,
  );
}

/** A film of both sides beside each other, in the time that it took. */
export async function writeFilm(
  moments: Moment[],
  [left, right]: [Side, Side],
  clockOf: (atMs: number) => string,
  path: string,
): Promise<number> {
  const width = left.width + right.width;
  const frames: Buffer[] = [];
  for (const moment of moments) {
    const fit = (shot: Buffer, side: Side) =>
      sharp(shot).resize({ width: side.width, height: HEIGHT_PX, fit: "cover", position: "top" });
    const [one, other] = await Promise.all([
      fit(moment.left, left).png().toBuffer(),
      fit(moment.right, right).png().toBuffer(),
    ]);
    const background = { width, height: HEIGHT_PX + TITLE_PX, channels: 3, background: "#000" };
    const frame = sharp({ create: background as never }).composite([
      { input: titles(left, right, clockOf(moment.atMs)), left: 0, top: 0 },
      { input: one, left: 0, top: TITLE_PX },
      { input: other, left: left.width, top: TITLE_PX },
    ]);
    frames.push(await frame.png().toBuffer());
  }
  const delay = moments.map(({ atMs }, index) => {
    const next = moments[index + 1];
    const took = next ? next.atMs - atMs : END_MS;
    return Math.min(Math.max(took, PICTURE_MS.least), next ? PICTURE_MS.most : END_MS);
  });
  const film = sharp(frames, { join: { animated: true } });
  const { size } = await film.webp({ quality: 75, effort: 6, minSize: true, delay, loop: 0 }).toFile(path);
  return size;
}
