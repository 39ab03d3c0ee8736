// The lines of a script (docs/formats.md, 1.3) that the panes hand to the core. Forms are checked, nothing else: what
// cannot be done says the core.
import type { Sid } from "../core/types";

/** A line has at most so many characters; the core refuses a longer one. */
const LINE_MAX = 1000;

/** A string of the script. What no line can hold becomes a blank: other line ends, and marks nobody sees. */
export function quoted(text: string): string {
  let out = "";
  for (const char of text) {
    if (char === "\"" || char === "\\") out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\t") out += "\\t";
    else out += isControl(char) ? " " : char;
  }
  return `"${out}"`;
}

function isControl(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029
    || (code >= 0xd800 && code < 0xe000);
}

export const VERBS = ["create", "set", "get", "delete", "exists", "children"] as const;
export type Verb = (typeof VERBS)[number];

/** What the form of a client holds. Each verb takes of it what it knows. */
export type CallForm = {
  verb: Verb;
  path: string;
  value: string;
  ephemeral: boolean;
  sequential: boolean;
  watch: boolean;
};

export const takesValue = (verb: Verb): boolean => verb === "create" || verb === "set";
export const takesFlags = (verb: Verb): boolean => verb === "create";
export const takesWatch = (verb: Verb): boolean => verb === "get" || verb === "exists" || verb === "children";

/** `c1: create "/a" "x" ephemeral`. */
export function callLine(client: string, form: CallForm): string {
  const words = [`${client}:`, form.verb, quoted(form.path)];
  if (form.verb === "set" || (form.verb === "create" && form.value !== "")) words.push(quoted(form.value));
  if (takesFlags(form.verb) && form.ephemeral) words.push("ephemeral");
  if (takesFlags(form.verb) && form.sequential) words.push("sequential");
  if (takesWatch(form.verb) && form.watch) words.push("watch");
  return words.join(" ");
}

/** What else a client can do, one of each kind (docs/formats.md, 1.3): to begin with, and to change. */
export const EXAMPLES = [
  "sync /a",
  "multi { create /a; create /a/b; set /a \"x\" version 0 }",
  "create /a times 5",
  "add-watch /a recursive",
  "remove-watches /a",
  "auth digest \"ann:secret\"",
  "set-acl /a \"auth::cdrwa\"",
  "get-acl /a",
  "reconfig leaving 3",
  "lock /lock for 1s",
  "run-for-master /election",
  "put /queue \"item\"",
  "take /queue",
] as const;

/** `multi`, for a button. */
export const exampleName = (example: string): string => example.split(" ", 1)[0] ?? example;

/** What was typed as one line of a client. */
export const lineOf = (client: string, typed: string): string => `${client}: ${typed.trim().replaceAll(/\s+/gu, " ")}`;

export const connectLine = (client: string, servers: readonly Sid[]): string => `${client}: connect ${servers.join(",")}`;

/** What is wrong with a path before it is sent, as far as its form says; the core has the last word. */
export function pathFault(path: string): "empty" | "slash" | "end" | null {
  if (path === "") return "empty";
  if (!path.startsWith("/")) return "slash";
  return path.endsWith("/") && path !== "/" ? "end" : null;
}

export const tooLong = (line: string): boolean => [...line].length > LINE_MAX;
