// One run: what the page asks of the core, and the records that come of it.
//
// The core stands at one place at a time, so whatever is asked is asked one after the other. Not
// here: what is on the screen, and when more is wanted (lab.svelte.ts).
import { type Client, Refused } from "../core/client";
import type { Done, Frame, Request } from "../core/types";
import { Branches } from "./branches";
import type { Cursor } from "./picture";
import { AHEAD_US, CHUNK_STEPS } from "./player";
import type { BranchRecord } from "./record";
import type { Place } from "./story";

/** Something the reader does: a line of a script, or exactly one step. */
export type Doing = { line: string } | { step: string };
export type Opening = { script: string } | { zlab: string };

export class Run {
  readonly #client: Client;
  #branches = new Branches();
  #core: { branch: number; position: number } | null = null;
  /** Branches at whose end the core has nothing to do. */
  #finished = new Set<number>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: Client) {
    this.#client = client;
  }

  get branches(): Branches {
    return this.#branches;
  }

  /** True if the core has nothing more to do at the end of a branch. */
  finished(branch: number): boolean {
    return this.#finished.has(branch);
  }

  /** Begins another run; the one before is gone. `same` is false if its trace has become another. */
  open(from: Opening): Promise<{ cursor: Cursor; same: boolean }> {
    return this.#serial(async () => {
      const done = await this.#ask({ do: "open", ...from });
      const branches = new Branches();
      const { branch, position } = done.view;
      branches.update(done.view.branches);
      branches.begin(branch, done.frames, "zlab" in from);
      this.#branches = branches;
      this.#finished.clear();
      return { cursor: { branch, position, fraction: 0 }, same: done.value !== false };
    });
  }

  /** Extends a branch at its end. False if nothing came, and nothing ever will. */
  more(branch: number, until_us: number, max_steps: number): Promise<boolean> {
    return this.#serial(async () => {
      const record = this.#branches.record(branch);
      if (!record || this.#finished.has(branch)) return false;
      const end = record.length - 1;
      if (end < this.#branches.length(branch)) return this.#catchUp(branch, record);
      await this.#goTo(branch, end);
      try {
        let done: Done | null = await this.#ask({ do: "advance", until_us, max_steps });
        if (done.view.position === end) done = await this.#next();
        if (done === null) this.#finished.add(branch);
        else this.#append(done.frames, null);
        return done !== null;
      } catch (error) {
        // It is not asked again and again for what it refuses.
        if (error instanceof Refused) this.#finished.add(branch);
        throw error;
      }
    });
  }

  /** Makes a branch ready to be looked at. */
  show(branch: number): Promise<boolean> {
    return this.#serial(async () => {
      const record = this.#branches.begun(branch);
      if (!record) return false;
      if (record.length - 1 < this.#branches.length(branch)) await this.#catchUp(branch, record);
      return true;
    });
  }

  /**
   * Does something at a cursor. What comes later and was never seen goes; what was seen stays, and
   * a branch begins. Gives the place after it.
   */
  act(cursor: Cursor, doing: Doing): Promise<Cursor> {
    return this.#serial(async () => {
      const { branch, position } = cursor;
      const record = this.#branches.record(branch);
      if (!record) throw new Error(`no branch ${branch}`);
      const lead = { plain: sinceStop(record, cursor, false), beating: sinceStop(record, cursor, true) };
      if (position >= this.#branches.seen(branch).position) await this.#forget(branch, position);
      else await this.#goTo(branch, position);
      const done = await this.#ask("line" in doing
        ? { do: "act", line: doing.line } : { do: "step", step: doing.step });
      this.#append(done.frames, lead);
      this.#finished.delete(done.view.branch);
      if (done.view.position > position) return at(done);
      // Only a rule for what comes: what was recorded goes its own way where the rule first acts.
      if (position === this.#branches.length(branch)) return cursor;
      return this.#again(cursor);
    });
  }

  /** A branch in which the chooser goes on from a position; the same one if there is no other. */
  without(place: Cursor): Promise<Cursor> {
    return this.#serial(async () => {
      await this.#goTo(place.branch, place.position);
      return this.#again(place);
    });
  }

  /** The run as a text, up to a cursor; as a link with all branches, as far as they were seen. */
  exportAs(cursor: Cursor, form: "zlab" | "script" | "jsonl"): Promise<string> {
    return this.#serial(async () => {
      const cut = form === "zlab" ? await this.#hideUnseen() : [];
      await this.#goTo(cursor.branch, cursor.position);
      const { data } = await this.#ask({ do: "export", as: form });
      for (const { branch, steps } of cut) await this.#restore(branch, steps);
      if (data === undefined) throw new Error("the core exported nothing");
      return data;
    });
  }

  /** Has the core forget what it ran ahead, on all branches; the records keep it. */
  async #hideUnseen(): Promise<{ branch: number; steps: number }[]> {
    const cut = [];
    for (const branch of this.#branches.known) {
      const steps = this.#branches.length(branch) - this.#branches.seen(branch).position;
      if (steps <= 0) continue;
      await this.#forget(branch, this.#branches.seen(branch).position, false);
      if (this.#branches.length(branch) === this.#branches.seen(branch).position) {
        cut.push({ branch, steps });
      }
    }
    return cut;
  }

  /** Has the core take the steps again that it had to forget: the chooser picks the same ones. */
  async #restore(branch: number, steps: number): Promise<void> {
    await this.#goTo(branch, this.#branches.length(branch));
    await this.#ask({ do: "advance", until_us: Number.MAX_SAFE_INTEGER, max_steps: steps });
    this.#branches.cut(branch, this.#branches.length(branch));
  }

  /** What the core has of a branch, and the page has not. */
  async #catchUp(branch: number, record: BranchRecord): Promise<boolean> {
    const from = record.length - 1;
    const done = await this.#ask({
      do: "frames", branch, from, to: this.#branches.length(branch),
    });
    record.append(done.frames);
    return record.length - 1 > from;
  }

  /** Lets the chooser go on from where the core stands; the place there, perhaps on a new branch. */
  async #again(place: Cursor): Promise<Cursor> {
    const until_us = (this.#branches.record(place.branch)?.frame(place.position)?.at_us ?? 0) + AHEAD_US;
    const done = await this.#ask({ do: "advance", until_us, max_steps: CHUNK_STEPS });
    this.#append(done.frames, null);
    const { branch } = done.view;
    return branch === place.branch ? place : { branch, position: place.position, fraction: 0 };
  }

  /** The next step, whenever it is; null if nothing can happen any more. */
  async #next(): Promise<Done | null> {
    try {
      return await this.#ask({ do: "step", count: 1 });
    } catch (error) {
      if (error instanceof Refused && error.problem.kind === "run") return null;
      throw error;
    }
  }

  async #goTo(branch: number, position: number): Promise<void> {
    if (this.#core?.branch === branch && this.#core.position === position) return;
    await this.#ask({ do: "seek", branch, position });
  }

  async #forget(branch: number, position: number, record = true): Promise<void> {
    if (position >= this.#branches.length(branch)) return this.#goTo(branch, position);
    try {
      await this.#ask({ do: "seek", branch, position, forget: true });
    } catch (error) {
      // Another branch begins later on this one: it stays.
      if (error instanceof Refused) return this.#goTo(branch, position);
      throw error;
    }
    if (!record) return;
    this.#branches.cut(branch, position);
    this.#finished.delete(branch);
  }

  /** Frames of the branch at which the core stands now; it may be a new one. */
  #append(frames: readonly Frame[], lead: { plain: number; beating: number } | null): void {
    const record = this.#core && this.#branches.begun(this.#core.branch);
    if (!record) throw new Error("steps of an unknown branch");
    record.append(frames, lead);
  }

  async #ask(request: Request): Promise<Done> {
    const { done } = await this.#client.ask(request);
    this.#core = { branch: done.view.branch, position: done.view.position };
    if (request.do !== "open") this.#branches.update(done.view.branches);
    return done;
  }

  #serial<T>(task: () => Promise<T>): Promise<T> {
    const next = this.#last.then(task, task);
    this.#last = next.catch(() => undefined);
    return next;
  }
}

function at(done: Done): Cursor {
  return { branch: done.view.branch, position: done.view.position, fraction: 0 };
}

/** How long after the last stop a place is, in story time. */
function sinceStop(record: BranchRecord, place: Place, heartbeats: boolean): number {
  const story = record.story(heartbeats);
  return story.of(place) - story.at(story.stopAt(place.position));
}
