// Small labels that lie on the board: phase chips, zxid tags, notes, watch chips. Their upper left corner is the origin.
import type { Zxid } from "../core/types";
import { epochLook, zxidWords } from "./epoch";
import { BELL, box, disc, hatchBox, torn } from "./outlines";
import { at, type Mark, type Piece } from "./marks";
import type { Measure } from "./text";

export const CHIP_HEIGHT = 22;
const PAD = 8;

const piece = (marks: Mark[], width: number, height = CHIP_HEIGHT): Piece => ({ marks, box: { x: 0, y: 0, width, height } });

/** A quiet chip: the phase, a reply's result. */
export function chip(text: string, measure: Measure, edge = "line"): Piece {
  const width = Math.round(measure(text, 12, 600) + 2 * PAD);
  return piece([
    { d: box(0, 0, width, CHIP_HEIGHT, 7), fill: "surface", stroke: edge, width: 1.25 },
    { text, x: width / 2, y: 15.4, size: 12, weight: 600, anchor: "middle", fill: "text" },
  ], width);
}

/** A zxid on the fill of its epoch; torn for the last record of a disk that did not take all of it. */
export const zxidTag = (zxid: Zxid, measure: Measure, isTorn = false): Piece =>
  numberTag(zxidWords(zxid), zxid.epoch, measure, isTorn);

/** Words on the fill of the number that they are about: an epoch, or the round of a proposal. */
export function numberTag(words: string, number: number, measure: Measure, isTorn = false): Piece {
  const inner = Math.round(measure(words, 12, 700) + 2 * 7.5);
  const width = inner + (isTorn ? 8 : 0);
  const look = epochLook(number);
  const outline = isTorn ? torn(width, CHIP_HEIGHT, 7) : box(0, 0, width, CHIP_HEIGHT, 7);
  return piece([
    { d: outline, fill: look.fill, stroke: "cell-ink", strokeAlpha: isTorn ? 1 : 0.35, width: isTorn ? 1.2 : 1 },
    ...epochPattern(look.pattern, inner, CHIP_HEIGHT, 7),
    { text: words, x: inner / 2, y: 15.4, size: 12, weight: 700, anchor: "middle", fill: "cell-ink" },
  ], width);
}

/** The hatch of the epochs from 7 on. */
export function epochPattern(pattern: "plain" | "hatch" | "cross", width: number, height: number, corner: number): Mark[] {
  if (pattern === "plain") return [];
  const lines = (falling: boolean): Mark =>
    ({ d: hatchBox(width, height, corner, 5, falling), stroke: "cell-ink", strokeAlpha: 0.3, width: 1.1 });
  return pattern === "hatch" ? [lines(false)] : [lines(false), lines(true)];
}

/** A dark note that names what is selected or held. */
export function note(text: string, measure: Measure): Piece {
  const width = Math.round(measure(text, 12, 700) + 2 * 9);
  return piece([
    { d: box(0, 0, width, 24, 7), fill: "text" },
    { text, x: width / 2, y: 16.3, size: 12, weight: 700, anchor: "middle", fill: "board" },
  ], width, 24);
}

/** A bell and the path that is watched. */
export function watchChip(path: string, measure: Measure): Piece {
  const width = Math.round(measure(path, 12, 650) + 33);
  return piece([
    { d: box(0, 0, width, 24, 7), fill: "surface", stroke: "line", width: 1.25 },
    at(14, 12, [{ d: BELL, fill: "m-client" }, { d: disc(1.7), fill: "m-client", dy: 5 }]),
    { text: path, x: 25, y: 16.3, size: 12, weight: 650, fill: "text" },
  ], width, 24);
}

/** The count on a pile. */
export function countChip(count: number, measure: Measure): Piece {
  const width = Math.round(Math.max(23, measure(String(count), 12, 650) + 14));
  return piece([
    { d: box(0, 0, width, 20, 7), fill: "surface", stroke: "line", width: 1.25 },
    { text: String(count), x: width / 2, y: 14.3, size: 12, weight: 650, anchor: "middle", fill: "text" },
  ], width, 20);
}
