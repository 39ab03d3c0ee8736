import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Frame, ServerFrame } from "../src/core/types";
import { pictureAt } from "../src/model/picture";
import { BranchRecord, GapError } from "../src/model/record";
import { delivered, ELECTION, flight, frame, lost, server, shown } from "./support/frames";

const DRAWN = { heartbeats: false, reducedMotion: false, movesSince: null };

/** Frames in which messages set out, are held, let go and end, and servers change. */
const runs = fc.array(fc.record({
  gap: fc.nat(30_000), shown: fc.boolean(), sends: fc.nat(2), ends: fc.nat(3), loses: fc.boolean(),
  holds: fc.option(fc.nat(5), { nil: null }), quiet: fc.boolean(), changes: fc.nat(3),
}), { maxLength: 200 });
type Runs = typeof runs extends fc.Arbitrary<infer T> ? T : never;

function framesOf(list: Runs, begin = 0, at = 0, under: string[] = []): Frame[] {
  const frames = begin === 0
    ? [frame(0, 0, { servers: [server(1), server(2), server(3)], cuts: [], held: [] })] : [];
  let now = at;
  let open = [...under];
  list.forEach((one, index) => {
    now += one.gap;
    const position = begin + index + 1;
    const ended = open.slice(0, one.ends);
    const sent = Array.from({ length: one.sends }, (_, n) => `${position}a.${n}`);
    open = [...open.slice(one.ends), ...sent];
    frames.push(frame(position, now, {
      ...(one.shown ? shown : {}),
      sent: sent.map((id) => flight(id, { quiet: one.quiet })),
      ended: ended.map(one.loses ? lost : delivered),
      held: one.holds === null ? null : open.slice(0, one.holds),
      servers: one.changes === 0 ? [] : [{ ...server(one.changes), earlier: position }],
    }));
  });
  return frames;
}

/** The fold that a record is meant to be, in the plainest words. */
function naive(frames: readonly Frame[], position: number) {
  const servers = new Map<number, ServerFrame>();
  const flights = new Map<string, { quiet: boolean }>();
  let held: readonly string[] = [];
  for (const one of frames.slice(0, position + 1)) {
    for (const changed of one.servers) servers.set(changed.sid, changed);
    for (const sent of one.sent) flights.set(sent.id, sent);
    for (const { id } of one.ended) flights.delete(id);
    held = one.held ?? held;
  }
  return { servers, flights, held };
}

function picture(record: BranchRecord, position: number, fraction = 0, heartbeats = true) {
  const found = pictureAt(record, { branch: 0, position, fraction }, { ...DRAWN, heartbeats });
  if (!found) throw new Error("no picture");
  return found;
}

function expectFold(record: BranchRecord, frames: readonly Frame[]): void {
  expect(record.length).toBe(frames.length);
  for (let position = 0; position < frames.length; position += 1) {
    const { servers, flights, held } = naive(frames, position);
    const drawn = picture(record, position);
    expect(drawn.servers).toEqual([...servers.values()].sort((a, b) => a.sid - b.sid));
    const here = drawn.flights.filter((one) => !one.lost);
    expect(here.map((one) => one.flight.id).sort()).toEqual([...flights.keys()].sort());
    expect(here.filter((one) => one.held).map((one) => one.flight.id).sort())
      .toEqual(held.filter((id) => flights.has(id)).sort());
    for (const { progress } of drawn.flights) {
      expect(progress).toBeGreaterThanOrEqual(0);
      expect(progress).toBeLessThanOrEqual(1);
    }
  }
}

describe("a record", () => {
  test("is the fold of its frames", () => {
    fc.assert(fc.property(runs, (list) => {
      const frames = framesOf(list);
      const record = new BranchRecord();
      record.append(frames);
      expectFold(record, frames);
    }), { numRuns: 40 });
  });

  test("cut or forked anywhere goes on as if it had never been longer", () => {
    fc.assert(fc.property(runs, runs, fc.nat(), (list, other, where) => {
      const at = where % (list.length + 1);
      const all = framesOf(list);
      const begin = all.slice(0, at + 1);
      const under = [...naive(all, at).flights.keys()];
      const joined = [...begin, ...framesOf(other, at + 1 === 1 ? 0 : at, begin[at]?.at_us, under)
        .filter((one) => one.position > at)];
      const record = new BranchRecord();
      record.append(all);
      const fork = record.fork(at);
      fork.append(joined);
      expectFold(fork, joined);
      expectFold(record, all);
      record.cut(at);
      expectFold(record, begin);
      record.append(joined);
      expectFold(record, joined);
      expectFold(fork, joined);
    }), { numRuns: 40 });
  });

  test("skips frames that it has, and refuses a gap", () => {
    const record = new BranchRecord();
    record.append(ELECTION.slice(0, 10));
    record.append(ELECTION.slice(5, 12));
    expect(record.length).toBe(12);
    expect(() => record.append(ELECTION.slice(13))).toThrow(GapError);
    expect(record.length).toBe(12);
  });

  test("of the recorded election is its fold", () => {
    const record = new BranchRecord();
    record.append(ELECTION);
    expectFold(record, ELECTION);
    const marks = ELECTION.filter((one) => one.mark !== null);
    expect(record.marks()).toEqual(marks.map(({ position, mark }) => ({ position, mark })));
  });
});

/** A message from 1 to `end` and steps in between. */
function journey(end: Partial<Frame>, ...between: Partial<Frame>[]): BranchRecord {
  const record = new BranchRecord();
  const middle = between.map((more, n) => frame(n + 2, (n + 2) * 10_000, { ...shown, ...more }));
  const last = middle.length + 2;
  record.append([
    frame(0, 0), frame(1, 10_000, { ...shown, sent: [flight("1a.1")] }), ...middle,
    frame(last, last * 10_000, { ...shown, ...end }),
  ]);
  return record;
}

const first = (record: BranchRecord, position: number, fraction = 0) => picture(record, position, fraction).flights[0];

describe("a message", () => {
  test("is where story time is between its sending and its end", () => {
    const record = journey({ ended: [delivered("1a.1")] }, {});
    expect(first(record, 0)).toBeUndefined();
    expect(first(record, 1)?.progress).toBe(0);
    expect(first(record, 1, 0.5)?.progress).toBeCloseTo(0.25);
    expect(first(record, 2)?.progress).toBeCloseTo(0.5);
    expect(first(record, 2, 0.5)?.progress).toBeCloseTo(0.75);
    expect(first(record, 3)).toBeUndefined();
  });

  test("stands still while it is held, and does not jump when it is let go", () => {
    const record = journey(
      { ended: [delivered("1a.1")] }, {}, { held: ["1a.1"] }, {}, { held: [] }, {},
    );
    const held = first(record, 3);
    expect(held?.held).toBe(true);
    expect(first(record, 4, 0.7)).toEqual({ ...held });
    expect(first(record, 5)?.progress).toBeCloseTo(held?.progress ?? 0);
    expect(first(record, 5)?.held).toBe(false);
    expect(first(record, 6, 0.999)?.progress).toBeGreaterThan(0.99);
  });

  test("does not jump when an act takes its end away", () => {
    const record = journey({ ended: [delivered("1a.1")] });
    const cursor = { position: 1, fraction: 0.4 };
    const before = first(record, 1, 0.4)?.progress ?? 0;
    expect(before).toBeCloseTo(0.4);
    const story = record.story(false);
    const lead = story.of(cursor) - story.at(story.stopAt(1));
    record.cut(1);
    record.append([frame(2, 10_000, { ...shown, held: ["1a.1"] })], { plain: lead, beating: lead });
    expect(first(record, 2)?.progress).toBeCloseTo(before);
    expect(first(record, 2)?.held).toBe(true);
  });

  test("on its way to be lost never arrives, and is drawn a moment longer", () => {
    const record = journey({ ended: [lost("1a.1")] }, {}, {}, {});
    expect(first(record, 4, 0.99)).toMatchObject({ doomed: true, lost: false });
    expect(first(record, 4, 0.99)?.progress).toBeLessThan(0.96);
    expect(first(record, 5)).toMatchObject({ doomed: true, lost: true });
    const later = journey({ ended: [lost("1a.1")] });
    later.append([1, 2, 3].map((n) => frame(2 + n, 1_000_000 * n, shown)));
    expect(first(later, 4)).toBeUndefined();
  });

  test("without a known end comes nearer and nearer, and never arrives", () => {
    const record = journey({}, {}, {}, {}, {}, {}, {});
    const ways = [1, 2, 3, 4, 5, 6, 7, 8].map((position) => first(record, position)?.progress ?? 0);
    ways.reduce((before, after) => {
      expect(after).toBeGreaterThan(before);
      return after;
    });
    expect(ways.at(-1)).toBeLessThan(0.96);
  });

  test("is at three places only if motion is reduced", () => {
    const record = journey({ ended: [delivered("1a.1")] });
    const places = [0, 0.1, 0.4, 0.6, 0.8, 0.99].map((fraction) => {
      const cursor = { branch: 0, position: 1, fraction };
      return pictureAt(record, cursor, { ...DRAWN, reducedMotion: true })?.flights[0]?.progress;
    });
    expect(places).toEqual([0.12, 0.12, 0.5, 0.5, 0.88, 0.88]);
  });

  test("that is quiet is not drawn unless heartbeats are", () => {
    const record = new BranchRecord();
    record.append([
      frame(0, 0), frame(1, 1_000, { sent: [flight("1a.1", { quiet: true })] }), frame(2, 2_000, shown),
    ]);
    expect(picture(record, 1, 0, false).flights).toEqual([]);
    expect(picture(record, 1, 0, true).flights).toHaveLength(1);
    expect(record.story(false).stopAfter(0)).toBe(2);
    expect(record.story(true).stopAfter(0)).toBe(1);
  });
});

test("200 messages and 7 servers are looked up well below a millisecond", () => {
  const record = new BranchRecord();
  const sent = Array.from({ length: 200 }, (_, n) => flight(`${n}a.1`));
  record.append([
    frame(0, 0, { servers: [1, 2, 3, 4, 5, 6, 7].map((sid) => server(sid)) }),
    frame(1, 1_000, { ...shown, sent }),
    ...Array.from({ length: 2_000 }, (_, n) => frame(n + 2, 2_000 + n * 100, n % 2 ? shown : {})),
    frame(2_002, 999_000, { ...shown, ended: sent.map(({ id }) => delivered(id)) }),
  ]);
  const begin = performance.now();
  const rounds = 300;
  for (let n = 0; n < rounds; n += 1) expect(picture(record, 500 + n, 0.5).flights.length).toBe(200);
  // Ten times what it takes on a slow machine: this is about the order of magnitude.
  expect((performance.now() - begin) / rounds).toBeLessThan(2);
});
