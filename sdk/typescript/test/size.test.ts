import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

/** What a page pays for these names of the SDK. */
async function bundled(names: string): Promise<string> {
  const contents = `import { ${names} } from "./src/index.ts"; console.log(${names});`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL("..", import.meta.url).pathname, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

describe("the SDK", () => {
  it("is small, and has no dependency", async () => {
    const whole = await bundled("Client");
    expect(gzipSync(whole).length).toBeLessThan(6_000);
    expect(whole).not.toMatch(/\bfrom\s*"/);
  });

  it("leaves out what is not used", async () => {
    const part = await bundled("withChanges");
    expect(part.length).toBeLessThan(800);
    expect(part).not.toContain("WebSocket");
  });
});
