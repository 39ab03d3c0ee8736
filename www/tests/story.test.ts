import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FOLD_US, GAP_MAX_MS, GAP_MIN_MS, gapMs, lastNotAfter, SILENCE_US, Story,
} from "../src/model/story";

/** Gaps between steps, and whether each is worth showing. */
const steps = fc.array(
  fc.record({
    gap: fc.oneof(fc.constant(0), fc.nat(3_000), fc.nat(2_000_000), fc.nat(3 * SILENCE_US)),
    shown: fc.boolean(),
    lead: fc.option(fc.nat(900), { freq: 10 }),
  }),
  { maxLength: 60 },
);
type Step = { gap: number; shown: boolean; lead: number | null };

function storyOf(list: readonly Step[]): Story {
  const story = new Story();
  story.append(0, true);
  let now = 0;
  for (const { gap, shown, lead } of list) {
    now += gap;
    story.append(now, shown, lead);
  }
  return story;
}

function stopsOf(story: Story): number[] {
  const stops = [0];
  for (let next = story.stopAfter(0); next !== null; next = story.stopAfter(next)) stops.push(next);
  return stops;
}

describe("the width of a gap", () => {
  test("is that of the brief", () => {
    expect(gapMs(0)).toBe(GAP_MIN_MS);
    expect(gapMs(2_000)).toBe(120);
    expect(gapMs(10_000)).toBeCloseTo(120 * Math.log2(6), 9);
    expect(gapMs(60_000_000)).toBe(GAP_MAX_MS);
    expect(gapMs(FOLD_US)).toBeCloseTo(GAP_MAX_MS, 3);
    expect(gapMs(FOLD_US / 2)).toBeLessThan(GAP_MAX_MS);
  });

  test("never shrinks as the gap grows", () => {
    fc.assert(fc.property(fc.nat(), fc.nat(), (a, b) => {
      expect(gapMs(Math.max(a, b))).toBeGreaterThanOrEqual(gapMs(Math.min(a, b)));
    }));
  });
});

describe("story time", () => {
  test("and places are inverse to each other, exactly at what is shown", () => {
    fc.assert(fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
      const story = storyOf(list);
      for (const stop of stopsOf(story)) {
        expect(story.place(story.at(stop))).toEqual({ position: stop, fraction: 0 });
      }
      const at = share * story.end.story;
      const place = story.place(at);
      expect(place.fraction).toBeGreaterThanOrEqual(0);
      expect(place.fraction).toBeLessThan(1);
      expect(story.of(place)).toBeCloseTo(at, 6);
    }));
  });

  test("is monotone, and so is simulated time along it", () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2 });
    fc.assert(fc.property(steps, shares, (list, list2) => {
      const story = storyOf(list);
      const places = list2.sort((a, b) => a - b).map((share) => story.place(share * story.end.story));
      places.reduce((before, after) => {
        expect(after.position).toBeGreaterThanOrEqual(before.position);
        expect(story.time(after)).toBeGreaterThanOrEqual(story.time(before));
        return after;
      });
      for (let position = 1; position < story.length; position += 1) {
        expect(story.at(position)).toBeGreaterThanOrEqual(story.at(position - 1));
      }
    }));
  });

  test("does not change where it was, whatever comes later", () => {
    fc.assert(fc.property(steps, steps, (first, later) => {
      const before = storyOf(first);
      const after = storyOf([...first, ...later]);
      for (let position = 0; position <= before.end.position; position += 1) {
        expect(after.at(position)).toBe(before.at(position));
      }
    }));
  });

  test("cut back and taken up again is the same as never having been longer", () => {
    fc.assert(fc.property(steps, steps, fc.nat(), (list, other, where) => {
      const at = where % (list.length + 1);
      const straight = storyOf([...list.slice(0, at), ...other]);
      const cut = storyOf(list);
      const fork = cut.fork(at);
      cut.cut(at);
      let now = list.slice(0, at).reduce((sum, { gap }) => sum + gap, 0);
      for (const { gap, shown, lead } of other) {
        now += gap;
        cut.append(now, shown, lead);
        fork.append(now, shown, lead);
      }
      for (let position = 0; position < straight.length; position += 1) {
        expect(cut.at(position)).toBe(straight.at(position));
        expect(fork.at(position)).toBe(straight.at(position));
      }
      expect(fork.end).toEqual(straight.end);
    }));
  });

  test("shows a step after a long silence, and says how long a fold is", () => {
    const story = storyOf([
      { gap: 1_000, shown: true, lead: null },
      { gap: 6_000_000, shown: false, lead: null },
      { gap: 6_000_000, shown: false, lead: null },
      { gap: 5_000_000, shown: true, lead: null },
    ]);
    expect(stopsOf(story)).toEqual([0, 1, 3, 4]);
    expect(story.folds(Infinity).map((fold) => fold.length_us)).toEqual([12_000_000, 5_000_000]);
    expect(story.folds(100)).toEqual([]);
    expect(story.silentTail).toBe(0);
  });

  test("draws an act where the reader did it", () => {
    const story = storyOf([{ gap: 0, shown: true, lead: 500 }, { gap: 0, shown: true, lead: 5 }]);
    expect([story.at(1), story.at(2)]).toEqual([500, 500 + GAP_MIN_MS]);
  });
});

test("the last element that is not greater", () => {
  fc.assert(fc.property(fc.array(fc.nat(30)), fc.nat(30), (list, value) => {
    const sorted = list.sort((a, b) => a - b);
    expect(lastNotAfter(sorted, value)).toBe(sorted.filter((one) => one <= value).length - 1);
  }));
});
