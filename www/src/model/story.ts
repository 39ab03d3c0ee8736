// Story time: how long the page draws what the core did in simulated time.
//
// A stop is a moment that is worth showing. Between two stops the map is linear in simulated time;
// how long it takes grows with the logarithm of the gap, so that a millisecond can be seen and a
// silence of seconds does not bore. Not here: speed, and whether anything moves (player.ts).

/** The shortest and the longest that a gap is drawn, in story milliseconds. */
export const GAP_MIN_MS = 60;
export const GAP_MAX_MS = 900;
const GAP_SCALE_MS = 120;
const GAP_UNIT_MS = 2;
/** After so long without anything to show, the next step is shown, so that time is seen to pass. */
export const SILENCE_US = 10_000_000;

/** How long a gap of simulated time is drawn, in story milliseconds. */
export function gapMs(gap_us: number): number {
  const ms = GAP_SCALE_MS * Math.log2(1 + gap_us / 1000 / GAP_UNIT_MS);
  return Math.min(GAP_MAX_MS, Math.max(GAP_MIN_MS, ms));
}

/** Gaps longer than this are drawn as long as this one, and marked as folds. */
export const FOLD_US = Math.round(GAP_UNIT_MS * 1000 * (2 ** (GAP_MAX_MS / GAP_SCALE_MS) - 1));

/** A place between steps: after `position` of them, and so far on the way to the next stop. */
export type Place = { position: number; fraction: number };

/** A silence that is drawn shorter than it was: the middle of where it is drawn, and its length. */
export type Fold = { story: number; length_us: number };

/** The index of the last element that is not greater; -1 if all are. */
export function lastNotAfter(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The map between the steps of one branch and story time. It only grows, or is cut back. */
export class Story {
  /** Simulated time of every step, by position. */
  #times: number[];
  /** Positions of the stops, and the story times at which they are. */
  #stops: number[];
  #story: number[];
  /** Whether a stop is one only because nothing happened for so long. */
  #silent: boolean[];
  #folds: Fold[] = [];

  constructor() {
    this.#times = [];
    this.#stops = [];
    this.#story = [];
    this.#silent = [];
  }

  /** How many steps it knows, the start included. */
  get length(): number {
    return this.#times.length;
  }

  /**
   * The next step. `lead` says how long after the last stop it shall be drawn, if not by the gap:
   * an act is drawn at the moment at which the reader did it.
   */
  append(time_us: number, shown: boolean, lead: number | null = null): void {
    const position = this.#times.length;
    this.#times.push(time_us);
    const last = this.#stops.length - 1;
    const stop = this.#stops[last];
    if (stop === undefined) {
      this.#push(0, 0, false);
      return;
    }
    const gap = time_us - this.#time(stop);
    const silent = !shown && gap >= SILENCE_US;
    if (!shown && !silent) return;
    const width = lead === null ? gapMs(gap) : Math.max(GAP_MIN_MS, lead);
    this.#push(position, (this.#story[last] ?? 0) + width, silent);
  }

  /** Forgets every step after a position. */
  cut(position: number): void {
    if (position >= this.#times.length - 1) return;
    this.#times.length = position + 1;
    const keep = lastNotAfter(this.#stops, position) + 1;
    this.#stops.length = keep;
    this.#story.length = keep;
    this.#silent.length = keep;
    this.#folds = this.folds(this.end.story);
  }

  /** A copy of it up to a position. */
  fork(position: number): Story {
    const story = new Story();
    const keep = lastNotAfter(this.#stops, position) + 1;
    story.#times = this.#times.slice(0, position + 1);
    story.#stops = this.#stops.slice(0, keep);
    story.#story = this.#story.slice(0, keep);
    story.#silent = this.#silent.slice(0, keep);
    story.#folds = this.folds(story.end.story);
    return story;
  }

  /** The story time of a step. Steps after the last stop are at it, until there is another one. */
  at(position: number): number {
    const index = lastNotAfter(this.#stops, position);
    const stop = this.#stops[index];
    if (stop === undefined) return 0;
    const from = this.#story[index] ?? 0;
    const next = this.#stops[index + 1];
    if (stop === position || next === undefined) return from;
    const start = this.#time(stop);
    const gap = this.#time(next) - start;
    const to = this.#story[index + 1] ?? from;
    return gap === 0 ? from : from + (to - from) * ((this.#time(position) - start) / gap);
  }

  /** The story time of a place. */
  of(place: Place): number {
    const from = this.at(place.position);
    const next = this.#stops[lastNotAfter(this.#stops, place.position) + 1];
    return next === undefined ? from : from + place.fraction * (this.at(next) - from);
  }

  /** The place at a story time: the other way round. */
  place(story: number): Place {
    const index = Math.max(0, lastNotAfter(this.#story, story));
    const stop = this.#stops[index];
    if (stop === undefined) return { position: 0, fraction: 0 };
    const from = this.#story[index] ?? 0;
    const next = this.#stops[index + 1];
    if (next === undefined || story <= from) return { position: stop, fraction: 0 };
    const to = this.#story[index + 1] ?? from;
    let low = stop;
    let high = next - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.at(middle) <= story) low = middle;
      else high = middle - 1;
    }
    const start = this.at(low);
    // Rounding must not reach the next stop before its time.
    const fraction = Math.min(Math.max(0, (story - start) / (to - start)), 1 - Number.EPSILON);
    return { position: low, fraction };
  }

  /** Simulated time at a place, in whole microseconds. */
  time(place: Place): number {
    const from = this.#time(place.position);
    const next = this.#stops[lastNotAfter(this.#stops, place.position) + 1];
    if (next === undefined) return from;
    return Math.round(from + place.fraction * (this.#time(next) - from));
  }

  /** The last stop: up to here it can be played. */
  get end(): { position: number; story: number } {
    const last = this.#stops.length - 1;
    return { position: this.#stops[last] ?? 0, story: this.#story[last] ?? 0 };
  }

  /** Simulated time of the last known step. */
  get lastTime(): number {
    return this.#times[this.#times.length - 1] ?? 0;
  }

  /** How many stops there are, and how many of the last ones are there only for the silence. */
  get stopCount(): number {
    return this.#stops.length;
  }

  get silentTail(): number {
    let count = 0;
    while (this.#silent[this.#silent.length - 1 - count] === true) count += 1;
    return count;
  }

  /** The position of the first stop after a position. */
  stopAfter(position: number): number | null {
    return this.#stops[lastNotAfter(this.#stops, position) + 1] ?? null;
  }

  /** The position of the last stop at or before a position. */
  stopAt(position: number): number {
    return this.#stops[lastNotAfter(this.#stops, position)] ?? 0;
  }

  /** The silences that are drawn shorter, up to a story time. */
  folds(until: number): Fold[] {
    let count = this.#folds.length;
    while (count > 0 && (this.#folds[count - 1]?.story ?? 0) > until) count -= 1;
    return this.#folds.slice(0, count);
  }

  #push(position: number, story: number, silent: boolean): void {
    const last = this.#stops.length - 1;
    const gap = this.#time(position) - this.#time(this.#stops[last] ?? 0);
    if (gap > FOLD_US) {
      this.#folds.push({ story: (story + (this.#story[last] ?? 0)) / 2, length_us: gap });
    }
    this.#stops.push(position);
    this.#story.push(story);
    this.#silent.push(silent);
  }

  #time(position: number): number {
    return this.#times[position] ?? 0;
  }
}
