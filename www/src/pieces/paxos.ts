// The processes of Paxos as pieces around their own middles: a proposer points to the acceptors, an acceptor is a mat
// with a slot for what it promised and one for what it accepted, a learner is an open book. All of them are ink: colour
// shows the number of a proposal and nothing else.
import { epochPattern } from "./chip";
import { epochLook } from "./epoch";
import { BOOK, box, CROSS, disc, hatchBox, hatchDisc, PENTAGON, slotEdge } from "./outlines";
import { at, type Mark } from "./marks";
import type { PieceState } from "./server";
import type { Measure } from "./text";

/** With captions, without them, upright, flat, flat on a narrow board. */
export type MatForm = "whole" | "compact" | "tower" | "row" | "slim";
export const MATS: { readonly [F in MatForm]: { width: number; height: number } } = {
  whole: { width: 196, height: 112 }, compact: { width: 128, height: 74 }, tower: { width: 78, height: 104 },
  row: { width: 182, height: 40 }, slim: { width: 136, height: 36 },
};

/** The number of a proposal, perhaps with its value, as it is written; its round gives the colour. */
export type Numbered = { round: number; words: string };

type Place = { x: number; y: number; width: number; height: number };
const SLOTS: { readonly [F in MatForm]: { promised: Place; accepted: Place } } = {
  whole: { promised: { x: -84, y: 16, width: 64, height: 27 }, accepted: { x: -8, y: 16, width: 92, height: 27 } },
  compact: { promised: { x: -57, y: 6, width: 48, height: 24 }, accepted: { x: -4, y: 6, width: 61, height: 24 } },
  tower: { promised: { x: -32, y: -12, width: 64, height: 24 }, accepted: { x: -32, y: 20, width: 64, height: 24 } },
  row: { promised: { x: -50, y: -13, width: 52, height: 24 }, accepted: { x: 7, y: -13, width: 78, height: 24 } },
  slim: { promised: { x: -37, y: -12, width: 44, height: 22 }, accepted: { x: 10, y: -12, width: 54, height: 22 } },
};
const NAMES: { readonly [F in MatForm]: Place } = {
  whole: { x: -84, y: -49, width: 42, height: 42 }, compact: { x: -57, y: -29, width: 28, height: 28 },
  tower: { x: -14, y: -44, width: 28, height: 26 }, row: { x: -85, y: -14, width: 28, height: 27 },
  slim: { x: -65, y: -13, width: 25, height: 24 },
};
const LIP = 7;

/** The lip and the face of a shape in ink, with a fine line inside it. */
function solid(d: string, scale: number, turn: number, state: PieceState): Mark[] {
  const rise = state === "hover" ? -4 : 0;
  const face = (fill: string, dy: number): Mark =>
    at(0, dy, [{ d, fill, stroke: fill, width: 8, join: "round", turn }], { scale });
  return [
    face("shadow", LIP + 5), face("ink-btn-lip", LIP + rise), face("ink-btn", rise),
    at(0, rise, [{ d, stroke: "ink-btn-text", strokeAlpha: 0.4, width: 2, join: "round", turn }], { scale: scale * 0.86 }),
  ];
}

/** A hole of that shape: the process is down. */
function hole(d: string, scale: number, turn: number, reach: number): Mark[] {
  return [
    at(0, 0, [
      { d, fill: "holec", stroke: "down", width: 3, join: "round", turn },
      { d: hatchDisc(reach, 9), stroke: "down", strokeAlpha: 0.55, width: 3 },
      { d: disc(17), fill: "holec" },
    ], { scale }),
    downBadge(reach * 0.9 * scale, -reach * 0.9 * scale),
  ];
}

const downBadge = (x: number, y: number): Mark => at(x, y, [
  { d: disc(10), fill: "surface", stroke: "down", width: 2 },
  at(0, 0, [{ d: CROSS, stroke: "text", width: 2.6, cap: "round" }], { scale: 0.8 }),
]);

const ringRound = (half: { x: number; y: number }, state: PieceState, more: number): Mark[] => {
  const ring = (by: number, stroke: string, width: number): Mark =>
    ({ d: box(-half.x - by, -half.y - by, 2 * half.x + 2 * by, 2 * half.y + 2 * by, 14 + by), stroke, width });
  if (state === "selected") return [ring(more + 3, "ring", 3)];
  return state === "hover" ? [ring(more, "line", 2)] : [];
};

const nameMark = (name: string, x: number, size: number, fill: string): Mark =>
  ({ text: name, x, y: 0.36 * size, size, weight: 800, anchor: "middle", fill });

export type PieceLook = { name: string; up: boolean; state: PieceState; scale: number };

/** A proposer points right, or down on an upright board. */
export function proposer({ name, up, state, scale }: PieceLook, down: boolean): Mark[] {
  const turn = down ? 90 : 0;
  const shift = down ? 0 : -5 * scale;
  const words = nameMark(name, shift, 26 * scale, up ? "ink-btn-text" : "muted");
  const ring = ringRound({ x: 42 * scale, y: 36 * scale }, state, 8);
  return up ? [...ring, ...solid(PENTAGON, scale, turn, state), at(0, state === "hover" ? -4 : 0, [words])]
    : [...ring, ...hole(PENTAGON, scale, turn, 27), words];
}

export function learner({ name, up, state, scale }: PieceLook): Mark[] {
  const ring = ringRound({ x: 40 * scale, y: 36 * scale }, state, 8);
  const rise = state === "hover" ? -4 : 0;
  const words = nameMark(name, 0, 24 * scale, up ? "ink-btn-text" : "muted");
  if (!up) return [...ring, ...hole(BOOK, scale, 0, 26), words];
  const spine: Mark = at(0, rise, [{ d: "M0 -24 V-14 M0 14 V30", stroke: "ink-btn-text", strokeAlpha: 0.4, width: 2, cap: "round" }], { scale });
  return [...ring, ...solid(BOOK, scale, 0, state), spine, at(0, rise, [words])];
}

/** A slot with what lies in it; hatched if nobody can see into it. */
function slot({ x, y, width, height }: Place, tile: Numbered | null, up: boolean, measure: Measure): Mark {
  if (!up || !tile) {
    return at(x, y, [
      { d: box(0, 0, width, height, 7), fill: "holec", stroke: "edge", width: 1.25 },
      { d: slotEdge(width, 7), stroke: "shadow2", width: 2.5 },
      ...(up ? [] : [{ d: hatchBox(width, height, 7, 7), stroke: "line", strokeAlpha: 0.45, width: 2.4 }]),
    ]);
  }
  const { fill, lip, pattern } = epochLook(tile.round);
  const { words, size } = fitted(tile.words, width - 8, measure);
  return at(x, y, [
    { d: box(0, 0, width, height, 7), fill: lip, dy: 3 },
    { d: box(0, 0, width, height, 7), fill, stroke: "cell-ink", strokeAlpha: 0.8, width: 1.5 },
    ...epochPattern(pattern, width, height, 7),
    { text: words, x: width / 2, y: height / 2 + 0.36 * size, size, weight: 750, anchor: "middle", fill: "cell-ink" },
  ]);
}

/** Words as large as they may be in so much room; what is too long even so is cut, and stands whole in the pane. */
export function fitted(words: string, room: number, measure: Measure): { words: string; size: number } {
  for (const size of [13, 12, 11]) if (measure(words, size, 750) <= room) return { words, size };
  const all = [...words];
  while (all.length > 1 && measure(`${all.join("")}…`, 11, 750) > room) all.pop();
  return { words: `${all.join("")}…`, size: 11 };
}

export type MatLook = {
  name: string;
  up: boolean;
  state: PieceState;
  form: MatForm;
  promised: Numbered | null;
  accepted: Numbered | null;
  /** The role, and what it reads, if it does. */
  words: { role: string; note: string; promised: string; accepted: string };
};

export function mat(look: MatLook, measure: Measure): Mark[] {
  const { name, up, state, form, words } = look;
  const { width, height } = MATS[form];
  const rise = state === "hover" ? -3 : 0;
  const corner = form === "whole" ? 16 : 12;
  const face = box(-width / 2, -height / 2, width, height, corner);
  const place = NAMES[form];
  const size = place.width * 0.48;
  const marks: Mark[] = up
    ? [{ d: face, fill: "shadow2", dy: height < 50 ? 4 : 6 }, { d: face, fill: "surface", stroke: "line", width: 1.5, dy: rise }]
    : [{ d: face, fill: "holec", stroke: "down", width: 2.5 }];
  const inside: Mark[] = [
    ...(up ? [{ d: box(place.x, place.y, place.width, place.height, 9), fill: "ink-btn-lip", dy: 3 }] : []),
    { d: box(place.x, place.y, place.width, place.height, 9), fill: up ? "ink-btn" : "holec", ...(up ? {} : { stroke: "down", width: 2 }) },
    at(0, place.y + place.height / 2, [nameMark(name, place.x + place.width / 2, size, up ? "ink-btn-text" : "muted")]),
    slot(SLOTS[form].promised, look.promised, up, measure), slot(SLOTS[form].accepted, look.accepted, up, measure),
  ];
  const text = (what: string, x: number, y: number, weight: number, fill: string, most: number): Mark[] => {
    if (!what) return [];
    const fit = fitted(what, most, measure);
    return [{ text: fit.words, x, y, size: Math.min(fit.size, weight > 600 ? 13 : 12), weight, fill }];
  };
  if (form === "whole") {
    inside.push(
      ...text(words.role, -30, words.note ? -29 : -19, 700, "text", 122), ...text(words.note, -30, -11, 500, "muted", 122),
      ...text(words.promised, SLOTS.whole.promised.x, 11, 500, "muted", 70), ...text(words.accepted, SLOTS.whole.accepted.x, 11, 500, "muted", 92),
    );
  } else if (form === "compact") inside.push(...text(words.note || words.role, -22, -10, words.note ? 500 : 700, words.note ? "muted" : "text", 82));
  marks.push(at(0, rise, inside));
  if (!up) marks.push(downBadge(width / 2 - 4, -height / 2 + 3));
  return [...ringRound({ x: width / 2, y: height / 2 }, state, 5), ...marks];
}
