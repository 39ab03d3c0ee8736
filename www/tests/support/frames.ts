// Frames made by hand, and those that the real core has recorded.
import type { Flight, FlightEnd, Frame, ServerFrame, TraceLine } from "../../src/core/types";
import recorded from "../fixtures/election.json";

export const ELECTION = (recorded as unknown as { frames: Frame[] }).frames;

export function frame(position: number, at_us: number, more: Partial<Frame> = {}): Frame {
  return {
    position, at_us, step: null, headline: null, mark: null, servers: [], clients: [], cuts: null,
    sent: [], ended: [], held: null, broken: [], ...more,
  };
}

export function headline(event: string, more: Partial<TraceLine> = {}): TraceLine {
  return { seq: 0, at_us: 0, event, ...more };
}

export function server(sid: number, log: ServerFrame["log"] = []): ServerFrame {
  return { sid, observer: false, up: null, disk: "idle", log, earlier: 0 };
}

export function flight(id: string, more: Partial<Flight> = {}): Flight {
  const lane = id.split(".")[0] ?? id;
  return {
    id, lane, from: "s1", to: "s2", family: "broadcast", letters: "P", kind: "PROPOSAL",
    reply: false, quiet: false, zxid: null, ballot: null, fields: [], bytes: 10, ...more,
  };
}

export const delivered = (id: string): FlightEnd => ({ id, how: "delivered" });
export const lost = (id: string): FlightEnd => ({ id, how: "lost" });
export const shown = { headline: headline("Synced") };
