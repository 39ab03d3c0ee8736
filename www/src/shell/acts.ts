// What can be done to what is selected, as the picture shows it, and how it is said to the core.
// Pure. Whether the core then does it is the core's affair; a refusal comes back in words.
import type { FlightNow, Picture, Selection } from "../model/picture";
import type { IconName } from "./icons";

/** A line of a script, or exactly one step. */
export type Doing = { line: string } | { step: string };

export const ACTS = [
  "crash", "keep", "start", "wipe", "cut", "cutTo", "cutFrom", "heal",
  "hold", "release", "drop", "deliver",
] as const;
export type ActId = (typeof ACTS)[number];

/** Why an act cannot be done now: the end of a message's key. */
export type Hindrance =
  | "isDown" | "isUp" | "isCut" | "notCut" | "isHeld" | "notHeld" | "isLost" | "noServer" | "noMessage" | "noLink";

export type Possible = { act: ActId; doing: Doing } | { act: ActId; why: Hindrance };

export const ACT_ICONS: { readonly [A in ActId]: IconName } = {
  crash: "crash", keep: "crash", start: "restart", wipe: "close", cut: "cut", cutTo: "cut",
  cutFrom: "cut", heal: "heal", hold: "hold", release: "release", drop: "drop", deliver: "deliver",
};

const NEEDS: { readonly [A in ActId]: "server" | "flight" | "way" } = {
  crash: "server", keep: "server", start: "server", wipe: "server",
  cut: "way", cutTo: "way", cutFrom: "way", heal: "way",
  hold: "flight", release: "flight", drop: "flight", deliver: "flight",
};

const MISSING = { server: "noServer", flight: "noMessage", way: "noLink" } as const;

/** The acts that concern a selection, in the order of their menu. */
export const actsFor = (selection: Selection): ActId[] => {
  if (selection === null) return [];
  const acts = ACTS.filter((act) => NEEDS[act] === selection.kind);
  // A script cuts servers from each other both ways at once, and clients one way at a time.
  const toClient = selection.kind === "way" && [selection.a, selection.b].some((host) => host.startsWith("c"));
  return toClient ? acts.filter((act) => act !== "cut" && act !== "heal") : acts;
};

/** What the words of an act may name: the two ends of a link. */
export const endsOf = (selection: Selection): { a: string; b: string } =>
  selection?.kind === "way" ? { a: selection.a.toUpperCase(), b: selection.b.toUpperCase() } : { a: "", b: "" };

/** How an act would be done to a selection, or why not. */
export const possible = (act: ActId, selection: Selection, picture: Picture): Possible => {
  const no = (why: Hindrance): Possible => ({ act, why });
  const yes = (doing: Doing): Possible => ({ act, doing });
  if (selection?.kind !== NEEDS[act]) return no(MISSING[NEEDS[act]]);
  switch (selection.kind) {
    case "server": {
      const server = picture.servers.find(({ sid }) => sid === selection.sid);
      if (!server) return no("noServer");
      const stops = act === "crash" || act === "keep";
      if (stops && server.up === null) return no("isDown");
      if (!stops && server.up !== null) return no("isUp");
      const keep = act === "keep" ? " keep all" : "";
      return yes({ line: `${act === "keep" ? "crash" : act} ${selection.sid}${keep}` });
    }
    case "flight": {
      const now = picture.flights.find(({ flight }) => flight.id === selection.id);
      return now ? toMessage(act, now, no, yes) : no("noMessage");
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

const toLink = (
  act: ActId, a: string, b: string, picture: Picture, no: No, yes: Yes,
): Possible => {
  const isCut = (from: string, to: string): boolean =>
    picture.cuts.some((way) => way.from === from && way.to === to);
  const there = isCut(a, b);
  const back = isCut(b, a);
  switch (act) {
    case "heal":
      return there || back ? yes({ line: `heal ${number(a)} from ${number(b)}` }) : no("notCut");
    case "cutTo":
      return there ? no("isCut") : yes({ line: `cut ${number(a)}->${number(b)}` });
    case "cutFrom":
      return back ? no("isCut") : yes({ line: `cut ${number(b)}->${number(a)}` });
    default:
      return there && back ? no("isCut") : yes({ line: `cut ${number(a)} from ${number(b)}` });
  }
};

/** A server's number; a client's name stays as it is. */
const number = (host: string): string => (host.startsWith("s") ? host.slice(1) : host);
