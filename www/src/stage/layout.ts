// Where everything stands on the board: servers on an ellipse with their words outward, clients round them. A pure
// function of the board's size, the servers and the clients, so a piece never moves because its role changed.
// It tries the roomiest composition first and takes the first in which nothing lies on anything else.
import type { Point } from "../pieces/board";
import type { Box } from "../pieces/marks";
import { clientBox, placeClients, type ClientSeat, type PlacedClient } from "./clients";
import { around, distance, inside, moved, overlap } from "./geometry";
import { aboveGap, belowGap, besideGap, labelBox, placesFor, type LabelForm, type LabelPlace, type LabelWidths } from "./labels";

export type BoardInput = {
  width: number;
  height: number;
  /** In the order of the ring. */
  servers: number[];
  clients: ClientSeat[];
  widths: LabelWidths;
};

export type PlacedServer = {
  sid: number;
  x: number;
  y: number;
  /** 0 = up, clockwise, in radians. */
  angle: number;
  /** Where its words stand; `wide` is the box with the word of the role, where only the zxid is told of the others. */
  label: { place: LabelPlace; box: Box; wide: Box | null } | null;
};

export type Layout = {
  width: number;
  height: number;
  middle: Point;
  rx: number;
  ry: number;
  r: number;
  /** Half the size of a token. */
  s: number;
  form: LabelForm;
  servers: PlacedServer[];
  clients: PlacedClient[];
  /** Under this width the tray is a pill and the words are few. */
  small: boolean;
};

export const SMALL_BOARD = 480;
const SMALL_HEIGHT = 360;
const EDGE = 6;

/** The room that a piece takes with its arc, its lip and a crown. */
export const pieceBox = (server: Point, r: number): Box =>
  ({ x: server.x - r - 9, y: server.y - r - 9, width: 2 * r + 18, height: 2 * r + 20 });

/** The radii to try for so many servers on such a board, largest first. */
function radii(count: number, width: number, height: number): number[] {
  const small = width < SMALL_BOARD || height < SMALL_HEIGHT;
  const first = small ? (count <= 5 ? 25 : count <= 7 ? 23 : 22)
    : count <= 5 ? (width >= 700 && height >= 480 ? 37 : 36) : count <= 7 ? 27 : 24;
  return [first, first * 0.88, first * 0.76, 19, 17].filter((r, i, all) => i === 0 || (r >= 17 && r < (all[i - 1] ?? 0)));
}

function forms(count: number, width: number, height: number): LabelForm[] {
  const all: LabelForm[] = ["full", "short", "tag", "none"];
  const small = width < SMALL_BOARD || height < SMALL_HEIGHT;
  return all.slice(count <= 5 && !small ? 0 : count <= 7 ? 1 : 2);
}

export function layout(input: BoardInput): Layout {
  const { width, height } = input;
  let fallback: Layout | null = null;
  for (const form of forms(input.servers.length, width, height)) {
    for (const r of radii(input.servers.length, width, height)) {
      // On a full board words stand beside their pieces if they can; on a small one the largest ring wins.
      const small = width < SMALL_BOARD || height < SMALL_HEIGHT;
      const whole: Layout[] = [];
      for (const way of WAYS) {
        const made = compose(input, form, r, way);
        if (!made) continue;
        fallback ??= made;
        if (made.clients.every((client) => client.free)) whole.push(made);
        if (whole.length && !small) break;
      }
      const best = largest(whole);
      if (best) return best;
      // A smaller piece is better than fewer words only as long as its number can be read.
      if (r < 22 && form !== "none") break;
    }
  }
  return fallback ?? bare(input);
}

/** How the margins round the ring are found. */
type Way = {
  /** The words of the outer servers stand above or below them, half as far out. */
  narrow: boolean;
  /** Clients get a rim of their own. */
  rim: boolean;
  /** The words of the topmost server stand beside it. */
  low: boolean;
};

const WAYS: readonly Way[] = [
  { narrow: false, rim: false, low: false },
  { narrow: true, rim: true, low: false },
  { narrow: true, rim: false, low: false },
  { narrow: true, rim: false, low: true },
  { narrow: true, rim: true, low: true },
];

const largest = (all: Layout[]): Layout | undefined =>
  all.reduce<Layout | undefined>((best, one) => (!best || one.rx * one.ry > best.rx * best.ry ? one : best), undefined);

/** The ring without words, for a board on which nothing else fits. */
function bare(input: BoardInput): Layout {
  const made = compose(input, "none", 15, { narrow: true, rim: false, low: true }, true);
  if (made) return made;
  throw new Error("a board without words always has a layout");
}

type Margins = { left: number; top: number; bottom: number };

function margins(form: LabelForm, r: number, widths: LabelWidths, way: Way): Margins {
  const side = labelBox("right", form, r, widths);
  const below = labelBox("below", form, r, widths);
  const above = labelBox("above", form, r, widths);
  const bare = r + 14;
  const wide = below ? Math.max(bare, below.width / 2 + EDGE) : bare;
  return {
    left: way.narrow ? wide : side ? r + besideGap(r) + side.width + EDGE : bare,
    top: above && !way.low ? r + aboveGap(r) + above.height + EDGE : r + 0.5 * r + 10,
    bottom: below ? r + belowGap(r) + below.height + EDGE + 2 : r + 16,
  };
}

function compose(input: BoardInput, form: LabelForm, r: number, way: Way, forced = false): Layout | null {
  const { width, height, servers, widths } = input;
  const n = servers.length;
  const edge = margins(form, r, widths, way);
  const rim = input.clients.length > 0 && way.rim ? 34 : 0;
  const start = n === 2 ? -Math.PI / 2 : 0;
  const angles = servers.map((_, i) => start + (i * 2 * Math.PI) / n);
  const lowest = Math.max(...angles.map((a) => -Math.cos(a)));
  const room = height - edge.top - edge.bottom;
  let rx = n === 1 ? 0 : width / 2 - edge.left - rim;
  let ry = n < 3 ? 0 : room / (1 + lowest);
  if (!forced && (rx < 0 || room < 0)) return null;
  // Neither a needle nor a line: a ring. A wide board gets a flatter one.
  ry = Math.min(ry, rx * 1.15);
  rx = Math.min(rx, Math.max(ry * 2.1, 2.2 * r), n === 2 ? 230 : 340);
  rx = Math.max(rx, 0);
  ry = Math.max(ry, 0);
  const top = n < 3
    ? (height - edge.bottom + edge.top) / 2
    : edge.top + ry + Math.max(0, room - ry * (1 + lowest)) / 2;
  const middle = { x: width / 2, y: top };
  const placed = servers.map((sid, i): PlacedServer => {
    const angle = angles[i] ?? 0;
    return { sid, x: middle.x + rx * Math.sin(angle), y: middle.y - ry * Math.cos(angle), angle, label: null };
  });
  const spacing = 2 * r + (form === "none" || width < SMALL_BOARD ? 14 : 24);
  for (const [i, one] of placed.entries()) {
    for (const other of placed.slice(i + 1)) if (!forced && distance(one, other) < spacing) return null;
    if (!forced && !inside(around(one, r + 10), width, height, 2)) return null;
  }
  if (!placeLabels(placed, form, r, widths, width, height)) return null;
  const pieces = placed.map((one) => pieceBox(one, r));
  const labels = placed.flatMap((one) => (one.label ? [one.label.box] : []));
  const crowns = placed.map((one): Box => ({ x: one.x - 0.5 * r - 2, y: one.y - r - aboveGap(r) + 2, width: r + 4, height: aboveGap(r) }));
  const made: Layout = {
    width, height, middle, rx, ry, r, form, servers: placed, clients: [],
    s: n >= 8 ? 11 : width < SMALL_BOARD ? 13 : 14,
    small: width < SMALL_BOARD,
  };
  made.clients = placeClients(input.clients, made, [...pieces, ...crowns, ...labels]);
  if (form === "tag") widen(made, widths);
  return made;
}

/** Finds room for the word of a role beside a lone zxid: the leader keeps its word if it can. */
function widen(made: Layout, widths: LabelWidths): void {
  for (const one of made.servers) {
    if (!one.label) continue;
    const { box, place } = one.label;
    const stacked = place === "above" || place === "below";
    const wide: Box = stacked
      ? { x: one.x - (widths.above + 10 + widths.tag) / 2, y: box.y, width: widths.above + 10 + widths.tag, height: box.height }
      : { x: place === "left" ? box.x + box.width - widths.word : box.x, y: one.y - 20, width: widths.word, height: 42 };
    const others = [
      ...made.servers.flatMap((other) => (other === one ? [] : [pieceBox(other, made.r), ...(other.label ? [other.label.box] : [])])),
      ...made.clients.map((client) => clientBox(client, client.scale)),
    ];
    if (inside(wide, made.width, made.height, 2) && !others.some((other) => overlap(other, wide, 3))) one.label.wide = wide;
  }
}

/** Gives each server a place for its words; false if there is none. */
function placeLabels(
  placed: PlacedServer[], form: LabelForm, r: number, widths: LabelWidths, width: number, height: number,
): boolean {
  if (form === "none") return true;
  const pieces = placed.map((one) => pieceBox(one, r));
  const taken: Box[] = [];
  const choose = (index: number): boolean => {
    const one = placed[index];
    if (!one) return true;
    for (const place of placesFor(one.angle)) {
      const relative = labelBox(place, form, r, widths);
      if (!relative) return true;
      const box = moved(relative, one);
      if (!inside(box, width, height, EDGE - 2)) continue;
      if (pieces.some((piece, i) => i !== index && overlap(piece, box, 2)) || taken.some((other) => overlap(other, box, 4))) continue;
      taken.push(box);
      one.label = { place, box, wide: null };
      if (choose(index + 1)) return true;
      taken.pop();
      one.label = null;
    }
    return false;
  };
  return choose(0);
}
