// What a branch is called: the act that began it, as the page's buttons say it, and what it was done
// to. Pure; the words are the caller's. Grammar of a step: docs/formats.md, sections 1.3 and 2.
import type { Flight } from "../core/types";
import { hostName, zxidText } from "../panes/words";
import type { ActId } from "./acts";

/** An act by its name and its object; a step that no button does stays as the core writes it. */
export type Began = { act: ActId | "healAll" | null; what: string };

const MESSAGE: { readonly [verb: string]: ActId } = {
  hold: "hold", lose: "drop", deliver: "deliver", release: "release",
};

/** What a client does without naming anything else. */
const CLIENT: { readonly [verb: string]: ActId } = {
  disconnect: "disconnect", close: "close", crash: "crash", pause: "pause", resume: "resume",
};

/** What began a branch. */
export const began = (step: string, message: Flight | null, name: (host: string) => string = hostName): Began => {
  const [verb = "", ...rest] = step.split(" ");
  const act = MESSAGE[verb];
  if (act) return { act, what: message ? messageWords(message, act, name) : "" };
  if (verb === "heal" && rest.length === 0) return { act: "healAll", what: "" };
  if (verb === "cut" || verb === "heal") return { act: verb, what: ends(rest.join(" "), name) };
  if (verb === "crash" && rest.slice(1).join(" ") === "keep all") return { act: "keep", what: hosts(rest[0], name) };
  if (verb === "crash" || verb === "start" || verb === "wipe") return { act: verb, what: hosts(rest[0], name) };
  const own = verb.endsWith(":") && rest.length === 1 ? CLIENT[rest[0] ?? ""] : undefined;
  if (own) return { act: own, what: hostName(verb.slice(0, -1)) };
  if (verb.endsWith(":")) return { act: null, what: [hostName(verb.slice(0, -1)), ...rest.slice(0, 2)].join(" ") };
  return { act: null, what: step };
};

const messageWords = ({ letters, zxid, from, to }: Flight, act: ActId, name: (host: string) => string): string => {
  const way = `${name(from)}→${name(to)}`;
  // What is released is a whole direction.
  return act === "release" ? way : [letters, zxidText(zxid), way].filter(Boolean).join(" ");
};

/** `1` is a server, `c1` a client; `1,2` and `1..3` are several. */
const hosts = (text = "", name: (host: string) => string): string =>
  text.split(",").map((one) => (/^\d/.test(one) ? name(`s${one}`) : hostName(one))).join(" ");

const ends = (text: string, name: (host: string) => string): string => {
  const [from = "", to = ""] = text.split(/->| from /);
  return `${hosts(from, name)}${text.includes("->") ? "→" : "–"}${hosts(to, name)}`;
};
