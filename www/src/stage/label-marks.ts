// The words of a server as marks: the role, its phase or its vote, its last zxid, in rows as layout.ts made room for.
import type { Zxid } from "../core/types";
import { ballot } from "../pieces/ballot";
import { chip, zxidTag } from "../pieces/chip";
import { at, type Mark } from "../pieces/marks";
import type { Measure } from "../pieces/text";
import type { LabelForm } from "./labels";
import type { Layout, PlacedServer } from "./layout";

export type ServerWords = {
  /** The role as the protocol calls it, and with the local word where there is one. */
  word: string;
  above: string;
  /** The phase, for beside and for above or below; null if there is none. */
  chip: { beside: string; above: string } | null;
  zxid: Zxid | null;
  torn: { is: boolean; word: string };
  /** Whom it votes for. */
  vote: { candidate: number; word: string } | null;
  quiet: boolean;
  leads: boolean;
};

type Item = { width: number; marks: Mark[] };
const GAP = 5;
const ROW = 22;

const textItem = (text: string, size: number, weight: number, fill: string, measure: Measure, spacing = 0): Item => {
  const width = measure(text, size, weight) + spacing * size * text.length;
  return { width, marks: [{ text, x: 0, y: 0, size, weight, fill, ...(spacing ? { spacing } : {}) }] };
};

const LATIN = /^[A-Z ]+$/;

export function wordItem(text: string, small: boolean, quiet: boolean, measure: Measure): Item {
  return textItem(text, small ? 12 : 13, 800, quiet ? "muted" : "text", measure, LATIN.test(text) ? 0.03 : 0);
}

export function labelMarks(layout: Layout, server: PlacedServer, words: ServerWords, measure: Measure): Mark[] {
  const { label } = server;
  if (!label) return [];
  const both = label.wide !== null && (layout.form === "word" || words.leads);
  const form: LabelForm = both ? "short" : layout.form;
  const box = both && label.wide ? label.wide : label.box;
  const beside = label.place === "left" || label.place === "right";
  const align = beside ? (label.place === "left" ? 1 : 0) : 0.5;
  const small = layout.small;

  const tagPiece = words.zxid ? zxidTag(words.zxid, measure, words.torn.is) : null;
  const tag: Item | null = tagPiece && { width: tagPiece.box.width, marks: tagPiece.marks };
  const tagRow: Item[] = tag ? [tag] : [];
  if (words.torn.is && form !== "tag" && !small) tagRow.push(lowered(textItem(words.torn.word, 12, 650, "muted", measure)));
  const vote: Item[] = words.vote ? voteItems(words.vote, form === "full", measure) : [];
  const phase: Item[] = [];
  if (words.chip && form === "full") {
    const made = chip(beside ? words.chip.beside : words.chip.above, measure);
    phase.push({ width: made.box.width, marks: made.marks });
  }
  const word = wordItem(beside ? words.word : words.above, small, words.quiet, measure);

  if (form === "tag") return place([tagRow], box, align, 0, null);
  if (form === "word") return place([], box, align, 0, word);
  const oneRow = !beside && box.height <= ROW;
  if (oneRow) return place([[lowered(word), { width: GAP, marks: [] }, ...tagRow]], box, align, 0, null);
  const rows: Item[][] =
    beside && form === "full" ? (words.vote ? [tagRow, vote] : [phase, tagRow])
    : form === "full" ? [[...phase, ...tagRow, ...vote]]
    : [fitting([...tagRow, ...vote], box.width)];
  // Below and above a piece the word keeps close to its row; a row that is empty lets the rest move up.
  return place(rows.filter((row) => row.length), box, align, beside ? 20 : 18, word);
}

/** A text set on the middle of a row. */
const lowered = (item: Item): Item => ({ width: item.width, marks: [at(0, 15.4, item.marks)] });

function voteItems(vote: { candidate: number; word: string }, named: boolean, measure: Measure): Item[] {
  const paper: Item = { width: 29, marks: [at(14, ROW / 2, ballot(vote.candidate).marks, { scale: 0.8 })] };
  return named ? [lowered(textItem(vote.word, 12, 600, "muted", measure)), paper] : [paper];
}

const rowWidth = (row: Item[]): number => row.reduce((sum, item) => sum + item.width, 0) + GAP * Math.max(0, row.length - 1);

function fitting(row: Item[], width: number): Item[] {
  const kept = [...row];
  while (kept.length > 1 && rowWidth(kept) > width + 8) kept.pop();
  return kept;
}

function place(rows: Item[][], box: { x: number; y: number; width: number; height: number }, align: number, head: number, word: Item | null): Mark[] {
  const marks: Mark[] = [];
  const left = (width: number): number => box.x + (box.width - width) * align;
  if (word) marks.push(at(left(word.width), box.y + 11, word.marks));
  rows.forEach((row, i) => {
    let x = left(rowWidth(row));
    for (const item of row) {
      marks.push(at(x, box.y + head + i * (ROW + GAP), item.marks));
      x += item.width + GAP;
    }
  });
  return marks;
}
