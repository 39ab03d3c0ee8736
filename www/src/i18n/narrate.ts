// One event as a sentence, and whom it speaks of.
//
// The core says what happened and why, as names and codes; here they only become words. Nothing is
// worked out. Every event of core/src/trace.rs and sim/src/trace.rs has its sentence.
import type { Flight, Host, ServerFrame, TraceLine, Vote } from "../core/types";
import {
  errorName, faultOf, type Fields, hostOf, isFields, numberOf, opOf, textOf, voteOf, wideOf,
  wordOf, zxidText,
} from "./fields";
import type { Args } from "./format";

export type Narration = {
  text: string;
  /** The hosts that the sentence names, each once. */
  hosts: Host[];
  /** The message that it speaks of, if it names one. */
  message: string | null;
};

/** What is known besides the event itself. */
export type Context = {
  /** What a host is called; `S1`, `C1` without it. */
  name?: (host: Host) => string;
  /** The event's server as it was before. */
  before?: ServerFrame | null;
  /** The message of this name, if it is known; else it is called by its name. */
  message?: (id: string) => Flight | undefined;
};

/** Where sentences come from: `t` and `isKey` of t.svelte.ts, or a test's own. */
export type Words = { t(key: string, args: Args): string; has(key: string): boolean };

type ToldArgs = { [name: string]: Args[string] | null };
type Told = { key: string; args?: ToldArgs };
type Teller = (line: TraceLine, tale: Tale) => Told;

/** What a sentence needs while it is made. */
class Tale {
  readonly hosts: Host[] = [];
  message: string | null = null;
  readonly #words: Words;
  readonly #context: Context;

  constructor(words: Words, context: Context) {
    this.#words = words;
    this.#context = context;
  }

  get before(): ServerFrame | null {
    return this.#context.before ?? null;
  }

  /** A host as it is called. */
  host(value: unknown): string {
    const host = hostOf(value);
    if (host === null) return this.word("word.nobody");
    if (!this.hosts.includes(host)) this.hosts.push(host);
    return this.#context.name?.(host) ?? host.toUpperCase();
  }

  /** A message by its kind, its transaction and its way: its name says nothing to a reader. */
  messageWords(id: string): string {
    this.message = id;
    const flight = this.#context.message?.(id);
    if (!flight) return id;
    const way = `${this.host(flight.from)}→${this.host(flight.to)}`;
    return [flight.kind, zxidText(flight.zxid), way].filter(Boolean).join(" ");
  }

  hostList(value: unknown): string[] {
    return Array.isArray(value) ? value.map((one: unknown) => this.host(one)) : [];
  }

  word(key: string, args: Args = {}): string {
    return this.#words.t(key, args);
  }

  has(key: string): boolean {
    return this.#words.has(key);
  }

  op(value: unknown): string {
    const op = opOf(value);
    return this.has(`op.${op}`) ? this.word(`op.${op}`) : this.word("op.other", { op });
  }

  error(code: number): string {
    const name = errorName(code);
    const key = `error.${name}`;
    return this.has(key) ? this.word(key) : this.word("error.other", { code: name });
  }

  /** Words that the core wrote: in the reader's language if they are known. */
  why(value: unknown): string {
    const text = textOf(value);
    const key = `why.${text.toLowerCase().replace(/[^a-z]+/g, "-")}`;
    return this.has(key) ? this.word(key) : text;
  }
}

/** The sentence of an event. */
export function narrate(line: TraceLine, words: Words, context: Context = {}): Narration {
  const tale = new Tale(words, context);
  const host = line.host === undefined ? null : tale.host(line.host);
  const told = TELLERS[line.event]?.(line, tale) ?? null;
  const key = told && words.has(told.key) ? told.key : null;
  if (told === null || key === null) {
    const other = host === null ? "event.other.nowhere" : "event.other";
    const text = words.t(other, { host: host ?? "", event: line.event });
    return { text, hosts: tale.hosts, message: null };
  }
  const args: { [name: string]: Args[string] } = { host: host ?? "" };
  for (const [name, value] of Object.entries(told.args ?? {})) {
    args[name] = value ?? words.t("word.nothing", {});
  }
  return { text: words.t(key, args), hosts: tale.hosts, message: tale.message };
}

function voteArgs(vote: Vote | null, tale: Tale): { [name: string]: string | null } {
  return {
    leader: tale.host(vote?.leader),
    zxid: zxidText(vote?.zxid),
    epoch: textOf(vote?.peer_epoch),
    round: wideOf(vote?.election_epoch),
  };
}

/** A sentence that takes nothing but some of the event's fields. */
function plain(args: (line: TraceLine, tale: Tale) => ToldArgs = () => ({})): Teller {
  return (line, tale) => ({ key: `event.${line.event}`, args: args(line, tale) });
}

function received(line: TraceLine, tale: Tale): Told {
  const { word, inside } = wordOf(line["verdict"]);
  const key = ["event", line.event, word, textOf(inside)].filter((part) => part !== "").join(".");
  const from = tale.host(line["from"]);
  const args = { from, ...voteArgs(voteOf(line["vote"]), tale) };
  const own = tale.before?.up?.vote ?? null;
  if (own === null || !tale.has(`${key}.own`)) return { key, args };
  const ownArgs = {
    ownLeader: tale.host(own.leader), ownZxid: zxidText(own.zxid), ownEpoch: textOf(own.peer_epoch),
  };
  return { key: `${key}.own`, args: { ...args, ...ownArgs } };
}

function packetArgs(line: TraceLine, tale: Tale): ToldArgs {
  const packet = textOf(line["kind"]).toUpperCase();
  const other = "to" in line ? { to: tale.host(line["to"]) } : { from: tale.host(line["from"]) };
  return { packet, zxid: zxidText(line["zxid"]), ...other };
}

function committed(line: TraceLine, tale: Tale): Told {
  const role = tale.before?.up?.role;
  const way = role === undefined ? "" : role === "Leading" ? ".Leading" : ".learned";
  return { key: `event.Committed${way}`, args: { zxid: zxidText(line["zxid"]) } };
}

function returned(line: TraceLine, tale: Tale): Told {
  const outcome = isFields(line["outcome"]) ? line["outcome"] : {};
  const zxid = zxidText(outcome["zxid"]);
  const { word, inside } = wordOf(outcome["result"]);
  const begin = "event.ClientReturned";
  if (word === "Ok") return zxid === null ? { key: `${begin}.ok` } : { key: `${begin}.zxid`, args: { zxid } };
  const why = wordOf(inside);
  const code = isFields(why.inside) ? numberOf(why.inside["code"]) : null;
  return { key: `${begin}.${why.word}`, args: { error: code === null ? "" : tale.error(code) } };
}

function fault(line: TraceLine, tale: Tale): Told {
  const { fault: name, fields } = faultOf(line);
  return { key: `event.FaultInjected.${name}`, args: faultArgs(fields, tale) };
}

function faultArgs(fields: Fields, tale: Tale): ToldArgs {
  const args: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(fields)) {
    if (["server", "says", "a", "b", "from", "to", "host"].includes(name)) args[name] = tale.host(value);
    else if (name === "client") args[name] = tale.host(typeof value === "number" ? `c${value}` : value);
    else if (name === "sync_us" || name === "delay_us") args["ms"] = String((numberOf(value) ?? 0) / 1000);
    else if (name === "by_ms") args["ms"] = textOf(value);
    else if (name === "lane") args["lane"] = textOf(value);
    else if (name === "left") args["left"] = textOf(value);
    else if (name === "of") args["what"] = storedWords(value, tale);
  }
  if ("lane" in fields && "seq" in fields) args["message"] = messageName(fields, "seq", tale);
  return args;
}

/** What on a disk a byte belongs to. */
function storedWords(value: unknown, tale: Tale): string {
  const { word, inside } = wordOf(value);
  return tale.word(`stored.${word}`, { zxid: zxidText(inside) ?? "" });
}

function messageName(fields: Fields, number: string, tale: Tale): string {
  return tale.messageWords(`${textOf(fields["lane"])}.${textOf(fields[number])}`);
}

function acted(line: TraceLine, tale: Tale): Told {
  const { word, inside } = wordOf(line["op"]);
  const servers = isFields(inside) ? tale.hostList(inside["servers"]) : [];
  return { key: `event.ClientActed.${word}`, args: { servers } };
}

function applied(line: TraceLine, tale: Tale): Told {
  const error = numberOf(line["error"]) ?? 0;
  const zxid = zxidText(line["zxid"]);
  return error === 0
    ? { key: "event.Applied.ok", args: { zxid, op: tale.op(line["op"]) } }
    : { key: "event.Applied.error", args: { zxid, error: tale.error(error) } };
}

function replied(line: TraceLine, tale: Tale): Told {
  const error = numberOf(line["error"]) ?? 0;
  const op = tale.op(line["op"]);
  return error === 0
    ? { key: "event.Replied.ok", args: { op, zxid: zxidText(line["zxid"]) } }
    : { key: "event.Replied.error", args: { op, error: tale.error(error) } };
}

/** The sentence for a kind if there is one, else the one for all others. */
function ofKind(line: TraceLine, tale: Tale): Told {
  const key = `event.${line.event}.${textOf(line["kind"])}`;
  const args = { path: textOf(line["path"]), zxid: zxidText(line["zxid"]) };
  return { key: tale.has(key) ? key : `event.${line.event}.other`, args };
}

const by = (line: TraceLine, name: string) => `event.${line.event}.${textOf(line[name])}`;
const isSelf = (line: TraceLine, value: unknown) => line.host !== undefined && hostOf(value) === line.host;
const epoch = plain((line) => ({ epoch: textOf(line["epoch"]) }));
const why = plain((line, tale) => ({ why: tale.why(line["why"]) }));
const nothing = plain();
const to = plain((line, tale) => ({ to: tale.host(line["to"]) }));

/** A proposal number as people write it: its round, then its proposer. */
function ballotText(value: unknown, tale: Tale): string {
  return isFields(value) ? `(${textOf(value["round"])},${tale.host(value["proposer"])})` : "";
}

function paxosArgs(line: TraceLine, tale: Tale): ToldArgs {
  return { to: tale.host(line["to"]), ballot: ballotText(line["ballot"], tale), value: textOf(line["value"]) };
}

const ballot = plain(paxosArgs);

/** With the proposal that was found, or without one. */
function found(line: TraceLine, tale: Tale, proposal: unknown): Told {
  const args = paxosArgs(line, tale);
  if (!isFields(proposal)) return { key: `event.${line.event}.none`, args };
  const { ballot: number, value } = proposal;
  return { key: `event.${line.event}.some`, args: { ...args, accepted: ballotText(number, tale), value: textOf(value) } };
}

const TELLERS: { readonly [event: string]: Teller } = {
  NotificationSent: (line, tale) => ({
    key: by(line, "state"),
    args: { to: tale.host(line["to"]), ...voteArgs(voteOf(line["vote"]), tale) },
  }),
  NotificationReceived: received,
  PollEnded: plain((line) => ({ valid: textOf(line["valid"]), votes: textOf(line["votes"]) })),
  ChallengeAsked: to,
  ChallengeGiven: to,
  NotificationDistrusted: plain((line, tale) => ({ from: tale.host(line["from"]) })),
  NotificationAcked: to,
  PaxosAsked: (line, tale) => ({
    key: by(line, "ask"), args: { value: textOf(line["value"]), round: textOf(line["asked_round"]) },
  }),
  BallotBegun: ballot,
  PromiseGiven: (line, tale) => found(line, tale, line["accepted"]),
  BallotRefused: plain((line, tale) => ({
    to: tale.host(line["to"]), ballot: ballotText(line["ballot"], tale), promised: ballotText(line["promised"], tale),
  })),
  ValueProposed: (line, tale) => ({
    key: `event.ValueProposed.${line["adopted"] === true ? "adopted" : "own"}`, args: paxosArgs(line, tale),
  }),
  ValueAccepted: ballot,
  ValueLearned: ballot,
  ReadBegun: nothing,
  ReadEnded: (line, tale) => found(line, tale, line["found"]),
  RepairSent: ballot,
  ElectionStarted: plain((line) => ({ round: wideOf(line["round"]) })),
  VoteChanged: (line, tale) => ({ key: by(line, "reason"), args: voteArgs(voteOf(line["vote"]), tale) }),
  QuorumReached: plain((line, tale) => ({
    voters: tale.hostList(line["voters"]), ...voteArgs(voteOf(line["vote"]), tale),
  })),
  Elected: (line, tale) => {
    const vote = voteOf(line["vote"]);
    const whom = isSelf(line, vote?.leader) ? "self" : "other";
    return { key: `event.Elected.${whom}`, args: voteArgs(vote, tale) };
  },
  RoleChanged: (line, tale) => ({ key: by(line, "role"), args: { leader: tale.host(line["leader"]) } }),
  PhaseEntered: (line) => ({ key: by(line, "phase") }),
  RoleLeft: (line) => ({ key: by(line, "why"), args: { role: textOf(line["role"]).toUpperCase() } }),
  EpochProposed: epoch,
  AcceptedEpochSet: epoch,
  CurrentEpochSet: epoch,
  LearnerRefused: (line, tale) => ({ key: by(line, "why"), args: { learner: tale.host(line["learner"]) } }),
  LogRead: (line, tale) => ({
    key: `event.LogRead.${numberOf(line["records"]) === 0 ? "none" : "found"}`,
    args: {
      learner: tale.host(line["learner"]), last: zxidText(line["peer_last"]),
      count: numberOf(line["records"]) ?? 0,
    },
  }),
  SyncChosen: (line, tale) => ({
    key: by(line, "mode"),
    args: {
      learner: tale.host(line["learner"]),
      last: zxidText(line["peer_last"]),
      to: zxidText(line["to"]),
      count: numberOf(line["entries"]) ?? 0,
    },
  }),
  Established: epoch,
  HistoryAdopted: plain((line) => ({ epoch: textOf(line["epoch"]), last: zxidText(line["last"]) })),
  Truncated: plain((line) => ({ after: zxidText(line["after"]) })),
  SnapshotInstalled: plain((line) => ({ zxid: zxidText(line["zxid"]) })),
  ConfigSeen: plain((line) => ({ version: zxidText(line["version"]) })),
  ConfigActivated: plain((line) => ({ version: zxidText(line["version"]) })),
  LeaderDesignated: plain((line, tale) => ({ leader: tale.host(line["leader"]) })),
  PacketSent: (line, tale) => {
    const about = zxidText(line["zxid"]) === null ? "" : ".zxid";
    return { key: `event.PacketSent${about}`, args: packetArgs(line, tale) };
  },
  PacketReceived: (line, tale) => ({ key: by(line, "kind"), args: packetArgs(line, tale) }),
  QuotaExceeded: (line) => ({
    key: `event.QuotaExceeded.${textOf(line["of"])}.${line["hard"] === true ? "hard" : "soft"}`,
    args: {
      path: textOf(line["path"]), used: numberOf(line["used"]) ?? 0, limit: numberOf(line["limit"]) ?? 0,
    },
  }),
  Proposed: plain((line, tale) => ({ op: tale.op(line["op"]), zxid: zxidText(line["zxid"]) })),
  Appended: plain((line) => ({ zxid: zxidText(line["zxid"]) })),
  Synced: plain((line) => ({ last: zxidText(line["last_logged"]) })),
  Acked: (line, tale) => {
    const self = isSelf(line, line["by"]) ? "self" : "other";
    return {
      key: `event.Acked.${self}`, args: { zxid: zxidText(line["zxid"]), by: tale.host(line["by"]) },
    };
  },
  Committed: committed,
  Applied: applied,
  SessionAttached: (line) => ({
    key: `event.SessionAttached.${line["renewed"] === true ? "renewed" : "new"}`,
    args: { session: textOf(line["session"]), timeout: numberOf(line["timeout_ms"]) ?? 0 },
  }),
  ClientRefused: why,
  ReadOnlyBegan: plain(),
  ReadOnlyEnded: plain(),
  LocalSessionBegun: plain((line) => ({ session: textOf(line["session"]) })),
  LocalSessionUpgraded: plain((line) => ({ session: textOf(line["session"]) })),
  LocalSessionEnded: (line) => ({
    key: `event.LocalSessionEnded.${line["expired"] === true ? "expired" : "closed"}`,
    args: { session: textOf(line["session"]) },
  }),
  SessionExpired: plain((line) => ({ session: textOf(line["session"]) })),
  Requested: (line, tale) => ({
    key: typeof line["path"] === "string" ? "event.Requested.path" : "event.Requested",
    args: { op: tale.op(line["op"]), path: textOf(line["path"]) },
  }),
  Replied: replied,
  WatchFired: ofKind,
  Halted: why,
  FaultInjected: fault,
  Started: (line, tale) => {
    const notes = Array.isArray(line["notes"]) ? line["notes"] : [];
    const words = notes.map((note: unknown) => tale.why(note));
    return words.length === 0 ? { key: "event.Started" }
      : { key: "event.Started.notes", args: { notes: words.join("; ") } };
  },
  StartRefused: why,
  Crashed: plain((line) => ({ count: numberOf(line["lost"]) ?? 0 })),
  Stopped: why,
  DiskSynced: nothing,
  DiskFailed: nothing,
  DiskRefused: why,
  SnapshotWritten: plain((line) => ({ zxid: zxidText(line["zxid"]) })),
  MessageSent: plain((line, tale) => ({
    to: tale.host(line["to"]), message: messageName(line, "number", tale),
  })),
  MessageDelivered: plain((line, tale) => ({
    from: tale.host(line["from"]), message: messageName(line, "number", tale),
  })),
  MessageLost: plain((line, tale) => ({ message: messageName(line, "number", tale) })),
  ConnectionOpened: plain((line, tale) => ({ peer: tale.host(line["peer"]) })),
  ConnectionClosed: plain((line, tale) => ({ peer: tale.host(line["peer"]) })),
  ClientActed: acted,
  ClientCalled: plain((line, tale) => ({ op: tale.op(line["op"]) })),
  ClientReturned: returned,
  ClientNotified: ofKind,
  RecipeTold: (line) => ({
    key: `event.RecipeTold.${wordOf(line["notice"]).word}`, args: { path: textOf(line["path"]) },
  }),
  ClientConnected: plain((line, tale) => ({
    server: tale.host(line["server"]), session: textOf(line["session"]),
  })),
  ClientDisconnected: nothing,
  ClientExpired: nothing,
  ClientClosed: nothing,
};

/** The events that have a sentence. */
export const NARRATED: readonly string[] = Object.keys(TELLERS);
