// Prints what the pages load, gzipped, first page and the rest apart.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10);
let [total, zipped] = [0, 0];
for (const name of readdirSync(new URL("assets/", dist)).sort()) {
  const content = readFileSync(new URL(`assets/${name}`, dist));
  const gzip = gzipSync(content).length;
  total += content.length;
  zipped += gzip;
}
for (const page of ["index.html", "play.html"]) {
  const html = readFileSync(new URL(page, dist), "utf8");
  const files = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file);
  const sizes = files.map((file) => gzipSync(readFileSync(new URL(file, dist))).length);
  console.log(`${kb(sizes.reduce((sum, size) => sum + size, 0))} gzipped at first: ${page}`);
}
console.log(`${kb(total)} in all, ${kb(zipped).trim()} gzipped`);
