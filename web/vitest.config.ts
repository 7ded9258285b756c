import { defineConfig } from "vitest/config";
import vite from "./vite.config.js";

export default defineConfig({
  plugins: vite.plugins ?? [],
  resolve: vite.resolve ?? {},
  test: { include: ["test/**/*.test.{ts,tsx}"] },
});
