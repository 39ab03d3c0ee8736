// The branches of a run as the page knows them: which there are, the record of each that was
// looked at, and how far the reader has seen it. Not here: asking the core (run.ts).
import type { BranchView, Flight, Frame } from "../core/types";
import type { Lane } from "./api";
import { BranchRecord } from "./record";
import type { Place } from "./story";

/** So many branches have a lane; beyond that the oldest ones lose theirs. */
export const BRANCHES_MAX = 32;

type Known = { record: BranchRecord; seen: Place };

export class Branches {
  #views: BranchView[] = [];
  #known = new Map<number, Known>();
  #names = new Map<number, string>();
  /** The messages that branches began with, by what is asked for. */
  #begunBy = new Map<string, Flight>();
  /** Branches that came with a link: whoever made it had seen them. */
  #given = 0;

  /** What the core says of its branches. */
  update(views: BranchView[]): void {
    this.#views = views;
  }

  /** The record of a branch; undefined as long as nobody looked at it. */
  record(branch: number): BranchRecord | undefined {
    return this.#known.get(branch)?.record;
  }

  /** The branches that somebody looked at. */
  get known(): number[] {
    return [...this.#known.keys()];
  }

  /** How many steps the core has of a branch. */
  length(branch: number): number {
    return this.#views[branch]?.length ?? 0;
  }

  parent(branch: number): { branch: number; at: number } | null {
    return this.#views[branch]?.parent ?? null;
  }

  has(branch: number): boolean {
    return branch in this.#views;
  }

  /** Begins with the first frames of a run; `given` if its branches are somebody's work. */
  begin(branch: number, frames: readonly Frame[], given: boolean): BranchRecord {
    const record = new BranchRecord();
    record.append(frames);
    this.#begunBy.clear();
    this.#given = given ? this.#views.length : 0;
    this.#known.set(branch, { record, seen: this.#firstSeen(branch) });
    return record;
  }

  /**
   * The record of a branch, begun with what it shares with one that is known. It may lack steps at
   * its end.
   */
  begun(branch: number): BranchRecord | null {
    const known = this.record(branch);
    if (known) return known;
    let best: { from: BranchRecord; shared: number } | null = null;
    for (const [other, { record }] of this.#known) {
      const shared = Math.min(this.#shared(branch, other), record.length - 1);
      if (shared >= 0 && (best === null || shared > best.shared)) best = { from: record, shared };
    }
    if (best === null) return null;
    const record = best.from.fork(best.shared);
    this.#known.set(branch, { record, seen: this.#firstSeen(branch) });
    return record;
  }

  /** How far the reader has seen a branch. */
  seen(branch: number): Place {
    return this.#known.get(branch)?.seen ?? this.#firstSeen(branch);
  }

  /** The reader was here. */
  see(branch: number, { position, fraction }: Place): void {
    const known = this.#known.get(branch);
    if (!known) return;
    const { seen } = known;
    const further = position > seen.position
      || (position === seen.position && fraction > seen.fraction);
    if (further) known.seen = { position, fraction };
  }

  /** Forgets the steps of a branch after a position. */
  cut(branch: number, position: number): void {
    const known = this.#known.get(branch);
    if (!known) return;
    known.record.cut(position);
    const fraction = known.seen.position < position ? known.seen.fraction : 0;
    known.seen = { position: Math.min(known.seen.position, position), fraction };
  }

  rename(branch: number, name: string): void {
    if (name === "") this.#names.delete(branch);
    else this.#names.set(branch, name);
  }

  /** The lanes under the scrubber: the newest branches, and those that the present one came from. */
  lanes(current: number, heartbeats: boolean): Lane[] {
    const keep = new Set<number>();
    for (let at: number | null = current; at !== null; at = this.parent(at)?.branch ?? null) {
      keep.add(at);
    }
    for (let id = this.#views.length - 1; id >= 0 && keep.size < BRANCHES_MAX; id -= 1) {
      keep.add(id);
    }
    return [...keep].sort((a, b) => a - b).map((id) => this.#lane(id, current, heartbeats));
  }

  #lane(id: number, current: number, heartbeats: boolean): Lane {
    const view = this.#views[id];
    const parent = view?.parent ?? null;
    const story = this.record(id)?.story(heartbeats);
    const fork = parent && (story ?? this.record(parent.branch)?.story(heartbeats))?.at(parent.at);
    return {
      id,
      parent: parent && { branch: parent.branch, position: parent.at, story: fork ?? 0 },
      step: view?.step ?? null,
      message: view?.step && parent ? this.#message(view.step, parent) : null,
      name: this.#names.get(id) ?? null,
      length: view?.length ?? 0,
      seen: this.seen(id).position,
      current: id === current,
    };
  }

  /** The message, or one of the lane, that a step names: it was under way where the branch began. */
  #message(step: string, { branch, at }: { branch: number; at: number }): Flight | null {
    const name = /^(?:hold|lose|deliver|release) (\S+)$/.exec(step)?.[1];
    if (name === undefined) return null;
    const asked = `${branch} ${at} ${name}`;
    const known = this.#begunBy.get(asked);
    if (known) return known;
    const lives = this.record(branch)?.around(at) ?? [];
    const found = lives.find(({ flight }) => flight.id === name) ?? lives.find(({ flight }) => flight.lane === name);
    if (found) this.#begunBy.set(asked, found.flight);
    return found?.flight ?? null;
  }

  #firstSeen(branch: number): Place {
    const position = branch < this.#given ? this.length(branch) : this.parent(branch)?.at ?? 0;
    return { position, fraction: 0 };
  }

  /** Up to which position two branches are the same. */
  #shared(one: number, other: number): number {
    const path = new Map<number, number>();
    for (const [branch, until] of this.#path(one)) path.set(branch, until);
    let shared = -1;
    for (const [branch, until] of this.#path(other)) {
      const mine = path.get(branch);
      if (mine !== undefined) shared = Math.max(shared, Math.min(mine, until));
    }
    return shared;
  }

  /** A branch and those that it came from, each with how much of it belongs to the path. */
  *#path(branch: number): Iterable<[number, number]> {
    let until = this.length(branch);
    let at: number | null = branch;
    while (at !== null) {
      yield [at, until];
      const parent: { branch: number; at: number } | null = this.parent(at);
      if (parent) until = Math.min(until, parent.at);
      at = parent?.branch ?? null;
    }
  }
}
