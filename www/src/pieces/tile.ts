// An entry of a log as a tile; its upper left corner is the origin. The border tells how far the entry is, the bar that
// it is in the tree, the fill its epoch. Which of these it is says the core.
import type { Tile } from "../core/types";
import { epochPattern } from "./chip";
import { epochLook, tileWords } from "./epoch";
import { box, HOURGLASS, slotEdge, TICK, TICK_LONG, TICK_SHORT, torn } from "./outlines";
import { at, type Mark, type Piece } from "./marks";
import { estimate } from "./text";

export type TileSize = "standard" | "wide" | "small";
const SIZES: Record<TileSize, { width: number; height: number; corner: number; number: number; op: number }> = {
  standard: { width: 44, height: 38, corner: 7, number: 13, op: 12 },
  wide: { width: 77, height: 62, corner: 7, number: 17, op: 12 },
  small: { width: 50, height: 27, corner: 7, number: 13, op: 0 },
};
const LIP = 3.5;

const SHORT: Record<string, string> = {
  create: "cr", delete: "del", set: "set", session: "ses", close: "cl", multi: "mul", error: "err", reconfig: "rec",
};
/** The operation as it fits on a small tile. */
const shortOp = (op: string): string => SHORT[op] ?? op.slice(0, 3);

export const tileSize = (size: TileSize): { width: number; height: number } => SIZES[size];

export function tile(entry: Pick<Tile, "zxid" | "op" | "state">, size: TileSize = "standard"): Piece {
  const { width, height } = SIZES[size];
  return { marks: marksOf(entry, size), box: { x: -1, y: -1, width: width + 10, height: height + 14 } };
}

function marksOf(entry: Pick<Tile, "zxid" | "op" | "state">, size: TileSize): Mark[] {
  const { width, height, corner } = SIZES[size];
  const look = epochLook(entry.zxid.epoch);
  const pattern = epochPattern(look.pattern, width, height, corner);
  const face = box(0, 0, width, height, corner);
  switch (entry.state) {
    case "memory":
      return [
        { d: face, fill: look.fill, fillAlpha: 0.22 },
        edge(width, height, corner, "text", "1.5 3.5", "round"),
        ...words(entry, size, "text"),
        ...(size === "small" ? [] : [at(width - 10, height - 10, [{ d: HOURGLASS, fill: "text" }])]),
      ];
    case "truncated":
      return [at(4, 7, [
        { d: face, fill: look.fill, stroke: "cell-ink", width: 1.5, dash: "2 3" },
        ...pattern, ...words(entry, size, "cell-ink"),
        { d: `M4 ${height - 5} L${width - 4} 5`, stroke: "cell-ink", width: size === "wide" ? 3 : 2.4 },
      ], { turn: 7, alpha: 0.75 })];
    case "torn": {
      const d = torn(width, height, corner);
      return [
        { d, fill: look.lip, dy: LIP },
        { d, fill: look.fill, stroke: "cell-ink", width: 1.5 },
        ...words(entry, size, "cell-ink", 4),
      ];
    }
    case "snapshot":
      return [
        { d: box(3, -3, width - 6, height, corner), fill: look.lip },
        { d: face, fill: look.lip, dy: LIP },
        { d: face, fill: look.fill },
        ...pattern, edge(width, height, corner, "cell-ink", undefined, "butt", 0.8),
        { d: `M${width - 12} 0 V${height}`, stroke: "cell-ink", width: 1.4 },
        ...words(entry, size, "cell-ink", 6),
      ];
    default:
      return [
        { d: face, fill: look.lip, dy: LIP },
        { d: face, fill: look.fill },
        ...pattern,
        entry.state === "disk" || entry.state === "acked"
          ? edge(width, height, corner, "cell-ink", "5 3.5", "butt")
          : edge(width, height, corner, "cell-ink", undefined, "butt", 0.8),
        ...words(entry, size, "cell-ink"),
        ...mark(entry.state, size),
      ];
  }
}

const edge = (
  width: number, height: number, corner: number, stroke: string, dash: string | undefined, cap: "butt" | "round", strokeAlpha = 1,
): Mark => ({
  d: box(0.9, 0.9, width - 1.8, height - 1.8, corner - 0.7), stroke, strokeAlpha, width: 1.8, cap, ...(dash ? { dash } : {}),
});

function words(entry: Pick<Tile, "zxid" | "op">, size: TileSize, fill: string, left = 0): Mark[] {
  const { width, height, number, op } = SIZES[size];
  const text = tileWords(entry.zxid);
  const room = width - 8 - left;
  const fits = Math.min(number, (number * room) / estimate(text, number, 750));
  const x = size === "wide" ? width * 0.4 : (width - left) / 2;
  const y = size === "wide" ? 28 : size === "standard" ? 17 : 18;
  const marks: Mark[] = [{ text, x, y, size: fits, weight: 750, anchor: "middle", fill }];
  if (op) {
    const name = size === "wide" ? entry.op : shortOp(entry.op);
    marks.push({ text: name, x: size === "wide" ? 6 : 5, y: height - (size === "wide" ? 8 : 6), size: op, weight: 600, fill });
  }
  return marks;
}

/** How far the entry is, down right; on a small tile a bar along the bottom. */
function mark(state: Tile["state"], size: TileSize): Mark[] {
  const { width, height } = SIZES[size];
  const bar = (share: number, thick: number): Mark =>
    ({ d: box(5, height - thick, (width - 10) * share, thick, thick / 2), fill: "cell-ink" });
  if (size === "small") {
    if (state === "acked") return [bar(0.5, 3.2)];
    if (state === "committed") return [bar(1, 3.2)];
    if (state === "applied") return [bar(1, 5)];
    return [];
  }
  const scale = size === "wide" ? 1 : 0.9;
  const tick = (marks: Mark[]): Mark => at(width - 10, height - (size === "wide" ? 10 : 11), marks, { scale });
  const whole = tick([{ d: TICK, stroke: "cell-ink", width: 2.4, cap: "round", join: "round" }]);
  switch (state) {
    case "acked":
      return [tick([
        { d: TICK_SHORT, stroke: "cell-ink", width: 2.6, cap: "round" },
        { d: TICK_LONG, stroke: "cell-ink", width: 1.6, dash: "1.5 2.5", cap: "round" },
      ])];
    case "committed": return [whole];
    case "applied": return [whole, bar(1, 3.2)];
    default: return [];
  }
}

/** A hollow place for one tile. */
export function tileSlot(size: TileSize = "standard"): Piece {
  const { width, height, corner } = SIZES[size];
  return {
    marks: [
      { d: box(0, 0, width, height, corner), fill: "holec", stroke: "edge", width: 1.25 },
      { d: slotEdge(width, corner), stroke: "shadow2", width: 2 },
    ],
    box: { x: 0, y: 0, width, height },
  };
}
