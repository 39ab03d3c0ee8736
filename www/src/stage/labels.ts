// Where the words of a server may stand and how much room they take. The room is that of the widest words, so that
// nothing moves when a role changes.
import type { Box } from "../pieces/marks";

/** Three lines, two, the role's word alone, the zxid alone, nothing. */
export type LabelForm = "full" | "short" | "word" | "tag" | "none";
export type LabelPlace = "above" | "below" | "left" | "right";
/** The widest that each line may become. */
export type LabelWidths = {
  word: number;
  /** The word above or below a piece, where the local word goes with it. */
  above: number;
  chip: number;
  tag: number;
};

const CHIP = 22;
const WORD = 14;
const SIDE_GAP = 5;

/** How far beside a piece its words begin: clear of the timer's arc and the disk badge. */
export const besideGap = (r: number): number => (r < 30 ? 15 : 20);
/** How far below a piece its words end up, and above it: clear of the lip and of a crown. */
export const belowGap = (r: number): number => (r < 30 ? 13 : 17);
export const aboveGap = (r: number): number => Math.round(0.5 * r + 8);

/** The box of the words, around the middle of the piece. */
export function labelBox(place: LabelPlace, form: LabelForm, r: number, widths: LabelWidths): Box | null {
  if (form === "none") return null;
  if (place === "left" || place === "right") {
    const width = Math.ceil(form === "full" ? Math.max(widths.word, widths.chip, widths.tag)
      : form === "short" ? Math.max(widths.word, widths.tag) : form === "word" ? widths.word : widths.tag);
    const height = form === "full" ? 69 : form === "short" ? 42 : form === "word" ? WORD : CHIP;
    const top = form === "full" ? -31 : form === "short" ? -20 : -height / 2;
    const x = place === "right" ? r + besideGap(r) : -r - besideGap(r) - width;
    return { x, y: top, width, height };
  }
  if (form === "word") {
    const width = Math.ceil(widths.above);
    return { x: -width / 2, y: place === "above" ? -r - aboveGap(r) - WORD : r + belowGap(r), width, height: WORD };
  }
  const row = form === "full" ? widths.chip + SIDE_GAP + widths.tag : widths.tag;
  const oneRow = form === "short" && place === "above" && r >= 26;
  const width = Math.ceil(form === "tag" ? widths.tag
    : oneRow ? widths.above + 10 + widths.tag : Math.max(widths.above, row));
  const height = form === "tag" || oneRow ? CHIP : 40;
  const y = place === "above" ? -r - aboveGap(r) - height : r + belowGap(r);
  return { x: -width / 2, y, width, height };
}

/** The places to try for a server in this direction (0 = up, clockwise), best first. */
export function placesFor(angle: number, flat = false): LabelPlace[] {
  const cos = Math.cos(angle - Math.PI / 2);
  const sin = Math.sin(angle - Math.PI / 2);
  const beside: LabelPlace = cos < 0 ? "left" : "right";
  const other: LabelPlace = cos < 0 ? "right" : "left";
  // The topmost server's words go to the left, for its clients lean to the right first.
  if (flat) return Math.abs(cos) < 0.05 ? ["left", "right"] : [beside, other, "above", "below"];
  if (Math.abs(cos) < 0.3 && sin < 0) return ["above", beside, other, "below"];
  if (sin > 0.7 && Math.abs(cos) < 0.62) return ["below", beside, other, "above"];
  return sin > 0 ? [beside, "below", "above", other] : [beside, "above", "below", other];
}
