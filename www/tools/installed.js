// Succeeds if node_modules holds what package-lock.json asks for; installing takes far longer than
// this look. npm notes beside the packages what it has put there.
import { readFileSync } from "node:fs";

const read = (name) => {
  const text = readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
  return JSON.parse(text).packages;
};

const isFresh = () => {
  const { "": _page, ...wanted } = read("package-lock.json");
  const installed = read("node_modules/.package-lock.json");
  // Optional packages are those of other systems.
  const all = Object.entries(wanted).every(
    ([folder, { version, optional }]) => installed[folder]?.version === version || optional,
  );
  return all && Object.keys(installed).every((folder) => folder in wanted);
};

try {
  process.exitCode = isFresh() ? 0 : 1;
} catch {
  // Nothing is installed yet.
  process.exitCode = 1;
}
