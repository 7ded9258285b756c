// Prints what an application pays for the SDK: all of it bundled and minified, and gzipped.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

for (const [name, entry] of [["lifeboat", "dist/index.js"], ["lifeboat/machine", "dist/machine/index.js"]]) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const code = outputFiles[0].contents;
  console.log(`${name}: ${code.length} bytes minified, ${gzipSync(code).length} bytes gzipped`);
}
