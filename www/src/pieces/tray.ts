// The tally tray: what a server waits for a quorum of, one slot for each voter. Which slot holds what, how many there
// are and how many are needed says the core; this only lays them out. Upper left corner at the origin.
import type { Slot, Tray } from "../core/types";
import { ballot } from "./ballot";
import { zxidTag } from "./chip";
import { box, CROSS, hatchBox, slotEdge } from "./outlines";
import { at, type Mark, type Piece } from "./marks";
import { token, type Family } from "./token";
import type { Measure } from "./text";

export type TrayWords = {
  title: string;
  /** For the compact form. */
  short: string;
  count: string;
};
/** Whole, with smaller slots and fewer words, or as a pill. */
export type TrayForm = "whole" | "compact";

const SLOT = 36;
const GAP = 5;
const PAD = 12;
const HEAD = 31;

/** What lies in a slot: a ballot or a token. */
function content(of: Tray["of"], candidate: number | null, state: "in" | "expected", s: number): Mark[] {
  if (of === "votes") {
    const paper = ballot(candidate ?? 0, state === "in" ? "cast" : "expected").marks;
    return candidate === null ? [] : [at(0, 0, paper, { scale: s / 17 })];
  }
  const [family, letters]: [Family, string] =
    of === "promises" ? ["sync", "AE"] : of === "synced" ? ["sync", "A"] : ["broadcast", "A"];
  return token({ family, letters, s, state: state === "in" ? "flight" : "expected" }).marks;
}

/** One slot, its upper left corner at the origin. */
export function slot(
  of: Tray["of"], candidate: number | null, state: Slot["state"], size = SLOT,
): Mark[] {
  const corner = size >= 50 ? 12 : 8;
  const marks: Mark[] = [
    { d: box(0, 0, size, size, corner), fill: "holec", stroke: "edge", width: 1.25 },
    { d: slotEdge(size, corner), stroke: "shadow2", width: 2.5 },
  ];
  const half = size / 2;
  const s = size * 0.36;
  switch (state) {
    case "in":
    case "expected":
      marks.push(at(half, half - (state === "in" ? 1.5 : 0), content(of, candidate, state, s)));
      break;
    case "down":
      marks.push(
        { d: hatchBox(size, size, corner, 7), stroke: "line", strokeAlpha: 0.45, width: 2.4 },
        at(half, half, [{ d: CROSS, stroke: "muted", width: 2.6, cap: "round" }], { scale: size / 36 }),
      );
      break;
    case "cut":
      marks.push(
        { d: hatchBox(size, size, corner, 7), stroke: "line", strokeAlpha: 0.45, width: 2.4 },
        at(half, half, brickSign(), { scale: size / 36 }),
      );
      break;
    case "open": break;
  }
  return marks;
}

/** A bit of wall: the sign of a slot that a cut keeps empty. */
const brickSign = (): Mark[] => [
  { d: box(-10, -7, 20, 14, 2.5), fill: "stone-lo" },
  { d: box(-9, -6, 11, 5.2, 1.2), fill: "stone-hi" }, { d: box(3.4, -6, 5.6, 5.2, 1.2), fill: "stone-hi" },
  { d: box(-9, 0.8, 5, 5.2, 1.2), fill: "stone" }, { d: box(-2.6, 0.8, 11.6, 5.2, 1.2), fill: "stone" },
];

const slotWidth = (slots: number, form: TrayForm): number => (form === "compact" ? 26 : slots > 7 ? 31 : SLOT);
const titleOf = (words: TrayWords, form: TrayForm): string => (form === "compact" ? words.short : words.title);

/** How large the tray will be. */
export function traySize(
  tray: Pick<Tray, "slots" | "zxid" | "need">, words: TrayWords, measure: Measure, form: TrayForm = "whole",
): { width: number; height: number } {
  const side = slotWidth(tray.slots.length, form);
  const title = titleOf(words, form);
  const pad = form === "compact" ? PAD - 3 : PAD;
  const row = 2 * pad + tray.slots.length * side + (tray.slots.length - 1) * GAP;
  const head = 2 * (pad + 1) + (title ? measure(title, 13, 700) + 8 : 0) + (tray.zxid ? zxidTag(tray.zxid, measure).box.width + 10 : 4) +
    tray.need * 11 + 6 + measure(words.count, 13, 800);
  return { width: Math.ceil(Math.max(row, head)), height: HEAD + side + 21 };
}

export function tray(tray: Tray, words: TrayWords, measure: Measure, form: TrayForm = "whole"): Piece {
  const { width, height } = traySize(tray, words, measure, form);
  const side = slotWidth(tray.slots.length, form);
  const title = titleOf(words, form);
  const pad = form === "compact" ? PAD - 3 : PAD;
  const marks: Mark[] = [
    { d: box(0, 5, width, height, 14), fill: "shadow2" },
    { d: box(0, 0, width, height, 14), fill: "surface", stroke: "line", width: 1.5 },
    { text: title, x: pad + 1, y: 20, size: 13, weight: 700, fill: "text" },
  ];
  if (tray.zxid) marks.push(at(pad + (title ? measure(title, 13, 700) + 8 : 0), 4.5, zxidTag(tray.zxid, measure).marks));
  const count = measure(words.count, 13, 800);
  marks.push({ text: words.count, x: width - pad, y: 20, size: 13, weight: 800, anchor: "end", fill: "text" });
  marks.push(at(width - pad - count - 6 - tray.need * 11, 8.5, pips(tray)));
  const row = tray.slots.length * side + (tray.slots.length - 1) * GAP;
  const left = (width - row) / 2;
  tray.slots.forEach((one, i) => {
    const x = left + i * (side + GAP);
    const present = one.state !== "down" && one.state !== "cut";
    marks.push(
      at(x, HEAD, slot(tray.of, tray.candidate, one.state, side)),
      { text: `S${one.sid}`, x: x + side / 2, y: HEAD + side + 14, size: 12, weight: 700, anchor: "middle", fill: present ? "text" : "muted" },
    );
  });
  return { marks, box: { x: -1, y: -1, width: width + 2, height: height + 7 } };
}

/** One bar for each that is needed, dark for each that is there. */
function pips(tray: Pick<Tray, "have" | "need">): Mark[] {
  return Array.from({ length: tray.need }, (_, i): Mark =>
    ({ d: box(i * 11, 2, 8, 11, 2.5), fill: "text", fillAlpha: i < tray.have ? 1 : 0.18 }));
}

/** The short form for small boards: what is counted, pips, the count. */
export function trayPill(tray: Tray, words: TrayWords, measure: Measure): Piece {
  const { width, height } = pillSize(tray, words, measure);
  return {
    marks: [
      { d: box(0, 4, width, height, 11), fill: "shadow2" },
      { d: box(0, 0, width, height, 11), fill: "surface", stroke: "line", width: 1.25 },
      at(21, height / 2 - 1.5, content(tray.of, tray.candidate, "in", 11)),
      at(39, height / 2 - 7.5, pips(tray)),
      { text: words.count, x: 39 + tray.need * 11 + 3, y: height / 2 + 4.8, size: 13, weight: 800, fill: "text" },
    ],
    box: { x: -1, y: -1, width: width + 2, height: height + 6 },
  };
}

export const pillSize = (tray: Pick<Tray, "need">, words: TrayWords, measure: Measure): { width: number; height: number } =>
  ({ width: Math.ceil(39 + tray.need * 11 + 3 + measure(words.count, 13, 800) + 9), height: 34 });
