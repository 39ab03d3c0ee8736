// Everything that is drawn at one cursor: a function of branch and cursor, nothing else.
import type {
  ClientFrame, Flight, Frame, ServerFrame, TraceLine, Violation, Way,
} from "../core/types";

/** A place on a branch: after `position` steps, and `fraction` (0 to below 1) of the way to the next shown moment. */
export type Cursor = { branch: number; position: number; fraction: number };

export type FlightNow = {
  flight: Flight;
  /** 0 at the sender, 1 at the receiver, mapped to story time. */
  progress: number;
  held: boolean;
  /** It is on its way to be lost. */
  doomed: boolean;
};

export type Picture = {
  cursor: Cursor;
  at_us: number;
  servers: ServerFrame[];
  clients: ClientFrame[];
  cuts: Way[];
  /** In the order in which they were sent; quiet ones only if they are shown. */
  flights: FlightNow[];
  /** The newest event that was worth telling, and when. */
  headline: TraceLine | null;
  /** The frame at the cursor. */
  frame: Frame;
  broken: Violation[];
  /** Servers whose role changed lately: 0 just now, 1 done. For cosmetic motion. */
  fresh: Map<string, number>;
};

/** What is selected. */
export type Selection =
  | { kind: "server"; sid: number }
  | { kind: "client"; host: string }
  | { kind: "flight"; id: string }
  | { kind: "way"; a: string; b: string }
  | null;
