// Where every message in flight is drawn: its place on the lane, its state, its tags, and piles of those that lie on one
// another. A pure function of the layout and the picture.
import type { Flight, Host } from "../core/types";
import type { FlightNow, Picture, Selection } from "../model/picture";
import { along, type Point, type Track } from "../pieces/board";
import { proposalOf } from "../pieces/datagrams";
import type { Box } from "../pieces/marks";
import { calmShare } from "./calm";
import { distance, toBox, toSegment } from "./geometry";
import type { Layout } from "./layout";
import { lane, linkName, trackBetween, wallOn, type Wall } from "./links";

export type DrawnState = "flight" | "held" | "dropped";

export type Drawn = {
  id: string;
  flight: Flight;
  x: number;
  y: number;
  /** Direction of flight in degrees. */
  angle: number;
  state: DrawnState;
  selected: boolean;
  alpha: number;
  /** Half the size. */
  s: number;
  /** How many more lie under this one. */
  under: number;
  /** Whether its ballot or zxid goes with it, and on which side of the track (-1 left, 1 right of its direction). */
  tagged: boolean;
  side: 1 | -1;
};

/** A link that messages use now. */
export type UsedLink = {
  name: string;
  from: Host;
  to: Host;
  forward: boolean;
  backward: boolean;
  /** How far its two lanes have come apart, 0 to 1. */
  split: number;
  /** How clearly it shows, 0 to 1. */
  shown: number;
};

export type FlightOptions = {
  reduced: boolean;
  selection: Selection;
  /** The hosts that the sentence speaks of. */
  focus: ReadonlySet<Host> | null;
  /** The host that the pointer or the keyboard is on. */
  hovered: Host | null;
  walls: Wall[];
  /** Where tags should not go: the tray. */
  avoid: Box | null;
};

export const LANE = 15;
const PILE_OVER = 6;
const PILE_REACH = 16;
const TAGS_MOST = 16;
const RIDE = 10;

/** Whether a ballot or a zxid goes with it. */
export const carries = (flight: Flight): boolean => flight.ballot !== null || flight.zxid !== null || proposalOf(flight) !== null;

/** How much of a message's part in the board shows: nothing at the ends, where it leaves or enters a piece. */
const ramp = (progress: number): number => Math.max(0, Math.min(1, Math.min(progress, 1 - progress) / 0.12));

export function usedLinks(picture: Picture, reduced: boolean): Map<string, UsedLink> {
  const links = new Map<string, UsedLink & { there: number; back: number }>();
  for (const now of picture.flights) {
    const { from, to } = now.flight;
    const name = linkName(from, to);
    let link = links.get(name);
    if (!link) {
      const [a, b] = from < to ? [from, to] : [to, from];
      link = { name, from: a, to: b, forward: false, backward: false, split: 0, shown: 0, there: 0, back: 0 };
      links.set(name, link);
    }
    const weight = reduced || now.held ? 1 : ramp(now.progress);
    if (from === link.from) {
      link.forward = true;
      link.there = Math.max(link.there, weight);
    } else {
      link.backward = true;
      link.back = Math.max(link.back, weight);
    }
    link.shown = Math.max(link.shown, weight);
    link.split = Math.min(link.there, link.back);
  }
  return links;
}

/** The track of a flight as it is now, lanes apart or not. */
export function trackOf(layout: Layout, links: Map<string, UsedLink>, from: Host, to: Host): Track | null {
  const track = trackBetween(layout, from, to);
  const link = links.get(linkName(from, to));
  return track && link ? lane(track, LANE * link.split) : track;
}

export function drawnFlights(layout: Layout, picture: Picture, links: Map<string, UsedLink>, options: FlightOptions): Drawn[] {
  const tracks = new Map<string, { track: Track; side: 1 | -1 } | null>();
  const out: Drawn[] = [];
  const chosen = options.selection?.kind === "flight" ? options.selection.id : null;
  const carrying = picture.flights.reduce((sum, now) => sum + (carries(now.flight) ? 1 : 0), 0);
  for (const now of picture.flights) {
    const { flight } = now;
    const key = `${flight.from}>${flight.to}`;
    let way = tracks.get(key);
    if (way === undefined) {
      const track = trackOf(layout, links, flight.from, flight.to);
      way = track && { track, side: freerSide(track, layout, options) };
      tracks.set(key, way);
    }
    if (!way) continue;
    const { track, side } = way;
    const length = Math.max(1, distance(track.from, track.to));
    const { progress } = now;
    const ends = Math.min(0.25, RIDE / length);
    let share = options.reduced ? calmShare(layout, flight.from, flight.to, progress) : ends + (1 - 2 * ends) * progress;
    if (now.doomed) {
      // It never arrives: it breaks at the wall, or half-way if there is none.
      const stop = wallOn(track, options.walls) ?? 0.62;
      share = Math.max(0, ends + (stop - 20 / length - ends) * progress);
    }
    const place = along(track, share);
    const touches = (host: Host): boolean => flight.from === host || flight.to === host;
    const spoken = !options.focus?.size || [...options.focus].some(touches);
    const near = options.hovered === null || touches(options.hovered);
    const selected = flight.id === chosen;
    out.push({
      id: flight.id, flight, x: place.x, y: place.y, angle: place.angle,
      state: now.lost ? "dropped" : now.held ? "held" : "flight",
      selected, alpha: selected ? 1 : near ? (spoken ? 1 : 0.6) : 0.35, s: layout.s, under: 0,
      tagged: selected || (near && spoken && carrying <= TAGS_MOST && !layout.small && layout.s >= 13)
        || (layout.small && flight.ballot !== null && carrying <= TAGS_MOST / 2),
      side,
    });
  }
  // What is held or selected lies on top.
  const rank = (one: Drawn): number => (one.selected ? 2 : one.state === "flight" ? 0 : 1);
  return piled(out).sort((a, b) => rank(a) - rank(b));
}

/** The side of a track on which tags have more room, told at its middle so that it does not change on the way. */
function freerSide(track: Track, layout: Layout, { avoid, walls }: FlightOptions): 1 | -1 {
  const middle = along(track, 0.5);
  const a = (middle.angle * Math.PI) / 180;
  const room = (side: number): number => {
    const p = { x: middle.x - Math.sin(a) * 34 * side, y: middle.y + Math.cos(a) * 34 * side };
    return Math.min(
      avoid ? toBox(p, avoid) : 100,
      ...walls.map((one) => toSegment(p, one.from, one.to).distance),
      ...layout.servers.map((one) => distance(p, one) - layout.r),
    ) + distance(p, layout.middle) * 0.05;
  };
  return room(-1) >= room(1) ? -1 : 1;
}

/** More than six on one link and in one direction at one place become a pile with a count. */
function piled(all: Drawn[]): Drawn[] {
  const lanes = new Map<string, Drawn[]>();
  for (const one of all) {
    const key = `${one.flight.from}>${one.flight.to}`;
    const there = lanes.get(key);
    if (there) there.push(one);
    else lanes.set(key, [one]);
  }
  const hidden = new Set<string>();
  for (const list of lanes.values()) {
    if (list.length <= PILE_OVER) continue;
    for (const top of list) {
      if (hidden.has(top.id)) continue;
      const heap = list.filter((one) => one !== top && !hidden.has(one.id) && !one.selected && distance(one, top) < PILE_REACH);
      if (heap.length < PILE_OVER) continue;
      top.under = heap.length;
      for (const one of heap) hidden.add(one.id);
    }
  }
  return hidden.size ? all.filter((one) => !hidden.has(one.id)) : all;
}

/** The message nearest to a point, if one is near enough. */
export function nearest(drawn: Drawn[], point: Point, reach = 22): Drawn | null {
  let best: Drawn | null = null;
  let bestDistance = reach;
  for (const one of drawn) {
    const d = distance(one, point);
    if (d <= bestDistance) {
      best = one;
      bestDistance = d;
    }
  }
  return best;
}
