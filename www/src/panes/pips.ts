// The pips beside a count: filled for each that is in, hollow for each that may come, and a bar where the quorum is.
import type { Tray } from "../core/types";
import { box } from "../pieces/outlines";
import type { Mark } from "../pieces/marks";

export type Outline = { marks: Mark[]; width: number };

const STEP = 21;
const BAR = 8;
const INKS = { votes: "m-election", promises: "m-sync", synced: "m-sync", acks: "m-broadcast" } as const;

export function pips(tray: Pick<Tray, "of" | "slots" | "have" | "need">): Outline {
  const marks: Mark[] = [];
  const step = tray.slots.length > 5 ? STEP - 6 : STEP;
  let x = 1;
  tray.slots.forEach((_, i) => {
    if (i === tray.need) {
      marks.push({ d: `M${x + 1} 0 V16`, stroke: "text", width: 2.4, cap: "butt" });
      x += BAR;
    }
    const outline = box(x, 2, step - 4, 12, 4);
    marks.push(i < tray.have
      ? { d: outline, fill: INKS[tray.of], stroke: INKS[tray.of], width: 2 }
      : { d: outline, fill: "surface", stroke: i < tray.need ? INKS[tray.of] : "line", width: 1.8 });
    x += step;
  });
  return { marks, width: x };
}
