import { readFileSync } from "node:fs";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/**
 * What the page may load, written into the page itself: a plain file server sends no such header.
 * `zablab up` sends the same text. Only in the build, as Vite's own server puts styles inline.
 */
const policy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: {
        "http-equiv": "Content-Security-Policy",
        content: readFileSync(new URL("csp.txt", import.meta.url), "utf8").trim(),
      },
      injectTo: "head-prepend",
    },
  ],
};

/** What is needed at once is one file: it packs better than many that share little. */
const CHUNKS = [{ name: "lab", tags: ["$initial" as const] }];

// Every address is relative: the folder that comes out works from any sub-path.
export default defineConfig({
  base: "./",
  plugins: [svelte(), policy],
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    // One style sheet, so that no script has to wait for another: without it each part that is loaded
    // later would bring a list of what it needs.
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: { output: { codeSplitting: { groups: CHUNKS } } },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node", testTimeout: 30_000 },
});
