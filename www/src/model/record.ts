// What happened on one branch, so that the state at any position is a look-up and not a replay.
//
// A record is the fold of a branch's frames: for every server and client the positions at which it
// changed and what it became, and for every message when it set out and ended. It only grows at its
// end or is cut back there. Not here: what is drawn between two positions (picture.ts), and how
// long that takes (story.ts).
import type {
  ClientFrame, Flight, FlightId, Frame, Mark, ServerFrame, TraceLine, Violation, Way,
} from "../core/types";
import { lastNotAfter, Story } from "./story";

/** A frame that does not follow the last one. */
export class GapError extends Error {}

/** What a value was, from which position on. */
export class Track<T> {
  #positions: number[] = [];
  #states: T[] = [];

  push(position: number, state: T): void {
    this.#positions.push(position);
    this.#states.push(state);
  }

  /** The value after so many steps; undefined before the first one. */
  at(position: number): T | undefined {
    return this.#states[lastNotAfter(this.#positions, position)];
  }

  /** The position of the last change at or before a position; -1 if there is none. */
  changed(position: number): number {
    return this.#positions[lastNotAfter(this.#positions, position)] ?? -1;
  }

  /** The newest values up to a position, oldest first; at most so many. */
  newest(position: number, count: number): T[] {
    const end = lastNotAfter(this.#positions, position) + 1;
    return this.#states.slice(Math.max(0, end - count), end);
  }

  cut(position: number): void {
    const keep = lastNotAfter(this.#positions, position) + 1;
    this.#positions.length = keep;
    this.#states.length = keep;
  }

  fork(position: number): Track<T> {
    const keep = lastNotAfter(this.#positions, position) + 1;
    const track = new Track<T>();
    track.#positions = this.#positions.slice(0, keep);
    track.#states = this.#states.slice(0, keep);
    return track;
  }
}

/** One message from its sending to its end. */
export type Life = {
  readonly flight: Flight;
  readonly sent: number;
  /** null while it is not known. */
  readonly end: number | null;
  readonly lost: boolean;
  /** When it was held. */
  readonly holds: readonly Hold[];
  /** How long it would have travelled, in story time, when its end was taken from it by an act. */
  readonly expected: number | null;
};
export type Hold = { from: number; to: number | null };

/** A notification of the election that arrived, and the event by which that step is told. */
export type Arrival = { position: number; at_us: number; flight: Flight; headline: TraceLine | null };

type OpenLife = {
  flight: Flight; sent: number; end: number | null; lost: boolean; holds: Hold[];
  expected: number | null;
};

/** Positions in one block of the index of messages. */
const BLOCK = 64;

/** All that is known of one branch. */
export class BranchRecord {
  #frames: Frame[] = [];
  #servers = new Map<number, Track<ServerFrame>>();
  #roles = new Map<number, Track<string>>();
  #logs = new Map<number, Track<unknown>>();
  #clients = new Map<string, Track<ClientFrame>>();
  #cuts = new Track<Way[]>();
  #headlines = new Track<TraceLine>();
  #notifications = new Map<string, Track<Arrival>>();
  #broken = new Track<Violation[]>();
  #lives: OpenLife[] = [];
  #open = new Map<FlightId, OpenLife>();
  /** For every block of positions the messages that are under way, or are lost, somewhere in it. */
  #blocks: OpenLife[][] = [];
  #held: readonly FlightId[] = [];
  #marks: { position: number; mark: Mark }[] = [];
  #plain = new Story();
  #beating = new Story();

  /** How many frames it has; their positions are 0 to `length - 1`. */
  get length(): number {
    return this.#frames.length;
  }

  frame(position: number): Frame | undefined {
    return this.#frames[position];
  }

  /** Server numbers in order. */
  get sids(): number[] {
    return [...this.#servers.keys()].sort((a, b) => a - b);
  }

  get clientHosts(): string[] {
    return [...this.#clients.keys()];
  }

  server(sid: number, position: number): ServerFrame | undefined {
    return this.#servers.get(sid)?.at(position);
  }

  client(host: string, position: number): ClientFrame | undefined {
    return this.#clients.get(host)?.at(position);
  }

  /** When the role, or the newest of the log, of a server last became another one; -1 for never. */
  roleChanged(sid: number, position: number): number {
    return this.#roles.get(sid)?.changed(position) ?? -1;
  }

  logChanged(sid: number, position: number): number {
    return this.#logs.get(sid)?.changed(position) ?? -1;
  }

  cuts(position: number): Way[] {
    return this.#cuts.at(position) ?? NOTHING;
  }

  /** When the cuts last became others; -1 for never. */
  cutsChanged(position: number): number {
    return this.#cuts.changed(position);
  }

  headline(position: number): TraceLine | null {
    return this.#headlines.at(position) ?? null;
  }

  /** The server of the headline as it was before that step; null if it is of no server. */
  headlineBefore(position: number): ServerFrame | null {
    const host = this.headline(position)?.host ?? "";
    if (!host.startsWith("s")) return null;
    return this.server(Number(host.slice(1)), this.#headlines.changed(position) - 1) ?? null;
  }

  /** The newest notifications that arrived at a host up to a position, oldest first. */
  notifications(host: string, position: number, limit: number): Arrival[] {
    return this.#notifications.get(host)?.newest(position, limit) ?? [];
  }

  /** Every invariant that broke up to here. */
  broken(position: number): Violation[] {
    return this.#broken.at(position) ?? NOTHING;
  }

  /** The marks up to a position, in order. */
  marks(until = Infinity): readonly { position: number; mark: Mark }[] {
    let count = this.#marks.length;
    while (count > 0 && (this.#marks[count - 1]?.position ?? 0) > until) count -= 1;
    return this.#marks.slice(0, count);
  }

  /** The messages that may be under way or just lost around a position, in the order of sending. */
  around(position: number): readonly Life[] {
    return this.#blocks[Math.floor(position / BLOCK)] ?? [];
  }

  /** The map to story time, with or without heartbeats as moments of their own. */
  story(heartbeats: boolean): Story {
    return heartbeats ? this.#beating : this.#plain;
  }

  /**
   * Adds the frames that follow; those that it has already are skipped. `lead` is for the first
   * one: see [`Story.append`].
   */
  append(frames: readonly Frame[], lead: { plain: number; beating: number } | null = null): void {
    let first = lead;
    for (const frame of frames) {
      if (frame.position < this.#frames.length) continue;
      if (frame.position > this.#frames.length) {
        throw new GapError(`frame ${frame.position} after ${this.#frames.length - 1}`);
      }
      this.#add(frame, first);
      first = null;
    }
  }

  /** Forgets every step after a position. Messages that end later are under way again. */
  cut(position: number): void {
    if (position >= this.#frames.length - 1) return;
    const story = this.#plain;
    for (let index = this.#lives.length - 1; index >= 0; index -= 1) {
      const life = this.#lives[index];
      if (life === undefined || life.sent <= position) break;
      this.#lives.pop();
      this.#open.delete(life.flight.id);
    }
    const block = Math.floor(position / BLOCK);
    for (const life of this.#blocks[block] ?? []) reopen(life, position, story, this.#open);
    this.#blocks.length = block + 1;
    this.#blocks[block] = (this.#blocks[block] ?? []).filter((life) => life.sent <= position);
    this.#frames.length = position + 1;
    for (const track of this.#tracks()) track.cut(position);
    this.#marks = this.#marks.filter((mark) => mark.position <= position);
    this.#held = this.#heldAt(position);
    this.#plain.cut(position);
    this.#beating.cut(position);
  }

  /** A record of its own that shares everything up to a position. */
  fork(position: number): BranchRecord {
    const child = new BranchRecord();
    child.#frames = this.#frames.slice(0, position + 1);
    child.#servers = forkAll(this.#servers, position);
    child.#roles = forkAll(this.#roles, position);
    child.#logs = forkAll(this.#logs, position);
    child.#clients = forkAll(this.#clients, position);
    child.#cuts = this.#cuts.fork(position);
    child.#headlines = this.#headlines.fork(position);
    child.#notifications = forkAll(this.#notifications, position);
    child.#broken = this.#broken.fork(position);
    child.#marks = this.#marks.filter((mark) => mark.position <= position);
    child.#plain = this.#plain.fork(position);
    child.#beating = this.#beating.fork(position);
    child.#held = this.#heldAt(position);
    // Messages under way at the fork may end otherwise over there.
    const own = new Map<OpenLife, OpenLife>();
    for (const life of this.#blocks[Math.floor(position / BLOCK)] ?? []) {
      if (life.sent > position || (life.end !== null && life.end <= position)) continue;
      const copy = { ...life, holds: life.holds.map((hold) => ({ ...hold })) };
      reopen(copy, position, this.#plain, child.#open);
      own.set(life, copy);
    }
    const mine = (lives: OpenLife[]) => {
      return lives.filter((life) => life.sent <= position).map((life) => own.get(life) ?? life);
    };
    child.#lives = mine(this.#lives);
    child.#blocks = this.#blocks.slice(0, Math.floor(position / BLOCK) + 1).map(mine);
    return child;
  }

  #add(frame: Frame, lead: { plain: number; beating: number } | null): void {
    const position = frame.position;
    this.#frames.push(frame);
    if (position % BLOCK === 0) this.#blocks.push(this.#carried(position));
    for (const server of frame.servers) this.#addServer(server, position);
    for (const client of frame.clients) {
      trackOf(this.#clients, client.host).push(position, client);
    }
    if (frame.cuts) this.#cuts.push(position, frame.cuts);
    const beats = this.#addFlights(frame);
    if (frame.headline) this.#headlines.push(position, frame.headline);
    if (frame.mark) this.#marks.push({ position, mark: frame.mark });
    if (frame.broken.length > 0) {
      this.#broken.push(position, [...this.broken(position), ...frame.broken]);
    }
    const shown = frame.headline !== null || frame.mark !== null || frame.broken.length > 0;
    this.#plain.append(frame.at_us, shown, lead?.plain ?? null);
    this.#beating.append(frame.at_us, shown || beats, lead?.beating ?? null);
  }

  #addServer(server: ServerFrame, position: number): void {
    const before = this.server(server.sid, position);
    trackOf(this.#servers, server.sid).push(position, server);
    const role = roleOf(server);
    if (before === undefined || roleOf(before) !== role) {
      trackOf(this.#roles, server.sid).push(position, role);
    }
    const newest = server.log[server.log.length - 1];
    const last = before?.log[before.log.length - 1];
    const same = newest?.state === last?.state && server.log.length === before?.log.length
      && server.earlier === before.earlier;
    if (!same) trackOf(this.#logs, server.sid).push(position, newest);
  }

  /** True if a message that is not shown by default set out or ended. */
  #addFlights(frame: Frame): boolean {
    const { position } = frame;
    let beats = false;
    for (const flight of frame.sent) {
      const life: OpenLife = {
        flight, sent: position, end: null, lost: false, holds: [], expected: null,
      };
      beats ||= flight.quiet;
      this.#lives.push(life);
      this.#open.set(flight.id, life);
      this.#blocks[this.#blocks.length - 1]?.push(life);
    }
    for (const { id, how } of frame.ended) {
      const life = this.#open.get(id);
      if (!life) continue;
      beats ||= life.flight.quiet;
      life.end = position;
      life.lost = how === "lost";
      this.#open.delete(id);
      if (how === "delivered" && life.flight.kind === "NOTIFICATION") {
        const { at_us, headline } = frame;
        trackOf(this.#notifications, life.flight.to).push(position, { position, at_us, flight: life.flight, headline });
      }
    }
    if (frame.held) this.#hold(frame.held, position);
    return beats;
  }

  #hold(held: readonly FlightId[], position: number): void {
    const now = new Set(held);
    const before = new Set(this.#held);
    for (const id of held) {
      if (!before.has(id)) this.#open.get(id)?.holds.push({ from: position, to: null });
    }
    for (const id of before) {
      const hold = now.has(id) ? undefined : this.#open.get(id)?.holds.at(-1);
      if (hold) hold.to = position;
    }
    this.#held = held;
  }

  /** What a new block begins with: the messages under way, and those that were lost just before. */
  #carried(position: number): OpenLife[] {
    const before = this.#blocks[this.#blocks.length - 1] ?? [];
    const lost = before.filter((life) => life.lost && (life.end ?? 0) >= position - BLOCK);
    return [...lost, ...this.#open.values()].sort((a, b) => a.sent - b.sent);
  }

  #heldAt(position: number): readonly FlightId[] {
    for (let at = position; at >= 0; at -= 1) {
      const held = this.#frames[at]?.held;
      if (held) return held;
    }
    return [];
  }

  #tracks(): Track<unknown>[] {
    return [
      ...this.#servers.values(), ...this.#roles.values(), ...this.#logs.values(),
      ...this.#clients.values(), ...this.#notifications.values(), this.#cuts, this.#headlines, this.#broken,
    ];
  }
}

const NOTHING: never[] = [];

/** Its role as far as its piece looks different; a Paxos process is up or down. */
const roleOf = ({ up, paxos }: ServerFrame): string => up?.role ?? (paxos?.up ? "up" : "down");

function trackOf<K, T>(tracks: Map<K, Track<T>>, key: K): Track<T> {
  let track = tracks.get(key);
  if (!track) {
    track = new Track<T>();
    tracks.set(key, track);
  }
  return track;
}

function forkAll<K, T>(tracks: Map<K, Track<T>>, position: number): Map<K, Track<T>> {
  return new Map([...tracks].map(([key, track]) => [key, track.fork(position)]));
}

/** Takes from a message what happened to it after a position. */
function reopen(
  life: OpenLife, position: number, story: Story, open: Map<FlightId, OpenLife>,
): void {
  if (life.sent > position || (life.end !== null && life.end <= position)) return;
  if (life.end !== null && life.end <= story.end.position) {
    const length = story.at(life.end) - story.at(life.sent);
    life.expected = length > 0 ? length : null;
  }
  life.end = null;
  life.lost = false;
  life.holds = life.holds.filter((hold) => hold.from <= position);
  const last = life.holds[life.holds.length - 1];
  if (last && last.to !== null && last.to > position) last.to = null;
  open.set(life.flight.id, life);
}
