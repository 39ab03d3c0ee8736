// What components see of the lab: its state and its acts. The class behind it is `Lab` in
// lab.svelte.ts; every member here is reactive there. Components know this file and picture.ts,
// never the worker.
import type { Flight, Host, Mark, Problem } from "../core/types";
import type { Cursor, Picture, Selection } from "./picture";
import type { Arrival } from "./record";
import type { Fold } from "./story";

export type { Fold };

/** How far the core has come. */
export type Status = "loading" | "ready" | "failed";

/** Bytes of the core that have arrived; `total` is null if the host does not say. */
export type Loading = { loaded: number; total: number | null };

/** One branch, as a lane under the scrubber. Times are story milliseconds. */
export type Lane = {
  id: number;
  /** The branch that it left and where; null for the first one. */
  parent: { branch: number; position: number; story: number } | null;
  /** What begins it: the step in the words of the core ("crash 3"); null for the first one. */
  step: string | null;
  /** The message that this step was done to, if it is known. */
  message: Flight | null;
  /** Given by the reader, else null. */
  name: string | null;
  /** Steps from the beginning of the run to its end. */
  length: number;
  /** How far the reader has seen it, in steps. */
  seen: number;
  current: boolean;
};

/** A mark on the time axis. */
export type MarkAt = { story: number; position: number; mark: Mark };

/** Which steps a step button skips: only those of one server, or all up to a chapter mark. */
export type StepBy = { server?: number; chapter?: boolean };

/** A file that was asked for. */
export type Export = { name: string; type: string; text: string };

export interface LabApi {
  readonly status: Status;
  /** Why it is "failed". */
  readonly failure: string | null;
  readonly loading: Loading;
  /** True while the worker has been busy with one request for more than 150 ms. */
  readonly working: boolean;
  /** The last request that was refused; stays until dismissed or until the next success. */
  readonly problem: Problem | null;
  dismiss(): void;
  /** True if what is open came from a link, and this core makes another run of it. */
  readonly otherTrace: boolean;

  /** null until something is open. */
  readonly picture: Picture | null;
  readonly cursor: Cursor;
  /** The newest notifications of the election that arrived at a host up to the cursor, oldest first. */
  notifications(host: Host, limit: number): Arrival[];
  /** All branches, in the order of their beginnings. */
  readonly lanes: Lane[];
  /** Marks and folds of what the reader has seen of this branch. */
  readonly marks: MarkAt[];
  readonly folds: Fold[];
  /** Story time at the cursor, and the end of what the reader has seen, in milliseconds. */
  readonly storyNow: number;
  readonly duration: number;
  readonly playing: boolean;
  /** 0.25 to 4. */
  readonly speed: number;
  /** True if nothing lies after the cursor and the core has nothing more to do. */
  readonly atEnd: boolean;

  readonly selection: Selection;
  select(selection: Selection): void;
  showHeartbeats: boolean;
  /** True: no cosmetic motion; messages are drawn at three places. */
  readonly reducedMotion: boolean;
  setReducedMotion(on: boolean): void;

  /** Begins a run from a script's text, with lines that are done at once and cannot be undone. */
  open(script: string, acts?: readonly string[]): Promise<boolean>;
  /** Begins a run from a link (`#/lab/z1.…`). */
  openLink(link: string): Promise<boolean>;

  play(): void;
  pause(): void;
  toggle(): void;
  setSpeed(speed: number): void;
  /** Goes to the next shown moment; takes steps if there is none yet. True if it went. */
  stepForward(by?: StepBy): Promise<boolean>;
  stepBack(by?: StepBy): boolean;
  seekStory(ms: number): void;
  /** To this position of the present branch. */
  seekPosition(position: number): void;
  toStart(): void;
  /** To the end of what the reader has seen. */
  toEnd(): void;
  switchBranch(id: number): Promise<boolean>;
  nameBranch(id: number, name: string): void;

  /** A line of a script ("crash 3", "c1: create /a \"x\""), done at the cursor. False: see `problem`. */
  act(line: string): Promise<boolean>;
  /** Exactly this step ("hold 12a.7", "lose 12a.7", "deliver 12a.7", "release 12a"). */
  step(text: string): Promise<boolean>;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  undo(): Promise<boolean>;
  redo(): Promise<boolean>;

  exportAs(form: "zlab" | "script" | "jsonl"): Promise<Export | null>;
  dispose(): void;
}

/** Keys of `Picture.fresh`: how far what changed is on its way to its new look. */
export const freshRole = (host: Host): string => host;
export const FRESH_CUTS = "cuts";
export const freshLog = (host: Host): string => `${host}:log`;

