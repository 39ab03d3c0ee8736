// Prints what the page in dist/ weighs on its way to a reader, and fails if that is over budget.
// The budgets are for what the first view needs; what is loaded later is held to one of its own.
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const KB = 1000;
const DIST = new URL("../dist/", import.meta.url);

const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;
const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const read = (file) => readFileSync(new URL(file, DIST));
const sum = (files, weigh) => files.reduce((total, file) => total + weigh(read(file)), 0);

/** The scripts that a script needs before it runs, itself included; what it imports later is not among them. */
const withImports = (file, found = new Set()) => {
  if (found.has(file)) return found;
  found.add(file);
  const folder = new URL(file, DIST);
  const imports = /(?:^|[;}\s])(?:import|export)(?:[\w*{}\s,$]+from)?\s*["'](\.[^"']+\.js)["']/g;
  for (const [, path] of read(file).toString().matchAll(imports)) {
    withImports(new URL(path, folder).href.slice(DIST.href.length), found);
  }
  return found;
};

const all = readdirSync(DIST, { recursive: true }).map((file) => file.replaceAll("\\", "/"));
const html = read("index.html").toString();
const named = (pattern) => [...html.matchAll(pattern)].map(([, path]) => path.replace(/^\.\//, ""));

const styles = named(/<link[^>]+rel="stylesheet"[^>]+href="([^"]+)"/g);
const entries = named(/<script[^>]+src="([^"]+)"/g);
const workers = all.filter((file) => /(^|\/)worker-[^/]+\.js$/.test(file));
const shell = [...new Set([...entries, ...workers].flatMap((file) => [...withImports(file)]))];
const lazy = all.filter((file) => file.endsWith(".js") && !shell.includes(file));
const wasm = all.filter((file) => file.endsWith(".wasm"));

const rows = [
  ["HTML and its CSS", "gzip", sum(["index.html", ...styles], gzip), 30 * KB],
  ["scripts of the first view, worker included", "gzip", sum(shell, gzip), 60 * KB],
  ...lazy.map((file) => [`later: ${basename(file)}`, "gzip", gzip(read(file)), 25 * KB]),
  ["wasm", "brotli", sum(wasm, brotli), 450 * KB],
  ["wasm", "gzip", sum(wasm, gzip), 580 * KB],
];
if (entries.length === 0 || wasm.length === 0) {
  console.log("dist/ has no script or no wasm: the page was not built whole");
  process.exitCode = 1;
}
for (const [what, how, size, budget] of rows) {
  const verdict = size > budget ? "OVER BUDGET" : "ok";
  const kb = (bytes) => (bytes / KB).toFixed(1).padStart(7);
  console.log(`${what.padEnd(44)} ${kb(size)} kB ${how.padEnd(6)} of ${kb(budget)}  ${verdict}`);
  if (size > budget) process.exitCode = 1;
}
