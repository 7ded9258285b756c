import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { type Plugin, defineConfig } from "vite";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** `vite dev` against `LIFEBOAT_URL`, or against the mock server when there is none. */
function backend(): Plugin {
  return {
    name: "lifeboat-backend",
    apply: "serve",
    async config(_, { mode }) {
      if (mode === "test") return {};
      let target = process.env.LIFEBOAT_URL;
      if (!target) {
        const { startMock } = await import("./mock/server.js");
        const mock = await startMock({});
        target = mock.url;
        console.log(`mock server at ${target}, admin key: ${mock.key}`);
      }
      const proxy = { target, ws: true, changeOrigin: true };
      return { server: { proxy: { "/api": proxy, "/session": proxy, "/docs": proxy } } };
    },
    configureServer(server) {
      server.middlewares.use((request, _, next) => {
        if (request.url?.startsWith("/play/")) request.url = "/play.html";
        next();
      });
    },
  };
}

export default defineConfig({
  plugins: [react(), backend()],
  resolve: {
    alias: {
      lifeboat: path("../sdk/typescript/src/index.ts"),
      // The form library names a validator in a file for its own tests; ours takes its place.
      "@rjsf/validator-ajv8": path("src/dashboard/config/validator.ts"),
    },
  },
  build: {
    target: "es2022",
    sourcemap: false,
    chunkSizeWarningLimit: 800,
    // Nothing is put into the page as a data address, so that a strict policy can be served.
    assetsInlineLimit: 0,
    rolldownOptions: { input: { dashboard: path("index.html"), play: path("play.html") } },
  },
});
