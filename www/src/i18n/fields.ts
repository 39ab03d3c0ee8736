// Reads the fields of an event's line (docs/formats.md, section 4) without trusting their types,
// and writes them as people do. Not here: sentences (narrate.ts).
import type { Host, TraceLine, Vote, Zxid } from "../core/types";

export type Fields = { readonly [field: string]: unknown };

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** 64 bits as hex, written in the decimal way: for rounds. */
export function wideOf(value: unknown): string {
  return typeof value === "string" && /^0x[0-9a-f]+$/i.test(value) ? BigInt(value).toString() : textOf(value);
}

/** The zxid of packets that are about none. */
const NONE = 0xffff_ffff;

/** `e1·9`, as tiles and chips have it; null if it is none. */
export function zxidText(value: unknown): string | null {
  if (!isFields(value)) return null;
  const { epoch, counter } = value as Partial<Zxid>;
  if (typeof epoch !== "number" || typeof counter !== "number" || epoch === NONE) return null;
  return `e${epoch}·${counter}`;
}

export function voteOf(value: unknown): Vote | null {
  return isFields(value) && isFields(value["zxid"]) ? (value as unknown as Vote) : null;
}

/** A word, and what is in it: `"Answered"` or `{ "Adopted": "Zxid" }`. */
export function wordOf(value: unknown): { word: string; inside: unknown } {
  if (typeof value === "string") return { word: value, inside: null };
  if (!isFields(value)) return { word: "", inside: null };
  const [entry] = Object.entries(value);
  return entry ? { word: entry[0], inside: entry[1] } : { word: "", inside: null };
}

const HOST = /^[sc]\d+$/;

/** A host from its name or a server's number. */
export function hostOf(value: unknown): Host | null {
  if (typeof value === "number") return value >= 0 ? `s${value}` : null;
  return typeof value === "string" && HOST.test(value) ? value : null;
}

/** The fault in a `FaultInjected`: the one key that no event has. */
export function faultOf(line: TraceLine): { fault: string; fields: Fields } {
  const known = new Set(["v", "seq", "at_us", "host", "event"]);
  for (const [key, value] of Object.entries(line)) {
    if (!known.has(key)) return { fault: key, fields: isFields(value) ? value : {} };
  }
  return { fault: "", fields: {} };
}

/** The names of ZooKeeper's errors by their numbers. */
const ERRORS = new Map([
  [-1, "SYSTEMERROR"], [-2, "RUNTIMEINCONSISTENCY"], [-3, "DATAINCONSISTENCY"],
  [-4, "CONNECTIONLOSS"], [-5, "MARSHALLINGERROR"], [-6, "UNIMPLEMENTED"],
  [-7, "OPERATIONTIMEOUT"], [-8, "BADARGUMENTS"], [-12, "UNKNOWNSESSION"], [-101, "NONODE"],
  [-102, "NOAUTH"], [-103, "BADVERSION"], [-108, "NOCHILDRENFOREPHEMERALS"],
  [-110, "NODEEXISTS"], [-111, "NOTEMPTY"], [-112, "SESSIONEXPIRED"], [-114, "INVALIDACL"],
  [-115, "AUTHFAILED"], [-118, "SESSIONMOVED"], [-119, "NOTREADONLY"], [-121, "NOWATCHER"],
  [-125, "QUOTAEXCEEDED"], [-127, "THROTTLEDOP"],
]);

export function errorName(code: number): string {
  return ERRORS.get(code) ?? String(code);
}

/** The numbers of operations by their names in the sources. */
const OPS = new Map([
  ["Error", -1], ["CreateSession", -10], ["CloseSession", -11], ["Create", 1], ["Delete", 2],
  ["Exists", 3], ["GetData", 4], ["SetData", 5], ["GetAcl", 6], ["SetAcl", 7],
  ["GetChildren", 8], ["Sync", 9], ["Ping", 11], ["GetChildren2", 12], ["Check", 13], ["Multi", 14],
  ["Create2", 15], ["SetWatches", 101],
]);

/** An operation's number, from that or from its name. */
export function opOf(value: unknown): string {
  return typeof value === "number" ? String(value) : String(OPS.get(textOf(value)) ?? textOf(value));
}
