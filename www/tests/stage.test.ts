import { describe, expect, it } from "vitest";
import type { Flight, Way } from "../src/core/types";
import type { FlightNow, Picture } from "../src/model/picture";
import { drawnFlights, LANE, nearest, usedLinks, type FlightOptions } from "../src/stage/flights";
import { distance, toSegment } from "../src/stage/geometry";
import { layout } from "../src/stage/layout";
import { trackBetween, wallOn, walls } from "../src/stage/links";
import { placeTray } from "../src/stage/tray-place";

const board = layout({
  width: 732, height: 604, widths: { word: 96, above: 96, chip: 86, tag: 56 }, servers: [1, 2, 3, 4, 5],
  clients: [{ host: "c1", server: 2 }],
});

const now = (id: string, from: string, to: string, progress: number, more: Partial<FlightNow> = {}): FlightNow => {
  const flight: Flight = {
    id, lane: id, from, to, family: "broadcast", letters: "P", kind: "PROPOSAL", reply: false, quiet: false,
    zxid: { epoch: 1, counter: 1 }, ballot: null, fields: [], bytes: 1,
  };
  return { flight, progress, held: false, doomed: false, lost: false, ...more };
};

const picture = (flights: FlightNow[], cuts: Way[] = []): Picture => ({
  cursor: { branch: 0, position: 0, fraction: 0 }, at_us: 0, servers: [], clients: [], cuts, flights, headline: null, headlineBefore: null, broken: [], fresh: new Map(), before: new Map(), cutsBefore: null,
  frame: {
    position: 0, at_us: 0, step: null, headline: null, mark: null, servers: [], clients: [], cuts: null, sent: [], ended: [], held: null, broken: [],
  },
});

const options: FlightOptions = { reduced: false, selection: null, focus: null, hovered: null, walls: [], avoid: null };
const draw = (flights: FlightNow[], more: Partial<FlightOptions> = {}) => {
  const made = picture(flights);
  return drawnFlights(board, made, usedLinks(made, false), { ...options, ...more });
};
const both = (a: string, b: string): Way[] => [{ from: a, to: b }, { from: b, to: a }];

describe("messages on the board", () => {
  it("are a function of the picture", () => {
    const flights = [now("1", "s1", "s2", 0.3), now("2", "s2", "s1", 0.6)];
    expect(draw(flights)).toEqual(draw(flights));
  });

  it("ride the axis alone, and two lanes when both directions are in use", () => {
    const track = trackBetween(board, "s1", "s2");
    if (!track) throw new Error("no track");
    const [alone] = draw([now("1", "s1", "s2", 0.5)]);
    expect(alone && toSegment(alone, track.from, track.to).distance).toBeLessThan(0.5);
    const apart = draw([now("1", "s1", "s2", 0.5), now("2", "s2", "s1", 0.5)]);
    for (const one of apart) expect(toSegment(one, track.from, track.to).distance).toBeCloseTo(LANE, 1);
    expect(apart[0] && apart[1] && distance(apart[0], apart[1])).toBeCloseTo(2 * LANE, 1);
  });

  it("move apart without a jump", () => {
    let before = draw([now("1", "s1", "s2", 0.5), now("2", "s2", "s1", 0)])[0];
    for (let step = 1; step <= 100; step++) {
      const after = draw([now("1", "s1", "s2", 0.5), now("2", "s2", "s1", step / 100)])[0];
      expect(before && after && distance(before, after)).toBeLessThan(2.5);
      before = after;
    }
  });

  it("stand clear of each other where nothing moves, at either end of all links of a leader", () => {
    const seven = layout({
      width: 1068, height: 618, widths: { word: 96, above: 96, chip: 86, tag: 56 }, servers: [1, 2, 3, 4, 5, 6, 7],
      clients: [{ host: "c1", server: 5 }],
    });
    for (const progress of [0.12, 0.5, 0.88]) {
      for (const leader of [1, 4, 7]) {
        const flights = [1, 2, 3, 4, 5, 6, 7].filter((sid) => sid !== leader)
          .map((sid) => now(String(sid), `s${leader}`, `s${sid}`, progress));
        const made = picture(flights);
        const drawn = drawnFlights(seven, made, usedLinks(made, true), { ...options, reduced: true });
        for (const [i, one] of drawn.entries()) {
          for (const other of drawn.slice(i + 1)) expect(distance(one, other)).toBeGreaterThan(2 * one.s);
          for (const server of seven.servers) expect(distance(one, server)).toBeGreaterThan(seven.r + one.s);
        }
      }
    }
  });

  it("break at the wall", () => {
    const cuts = both("s5", "s1");
    const made = walls(board, cuts);
    const [one] = draw([now("1", "s5", "s1", 1, { doomed: true, lost: true })], { walls: made });
    const track = trackBetween(board, "s5", "s1");
    const stop = track && wallOn(track, made);
    expect(one?.state).toBe("dropped");
    expect(stop).toBeCloseTo(0.5, 1);
    expect(one && track && distance(one, track.from) < distance(one, track.to)).toBe(true);
  });

  it("become a pile when more than six lie in one place", () => {
    expect(draw(Array.from({ length: 6 }, (_, i) => now(String(i), "s1", "s2", 0.5)))).toHaveLength(6);
    const heap = draw(Array.from({ length: 9 }, (_, i) => now(String(i), "s1", "s2", 0.5)));
    expect(heap).toHaveLength(1);
    expect(heap[0]?.under).toBe(8);
  });

  it("are found within 22 pixels", () => {
    const drawn = draw([now("1", "s1", "s3", 0.5), now("2", "s1", "s4", 0.5)]);
    const [one] = drawn;
    if (!one) throw new Error("nothing drawn");
    expect(nearest(drawn, { x: one.x + 15, y: one.y })?.id).toBe(one.id);
    expect(nearest(drawn, { x: 5, y: 5 })).toBeNull();
  });

  it("dim when the pointer is on another server", () => {
    const [one, two] = draw([now("1", "s1", "s2", 0.5), now("2", "s3", "s4", 0.5)], { hovered: "s1" });
    expect([one?.alpha, two?.alpha]).toEqual([1, 0.35]);
  });
});

describe("walls", () => {
  const groups = (a: number[], b: number[]): Way[] => a.flatMap((x) => b.flatMap((y) => both(`s${x}`, `s${y}`)));

  it("stand once between two groups and cross every link between them", () => {
    const made = walls(board, groups([5], [1, 2, 3, 4]));
    expect(made).toHaveLength(1);
    const track = trackBetween(board, "s5", "s1");
    expect(track && wallOn(track, made)).not.toBeNull();
    const free = trackBetween(board, "s1", "s2");
    expect(free && wallOn(free, made)).toBeNull();
  });

  it("are stubs where single links are cut, shorter where only one direction is", () => {
    const [whole] = walls(board, both("s1", "s2"));
    const [half] = walls(board, [{ from: "s1", to: "s2" }]);
    expect(whole && distance(whole.from, whole.to)).toBeCloseTo(54, 0);
    expect(half?.oneWay).toEqual({ from: "s1", to: "s2" });
    expect(half && distance(half.from, half.to)).toBeLessThan(40);
  });

  it("are stubs where the groups are not neighbours on the ring", () => {
    const made = walls(board, groups([1, 3], [2, 4, 5]));
    expect(made.every((one) => one.hosts !== null)).toBe(true);
    expect(made).toHaveLength(6);
  });
});

describe("the tray", () => {
  it("lies in the ring and on no piece", () => {
    const place = placeTray(board, { width: 150, height: 60 }, []);
    expect(place).not.toBeNull();
    for (const server of board.servers) {
      expect(place && distance({ x: place.x + 75, y: place.y + 30 }, server)).toBeGreaterThan(board.r + 30);
    }
  });
});
