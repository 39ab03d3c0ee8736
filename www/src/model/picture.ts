// Everything that is drawn at one cursor: a function of branch and cursor, nothing else.
//
// Not here: where things stand on the stage, what they look like, and how the cursor moves.
import type {
  ClientFrame, Flight, Frame, ServerFrame, TraceLine, Violation, Way,
} from "../core/types";
import { FRESH_CUTS, freshLog, freshRole } from "./api";
import type { BranchRecord, Life } from "./record";
import { gapMs, type Story } from "./story";

/** A place on a branch: after `position` steps, and `fraction` (0 to below 1) of the way to the next shown moment. */
export type Cursor = { branch: number; position: number; fraction: number };

export type FlightNow = {
  flight: Flight;
  /** 0 at the sender, 1 at the receiver, mapped to story time. */
  progress: number;
  held: boolean;
  /** It is on its way to be lost, or is lost already. */
  doomed: boolean;
  /** It is lost, and drawn a moment longer where that happened. */
  lost: boolean;
};

export type Picture = {
  cursor: Cursor;
  at_us: number;
  servers: ServerFrame[];
  clients: ClientFrame[];
  cuts: Way[];
  /** In the order in which they were sent; quiet ones only if they are shown. */
  flights: FlightNow[];
  /** The newest event that was worth telling; it says when. */
  headline: TraceLine | null;
  /** The headline's server as it was before: what its vote was compared with. */
  headlineBefore: ServerFrame | null;
  /** The frame at the cursor. */
  frame: Frame;
  /** Every invariant that broke up to here. */
  broken: Violation[];
  /**
   * What changed lately, by `freshRole`, `freshLog` and `FRESH_CUTS`: 0 just now, 1 done. Empty if
   * motion is reduced.
   */
  fresh: Map<string, number>;
  /** What those servers were whose role is fresh, by their hosts. */
  before: Map<string, ServerFrame>;
  /** The cuts as they were, as long as the present ones are fresh. */
  cutsBefore: Way[] | null;
};

/** What is selected. */
export type Selection =
  | { kind: "server"; sid: number }
  | { kind: "client"; host: string }
  | { kind: "flight"; id: string }
  | { kind: "way"; a: string; b: string }
  | null;

/** How long the accents last, and a lost message is still drawn, in story milliseconds. */
export const ROLE_FRESH_MS = 240;
export const LOG_FRESH_MS = 160;
export const CUTS_FRESH_MS = 180;
export const LOST_MS = 400;
/** How long a message is thought to travel as long as nothing else is known. */
const EXPECTED_MS = gapMs(10_000);
/** Up to here such a message moves evenly; from here on it only comes nearer to the other bound. */
const EVEN = 0.8;
const NEAREST = 0.95;
/** A message that is held from the beginning stands here, so that it can be seen beside its sender. */
const HELD_LEAST = 0.12;

/** How a picture is drawn. */
export type Drawn = {
  heartbeats: boolean;
  reducedMotion: boolean;
  /**
   * The story time since which it plays. What changed after that is on its way to its new look; who
   * steps, scrubs or has paused sees each moment as it is.
   */
  movesSince: number | null;
};

/** The picture at a cursor; null as long as nothing is recorded. */
export function pictureAt(record: BranchRecord, cursor: Cursor, drawn: Drawn): Picture | null {
  const { position } = cursor;
  const frame = record.frame(position);
  if (!frame) return null;
  const story = record.story(drawn.heartbeats);
  const now = story.of(cursor);
  const fresh = new Map<string, number>();
  const before = new Map<string, ServerFrame>();
  const { movesSince } = drawn;
  const moved = (changed: number, length: number): number =>
    movesSince === null || drawn.reducedMotion || story.at(changed) <= movesSince ? 1 : freshness(story, now, changed, length);
  const cut = record.cutsChanged(position);
  const cuts = moved(cut, CUTS_FRESH_MS);
  if (cuts < 1) fresh.set(FRESH_CUTS, cuts);
  for (const sid of drawn.reducedMotion ? [] : record.sids) {
    const changed = record.roleChanged(sid, position);
    const role = moved(changed, ROLE_FRESH_MS);
    if (role < 1) {
      fresh.set(freshRole(`s${sid}`), role);
      const was = record.server(sid, changed - 1);
      if (was) before.set(`s${sid}`, was);
    }
    const log = freshness(story, now, record.logChanged(sid, position), LOG_FRESH_MS);
    if (log < 1) fresh.set(freshLog(`s${sid}`), log);
  }
  return {
    cursor,
    at_us: story.time(cursor),
    ...stateAt(record, frame),
    flights: flightsAt(record, story, position, now, drawn),
    headline: record.headline(position),
    headlineBefore: record.headlineBefore(position),
    frame,
    broken: record.broken(position),
    fresh,
    before,
    cutsBefore: cuts < 1 ? record.cuts(cut - 1) : null,
  };
}

type State = Pick<Picture, "servers" | "clients" | "cuts">;
/** Between two steps it is the same object: what depends only on it is not worked out again for each frame. */
const states = new WeakMap<Frame, State>();

function stateAt(record: BranchRecord, frame: Frame): State {
  let state = states.get(frame);
  if (!state) {
    const { position } = frame;
    const there = <T>(one: T | undefined): T[] => (one === undefined ? [] : [one]);
    state = {
      servers: record.sids.flatMap((sid) => there(record.server(sid, position))),
      clients: record.clientHosts.flatMap((host) => there(record.client(host, position))),
      cuts: record.cuts(position),
    };
    states.set(frame, state);
  }
  return state;
}

function flightsAt(
  record: BranchRecord, story: Story, position: number, now: number, drawn: Drawn,
): FlightNow[] {
  const flights: FlightNow[] = [];
  for (const life of record.around(position)) {
    if (life.sent > position || (life.flight.quiet && !drawn.heartbeats)) continue;
    if (life.end === null || life.end > position) {
      flights.push({
        flight: life.flight,
        progress: settle(progressOf(life, story, position, now), drawn),
        held: heldAt(life, position),
        doomed: life.lost,
        lost: false,
      });
    } else if (life.lost && now - story.at(life.end) < LOST_MS) {
      const progress = settle(progressOf(life, story, life.end, story.at(life.end)), drawn);
      flights.push({ flight: life.flight, progress, held: false, doomed: true, lost: true });
    }
  }
  return flights;
}

/** Where a message is: linear between its sending and its end, and still while it is held. */
export function progressOf(life: Life, story: Story, position: number, now: number): number {
  const sent = story.at(life.sent);
  let start = 0;
  let since = sent;
  for (const hold of life.holds) {
    if (hold.from > position) break;
    // What comes after a hold must not move what is held, so this part knows of no end.
    const from = story.at(hold.from);
    start = Math.max(HELD_LEAST, start + (1 - start) * open(from - since, life.expected));
    if (hold.to === null || hold.to > position) return start;
    since = story.at(hold.to);
  }
  const stopped = life.holds.some((hold) => hold.from > position);
  // A message that gets lost is not to be seen arriving. An end after the last stop has no time yet.
  const known = life.end !== null && life.end <= story.end.position && !life.lost && !stopped;
  const end = known && life.end !== null ? story.at(life.end) : since;
  const share = end <= since ? open(now - since, life.expected)
    : Math.min(1, (now - since) / (end - since));
  return start + (1 - start) * share;
}

/** The share of its way after so long, if the end is not known. */
function open(elapsed: number, expected: number | null): number {
  const share = elapsed / (expected ?? EXPECTED_MS);
  if (share <= EVEN) return Math.max(0, share);
  const rest = NEAREST - EVEN;
  return EVEN + rest * (1 - Math.exp(-(share - EVEN) / rest));
}

function heldAt(life: Life, position: number): boolean {
  return life.holds.some((hold) => {
    return hold.from <= position && (hold.to === null || hold.to > position);
  });
}

/** Where a message stands without motion: clear of the pieces at both ends. */
const CALM = { start: HELD_LEAST, middle: 0.5, end: 1 - HELD_LEAST } as const;

/** Without motion a message is at its beginning, half-way or at its end. */
function settle(progress: number, drawn: Drawn): number {
  if (!drawn.reducedMotion) return progress;
  if (progress < 0.25) return CALM.start;
  return progress < 0.75 ? CALM.middle : CALM.end;
}

function freshness(story: Story, now: number, changed: number, length: number): number {
  return changed <= 0 ? 1 : Math.max(0, (now - story.at(changed)) / length);
}
