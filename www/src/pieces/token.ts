// A packet as a token, around its own middle: shape and colour of its family, the letters of its kind. Used by the SVG
// layer, by the sprites of the canvas, by the panes and by the page of pieces.
import type { Flight } from "../core/types";
import { countChip } from "./chip";
import { brokenLeft, brokenRight, box, CROSS, disc, ellipse, notched, PAUSE, square, triangle } from "./outlines";
import { at, type Mark, type PathMark, type Piece } from "./marks";
import { estimate, type Measure } from "./text";

export type Family = Flight["family"] | "paxos1" | "paxos2";
export type TokenState = "flight" | "lifted" | "held" | "duplicate" | "dropped" | "expected" | "selected";
export type TokenOptions = {
  family: Family;
  letters: string;
  /** Half of the size of a disc; 14 on the stage. */
  s?: number;
  /** An answer to a client is hollow; the servers' own answers have a letter of their own and stay filled. */
  reply?: boolean;
  state?: TokenState;
  /** Where it flies to, in degrees clockwise from the right: triangles point there. */
  turn?: number;
  /** Print the letters inside even where a chip beside would be clearer. */
  lettersInside?: boolean;
};

const LIP = 3.2;
const HALO = 5.5;
const INK: Record<Family, string> = {
  election: "election", sync: "sync", broadcast: "broadcast", client: "client", heartbeat: "heartbeat", link: "heartbeat",
  paxos1: "election", paxos2: "broadcast",
};

/** The name of the colours of a family: `m-…`, `i-…` and `lip-m-…`. */
export const familyInk = (family: Family): string => INK[family];

type Outline = { d: string; turn?: number; round?: number };

function outlineOf(family: Family, s: number, turn: number): Outline {
  switch (family) {
    case "election": return { d: disc(s) };
    case "sync": return { d: square(1.84 * s, 5) };
    case "broadcast": return { d: square(1.72 * s, 4.5), turn: 45 };
    case "client": return { d: triangle(s * 1.1), turn, round: 5 };
    case "paxos1":
    case "paxos2": return { d: notched(s) };
    default: return { d: box(-3, -0.86 * s, 6, 1.72 * s, 3) };
  }
}

const drawn = (o: Outline, ink: string, extra: number, dy: number): PathMark => {
  const mark: PathMark = { d: o.d, fill: ink, dy, turn: o.turn ?? 0 };
  const width = extra + (o.round ?? 0);
  if (width > 0) Object.assign(mark, { stroke: ink, width, join: "round" });
  return mark;
};

export function token(options: TokenOptions): Piece {
  const { family, s = 14, state = "flight" } = options;
  const reach = state === "selected" ? s + 16 : s + 14;
  const piece = (marks: Mark[]): Piece => ({ marks, box: { x: -reach, y: -reach, width: 2 * reach, height: 2 * reach } });
  switch (state) {
    case "dropped": return piece(dropped(options));
    case "expected": return piece(expected(options));
    case "lifted":
      return piece([at(0, -4, [{ d: ellipse(s, 0.55 * s), fill: "shadow2", dx: 2, dy: 9 }, ...body(options)])]);
    case "held": return piece([...body(options), at(0.95 * s, -0.95 * s, pauseBadge())]);
    case "duplicate": return piece([at(-7, -6, expected(options)), ...body(options)]);
    case "selected": return piece([{ d: disc(s + 13), stroke: "ring", width: 3 }, ...body(options)]);
    default: return piece(body(options, family === "heartbeat" || family === "link"));
  }
}

function body(options: TokenOptions, flat = false): Mark[] {
  const { family, s = 14, reply = false, turn = 0 } = options;
  const o = outlineOf(family, s, turn);
  const ink = INK[family];
  const marks: Mark[] = [drawn(o, "board", HALO, flat ? 0 : LIP), drawn(o, "board", HALO, 0)];
  if (flat) return [...marks, drawn(o, `m-${ink}`, 0, 0)];
  marks.push(drawn(o, `lip-m-${ink}`, 0, LIP));
  if (reply && family === "client") {
    marks.push({ d: o.d, fill: "surface", stroke: `m-${ink}`, width: 3.5, join: "round", turn });
    if (options.lettersInside) marks.push(letters(options, "text", 0.72));
    return marks;
  }
  marks.push(drawn(o, `m-${ink}`, 0, 0));
  marks.push(letters(options, `i-${ink}`, 1));
  return marks;
}

/** 13 for one letter, 11.5 for two, 10.5 for three at s = 14. */
function letters(options: TokenOptions, fill: string, share: number): Mark {
  const { family, s = 14, turn = 0 } = options;
  const count = [...options.letters].length;
  const size = s * (count <= 1 ? 13 : count === 2 ? 11.5 : 10.5) * (1 / 14) * share;
  const a = (turn * Math.PI) / 180;
  const back = family === "client" ? 0.12 * s : 0;
  const low = family === "paxos1" || family === "paxos2" ? 1.5 : 0;
  return {
    text: options.letters, x: -back * Math.cos(a), y: 0.36 * size - back * Math.sin(a) + low,
    size, weight: 800, anchor: "middle", fill,
  };
}

function expected(options: TokenOptions): Mark[] {
  const { family, s = 14, turn = 0 } = options;
  const o = outlineOf(family, s, turn);
  return [
    { d: o.d, stroke: `m-${INK[family]}`, width: 2.5, dash: "4 3", turn: o.turn ?? 0 },
    letters(options, "muted", 1),
  ];
}

function dropped(options: TokenOptions): Mark[] {
  const { s = 14 } = options;
  const size = s * (options.letters.length <= 1 ? 0.9 : 0.72);
  return [
    { d: brokenLeft(s), fill: "lip-m-lost", stroke: "board", width: 2, dx: -2, dy: 3 },
    { d: brokenRight(s), fill: "m-lost", stroke: "board", width: 2, dx: 5, dy: 4, turn: 16 },
    { d: brokenLeft(s), fill: "m-lost", stroke: "board", width: 1.5, dx: -2 },
    { text: options.letters, x: -0.45 * s, y: 0.36 * size, size, weight: 800, anchor: "middle", fill: "i-lost" },
    at(-0.75 * s, -1.05 * s, [
      { d: disc(0.61 * s), fill: "surface", stroke: "m-lost", width: 2 },
      at(0, 0, [{ d: CROSS, stroke: "m-lost", width: 2.6, cap: "round" }], { scale: 0.057 * s }),
    ]),
  ];
}

/** The pause mark of a thing that is held. */
export const pauseBadge = (): Mark[] => [
  { d: disc(9.5), fill: "text", stroke: "board", width: 2.5 },
  { d: PAUSE, stroke: "board", width: 2.6, cap: "round" },
];

/** More than six at one place: three tokens in a heap, */
export function heap(options: TokenOptions): Mark[] {
  const { marks } = token({ ...options, state: "flight" });
  return [at(-8, 7, marks), at(-2, 2, marks), at(4, -4, marks)];
}

/** and their number beside them, around the same middle. */
export function heapCount(s: number, count: number, measure: Measure = estimate): Piece {
  const { marks, box } = countChip(count, measure);
  const [x, y] = [s + 2, -2 * s];
  return { marks: [at(x, y, marks)], box: { ...box, x, y } };
}
