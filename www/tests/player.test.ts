import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  advance, AHEAD_MS, allSilent, clampSpeed, SILENCES_MAX, SPEED_MAX, SPEED_MIN, wantsMore,
} from "../src/model/player";
import { SILENCE_US, Story } from "../src/model/story";

const number = fc.double({ min: 0, max: 5_000, noNaN: true });

describe("playing", () => {
  test("never goes back, past the end, or on by itself", () => {
    fc.assert(fc.property(fc.boolean(), number, number, number, fc.boolean(), (playing, story, dt, end, done) => {
      const before = { playing, speed: 1, story };
      const after = advance(before, dt, end, done);
      if (!playing) {
        expect(after).toEqual(before);
        return;
      }
      expect(after.story).toBeGreaterThanOrEqual(story);
      expect(after.story).toBeLessThanOrEqual(Math.max(story, end));
      expect(after.playing).toBe(after.story < end || !done);
    }));
  });

  test("goes as fast as it is told, but a page that was hidden does not leap", () => {
    const play = { playing: true, speed: 2, story: 10 };
    expect(advance(play, 16, 1_000, false).story).toBe(42);
    expect(advance(play, 60_000, 1_000, false).story).toBe(210);
    expect(advance(play, -5, 1_000, false).story).toBe(10);
  });

  test("waits at the end for more, and stops if there is none", () => {
    const play = { playing: true, speed: 1, story: 95 };
    expect(advance(play, 16, 100, false)).toMatchObject({ story: 100, playing: true });
    expect(advance(play, 16, 100, true)).toMatchObject({ story: 100, playing: false });
  });

  test("has speeds within bounds", () => {
    expect([0, 1, 99, NaN, Infinity].map(clampSpeed)).toEqual([SPEED_MIN, 1, SPEED_MAX, 1, 1]);
  });
});

function storyOf(count: number, gap: number, shown = true): Story {
  const story = new Story();
  for (let n = 0; n <= count; n += 1) story.append(n * gap, shown);
  return story;
}

describe("running ahead", () => {
  test("is asked for when less than three seconds are left", () => {
    const story = storyOf(100, 2_000);
    const near = story.end.story - AHEAD_MS;
    expect(wantsMore(story, story.place(near).position, near, 1)).toBe(false);
    expect(wantsMore(story, story.place(near + 1).position, near + 1, 1)).toBe(true);
    expect(wantsMore(story, story.place(near).position, near, 2)).toBe(true);
  });

  test("ends 2,000 steps or ten seconds ahead", () => {
    expect(wantsMore(storyOf(2_001, 1, false), 0, 0, 1)).toBe(false);
    expect(wantsMore(storyOf(5, 2_000_000, false), 0, 0, 1)).toBe(false);
    expect(wantsMore(storyOf(5, 1_000, false), 0, 0, 1)).toBe(true);
  });

  test("ends after a long silence, which begins anew when the reader plays on", () => {
    const story = storyOf(SILENCES_MAX + 1, SILENCE_US, false);
    expect(allSilent(story, 0)).toBe(true);
    expect(allSilent(story, story.stopCount)).toBe(false);
    story.append(story.lastTime + 1, true);
    expect(allSilent(story, 0)).toBe(false);
  });
});
