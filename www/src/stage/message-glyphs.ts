// What one message in flight looks like, for both layers: its token, and what goes with it.
import { ballot } from "../pieces/ballot";
import { chip, numberTag, zxidTag } from "../pieces/chip";
import { familyOf, proposalOf } from "../pieces/datagrams";
import { at, type Mark } from "../pieces/marks";
import type { Measure } from "../pieces/text";
import { familyInk, heap, token, type TokenOptions } from "../pieces/token";
import { disc } from "../pieces/outlines";
import type { Box } from "../pieces/marks";
import type { Point } from "../pieces/board";
import { clientBox } from "./clients";
import type { Drawn } from "./flights";
import { around, overlap } from "./geometry";
import { pieceBox, type Layout } from "./layout";

/** Triangles point to their goal; in steps, so that glyphs can be kept. */
const TURN_STEP = 5;
const turnOf = (one: Drawn): number => (one.flight.family === "client" ? Math.round(one.angle / TURN_STEP) * TURN_STEP : 0);

const optionsOf = (one: Drawn, lettersInside: boolean): TokenOptions => ({
  family: familyOf(one.flight), letters: one.flight.letters, s: one.s, reply: one.flight.reply, turn: turnOf(one),
  state: one.state, lettersInside,
});

/** Two messages of the same key look the same, but for the number on a pile. */
export const glyphKey = (one: Drawn): string =>
  `${familyOf(one.flight)}|${one.flight.letters}|${one.s}|${one.flight.reply ? 1 : 0}|${turnOf(one)}|${one.state}|${one.under > 0 ? 1 : 0}|${one.selected ? 1 : 0}`;

/** The token around its own middle, or a heap of them. On the canvas a reply has its letters inside, for it has no chip there. */
export function glyph(one: Drawn, lettersInside: boolean): Mark[] {
  const options = optionsOf(one, lettersInside);
  const marks = one.under > 0 ? heap(options) : token(options).marks;
  return one.selected ? [{ d: disc(one.s + 13), stroke: "ring", width: 3 }, ...marks] : marks;
}

/** How far a glyph reaches from its middle. */
export const glyphReach = (one: Drawn): number => one.s + (one.under > 0 ? 26 : 18);

export type Tag = { key: string; marks: Mark[]; width: number; height: number; ballot: boolean };

/** The ballot, the zxid or the letters of a reply that go with a message. */
export function tagOf(one: Drawn, measure: Measure): Tag | null {
  const { flight } = one;
  if (one.under > 0) return null;
  if (flight.ballot !== null) {
    const scale = one.s >= 14 ? 0.9 : 0.75;
    return {
      key: `b${flight.ballot}|${scale}`, marks: [at(0, 0, ballot(flight.ballot).marks, { scale })],
      width: 34 * scale, height: 26 * scale, ballot: true,
    };
  }
  const proposal = proposalOf(flight);
  if (proposal) {
    const words = [proposal.number, proposal.value.slice(0, 12)].filter(Boolean).join(" ");
    const made = numberTag(words, proposal.round, measure);
    return { key: `p${words}`, marks: made.marks, width: made.box.width, height: made.box.height, ballot: false };
  }
  if (flight.family === "client" && flight.reply) {
    const made = chip(flight.letters, measure, `m-${familyInk("client")}`);
    return { key: `c${flight.letters}`, marks: made.marks, width: made.box.width, height: made.box.height, ballot: false };
  }
  if (!flight.zxid) return null;
  const made = zxidTag(flight.zxid, measure);
  return {
    key: `z${flight.zxid.epoch}.${flight.zxid.counter}`, marks: made.marks,
    width: made.box.width, height: made.box.height, ballot: false,
  };
}

/** How far a ballot trails its message. */
const TRAIL = 40;
const BESIDE = 16;

/** Where the tag goes: a ballot behind its message (its middle), another beside it (its corner), on the freer side unless
    words or pieces lie there; null if they lie on both sides. */
export function tagPlace(one: Drawn, tag: Tag, layout: Layout, taken: Box[]): Point | null {
  const a = (one.angle * Math.PI) / 180;
  if (tag.ballot) {
    const trail = one.s >= 14 ? TRAIL : TRAIL * 0.85;
    return { x: one.x - trail * Math.cos(a), y: one.y - trail * Math.sin(a) - 2 };
  }
  const beside = (side: number): Point => {
    const reach = BESIDE + 2;
    // The nearest point of the tag lies on the normal of the track.
    const x = one.x - Math.sin(a) * side * (reach + tag.width / 2) - tag.width / 2;
    const y = one.y + Math.cos(a) * side * (reach + tag.height / 2) - tag.height / 2;
    return {
      x: Math.max(3, Math.min(layout.width - tag.width - 3, x)), y: Math.max(3, Math.min(layout.height - tag.height - 3, y)),
    };
  };
  const free = (p: Point): boolean => !taken.some((box) => overlap(box, { x: p.x, y: p.y, width: tag.width, height: tag.height }));
  const [first, second] = [beside(one.side), beside(-one.side)];
  return free(first) ? first : free(second) ? second : one.selected ? first : null;
}

/** What tags keep off: pieces, words, clients and the tray. */
export const tagObstacles = (layout: Layout, tray: Box | null): Box[] => [
  ...layout.servers.flatMap((one) => {
    const piece = one.half ? pieceBox(one, 0) : around(one, layout.r * 0.8);
    return one.label ? [piece, one.label.wide ?? one.label.box] : [piece];
  }),
  ...layout.clients.map((one) => clientBox(one, one.scale * 0.8)),
  ...(tray ? [tray] : []),
];
