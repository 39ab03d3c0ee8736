// The tests that need a browser. Their packages are the page's, which they stand beside.
import { createRequire } from "node:module";

import type { ViteUserConfig } from "vitest/config";

const page = createRequire(new URL("../../www/package.json", import.meta.url));
const folder = (name: string): string => page.resolve(`${name}/package.json`).replace(/\/package\.json$/, "");

const config: ViteUserConfig = {
  root: new URL(".", import.meta.url).pathname,
  cacheDir: new URL("../../www/node_modules/.vite/browser", import.meta.url).pathname,
  resolve: {
    alias: { "playwright-core": `${folder("playwright-core")}/index.mjs`, vitest: `${folder("vitest")}/dist/index.js` },
  },
  test: {
    include: ["*.test.ts"],
    environment: "node",
    // Each file starts a browser of its own; two at once would fight for the processors.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
};

export default config;
