// What can be done to what is selected, as the picture shows it, and how it is said to the core.
// Pure. Whether the core then does it is the core's affair; a refusal comes back in words.
import type { ClientFrame, ServerFrame } from "../core/types";
import { called, isUp, scriptName, serverHost } from "../model/hosts";
import type { FlightNow, Picture, Selection } from "../model/picture";
import type { IconName } from "./icons";

/** A line of a script and perhaps one that follows it, exactly one step, or something of the page: the form in which a
    client asks, or a tool that waits for its second target. */
export type Doing = { line: string; then?: string } | { step: string } | { form: Form } | { tool: ActId };

/** What is asked for in a form: of a client, of a process of Paxos. */
export type Form = "create" | "get" | "propose" | "prepare";

export const ACTS = [
  "crash", "keep", "start", "wipe", "cut", "cutTo", "cutFrom", "heal",
  "hold", "release", "drop", "deliver",
  "write", "read", "connect", "elsewhere", "disconnect", "pause", "resume", "close",
  "propose", "prepare", "accept",
] as const;
export type ActId = (typeof ACTS)[number];

/** Why an act cannot be done now: the end of a message's key. */
export type Hindrance =
  | "isDown" | "isUp" | "isCut" | "notCut" | "isHeld" | "notHeld" | "isLost" | "noServer" | "noMessage" | "noLink"
  | "noClient" | "notConnected" | "notRunning" | "noSession" | "hasSession" | "notReady";

export type Possible = { act: ActId; doing: Doing } | { act: ActId; why: Hindrance };

export const ACT_ICONS: { readonly [A in ActId]: IconName } = {
  crash: "crash", keep: "crash", start: "restart", wipe: "close", cut: "cut", cutTo: "cut",
  cutFrom: "cut", heal: "heal", hold: "hold", release: "release", drop: "drop", deliver: "deliver",
  write: "write", read: "list", connect: "heal", elsewhere: "restart", disconnect: "cut", pause: "hold", resume: "release", close: "end",
  propose: "write", prepare: "flag", accept: "tick",
};

type Kind = NonNullable<Selection>["kind"];
/** What an act can be done to; what is missing, if nothing of that kind is selected, is said of the first. */
const NEEDS: { readonly [A in ActId]: readonly [Kind, ...Kind[]] } = {
  crash: ["server", "client"], keep: ["server"], start: ["server"], wipe: ["server"],
  cut: ["way"], cutTo: ["way"], cutFrom: ["way"], heal: ["way"],
  hold: ["flight"], release: ["flight"], drop: ["flight"], deliver: ["flight"],
  write: ["client"], read: ["client", "server"], connect: ["client"], elsewhere: ["client"], disconnect: ["client"],
  pause: ["client"], resume: ["client"], close: ["client"],
  propose: ["server"], prepare: ["server"], accept: ["server"],
};

const MISSING = { server: "noServer", client: "noClient", flight: "noMessage", way: "noLink" } as const;
/** A client is asked for something more often than it is harmed. */
const CLIENT_ORDER: readonly ActId[] = ["write", "read", "connect", "elsewhere", "disconnect", "pause", "resume", "close", "crash"];

/** What all servers have in common. */
const SERVER_ORDER: readonly ActId[] = ["crash", "keep", "start", "wipe"];
const PROPOSER: readonly ActId[] = ["propose", "prepare", "accept"];

/** The acts that concern a selection, in the order of their menu; with the picture those of a process of Paxos, too. */
export const actsFor = (selection: Selection, picture: Picture | null = null): ActId[] => {
  if (selection === null) return [];
  if (selection.kind === "client") return [...CLIENT_ORDER];
  if (selection.kind === "server") {
    const paxos = picture?.servers.find(({ sid }) => sid === selection.sid)?.paxos;
    return [...(paxos?.proposer ? PROPOSER : []), ...(paxos?.acceptor ? ["read" as const] : []), ...SERVER_ORDER];
  }
  const acts = ACTS.filter((act) => NEEDS[act].includes(selection.kind));
  // A script cuts servers from each other both ways at once, and clients one way at a time.
  const endsAtClient = selection.kind === "way" && [selection.a, selection.b].some((host) => host.startsWith("c"));
  return endsAtClient ? acts.filter((act) => act !== "cut" && act !== "heal") : acts;
};

/** What the words of an act may name: the two ends of a link. */
export const endsOf = (selection: Selection, { servers }: Pick<Picture, "servers"> = { servers: [] }): { a: string; b: string } =>
  selection?.kind === "way" ? { a: called(selection.a, servers), b: called(selection.b, servers) } : { a: "", b: "" };

/** How an act would be done to a selection, or why not. */
export const possible = (act: ActId, selection: Selection, picture: Picture): Possible => {
  const no = (why: Hindrance): Possible => ({ act, why });
  const yes = (doing: Doing): Possible => ({ act, doing });
  if (!selection || !NEEDS[act].includes(selection.kind)) return no(MISSING[NEEDS[act][0]]);
  switch (selection.kind) {
    case "server": {
      const server = picture.servers.find(({ sid }) => sid === selection.sid);
      if (!server) return no("noServer");
      return toServer(act, server, no, yes);
    }
    case "flight": {
      const now = picture.flights.find(({ flight }) => flight.id === selection.id);
      return now ? toMessage(act, now, no, yes) : no("noMessage");
    }
    case "client": {
      const client = picture.clients.find(({ host }) => host === selection.host);
      return client ? toClient(act, client, picture, no, yes) : no("noClient");
    }
    case "way":
      return toLink(act, selection.a, selection.b, picture, no, yes);
  }
};

type No = (why: Hindrance) => Possible;
type Yes = (doing: Doing) => Possible;

const toMessage = (act: ActId, now: FlightNow, no: No, yes: Yes): Possible => {
  const { id, lane } = now.flight;
  if (now.lost) return no("isLost");
  if (act === "hold") return now.held ? no("isHeld") : yes({ step: `hold ${id}` });
  if (act === "release") return now.held ? yes({ step: `release ${lane}` }) : no("notHeld");
  return yes({ step: `${act === "drop" ? "lose" : "deliver"} ${id}` });
};

const toServer = (act: ActId, server: ServerFrame, no: No, yes: Yes): Possible => {
  const name = scriptName(server);
  const runs = isUp(server);
  switch (act) {
    case "crash":
    case "keep":
      return runs ? yes({ line: `crash ${name}${act === "keep" ? " keep all" : ""}` }) : no("isDown");
    case "start":
    case "wipe":
      return runs ? no("isUp") : yes({ line: `${act} ${name}` });
    case "propose":
    case "prepare":
      return runs ? yes({ form: act }) : no("isDown");
    case "accept":
      return server.paxos?.up?.stage === "Ready" ? yes({ line: `${name}: accept` }) : no(runs ? "notReady" : "isDown");
    default:
      return runs ? yes({ line: `${name}: ${act}` }) : no("isDown");
  }
};

const toClient = (act: ActId, client: ClientFrame, picture: Picture, no: No, yes: Yes): Possible => {
  const { name, state, server, session } = client;
  const all = picture.servers.map(({ sid }) => sid);
  switch (act) {
    case "write": return yes({ form: "create" });
    case "read": return yes({ form: "get" });
    case "connect": return hasSession(client) ? no("hasSession") : yes({ tool: act });
    case "elsewhere": {
      // Who is connected has to leave first; it goes on with the next server of its list.
      const then = connecting(name, all[0] ?? 0, all);
      if (!hasSession(client)) return no("noSession");
      return yes(state === "Connected" ? { line: `${name}: disconnect`, then } : { line: then });
    }
    case "disconnect": return state === "Connected" ? yes({ line: `${name}: disconnect` }) : no("notConnected");
    case "close": return hasSession(client) ? yes({ line: `${name}: close` }) : no("noSession");
    // Whether it stands still already is not told: saying it twice changes nothing.
    default: return server !== null || session !== null ? yes({ line: `${name}: ${act}` }) : no("notRunning");
  }
};

/** A session that lives, which keeps the servers that it began with. */
export const hasSession = ({ state, session }: ClientFrame): boolean =>
  session !== null && state !== "Closed" && state !== "Expired";

/** The line with which a client tries this server first, and then the others in their order. */
export const connecting = (client: string, first: number, all: readonly number[]): string => {
  const at = Math.max(0, all.indexOf(first));
  return `${client}: connect ${[...all.slice(at), ...all.slice(0, at)].join(",")}`;
};

const toLink = (
  act: ActId, a: string, b: string, picture: Picture, no: No, yes: Yes,
): Possible => {
  const isCut = (from: string, to: string): boolean =>
    picture.cuts.some((way) => way.from === from && way.to === to);
  const name = (host: string): string => {
    const server = picture.servers.find(({ sid }) => serverHost(sid) === host);
    return server ? scriptName(server) : number(host);
  };
  const there = isCut(a, b);
  const back = isCut(b, a);
  switch (act) {
    case "heal":
      return there || back ? yes({ line: `heal ${name(a)} from ${name(b)}` }) : no("notCut");
    case "cutTo":
      return there ? no("isCut") : yes({ line: `cut ${name(a)}->${name(b)}` });
    case "cutFrom":
      return back ? no("isCut") : yes({ line: `cut ${name(b)}->${name(a)}` });
    default:
      return there && back ? no("isCut") : yes({ line: `cut ${name(a)} from ${name(b)}` });
  }
};

/** A server's number; a client's name stays as it is. */
const number = (host: string): string => (host.startsWith("s") ? host.slice(1) : host);
