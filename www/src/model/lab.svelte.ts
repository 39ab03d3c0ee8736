// The lab as components see it: one run, one cursor, one selection. See api.ts for every member.
//
// It keeps the reactive state and asks the run for more steps in time. All big data stay outside
// Svelte's proxies; `#version` says that a record changed. Not here: what a frame means
// (record.ts), time (story.ts, player.ts) and the conversation with the core (run.ts).
import { Broken, Client, type Port, Refused, startWorker } from "../core/client";
import type { Host, Problem } from "../core/types";
import type {
  Export, Fold, LabApi, Lane, Loading, MarkAt, Status, StepBy,
} from "./api";
import { Frames } from "./frames";
import { History } from "./history";
import { type Cursor, type Picture, pictureAt, type Selection } from "./picture";
import {
  advance, AHEAD_US, allSilent, CHUNK_STEPS, clampSpeed, wantsMore,
} from "./player";
import type { Arrival, BranchRecord } from "./record";
import { type Doing, type Opening, Run } from "./run";
import { stepAfter, stepBefore } from "./steps";
import type { Story } from "./story";

/** A request that takes longer is told. */
const WORKING_MS = 150;
/** How far a step button looks for a moment that fits. */
const STEP_CHUNKS_MAX = 40;

const START: Cursor = { branch: 0, position: 0, fraction: 0 };
const FILES = {
  zlab: { name: "run.txt", type: "text/plain" },
  script: { name: "script.txt", type: "text/plain" },
  jsonl: { name: "trace.jsonl", type: "application/x-ndjson" },
};

export class Lab implements LabApi {
  #status = $state.raw<Status>("loading");
  #failure = $state.raw<string | null>(null);
  #loading = $state.raw<Loading>({ loaded: 0, total: null });
  #working = $state(false);
  #problem = $state.raw<Problem | null>(null);
  #cursor = $state.raw<Cursor>(START);
  #playing = $state(false);
  #speed = $state(1);
  #otherTrace = $state(false);
  #selection = $state.raw<Selection>(null);
  #heartbeats = $state(false);
  #reducedMotion = $state(false);
  /** Grows whenever a record changes. */
  #version = $state(0);
  /** Grows with everything that is done, so that undo and redo show. */
  #done = $state(0);

  readonly #client: Client;
  readonly #run: Run;
  readonly #frames = new Frames((dt) => this.#tick(dt));
  #history = new History();
  #busy = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #fetching = false;
  /** While an act is under way the cursor waits for it. */
  #acting = 0;
  #silentSince = 0;
  /** The story time at which it began to play. */
  #playsSince = 0;
  #opened = $state(false);

  readonly #branch = $derived(this.#cursor.branch);
  readonly #picture = $derived.by(() => this.#draw());
  readonly #lanes = $derived.by<Lane[]>(() => {
    void [this.#version, this.#seenPosition];
    return this.#run.branches.lanes(this.#branch, this.#heartbeats);
  });
  readonly #seenStory = $derived.by(() => {
    void this.#cursor;
    return this.#story?.of(this.#run.branches.seen(this.#branch)) ?? 0;
  });
  readonly #seenPosition = $derived.by(() => {
    void [this.#version, this.#cursor];
    return this.#run.branches.seen(this.#branch).position;
  });
  readonly #marks = $derived.by<MarkAt[]>(() => {
    const story = this.#story;
    const marks = this.#record?.marks(this.#seenPosition) ?? [];
    return story ? marks.map((mark) => ({ ...mark, story: story.at(mark.position) })) : [];
  });
  readonly #folds = $derived.by<Fold[]>(() => this.#story?.folds(this.#seenStory) ?? []);

  /** With the core in a worker, or behind any other port. */
  constructor(port: Port = startWorker()) {
    this.#client = new Client(port, {
      loading: (loaded, total) => { this.#loading = { loaded, total }; },
      ready: () => { this.#status = "ready"; },
      failed: (message) => this.#fail(message),
    });
    this.#run = new Run(this.#client);
  }

  get status() { return this.#status; }
  get failure() { return this.#failure; }
  get loading() { return this.#loading; }
  get working() { return this.#working; }
  get problem() { return this.#problem; }
  get picture(): Picture | null { return this.#picture; }
  get cursor() { return this.#cursor; }
  get lanes() { return this.#lanes; }
  get marks() { return this.#marks; }
  get folds() { return this.#folds; }
  get storyNow() { return this.#now(); }
  get duration() { return Math.max(this.#seenStory, this.#now()); }
  get otherTrace() { return this.#otherTrace; }
  get playing() { return this.#playing; }
  get speed() { return this.#speed; }
  get selection() { return this.#selection; }
  get reducedMotion() { return this.#reducedMotion; }
  get showHeartbeats() { return this.#heartbeats; }

  get atEnd(): boolean {
    void this.#version;
    const { branch, position } = this.#cursor;
    const story = this.#story;
    return story !== null && story.stopAfter(position) === null && this.#run.finished(branch);
  }

  get canUndo(): boolean {
    void this.#done;
    return this.#history.back !== null;
  }

  get canRedo(): boolean {
    void this.#done;
    return this.#history.forth !== null;
  }

  set showHeartbeats(on: boolean) {
    const before = this.#story;
    this.#heartbeats = on;
    const after = this.#story;
    if (!before || !after) return;
    // The same simulated moment, on the way to what is the next stop now.
    const { position } = this.#cursor;
    const next = after.stopAfter(position);
    const from = after.time({ position, fraction: 0 });
    const to = next === null ? from : after.time({ position: next, fraction: 0 });
    const share = to === from ? 0 : (before.time(this.#cursor) - from) / (to - from);
    this.#move({ ...this.#cursor, fraction: Math.min(Math.max(0, share), 1 - Number.EPSILON) });
  }

  notifications(host: Host, limit: number): Arrival[] {
    return this.#record?.notifications(host, this.#cursor.position, limit) ?? [];
  }

  dismiss(): void { this.#problem = null; }
  select(selection: Selection): void { this.#selection = selection; }
  setReducedMotion(on: boolean): void { this.#reducedMotion = on; }
  setSpeed(speed: number): void { this.#speed = clampSpeed(speed); }

  open(script: string, acts: readonly string[] = []): Promise<boolean> {
    return this.#open({ script }, acts);
  }

  openLink(link: string): Promise<boolean> { return this.#open({ zlab: link }); }

  play(): void {
    if (this.#playing || !this.#opened) return;
    this.#silentSince = this.#story?.stopCount ?? 0;
    this.#playsSince = this.#now();
    this.#playing = true;
    this.#frames.run();
    this.#fetch();
  }

  pause(): void {
    this.#playing = false;
    this.#frames.stop();
  }

  toggle(): void {
    if (this.#playing) this.pause();
    else this.play();
  }

  async stepForward(by: StepBy = {}): Promise<boolean> {
    this.pause();
    for (let tries = 0; tries < STEP_CHUNKS_MAX; tries += 1) {
      const record = this.#record;
      const { branch, position } = this.#cursor;
      const next = record && stepAfter(record, this.#heartbeats, position, by);
      if (next !== null) {
        this.#move({ branch, position: next, fraction: 0 });
        return true;
      }
      if (!record || !await this.#more() || this.#cursor.branch !== branch) return false;
    }
    return false;
  }

  stepBack(by: StepBy = {}): boolean {
    this.pause();
    const record = this.#record;
    const before = record && stepBefore(record, this.#heartbeats, this.#cursor, by);
    if (before === null) return false;
    this.#move({ branch: this.#cursor.branch, position: before, fraction: 0 });
    return true;
  }

  seekStory(ms: number): void {
    const story = this.#story;
    if (!story) return;
    const to = Math.min(Math.max(0, ms), this.duration);
    this.#move({ branch: this.#cursor.branch, ...story.place(to) });
  }

  seekPosition(position: number): void {
    const last = (this.#record?.length ?? 1) - 1;
    const to = Math.min(Math.max(0, Math.trunc(position)), last);
    this.#move({ branch: this.#cursor.branch, position: to, fraction: 0 });
  }

  toStart(): void { this.seekPosition(0); }

  toEnd(): void {
    const { branch } = this.#cursor;
    this.#move({ branch, ...this.#run.branches.seen(branch) });
  }

  switchBranch(id: number): Promise<boolean> {
    return this.#doing(async () => {
      if (!this.#run.branches.has(id) || !await this.#run.show(id)) return;
      const record = this.#run.branches.record(id);
      const shared = Math.min(this.#cursor.position, (record?.length ?? 1) - 1);
      const same = shared === this.#cursor.position;
      this.#move({ branch: id, position: shared, fraction: same ? this.#cursor.fraction : 0 });
    });
  }

  nameBranch(id: number, name: string): void {
    this.#run.branches.rename(id, name.trim());
    this.#version += 1;
  }

  act(line: string): Promise<boolean> { return this.#act({ line }); }
  step(text: string): Promise<boolean> { return this.#act({ step: text }); }

  undo(): Promise<boolean> {
    return this.#doing(async () => {
      const deed = this.#history.back;
      if (!deed) return;
      // An act at the end of its branch leaves no branch without it: one begins where it was done.
      if (deed.before.branch === deed.after.branch) {
        deed.before = await this.#run.without(deed.before);
      }
      this.#history.undone();
      this.#move(deed.before);
    });
  }

  redo(): Promise<boolean> {
    return this.#doing(async () => {
      const deed = this.#history.forth;
      if (!deed) return;
      await this.#run.show(deed.after.branch);
      this.#history.redone();
      this.#move(deed.after);
    });
  }

  async exportAs(form: "zlab" | "script" | "jsonl"): Promise<Export | null> {
    let file: Export | null = null;
    await this.#doing(async () => {
      file = { ...FILES[form], text: await this.#run.exportAs(this.#cursor, form) };
    });
    return file;
  }

  dispose(): void {
    this.pause();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#client.close();
  }

  get #record(): BranchRecord | null {
    void this.#version;
    return this.#run.branches.record(this.#branch) ?? null;
  }

  get #story(): Story | null {
    return this.#record?.story(this.#heartbeats) ?? null;
  }

  #now(): number {
    return this.#story?.of(this.#cursor) ?? 0;
  }

  #draw(): Picture | null {
    const record = this.#record;
    const movesSince = this.#playing ? this.#playsSince : null;
    const drawn = { heartbeats: this.#heartbeats, reducedMotion: this.#reducedMotion, movesSince };
    return record && this.#opened ? pictureAt(record, this.#cursor, drawn) : null;
  }

  #open(from: Opening, acts: readonly string[] = []): Promise<boolean> {
    this.pause();
    return this.#doing(async () => {
      const { cursor: begin, same } = await this.#run.open(from);
      let cursor = begin;
      this.#opened = true;
      this.#otherTrace = !same;
      this.#history = new History();
      this.#selection = null;
      try {
        for (const line of acts) cursor = await this.#run.act(cursor, { line });
        await this.#ahead(cursor);
      } finally {
        this.#move(cursor);
      }
    });
  }

  #act(doing: Doing): Promise<boolean> {
    return this.#doing(async () => {
      const before = this.#cursor;
      this.#run.branches.see(before.branch, before);
      const after = await this.#run.act(before, doing);
      this.#history.did({ before: { ...before, fraction: 0 }, after });
      await this.#ahead(after);
      this.#move(after);
    });
  }

  /** Does what the reader asked for; the cursor waits meanwhile. False if it was refused. */
  async #doing(task: () => Promise<void>): Promise<boolean> {
    this.#acting += 1;
    try {
      const well = await this.#asking(task);
      if (well) this.#problem = null;
      return well;
    } finally {
      this.#acting -= 1;
      this.#done += 1;
      this.#silentSince = this.#story?.stopCount ?? 0;
      if (this.#playing) this.#frames.run();
      this.#fetch();
    }
  }

  /** Runs something that asks the core; whatever goes wrong becomes the problem. */
  async #asking(task: () => Promise<void>): Promise<boolean> {
    this.#busy += 1;
    this.#timer ??= setTimeout(() => { this.#working = true; }, WORKING_MS);
    try {
      await task();
      return true;
    } catch (error) {
      if (error instanceof Refused) this.#problem = error.problem;
      else if (!(error instanceof Broken)) {
        const message = error instanceof Error ? error.message : String(error);
        this.#problem = { kind: "run", message };
      }
      return false;
    } finally {
      this.#busy -= 1;
      this.#version += 1;
      if (this.#busy === 0) {
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = null;
        this.#working = false;
      }
    }
  }

  #fail(message: string): void {
    this.pause();
    this.#status = "failed";
    this.#failure = message;
  }

  #move(cursor: Cursor): void {
    this.#run.branches.see(cursor.branch, cursor);
    this.#cursor = cursor;
    this.#fetch();
  }

  /** One frame of the screen. */
  #tick(dt_ms: number): boolean {
    const story = this.#story;
    if (!story || !this.#playing) return false;
    if (this.#acting > 0) return false;
    const { branch } = this.#cursor;
    const done = this.#run.finished(branch) || allSilent(story, this.#silentSince);
    const before = { playing: true, speed: this.#speed, story: story.of(this.#cursor) };
    const after = advance(before, dt_ms, story.end.story, done);
    if (after.story !== before.story) this.#move({ branch, ...story.place(after.story) });
    this.#playing = after.playing;
    this.#fetch();
    return after.playing;
  }

  /** Has the core run ahead of a place before it is shown: messages there shall know their ends. */
  async #ahead({ branch, position }: Cursor): Promise<void> {
    const time = this.#run.branches.record(branch)?.frame(position)?.at_us ?? 0;
    await this.#run.more(branch, time + 2 * AHEAD_US, CHUNK_STEPS);
  }

  /** Has the core run ahead, if it is time. */
  #fetch(): void {
    const story = this.#story;
    if (this.#fetching || this.#acting > 0 || !story || this.#status === "failed") return;
    const { branch, position } = this.#cursor;
    if (this.#run.finished(branch)) return;
    if (!wantsMore(story, position, this.#now(), this.#speed)) return;
    void this.#more();
  }

  /** Asks for the next steps of the present branch. False if there will be none. */
  async #more(): Promise<boolean> {
    const story = this.#story;
    if (!story) return false;
    const { branch } = this.#cursor;
    const until = Math.max(story.time(this.#cursor) + 2 * AHEAD_US, story.lastTime + AHEAD_US);
    let came = false;
    this.#fetching = true;
    const well = await this.#asking(async () => {
      came = await this.#run.more(branch, until, CHUNK_STEPS);
    });
    this.#fetching = false;
    if (well) this.#fetch();
    return came;
  }
}
