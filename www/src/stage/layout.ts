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
  /** Where its words stand; `wide` is the box for a word and a zxid, where only one of them is told of the others. */
  label: { place: LabelPlace; box: Box; wide: Box | null } | null;
  /** Half of its width and height, where it is no disc of the radius `r`. */
  half?: Point;
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
  /** Set if the pieces stand in columns (`x`) or rows (`y`), and not on a ring. */
  axis?: "x" | "y";
};

export const SMALL_BOARD = 480;
const SMALL_HEIGHT = 320;
/** A board lower than this is filled by a flat ring. */
const FLAT_HEIGHT = 440;
const edgeOf = (height: number): number => (height >= 480 ? 16 : 6);

/** The room that a piece takes with its arc, its lip and a crown. */
export const pieceBox = (server: Point & { half?: Point }, r: number): Box => server.half
  ? { x: server.x - server.half.x - 4, y: server.y - server.half.y - 4, width: 2 * server.half.x + 8, height: 2 * server.half.y + 12 }
  : ({ x: server.x - r - 9, y: server.y - r - 9, width: 2 * r + 18, height: 2 * r + 20 });

/** The radii to try for so many servers on such a board, largest first. */
function radii(count: number, width: number, height: number): number[] {
  const small = width < SMALL_BOARD || height < SMALL_HEIGHT;
  const first = small ? (count <= 5 ? 25 : count <= 7 ? 23 : 22)
    : count <= 5 ? (width >= 700 && height >= 480 ? 37 : 36) : count <= 7 ? 27 : 24;
  return [first, first * 0.88, first * 0.76, 19, 17].filter((r, i, all) => i === 0 || (r >= 17 && r < (all[i - 1] ?? 0)));
}

function forms(count: number, width: number, height: number): LabelForm[] {
  const small = width < SMALL_BOARD || height < SMALL_HEIGHT;
  if (small) return count <= 3 ? ["short", "word", "tag", "none"] : count <= 7 ? ["word", "tag", "none"] : ["tag", "none"];
  return count <= 5 ? ["full", "short", "tag", "none"] : count <= 7 ? ["short", "tag", "none"] : ["tag", "none"];
}

export function layout(input: BoardInput): Layout {
  const { width, height } = input;
  let fallback: Layout | null = null;
  for (const form of forms(input.servers.length, width, height)) {
    for (const r of radii(input.servers.length, width, height)) {
      // On a full board the first way that fits is the best; on a small or flat one the largest ring wins.
      const small = width < SMALL_BOARD || height < FLAT_HEIGHT;
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
  /** All words stand beside their pieces. */
  flat: boolean;
};

const WAYS: readonly Way[] = [
  { narrow: false, rim: false, low: false, flat: false },
  { narrow: true, rim: true, low: false, flat: false },
  { narrow: true, rim: false, low: false, flat: false },
  { narrow: true, rim: false, low: true, flat: false },
  { narrow: true, rim: true, low: true, flat: false },
  { narrow: false, rim: false, low: true, flat: true },
];

const largest = (all: Layout[]): Layout | undefined =>
  all.reduce<Layout | undefined>((best, one) => (!best || one.rx * one.ry > best.rx * best.ry ? one : best), undefined);

/** The ring without words, for a board on which nothing else fits. */
function bare(input: BoardInput): Layout {
  const made = compose(input, "none", 15, { narrow: true, rim: false, low: true, flat: false }, true);
  if (made) return made;
  throw new Error("a board without words always has a layout");
}

type Margins = { left: number; top: number; bottom: number };

function margins(form: LabelForm, r: number, widths: LabelWidths, way: Way, rim: number): Margins {
  const side = labelBox("right", form, r, widths);
  const below = labelBox("below", form, r, widths);
  const above = labelBox("above", form, r, widths);
  const bare = r + 14;
  const wide = below ? Math.max(bare, below.width / 2 + 6) : bare;
  return {
    left: way.narrow ? wide : side ? r + besideGap(r) + side.width + 6 : bare,
    top: above && !way.low ? r + aboveGap(r) + above.height + rim : r + 0.5 * r + 10,
    bottom: below && !way.flat ? r + belowGap(r) + below.height + rim + 2 : r + 16,
  };
}

function compose(input: BoardInput, form: LabelForm, r: number, way: Way, forced = false): Layout | null {
  const { width, height, servers, widths } = input;
  const n = servers.length;
  const edge = margins(form, r, widths, way, edgeOf(height));
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
  rx = Math.min(rx, Math.max(ry * (height < FLAT_HEIGHT ? 3.2 : 2.1), 2.2 * r), n === 2 ? 230 : 360);
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
  if (!placeLabels(placed, form, r, widths, width, height, way.flat)) return null;
  const pieces = placed.map((one) => pieceBox(one, r));
  const labels = placed.flatMap((one) => (one.label ? [one.label.box] : []));
  const crowns = placed.map((one): Box => ({ x: one.x - 0.5 * r - 2, y: one.y - r - aboveGap(r) + 2, width: r + 4, height: aboveGap(r) }));
  const made: Layout = {
    width, height, middle, rx, ry, r, form, servers: placed, clients: [],
    s: n >= 8 ? 11 : width < SMALL_BOARD ? 13 : 14,
    small: width < SMALL_BOARD,
  };
  made.clients = placeClients(input.clients, made, [...pieces, ...crowns, ...labels]);
  if (form === "tag" || form === "word") widen(made, widths);
  return made;
}

/** Finds room for a word and a zxid where the form has only one of them. */
function widen(made: Layout, widths: LabelWidths): void {
  const given: Box[] = [];
  for (const one of made.servers) {
    if (!one.label) continue;
    const { box, place } = one.label;
    const row = widths.above + 10 + widths.tag;
    const two = Math.max(widths.above, widths.tag);
    const wide: Box = place === "left" || place === "right"
      ? { x: place === "left" ? box.x + box.width - widths.word : box.x, y: one.y - 20, width: widths.word, height: 42 }
      : made.form === "tag" ? { x: one.x - row / 2, y: box.y, width: row, height: box.height }
      : { x: one.x - two / 2, y: place === "above" ? box.y + box.height - 40 : box.y, width: two, height: 40 };
    const others = [
      ...given,
      ...made.servers.flatMap((other) => (other === one ? [] : [pieceBox(other, made.r), ...(other.label ? [other.label.box] : [])])),
      ...made.clients.map((client) => clientBox(client, client.scale)),
    ];
    if (!inside(wide, made.width, made.height, 2) || others.some((other) => overlap(other, wide, 3))) continue;
    one.label.wide = wide;
    given.push(wide);
  }
}

/** Gives each server a place for its words; false if there is none. */
function placeLabels(
  placed: PlacedServer[], form: LabelForm, r: number, widths: LabelWidths, width: number, height: number, flat: boolean,
): boolean {
  if (form === "none") return true;
  const pieces = placed.map((one) => pieceBox(one, r));
  const choices = placed.map((one, index) => placesFor(one.angle, flat).flatMap((place, rank) => {
    const relative = labelBox(place, form, r, widths);
    const box = relative && moved(relative, one);
    if (!box || !inside(box, width, height, 4) || pieces.some((piece, i) => i !== index && overlap(piece, box, 2))) return [];
    // Towards the middle is where messages fly.
    const inward = place === (Math.sin(one.angle) < 0 ? "right" : "left") && Math.abs(Math.sin(one.angle)) > 0.3;
    return [{ place, box, cost: rank + (inward ? 6 : 0) }];
  }));
  if (choices.some((list) => !list.length)) return false;
  const taken: { place: LabelPlace; box: Box }[] = [];
  let best: { place: LabelPlace; box: Box }[] | null = null;
  let bestCost = Infinity;
  const choose = (index: number, cost: number): void => {
    if (cost >= bestCost) return;
    const list = choices[index];
    if (!list) {
      best = [...taken];
      bestCost = cost;
      return;
    }
    for (const one of list) {
      if (taken.some((other) => overlap(other.box, one.box, 4))) continue;
      taken.push(one);
      choose(index + 1, cost + one.cost);
      taken.pop();
    }
  };
  choose(0, 0);
  const found: { place: LabelPlace; box: Box }[] | null = best;
  if (!found) return false;
  placed.forEach((one, i) => {
    const label = (found as { place: LabelPlace; box: Box }[])[i];
    one.label = label ? { place: label.place, box: label.box, wide: null } : null;
  });
  return true;
}
