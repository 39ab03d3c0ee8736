// A vote as a sheet of paper with the candidate's number, around its own middle, 34 by 26.
import { box, DOG_EAR, PAPER } from "./outlines";
import { at, type Mark, type Piece } from "./marks";
import { pauseBadge } from "./token";

export type BallotState = "cast" | "expected" | "held" | "changed";

export function ballot(candidate: number, state: BallotState = "cast"): Piece {
  return { marks: marksOf(candidate, state), box: { x: -19, y: -24, width: 48, height: 44 } };
}

function marksOf(candidate: number, state: BallotState): Mark[] {
  const words = (fill: string): Mark => ({
    text: String(candidate), x: candidate > 9 ? -1 : -2, y: 5.5, size: candidate > 9 ? 13 : 15, weight: 800, anchor: "middle", fill,
  });
  if (state === "expected" || state === "changed") {
    const marks: Mark[] = [{ d: box(-17, -13, 34, 26, 4), stroke: "m-election", width: 2, dash: "4 3" }, words("muted")];
    if (state === "changed") marks.push({ d: "M-15 11 L15 -11", stroke: "muted", width: 2.2 });
    return marks;
  }
  const marks: Mark[] = [
    { d: box(-17, -10, 34, 26, 4), fill: "lip-m-election" },
    { d: PAPER, fill: "surface", stroke: "m-election", width: 2.4, join: "round" },
    { d: DOG_EAR, fill: "m-election", stroke: "m-election", width: 1.5, join: "round" },
    words("text"),
  ];
  if (state === "held") marks.push(at(17, -13, pauseBadge()));
  return marks;
}
