// How the cursor moves while it plays, as functions of time. Not here: the clock (frames.ts) and
// the core, which is asked for more by lab.svelte.ts.
import type { Story } from "./story";

export const SPEED_MIN = 0.25;
export const SPEED_MAX = 4;
/** More is asked for when less than so much story is left, at speed 1. */
export const AHEAD_MS = 3_000;
/** The core does not run further ahead of the cursor than this. */
export const AHEAD_STEPS = 2_000;
export const AHEAD_US = 10_000_000;
/** Steps that are asked for at once. */
export const CHUNK_STEPS = 500;
/** Playing stops by itself after so many silences, one after the other. */
export const SILENCES_MAX = 6;
/** The most that one frame of the screen moves the cursor: a page that was hidden does not leap. */
const LEAP_MS = 100;

export type Play = { playing: boolean; speed: number; story: number };

/** The player after so much time of the wall. At the end it waits, and stops if nothing will come. */
export function advance(play: Play, dt_ms: number, end: number, done: boolean): Play {
  if (!play.playing) return play;
  const moved = play.story + Math.min(Math.max(0, dt_ms), LEAP_MS) * play.speed;
  const story = Math.max(play.story, Math.min(moved, end));
  return { ...play, story, playing: story < end || !done };
}

/** The nearest speed that there is. */
export function clampSpeed(speed: number): number {
  return Number.isFinite(speed) ? Math.min(SPEED_MAX, Math.max(SPEED_MIN, speed)) : 1;
}

/** Whether the core is to run further ahead. */
export function wantsMore(story: Story, position: number, now: number, speed: number): boolean {
  const { story: end } = story.end;
  if (end - now >= AHEAD_MS * Math.max(1, speed)) return false;
  if (story.length - position >= AHEAD_STEPS) return false;
  const ahead = story.lastTime - story.time({ position, fraction: 0 });
  return ahead < AHEAD_US;
}

/** Whether it has been silent for so long that playing stops. `since` is the stop where it began. */
export function allSilent(story: Story, since: number): boolean {
  return Math.min(story.silentTail, story.stopCount - since) >= SILENCES_MAX;
}
