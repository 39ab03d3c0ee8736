// How a message is called and drawn in the panes. What it is says the core.
import type { Flight, ServerFrame, Tray } from "../core/types";
import type { FlightNow } from "../model/picture";
import { familyOf } from "../pieces/datagrams";
import { type Piece } from "../pieces/marks";
import { token } from "../pieces/token";
import { zxidText } from "./words";

/** Where triangles point: to the right, as in "S1 → S4". */
const TURN = 0;

export function messageToken({ flight, held, lost }: FlightNow, s: number): Piece {
  return token({
    family: familyOf(flight), letters: flight.letters, s, reply: flight.reply, turn: TURN, lettersInside: true,
    state: lost ? "dropped" : held ? "held" : "flight",
  });
}

export type MessageState = "lost" | "doomed" | "held" | "flying";
export const stateOf = ({ held, doomed, lost }: FlightNow): MessageState =>
  lost ? "lost" : held ? "held" : doomed ? "doomed" : "flying";

/** What a message is an answer to, or asks for: the tray that waits for it. */
const TRAYS: { readonly [kind: string]: Tray["of"] } = {
  PROPOSAL: "acks", LEADERINFO: "promises", ACKEPOCH: "promises", NEWLEADER: "synced",
};

/** The tray that the message is about, of one of its two ends. */
export function trayOf(flight: Flight, servers: readonly ServerFrame[]): Tray | null {
  const ends = servers.filter(({ sid }) => flight.from === `s${sid}` || flight.to === `s${sid}`);
  const trays = ends.flatMap(({ up }) => up?.tray ?? []);
  if (flight.kind === "ACK") {
    const about = zxidText(flight.zxid);
    return trays.find((tray) => tray.of === "acks" && zxidText(tray.zxid) === about)
      ?? trays.find((tray) => tray.of === "synced") ?? null;
  }
  const tray = trays.find(({ of }) => of === TRAYS[flight.kind]);
  if (tray?.of === "acks" && zxidText(tray.zxid) !== zxidText(flight.zxid)) return null;
  return tray ?? null;
}
