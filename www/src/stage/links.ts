// The ways between the things on the board: tracks between two hosts, lanes, and the walls that stand for cuts. Pure.
import type { Host, Way } from "../core/types";
import { sidOf } from "../model/hosts";
import type { Point, Track } from "../pieces/board";
import type { Box } from "../pieces/marks";
import { clientBox } from "./clients";
import { around, distance, lengthInside, meeting, toBox, toSegment } from "./geometry";
import { pieceBox, type Layout, type PlacedServer } from "./layout";

/** The name of a link, the same for both directions. */
export const linkName = (a: Host, b: Host): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

/** Where a host stands, and how far out its edge is. */
export function standing(layout: Layout, host: Host): (Point & { reach: number; half?: Point }) | null {
  const sid = sidOf(host);
  const server = sid === null ? undefined : layout.servers.find((one) => one.sid === sid);
  if (server) return { x: server.x, y: server.y, reach: layout.r, ...(server.half ? { half: server.half } : {}) };
  const client = layout.clients.find((one) => one.host === host);
  return client ? { x: client.x, y: client.y - 2 * client.scale, reach: 24 * client.scale } : null;
}

/** Tracks are asked for many times a frame and change only with the layout. */
const known = new WeakMap<Layout, Map<string, Track | null>>();

/** The track from one host to another, from edge to edge; bowed towards the middle if it would run over a third server. */
export function trackBetween(layout: Layout, from: Host, to: Host): Track | null {
  let tracks = known.get(layout);
  if (!tracks) {
    tracks = new Map();
    known.set(layout, tracks);
  }
  const key = `${from} ${to}`;
  let track = tracks.get(key);
  if (track === undefined) {
    track = findTrack(layout, from, to);
    tracks.set(key, track);
  }
  return track;
}

function findTrack(layout: Layout, from: Host, to: Host): Track | null {
  const a = standing(layout, from);
  const b = standing(layout, to);
  if (!a || !b) return null;
  const long = distance(a, b);
  if (long < 1) return null;
  if (a.half && b.half) return betweenBoxes(layout, { ...a, half: a.half }, { ...b, half: b.half });
  const unit = { x: (b.x - a.x) / long, y: (b.y - a.y) / long };
  const ends: Track = {
    from: { x: a.x + unit.x * a.reach, y: a.y + unit.y * a.reach },
    to: { x: b.x - unit.x * b.reach, y: b.y - unit.y * b.reach },
  };
  const bow = bowOf(layout, a, b, [from, to]);
  if (!bow) return ends;
  const via = { x: (ends.from.x + ends.to.x) / 2 + bow.x * 2, y: (ends.from.y + ends.to.y) / 2 + bow.y * 2 };
  // The ends leave the pieces in the direction of the curve.
  const edge = (p: Point & { reach: number }): Point => {
    const d = Math.max(1, distance(p, via));
    return { x: p.x + ((via.x - p.x) / d) * p.reach, y: p.y + ((via.y - p.y) / d) * p.reach };
  };
  return { from: edge(a), to: edge(b), via };
}

type Boxed = Point & { half: Point };
/** How far out the control point of a bow lies. */
const BOW = 90;

/** From the middle of a side to the middle of a side; those that stand above or beside each other, with others between
    them, are joined by a bow past those. */
function betweenBoxes(layout: Layout, a: Boxed, b: Boxed): Track {
  const gap = { x: Math.abs(b.x - a.x) - a.half.x - b.half.x, y: Math.abs(b.y - a.y) - a.half.y - b.half.y };
  const along = layout.axis ?? (gap.x >= gap.y ? "x" : "y");
  const side = (p: Boxed, axis: "x" | "y", sign: number): Point =>
    axis === "x" ? { x: p.x + sign * p.half.x, y: p.y } : { x: p.x, y: p.y + sign * p.half.y };
  if (gap[along] > 0) {
    const sign = b[along] > a[along] ? 1 : -1;
    return { from: side(a, along, sign), to: side(b, along, -sign) };
  }
  const across = along === "x" ? "y" : "x";
  const sign = b[across] > a[across] ? 1 : -1;
  const straight: Track = { from: side(a, across, sign), to: side(b, across, -sign) };
  const between = layout.servers.some((one) => one.half && lengthInside(straight.from, straight.to, pieceBox(one, 0)) > 12);
  if (!between) return straight;
  const from = side(a, along, 1);
  const to = side(b, along, 1);
  const via = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const far = along === "x" ? layout.width : layout.height;
  if (via[along] + BOW / 2 > far - 20) {
    const back = { from: side(a, along, -1), to: side(b, along, -1) };
    return { ...back, via: { ...via, [along]: back.from[along] - BOW } };
  }
  via[along] += BOW;
  return { from, to, via };
}

/** How far the middle of a track moves so that it clears the others: twice the overlap, towards the middle of the board. */
function bowOf(layout: Layout, a: Point, b: Point, ends: Host[]): Point | null {
  let most = 0;
  let push: Point | null = null;
  for (const server of layout.servers) {
    if (ends.includes(`s${server.sid}`)) continue;
    const near = toSegment(server, a, b);
    const overlapping = layout.r + 12 - near.distance;
    if (near.share <= 0.05 || near.share >= 0.95 || overlapping <= most) continue;
    most = overlapping;
    const on = { x: a.x + (b.x - a.x) * near.share, y: a.y + (b.y - a.y) * near.share };
    let away = { x: on.x - server.x, y: on.y - server.y };
    let d = Math.hypot(away.x, away.y);
    if (d < 1) {
      away = { x: layout.middle.x - server.x, y: layout.middle.y - server.y };
      d = Math.max(1, Math.hypot(away.x, away.y));
    }
    push = { x: (away.x / d) * 2 * overlapping, y: (away.y / d) * 2 * overlapping };
  }
  return push;
}

/** The same track, moved to the right of its own direction. */
export function lane(track: Track, by: number): Track {
  if (by === 0) return track;
  const long = Math.max(1, distance(track.from, track.to));
  const off = { x: (-(track.to.y - track.from.y) / long) * by, y: ((track.to.x - track.from.x) / long) * by };
  const move = (p: Point): Point => ({ x: p.x + off.x, y: p.y + off.y });
  return { from: move(track.from), to: move(track.to), ...(track.via ? { via: move(track.via) } : {}) };
}

/** A wall, and whether it stops only one direction (then it is a stub on that lane). */
export type Wall = { from: Point; to: Point; oneWay: Way | null; hosts: [Host, Host] | null };

const STUB = 54;
const PAST = 75;

/** The walls that stand for these cuts. */
export function walls(layout: Layout, cuts: Way[]): Wall[] {
  const key = (a: Host, b: Host): string => `${a}>${b}`;
  const cut = new Set(cuts.map((way) => key(way.from, way.to)));
  const whole = new Set<string>();
  for (const way of cuts) if (cut.has(key(way.to, way.from))) whole.add(linkName(way.from, way.to));
  const groups = groupsOf(layout.servers, (a, b) => !whole.has(linkName(`s${a}`, `s${b}`)));
  const made: Wall[] = [];
  const covered = new Set<string>();
  // In columns there is no chord between a group and the rest: each cut link has its own bit of wall.
  if (groups.length > 1 && !layout.servers.some((one) => one.half)) {
    const main = groups.reduce((most, one) => (one.length > most.length ? one : most));
    for (const group of groups) {
      if (group === main && groups.length > 1) continue;
      // A wall is honest only if it stops every link that it crosses.
      const others = layout.servers.filter((one) => !group.includes(one.sid));
      if (!group.every((a) => others.every((b) => whole.has(linkName(`s${a}`, `s${b.sid}`))))) continue;
      const line = chord(layout, group);
      if (!line) continue;
      made.push({ ...line, oneWay: null, hosts: null });
      for (const a of group) for (const b of others) covered.add(linkName(`s${a}`, `s${b.sid}`));
    }
  }
  for (const way of cuts) {
    const name = linkName(way.from, way.to);
    if (covered.has(name)) continue;
    const both = whole.has(name);
    if (both) covered.add(name);
    const stub = stubOn(layout, way, both);
    if (stub) made.push(stub);
  }
  return made;
}

/** Servers that can still reach each other, whole links only. */
function groupsOf(servers: PlacedServer[], linked: (a: number, b: number) => boolean): number[][] {
  const left = new Set(servers.map((one) => one.sid));
  const groups: number[][] = [];
  for (const { sid } of servers) {
    if (!left.delete(sid)) continue;
    const group = [sid];
    for (const one of group) {
      for (const other of [...left]) {
        if (linked(one, other)) {
          left.delete(other);
          group.push(other);
        }
      }
    }
    groups.push(group);
  }
  return groups;
}

/** The chord between a group and the rest; null if the group is not one stretch of the ring. */
function chord(layout: Layout, group: number[]): { from: Point; to: Point } | null {
  const ring = layout.servers;
  const n = ring.length;
  const member = ring.map((one) => group.includes(one.sid));
  const borders: [PlacedServer, PlacedServer][] = [];
  for (let i = 0; i < n; i++) {
    const next = (i + 1) % n;
    const [a, b] = [ring[i], ring[next]];
    if (a && b && member[i] !== member[next]) borders.push([a, b]);
  }
  const [first, second] = borders;
  if (borders.length !== 2 || !first || !second) return null;
  const half = ([a, b]: [Point, Point]): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  let a = half(first);
  let b = half(second);
  if (distance(a, b) < 40) {
    // Two servers: the wall stands across the one link.
    const [p, q] = first;
    const long = Math.max(1, distance(p, q));
    const off = { x: (-(q.y - p.y) / long) * 30, y: ((q.x - p.x) / long) * 30 };
    [a, b] = [{ x: a.x - off.x, y: a.y - off.y }, { x: a.x + off.x, y: a.y + off.y }];
  }
  const long = distance(a, b);
  const unit = { x: (b.x - a.x) / long, y: (b.y - a.y) / long };
  const past = Math.min(PAST, layout.width * 0.14);
  const reach = (from: Point, sign: number): Point => {
    const clear = obstacles(layout);
    let best = from;
    for (let step = 0; step <= past; step += 3) {
      const p = { x: from.x + unit.x * step * sign, y: from.y + unit.y * step * sign };
      if (p.x < 20 || p.y < 20 || p.x > layout.width - 20 || p.y > layout.height - 20) break;
      if (clear.some((box) => toBox(p, box) < 12 + 13)) break;
      best = p;
    }
    return best;
  };
  const start = reach(a, -1);
  const end = reach(b, 1);
  // From top to bottom, so that the same wall is built the same way.
  return start.y <= end.y ? { from: start, to: end } : { from: end, to: start };
}

const obstacles = (layout: Layout): Box[] => [
  ...layout.servers.map((one) => around(one, layout.r - 4)),
  ...layout.servers.flatMap((one) => (one.label ? [one.label.box] : [])),
  ...layout.clients.map((one) => clientBox(one, one.scale)),
];

/** A bit of wall across one link: in the middle if both directions are cut, else on the lane of the one that is. */
function stubOn(layout: Layout, way: Way, both: boolean): Wall | null {
  const [from, to] = both && way.from > way.to ? [way.to, way.from] : [way.from, way.to];
  const track = trackBetween(layout, from, to);
  if (!track) return null;
  const moved = both ? track : lane(track, 15);
  const share = both ? 0.5 : 0.76;
  const on = { x: moved.from.x + (moved.to.x - moved.from.x) * share, y: moved.from.y + (moved.to.y - moved.from.y) * share };
  if (track.via) {
    on.x += (track.via.x - (track.from.x + track.to.x) / 2) * 2 * share * (1 - share);
    on.y += (track.via.y - (track.from.y + track.to.y) / 2) * 2 * share * (1 - share);
  }
  const long = Math.max(1, distance(track.from, track.to));
  const half = (both ? STUB : STUB * 0.6) / 2;
  const off = { x: (-(track.to.y - track.from.y) / long) * half, y: ((track.to.x - track.from.x) / long) * half };
  const ends: [Point, Point] = [{ x: on.x - off.x, y: on.y - off.y }, { x: on.x + off.x, y: on.y + off.y }];
  if (ends[0].y > ends[1].y) ends.reverse();
  return { from: ends[0], to: ends[1], oneWay: both ? null : way, hosts: [from, to] };
}

/** Where on a track the first wall stands in the way, as a share; null if none does. */
export function wallOn(track: Track, all: Wall[]): number | null {
  let first: number | null = null;
  for (const one of all) {
    const share = meeting(track.from, track.to, one.from, one.to);
    if (share !== null && (first === null || share < first)) first = share;
  }
  return first;
}
